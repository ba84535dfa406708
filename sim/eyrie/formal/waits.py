"""`reached`: what the row-stationary engine's commands wait for."""

from typing import Any

from amaranth.hdl import Module, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from eyrie.formal.harness import Harness
from eyrie.formal.proof import Broken, Proof, Property
from eyrie.rowstat.commands import COUNT_BITS

_HALF = 1 << COUNT_BITS - 1


class _Reached(wiring.Component):
    """The function with ports."""

    def __init__(self, waits: Any) -> None:
        self._waits = waits
        super().__init__({"counter": In(COUNT_BITS), "wait": In(COUNT_BITS), "o": Out(1)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.d.comb += self.o.eq(self._waits.reached(self.counter, self.wait))
        return m


def _build(waits: Any) -> Harness:
    dut = _Reached(waits)
    h = Harness(dut)
    # Counters run over: all that is known is the way from one to the other, less than half of all numbers.
    way = h.any_value(signed(COUNT_BITS), name="way")
    h.assume((way != -_HALF) & (dut.counter == (dut.wait + way)[:COUNT_BITS]))
    h.prove("goes on", (way < 0) | dut.o)
    h.prove("waits", (way >= 0) | ~dut.o)
    return h


PROOF = Proof(
    name="waits",
    module="eyrie.rowstat.waits",
    component="reached",
    configuration=f"counters of {COUNT_BITS} bits",
    build=_build,
    properties=(
        Property(
            name="goes on",
            says="A command whose counter is where it waits for, or up to half of all numbers beyond, goes on, "
            "over the end of the counter too.",
            broken=Broken(old="~(counter - wait)[COUNT_BITS - 1]", new="counter >= wait"),
        ),
        Property(
            name="waits",
            says="A command whose counter is up to half of all numbers short of it waits.",
            broken=Broken(old="~(counter - wait)[COUNT_BITS - 1]", new="counter != wait - 1"),
        ),
    ),
)
