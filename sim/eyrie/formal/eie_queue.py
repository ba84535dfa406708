"""`ActivationQueue`: it never overflows while the broadcast keeps to its slack."""

import dataclasses
from typing import Any

from amaranth.hdl import Cat, Signal, Value

from eyrie.eie.config import TINY
from eyrie.formal.harness import Harness
from eyrie.formal.proof import Broken, Proof, Property

_CONFIG = dataclasses.replace(TINY, queue_depth=8)


def _build(activation_queue: Any) -> Harness:
    dut, slack = activation_queue.ActivationQueue(_CONFIG), activation_queue.BROADCAST_SLACK
    h = Harness(dut)
    waiting = h.inside("n_waiting")

    # `stops[age]` is `stop` of so many cycles ago.
    past = Signal(slack - 1, name="past_stops")
    stops = Cat(dut.stop, past)
    h.m.d.sync += past.eq(stops[:-1])
    h.assume(~(dut.valid & stops[-1]))
    told = sum((stops[age] for age in range(slack)), start=Value.cast(0))
    h.prove("what came in the slack fits", (waiting < _CONFIG.queue_depth) | (waiting <= _CONFIG.queue_depth + told))

    h.prove("stop", dut.stop == (waiting >= _CONFIG.queue_depth))
    h.prove("waiting", dut.waiting == (waiting != 0))
    within = Signal(range(64), name="within")
    h.m.d.sync += within.eq(within + dut.valid - (dut.o.valid & dut.o.ready))
    h.prove("addresses", (h.inside("write_address") - h.inside("read_address"))[:4] == waiting[:4])
    h.prove("count", within == waiting + dut.o.valid)
    h.prove_kept("kept", dut.o)
    return h


PROOF = Proof(
    name="activation-queue",
    module="eyrie.eie.activation_queue",
    component="ActivationQueue",
    configuration=f"stop at {_CONFIG.queue_depth}, slack as it is",
    build=_build,
    properties=(
        Property(
            name="activation queue overflow",
            says="There is room for every slice that comes within the slack after a stop is due.",
            broken=Broken(old="n_waiting >= config.queue_depth", new="n_waiting >= config.queue_depth + 2"),
        ),
        Property(
            name="count",
            says="Slices that came less slices taken are those that are there: none is lost, none comes twice.",
            broken=Broken(
                old="n_waiting.eq(n_waiting + self.valid - fetch)",
                new="n_waiting.eq(n_waiting + (self.valid & ~fetch))",
            ),
        ),
        Property(
            name="stop",
            says="A stop is asked for exactly while so many slices wait.",
            broken=Broken(old="n_waiting >= config.queue_depth", new="n_waiting == config.queue_depth"),
        ),
        Property(
            name="kept",
            says="The slice at the head stays until it is taken.",
            broken=Broken(old="(~self.o.valid | self.o.ready)", new="1"),
        ),
    ),
)
