"""`Broadcast`: it never overflows while the PEs heed its holds, and loses nothing."""

from typing import Any

from amaranth.hdl import Cat, Signal, Value

from eyrie.eie.config import TINY
from eyrie.formal.harness import Harness
from eyrie.formal.proof import Broken, Proof, Property

_LEVELS = 1


def _build(broadcast: Any) -> Harness:
    dut = broadcast.Broadcast(TINY, levels=_LEVELS)
    h = Harness(dut)
    waiting, full = h.inside("fifo").waiting, h.inside("full")

    # `holds[age]` is `hold` of so many cycles ago. What arrives was sent before a PE knew of it.
    past = Signal(broadcast.HOLD_LATENCY + _LEVELS, name="past_holds")
    holds = Cat(dut.hold, past)
    h.m.d.sync += past.eq(holds[:-1])
    h.assume(~(dut.valid & holds[-1]))
    told = sum((hold for hold in holds), start=Value.cast(0))
    h.prove("what was under way fits", (waiting < full) | (waiting <= full + told))
    fifo = h.inside("fifo")
    write, read = h.inside("fifo.write_address"), h.inside("fifo.read_address")
    h.prove("addresses", (write - read)[: len(write)] <= fifo.depth)

    within = Signal(range(64), name="within")
    h.m.d.sync += within.eq(within + dut.valid - dut.o_valid)
    h.prove("count", within == waiting + fifo.o.valid)
    h.prove("occupied", dut.occupied == (within != 0))
    h.prove("stop", ~(dut.o_valid & dut.stop))
    h.prove("hold", dut.hold == h.before(waiting >= full, name="was_full"))
    stopped = h.before(fifo.o.valid & dut.stop, name="stopped")
    kept = Value.cast(dut.o) == h.before(dut.o, name="o_before")
    h.prove("kept", ~stopped | (kept & (dut.stop | dut.o_valid)))
    return h


PROOF = Proof(
    name="broadcast",
    module="eyrie.eie.broadcast",
    component="Broadcast",
    configuration=f"a tree of {_LEVELS} level",
    build=_build,
    properties=(
        Property(
            name="broadcast overflow",
            says="There is room for every activation that was under way when PEs learnt of a hold.",
            broken=Broken(old="depth=_DEPTH)", new="depth=8)"),
        ),
        Property(
            name="count",
            says="Activations that came less those that left are those that wait: none is lost, none comes twice.",
            broken=Broken(old="fifo.o.ready.eq(~self.stop)", new="fifo.o.ready.eq(1)"),
        ),
        Property(
            name="stop",
            says="With a stop none leaves.",
            broken=Broken(old="self.o_valid.eq(fifo.o.valid & ~self.stop)", new="self.o_valid.eq(fifo.o.valid)"),
        ),
        Property(
            name="kept",
            says="After a stop the same activation leaves at once.",
            broken=Broken(
                old="self.o_valid.eq(fifo.o.valid & ~self.stop)",
                new="self.o_valid.eq(fifo.o.valid & ~self.stop & ~self.valid)",
            ),
        ),
    ),
)
