// Run loop around the Verilated row-stationary core, called through ctypes: tape and filters as streams, an external
// memory behind the map ports. One context is one engine; it keeps its state between runs.
//
// A run returns the cycles it took, or one of the negative codes below.

#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>

#include "Vtop.h"
#include "verilated.h"

#define tape__valid tape___05Fvalid
#define tape__payload tape___05Fpayload
#define tape__ready tape___05Fready
#define filters__valid filters___05Fvalid
#define filters__payload filters___05Fpayload
#define filters__ready filters___05Fready
#define map_read__valid map_read___05Fvalid
#define map_read__payload map_read___05Fpayload
#define map_read__ready map_read___05Fready
#define map_read_request__valid map_read_request___05Fvalid
#define map_read_request__payload map_read_request___05Fpayload
#define map_read_request__ready map_read_request___05Fready
#define map_write__valid map_write___05Fvalid
#define map_write__payload map_write___05Fpayload
#define map_write__ready map_write___05Fready

namespace {

enum Failure : int64_t {
    TIMED_OUT = -1,  // the limit of cycles was reached
    ASSERTION = -2,  // an assertion of the design failed
    UNSTABLE = -3,   // a request or a write was withdrawn or changed while it was stalled
    BEYOND = -4,     // an address beyond the external memory
    REFUSED = -5,    // a start was not taken
    LEFT_OVER = -6,  // done, with words of the tape or filters not taken
};

bool assertion_failed = false;

struct Request {
    int64_t ready_at;  // first cycle of its first word
    uint32_t address;
    uint32_t words;
    bool coded;  // ends with the word whose highest bit is set
};

// An output that must stay as it is while it is stalled.
struct Watch {
    bool stalled = false;
    uint32_t held[3] = {};

    bool changed(bool valid, bool ready, const uint32_t (&payload)[3]) {
        const bool wrong = stalled && (!valid || std::memcmp(held, payload, sizeof held) != 0);
        stalled = valid && !ready;
        std::memcpy(held, payload, sizeof held);
        return wrong;
    }
};

struct Context {
    VerilatedContext verilated;
    std::unique_ptr<Vtop> top;
    Stalls tape, filters, read_request, read, write;

    void low() {
        top->clk = 0;
        top->eval();
    }

    void high() {
        top->clk = 1;
        top->eval();
        verilated.timeInc(1);
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
    Vtop& top = *context->top;
    top.start = top.tape__valid = top.filters__valid = top.map_read__valid = 0;
    top.map_read_request__ready = top.map_write__ready = 0;
    top.rst = 1;
    for (int cycle = 0; cycle < 2; ++cycle) {
        context->low();
        context->high();
    }
    top.rst = 0;
    return context;
}

void eyrie_destroy(Context* context) {
    // What is destroyed looks for its context in the thread's, which may be another one, or one that is gone.
    Verilated::threadContextp(&context->verilated);
    context->top->final();
    delete context;
}

void eyrie_stalls(Context* context, int port, int pattern, uint32_t probability, uint64_t seed) {
    Stalls* ports[] = {&context->tape, &context->filters, &context->read_request, &context->read, &context->write};
    ports[port]->set(pattern, probability, seed);
}

uint64_t eyrie_identification(Context* context) {
    context->low();
    return context->top->identification;
}

// Starts, and lets the engine work on `memory` until it is done. The first word of a request comes `latency` cycles
// after it. `counts` takes words read and words written.
int64_t eyrie_run(Context* context, const uint64_t* tape, int64_t n_tape, const uint64_t* filters, int64_t n_filters,
                  uint64_t* memory, int64_t n_memory, int64_t latency, int64_t max_cycles, int64_t* counts) {
    Vtop& top = *context->top;
    std::deque<Request> requests;
    Watch request_watch, write_watch;
    int64_t tape_at = 0, filters_at = 0;
    bool tape_offered = false, filters_offered = false, read_offered = false;
    counts[0] = counts[1] = 0;
    for (int64_t cycle = 0; cycle < max_cycles; ++cycle) {
        top.start = cycle == 0;
        tape_offered = tape_offered || (tape_at < n_tape && !context->tape.hold());
        filters_offered = filters_offered || (filters_at < n_filters && !context->filters.hold());
        const bool word_there = !requests.empty() && requests.front().ready_at <= cycle;
        read_offered = read_offered || (word_there && !context->read.hold());
        top.tape__valid = tape_offered;
        top.tape__payload = tape_offered ? tape[tape_at] : 0;
        top.filters__valid = filters_offered;
        top.filters__payload = filters_offered ? filters[filters_at] : 0;
        top.map_read__valid = read_offered;
        top.map_read__payload = read_offered ? memory[requests.front().address] : 0;
        top.map_read_request__ready = !context->read_request.hold();
        top.map_write__ready = !context->write.hold();
        context->low();
        if (cycle == 1 && !top.busy) return REFUSED;

        const uint64_t request = top.map_read_request__payload;
        const bool asks = top.map_read_request__valid, asked = asks && top.map_read_request__ready;
        const uint32_t asking[3] = {static_cast<uint32_t>(request), static_cast<uint32_t>(request >> 32), 0};
        const uint32_t writing[3] = {top.map_write__payload[0], top.map_write__payload[1], top.map_write__payload[2]};
        const bool writes = top.map_write__valid, written = writes && top.map_write__ready;
        if (request_watch.changed(asks, asked, asking) || write_watch.changed(writes, written, writing)) {
            return UNSTABLE;
        }
        if (tape_offered && top.tape__ready) {
            ++tape_at;
            tape_offered = false;
        }
        if (filters_offered && top.filters__ready) {
            ++filters_at;
            filters_offered = false;
        }
        if (read_offered && top.map_read__ready) {
            ++counts[0];
            Request& front = requests.front();
            const bool last = front.coded && memory[front.address] >> 63;
            ++front.address;
            if (--front.words == 0 || last) requests.pop_front();
            read_offered = false;
        }
        if (asked) {
            const Request made{cycle + latency, asking[0], asking[1] & 0xffff, (asking[1] >> 16) != 0};
            if (made.words == 0 || static_cast<int64_t>(made.address) + made.words > n_memory) return BEYOND;
            requests.push_back(made);
        }
        if (written) {
            ++counts[1];
            if (writing[0] >= n_memory) return BEYOND;
            memory[writing[0]] = writing[1] | static_cast<uint64_t>(writing[2]) << 32;
        }
        const bool done = top.done;
        context->high();
        if (assertion_failed) {
            assertion_failed = false;
            return ASSERTION;
        }
        if (done) {
            const int64_t cycles = top.cycles;
            return tape_at < n_tape || filters_at < n_filters || !requests.empty() ? LEFT_OVER : cycles;
        }
    }
    return TIMED_OUT;
}

}  // extern "C"
