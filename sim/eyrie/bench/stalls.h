// When a stream's free end holds back, drawn from a seeded generator.

#include <cstdint>

enum Pattern { NEVER, ALTERNATE, RANDOM, GAPS };

struct Stalls {
    Pattern pattern = NEVER;
    uint32_t probability = 0;  // in 1/256
    uint64_t state = 0;
    uint32_t left = 0;  // cycles until the current gap or run ends
    bool holding = false;

    void set(int which, uint32_t in_256, uint64_t seed) {
        *this = Stalls{};
        pattern = static_cast<Pattern>(which);
        probability = in_256;
        state = seed;
        holding = seed & 1;
    }

    uint32_t draw() {  // splitmix64
        uint64_t z = (state += 0x9e3779b97f4a7c15u);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return static_cast<uint32_t>((z ^ (z >> 31)) >> 32);
    }

    bool hold() {
        switch (pattern) {
        case NEVER: return false;
        case ALTERNATE: return holding = !holding;
        case RANDOM: return (draw() & 0xff) < probability;
        case GAPS:
            if (left == 0) {
                holding = !holding;
                left = holding ? 10 + draw() % 51 : 1 + draw() % 12;
            }
            --left;
            return holding;
        }
        return false;
    }
};
