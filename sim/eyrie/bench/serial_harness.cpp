// Run loop around a Verilated design with a serial line, called through ctypes. The line towards the design is drawn by
// the caller, level by level, so that any disturbance can be on it; the line from the design is received here, by a
// receiver of its own. One context is one device; it keeps its state between calls.
//
// Functions that let time pass return a count, or one of the negative codes below.

#include <cstdint>
#include <memory>

#include "Vtop.h"
#include "verilated.h"

namespace {

enum Failure : int64_t {
    ASSERTION = -1,  // an assertion of the design failed
    FRAMING = -2,    // a byte from the design has no stop bit
    SURPLUS = -3,    // more bytes came than there is a place for
};

bool assertion_failed = false;

struct Context {
    VerilatedContext verilated;
    std::unique_ptr<Vtop> top;
    int64_t divisor = 8;
    uint64_t cycles = 0;
    int64_t position = -1;  // cycles since the start bit began; -1 between bytes
    uint32_t byte = 0;
    bool framing = false;

    void tick() {
        top->clk = 0;
        top->eval();
        top->clk = 1;
        top->eval();
        verilated.timeInc(1);
        ++cycles;
    }

    // The level after a cycle; true when a byte is complete.
    bool receive() {
        const bool level = top->tx;
        if (position < 0) {
            if (!level) position = 0;
            return false;
        }
        ++position;
        if (position % divisor != divisor / 2) return false;
        const int64_t bit = position / divisor;
        if (bit == 0) return false;
        if (bit <= 8) {
            byte = byte >> 1 | static_cast<uint32_t>(level) << 7;
            return false;
        }
        position = -1;
        framing |= !level;
        return true;
    }
};

}  // namespace

// Verilator's own versions end the process.
void vl_stop(const char*, int, const char*) { assertion_failed = true; }
void vl_fatal(const char*, int, const char*, const char*) { assertion_failed = true; }

extern "C" {

// `seed` fills registers and memories that have no initial value; `divisor` is the cycles of a bit from the design.
Context* eyrie_create(int32_t seed, int64_t divisor) {
    auto* context = new Context;
    context->verilated.randReset(2);
    context->verilated.randSeed(seed);
    context->top = std::make_unique<Vtop>(&context->verilated, "top");
    context->divisor = divisor;
    context->top->rst = 0;
    context->top->rx = 1;
    return context;
}

void eyrie_destroy(Context* context) {
    // What is destroyed looks for its context in the thread's, which may be another one, or one that is gone.
    Verilated::threadContextp(&context->verilated);
    context->top->final();
    delete context;
}

// Holds the reset; what the design was sending is forgotten.
void eyrie_reset(Context* context, int64_t cycles) {
    context->top->rst = 1;
    for (int64_t cycle = 0; cycle < cycles; ++cycle) context->tick();
    context->top->rst = 0;
    context->position = -1;
}

// Puts levels on the line, each for its number of cycles; then leaves it high until `wanted` bytes have come in this
// call, or for `patience` cycles since the last of them. Gives the number of bytes.
int64_t eyrie_serial(Context* context, const uint32_t* segments, int64_t n_segments, uint8_t* out, int64_t capacity,
                     int64_t wanted, int64_t patience) {
    Vtop& top = *context->top;
    int64_t received = 0;
    int64_t segment = 0;
    uint32_t left = 0;
    int64_t quiet = 0;
    for (;;) {
        while (left == 0 && segment < n_segments) {
            top.rx = segments[2 * segment];
            left = segments[2 * segment + 1];
            ++segment;
        }
        if (left == 0) {
            top.rx = 1;
            if (received >= wanted || quiet >= patience) return received;
        } else {
            --left;
            quiet = 0;
        }
        context->tick();
        ++quiet;
        if (context->receive()) {
            if (received == capacity) return SURPLUS;
            out[received++] = static_cast<uint8_t>(context->byte);
            quiet = 0;
        }
        if (assertion_failed) {
            assertion_failed = false;
            return ASSERTION;
        }
        if (context->framing) {
            context->framing = false;
            return FRAMING;
        }
    }
}

uint64_t eyrie_cycles(Context* context) { return context->cycles; }

}  // extern "C"
