// Run loop around the Verilated core, called through ctypes. One context is one engine; it keeps its state between
// calls. The streams follow valid and ready as the engine's contract says, with stalls drawn from a seeded generator.
//
// Functions that let time pass return the cycles they took, or one of the negative codes below.

#include <cstdint>
#include <memory>

#include "Vtop.h"
#include "verilated.h"

// Verilator's way to write the ports' double underscores.
#define load__valid load___05Fvalid
#define load__payload load___05Fpayload
#define load__ready load___05Fready
#define i__valid i___05Fvalid
#define i__payload i___05Fpayload
#define i__ready i___05Fready
#define o__valid o___05Fvalid
#define o__payload o___05Fpayload
#define o__ready o___05Fready

namespace {

enum Failure : int64_t {
    TIMED_OUT = -1,  // the limit of cycles was reached
    ASSERTION = -2,  // an assertion of the design failed
    UNSTABLE = -3,   // an output was withdrawn or changed while it was stalled
    SURPLUS = -4,    // an output was offered after the last one that was asked for
};

bool assertion_failed = false;

struct Context {
    VerilatedContext verilated;
    std::unique_ptr<Vtop> top;
    Stalls load, i, o;
    bool done = false;
    bool unstable = false;
    bool stalled_valid = false;
    uint32_t stalled_payload = 0;

    // A cycle: inputs are set, low() settles the outputs, they are looked at, high() is the clock edge.
    void low() {
        top->clk = 0;
        top->eval();
        if (stalled_valid && (!top->o__valid || top->o__payload != stalled_payload)) unstable = true;
        stalled_valid = top->o__valid && !top->o__ready && !top->rst;
        stalled_payload = top->o__payload;
        if (top->done) done = true;
    }

    void high() {
        top->clk = 1;
        top->eval();
        verilated.timeInc(1);
    }

    void tick() {
        low();
        high();
    }

    int64_t failure() {
        if (assertion_failed) {
            assertion_failed = false;
            return ASSERTION;
        }
        if (unstable) {
            unstable = false;
            return UNSTABLE;
        }
        return 0;
    }

    void idle() {
        top->load__valid = 0;
        top->i__valid = 0;
        top->o__ready = 0;
        top->start = 0;
    }
};

}  // namespace

// Verilator's own versions end the process.
void vl_stop(const char*, int, const char*) { assertion_failed = true; }
void vl_fatal(const char*, int, const char*, const char*) { assertion_failed = true; }

extern "C" {

// `seed` fills registers and memories that have no initial value.
Context* eyrie_create(int32_t seed) {
    auto* context = new Context;
    context->verilated.randReset(2);
    context->verilated.randSeed(seed);
    context->top = std::make_unique<Vtop>(&context->verilated, "top");
    context->top->rst = 0;
    context->idle();
    return context;
}

void eyrie_destroy(Context* context) {
    // What is destroyed looks for its context in the thread's, which may be another one, or one that is gone.
    Verilated::threadContextp(&context->verilated);
    context->top->final();
    delete context;
}

void eyrie_stalls(Context* context, int stream, int pattern, uint32_t probability, uint64_t seed) {
    Stalls& stalls = stream == 0 ? context->load : stream == 1 ? context->i : context->o;
    stalls.set(pattern, probability, seed);
}

int64_t eyrie_reset(Context* context, int64_t cycles) {
    context->idle();
    context->top->rst = 1;
    for (int64_t cycle = 0; cycle < cycles; ++cycle) context->tick();
    context->top->rst = 0;
    context->stalled_valid = false;
    context->done = false;
    const int64_t failure = context->failure();
    return failure ? failure : cycles;
}

int64_t eyrie_wait(Context* context, int64_t cycles) {
    for (int64_t cycle = 0; cycle < cycles; ++cycle) context->tick();
    const int64_t failure = context->failure();
    return failure ? failure : cycles;
}

// Sends the words, the last one marked, and waits for the verdict: loaded or an error. A stream of one word may wait for
// a few cycles in the engine before an older verdict is forgotten.
int64_t eyrie_load(Context* context, const uint32_t* words, int64_t n_words, int64_t max_cycles) {
    Vtop& top = *context->top;
    int64_t sent = 0, waited = 0;
    bool offering = false;
    for (int64_t cycle = 0; cycle < max_cycles; ++cycle) {
        if (sent == n_words && ++waited > 6 && (top.loaded || top.error)) {
            context->idle();
            return cycle;
        }
        if (!offering && sent < n_words && !context->load.hold()) offering = true;
        top.load__valid = offering;
        top.load__payload = offering ? words[sent] | static_cast<uint64_t>(sent == n_words - 1) << 32 : 0;
        context->low();
        const bool taken = offering && top.load__ready;
        context->high();
        if (taken) {
            ++sent;
            offering = false;
        }
        if (const int64_t failure = context->failure()) return failure;
    }
    context->idle();
    return TIMED_OUT;
}

// Waits until the engine is idle, then gives one cycle of start. Whether it was accepted, busy and error say.
int64_t eyrie_start(Context* context, int64_t max_cycles) {
    Vtop& top = *context->top;
    context->idle();
    for (int64_t cycle = 0; cycle < max_cycles; ++cycle) {
        context->low();
        if (!top.busy) {
            top.start = 1;
            context->tick();
            top.start = 0;
            context->low();
            context->done = false;
            return cycle + 1;
        }
        context->high();
        if (const int64_t failure = context->failure()) return failure;
    }
    return TIMED_OUT;
}

// Sends `n_in` activations and takes `n_out`, in any interleaving that the engine asks for; then, if `wait_done`, waits
// for the end of the run.
int64_t eyrie_exchange(Context* context, const int32_t* in, int64_t n_in, int32_t* out, int64_t n_out, int wait_done,
                       int64_t max_cycles) {
    constexpr int SPARE_BITS = 32 - EYRIE_ACTIVATION_WIDTH;
    constexpr uint32_t MASK = (uint32_t{1} << EYRIE_ACTIVATION_WIDTH) - 1;
    Vtop& top = *context->top;
    int64_t sent = 0;
    int64_t received = 0;
    bool offering = false;
    for (int64_t cycle = 0;; ++cycle) {
        if (sent == n_in && received == n_out && (!wait_done || context->done)) {
            context->idle();
            return cycle;
        }
        if (cycle == max_cycles) break;
        if (!offering && sent < n_in && !context->i.hold()) offering = true;
        top.i__valid = offering;
        top.i__payload = offering ? in[sent] & MASK : 0;
        top.o__ready = received < n_out && !context->o.hold();
        context->low();
        if (top.o__valid && wait_done && received == n_out) return SURPLUS;
        const bool given = offering && top.i__ready;
        const bool taken = top.o__valid && top.o__ready;
        if (taken) {
            out[received++] = static_cast<int32_t>(static_cast<uint32_t>(top.o__payload) << SPARE_BITS) >> SPARE_BITS;
        }
        context->high();
        if (given) {
            ++sent;
            offering = false;
        }
        if (const int64_t failure = context->failure()) return failure;
    }
    context->idle();
    return TIMED_OUT;
}

uint64_t eyrie_read(Context* context, int which) {
    const Vtop& top = *context->top;
    switch (which) {
    case 0: return top.busy;
    case 1: return context->done;
    case 2: return top.error;
    case 3: return top.loaded;
    case 4: return top.cycles;
    default: return top.identification;
    }
}

}  // extern "C"
