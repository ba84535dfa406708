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
    ACK = 0,
    ERR = 1,
    NONE = 2,        // no answer
    ASSERTION = -1,  // an assertion of the design failed
};

constexpr int64_t PATIENCE = 64;  // cycles that a transfer may take

bool assertion_failed = false;

struct Context {
    VerilatedContext verilated;
    std::unique_ptr<Vtop> top;

    void tick() {
        top->clk = 0;
        top->eval();
        top->clk = 1;
        top->eval();
        verilated.timeInc(1);
    }

    int64_t transfer(uint32_t address, bool write, uint32_t& data) {
        top->bus__adr = address / 4;
        top->bus__we = write;
        top->bus__dat_w = data;
        top->bus__sel = 15;
        top->bus__cyc = top->bus__stb = 1;
        int64_t end = NONE;
        for (int64_t cycle = 0; cycle < PATIENCE && end == NONE; ++cycle) {
            top->clk = 0;
            top->eval();
            if (top->bus__ack) end = ACK;
            if (top->bus__err) end = ERR;
            data = top->bus__dat_r;
            top->clk = 1;
            top->eval();
            verilated.timeInc(1);
        }
        top->bus__cyc = top->bus__stb = 0;
        if (assertion_failed) {
            assertion_failed = false;
            return ASSERTION;
        }
        return end;
    }

    uint32_t read(uint32_t address) {
        uint32_t data = 0;
        transfer(address, false, data);
        return data;
    }

    void write(uint32_t address, uint32_t data) { transfer(address, true, data); }
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
    context->top->bus__cyc = context->top->bus__stb = 0;
    context->top->link_fault = 0;
    return context;
}

void eyrie_destroy(Context* context) {
    context->top->final();
    delete context;
}

void eyrie_reset(Context* context, int64_t cycles) {
    context->top->rst = 1;
    for (int64_t cycle = 0; cycle < cycles; ++cycle) context->tick();
    context->top->rst = 0;
}

void eyrie_idle(Context* context, int64_t cycles) {
    for (int64_t cycle = 0; cycle < cycles; ++cycle) context->tick();
}

// A transfer; `data` is what is written, or takes what is read.
int64_t eyrie_transfer(Context* context, uint32_t address, int write, uint32_t* data) {
    return context->transfer(address, write, *data);
}

// Announces an image and writes its words as the device has places for them, until it says no more or has come to a
// verdict; `patience` looks at the device between which nothing moves are enough. Gives the words that were written.
int64_t eyrie_load(Context* context, const uint32_t* words, int64_t n_words, int64_t patience) {
    context->write(EYRIE_EIE_CONTROL, EYRIE_EIE_CONTROL_LOAD_MASK);
    int64_t written = 0;
    for (int64_t look = 0; look < patience; ++look) {
        if (assertion_failed) break;
        if (!(context->read(EYRIE_EIE_STATUS) & EYRIE_EIE_STATUS_LOADING_MASK) && look) return written;
        const int64_t places = context->read(EYRIE_EIE_LOAD_FREE);
        for (int64_t place = 0; place < places && written < n_words; ++place) {
            context->write(EYRIE_EIE_LOAD, words[written++]);
            look = 0;
        }
    }
    const bool failed = assertion_failed;
    assertion_failed = false;
    return failed ? static_cast<int64_t>(ASSERTION) : written;
}

}  // extern "C"
