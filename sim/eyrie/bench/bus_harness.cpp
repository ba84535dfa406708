// Run loop around a Verilated device behind a Wishbone bus, called through ctypes. Stands behind the C header of the
// device's register map. One context is one device; it keeps its state between calls.

#include <cstdint>
#include <memory>

#include "Vtop.h"
#include "verilated.h"

// Verilator's way to write the ports' double underscores.
#define bus__adr bus___05Fadr
#define bus__dat_w bus___05Fdat_w
#define bus__dat_r bus___05Fdat_r
#define bus__sel bus___05Fsel
#define bus__cyc bus___05Fcyc
#define bus__stb bus___05Fstb
#define bus__we bus___05Fwe
#define bus__ack bus___05Fack
#define bus__err bus___05Ferr

namespace {

enum End : int64_t {
    DONE = 0,
    ASSERTION = -1,  // an assertion of the design failed
    REFUSED = -2,    // a transfer ended with an error
    NONE = -3,       // a transfer got no answer
    GIVEN_UP = -4,   // the master was told to drop everything, see `eyrie_give_up`
};

constexpr int64_t PATIENCE = 64;  // cycles that a transfer may take

bool assertion_failed = false;

struct Context {
    VerilatedContext verilated;
    std::unique_ptr<Vtop> top;
    uint64_t cycles = 0;
    uint64_t last_cycle = UINT64_MAX;  // the master drops everything in it,
    bool within_transfers = false;     // or once the transfer that is under way has ended

    bool given_up() const { return cycles >= last_cycle; }

    void fall() {
        top->clk = 0;
        top->eval();
    }

    void rise() {
        top->clk = 1;
        top->eval();
        verilated.timeInc(1);
        ++cycles;
    }

    void tick() {
        fall();
        rise();
    }

    End transfer(uint32_t address, bool write, uint32_t& data) {
        if (given_up()) return GIVEN_UP;
        top->bus__adr = address / 4;
        top->bus__we = write;
        top->bus__dat_w = data;
        top->bus__sel = 15;
        top->bus__cyc = top->bus__stb = 1;
        End end = NONE;
        for (int64_t cycle = 0; cycle < PATIENCE && end == NONE; ++cycle) {
            if (within_transfers && given_up()) {
                end = GIVEN_UP;
                break;
            }
            fall();
            if (top->bus__ack) end = DONE;
            if (top->bus__err) end = REFUSED;
            data = top->bus__dat_r;
            rise();
        }
        top->bus__cyc = top->bus__stb = 0;
        return end;
    }

    // As `transfer`, for addresses that are known to be allowed.
    uint32_t read(uint32_t address) {
        uint32_t data = 0;
        transfer(address, false, data);
        return data;
    }

    void write(uint32_t address, uint32_t data) { transfer(address, true, data); }
};

// What a function says in the end: an assertion comes first.
int64_t said(int64_t end) {
    if (!assertion_failed) return end;
    assertion_failed = false;
    return ASSERTION;
}

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
    context->top->bus__cyc = context->top->bus__stb = 0;
    context->top->link_fault = 0;
    return context;
}

void eyrie_destroy(Context* context) {
    // What is destroyed looks for its context in the thread's, which may be another one, or one that is gone.
    Verilated::threadContextp(&context->verilated);
    context->top->final();
    delete context;
}

uint64_t eyrie_cycles(Context* context) { return context->cycles; }

void eyrie_reset(Context* context, int64_t cycles) {
    context->top->rst = 1;
    for (int64_t cycle = 0; cycle < cycles; ++cycle) context->tick();
    context->top->rst = 0;
}

// The functions below say `GIVEN_UP` from so many cycles on; never again if it is less than 0.
void eyrie_give_up(Context* context, int64_t cycles, int within_transfers) {
    context->last_cycle = cycles < 0 ? UINT64_MAX : context->cycles + cycles;
    context->within_transfers = within_transfers;
}

int64_t eyrie_idle(Context* context, int64_t cycles) {
    for (int64_t cycle = 0; cycle < cycles && !context->given_up(); ++cycle) context->tick();
    return said(context->given_up() ? GIVEN_UP : DONE);
}

// A transfer; `data` is what is written, or takes what is read.
int64_t eyrie_transfer(Context* context, uint32_t address, int write, uint32_t* data) {
    return said(context->transfer(address, write, *data));
}

// Announces an image and writes its words as the device has places for them, until it says no more or has come to a
// verdict; `patience` looks at the device between which nothing moves are enough.
int64_t eyrie_load(Context* context, const uint32_t* words, int64_t n_words, int64_t patience) {
    context->write(EYRIE_EIE_CONTROL, EYRIE_EIE_CONTROL_LOAD_MASK);
    int64_t written = 0;
    for (int64_t look = 0; look < patience && !context->given_up() && !assertion_failed; ++look) {
        if (!(context->read(EYRIE_EIE_STATUS) & EYRIE_EIE_STATUS_LOADING_MASK) && look) break;
        const int64_t places = context->read(EYRIE_EIE_LOAD_FREE);
        for (int64_t place = 0; place < places && written < n_words; ++place) {
            context->write(EYRIE_EIE_LOAD, words[written++]);
            look = 0;
        }
    }
    return said(context->given_up() ? GIVEN_UP : DONE);
}

}  // extern "C"
