"""`StreamFifo`: what goes in comes out, once, in order, and in time."""

from typing import Any

from amaranth.hdl import Mux, Signal

from eyrie.formal.harness import Harness
from eyrie.formal.proof import Broken, Proof, Property

_WIDTH, _DEPTH = 2, 4


def _build(fifo: Any) -> Harness:
    dut = fifo.StreamFifo(_WIDTH, depth=_DEPTH)
    h = Harness(dut)
    m, push, pop = h.m, dut.i.valid & dut.i.ready, dut.o.valid & dut.o.ready

    # Payloads within, counted at the two ends.
    within = Signal(range(_DEPTH + 2), name="within")
    m.d.sync += within.eq(within + push - pop)
    h.prove("count", within == dut.waiting + dut.o.valid)
    h.prove("not more than its depth", dut.waiting <= _DEPTH)
    h.prove("room", dut.i.ready == (dut.waiting < _DEPTH))

    # One payload, pushed at any time, is followed; `ahead` payloads leave before it.
    mark, marked = h.any_value(1, name="mark"), Signal(name="marked")
    ahead, payload = Signal(range(_DEPTH + 2), name="ahead"), Signal(_WIDTH, name="marked_payload")
    with m.If(push & mark & ~marked):
        m.d.sync += [marked.eq(1), ahead.eq(within - pop), payload.eq(dut.i.payload)]
    with m.Elif(marked & pop):
        m.d.sync += [marked.eq(ahead != 0), ahead.eq(ahead - 1)]
    head = marked & (ahead == 0)
    h.prove("order", ~(head & dut.o.valid) | (dut.o.payload == payload))
    h.prove("the marked payload is within", ~marked | (ahead < within))

    words, read = h.words("memory.words", _WIDTH, _DEPTH), h.inside("read_address")
    behind_head = Mux(dut.o.valid, ahead - 1, ahead)
    place = (read + behind_head)[: (_DEPTH - 1).bit_length()]
    h.prove("the marked word lies in its place", ~marked | (head & dut.o.valid) | (words[place] == payload))

    # In time.
    waited = h.before(dut.waiting != 0, name="waited")
    h.prove("offers", ~waited | dut.o.valid)
    blocked = h.before(~dut.i.ready & dut.o.ready, name="blocked")
    h.prove("accepts", ~blocked | dut.i.ready)
    h.prove_kept("kept", dut.o)
    return h


PROOF = Proof(
    name="stream-fifo",
    module="eyrie.common.fifo",
    component="StreamFifo",
    configuration=f"depth {_DEPTH}, {_WIDTH} bits",
    build=_build,
    properties=(
        Property(
            name="count",
            says="Payloads taken less payloads given are those that wait and the one at the head: none is lost, none "
            "comes twice.",
            broken=Broken(old="fetch | (self.o.valid & ~self.o.ready)", new="fetch | self.o.valid"),
        ),
        Property(
            name="not more than its depth",
            says="No more payloads wait than there are words.",
            broken=Broken(old="self.i.ready.eq(~self.waiting[-1])", new="self.i.ready.eq(1)"),
        ),
        Property(
            name="room",
            says="A payload is taken exactly while a word is free.",
            broken=Broken(old="self.i.ready.eq(~self.waiting[-1])", new="self.i.ready.eq(self.waiting < 3)"),
        ),
        Property(
            name="order",
            says="When all payloads before it have left, a payload is offered, as it came.",
            broken=Broken(old="write_address.eq(write_address + 1)", new="write_address.eq(write_address ^ 1)"),
        ),
        Property(
            name="kept",
            says="What is offered and not taken stays, with the same payload.",
            broken=Broken(old="(~self.o.valid | self.o.ready)", new="1"),
        ),
        Property(
            name="offers",
            says="If a payload waits, the next cycle offers one: the queue never holds on to what it has.",
            broken=Broken(old="(write_address != read_address) &", new="(self.waiting > 1) &"),
        ),
        Property(
            name="accepts",
            says="A full queue whose reader is ready takes a payload in the next cycle.",
            broken=Broken(
                old="self.i.ready.eq(~self.waiting[-1])", new="self.i.ready.eq(~self.waiting[-1] & ~self.o.valid)"
            ),
        ),
        Property(
            name="read and write of one word in one cycle",
            says="The memory never reads the word that it writes.",
            broken=Broken(old="(write_address != read_address) &", new="(self.waiting[1:].any() | push) &"),
        ),
    ),
)
