"""ActivationQueue: never overflows, whatever the PE behind it does."""

import dataclasses
import random
from typing import Any

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from eyrie.bench.component import STALLS, Stall, run
from eyrie.eie.activation_queue import ActivationQueue
from eyrie.eie.broadcast import Broadcast
from eyrie.eie.config import TINY, EieConfig
from eyrie.eie.layouts import broadcast_layout, located_activation_layout

DEPTHS = [1, 2, 3, 4, 5, 8, 13]


def configuration(queue_depth: int) -> EieConfig:
    return dataclasses.replace(TINY, n_pes=3, queue_depth=queue_depth)


class SlackedQueue(wiring.Component):
    """The queue behind a broadcast that heeds ``stop`` two cycles late, the latest that is allowed."""

    def __init__(self, config: EieConfig) -> None:
        self.config = config
        activations = stream.Signature(broadcast_layout(config))
        super().__init__({"i": In(activations), "o": Out(activations), "stop": Out(1), "occupied": Out(1)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.queue = queue = ActivationQueue(self.config)
        late, later = Signal(), Signal()
        m.d.sync += [late.eq(queue.stop), later.eq(late)]
        m.d.comb += [
            self.i.ready.eq(~later),
            queue.valid.eq(self.i.valid & ~later),
            queue.payload.eq(self.i.payload),
            self.stop.eq(queue.stop),
            self.occupied.eq(queue.occupied),
        ]
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        return m


class BroadcastQueue(wiring.Component):
    """The queue behind the real broadcast."""

    def __init__(self, config: EieConfig) -> None:
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(located_activation_layout(config, 2))),
                "o": Out(stream.Signature(broadcast_layout(config))),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.broadcast = broadcast = Broadcast(self.config, pe_width=2)
        m.submodules.queue = queue = ActivationQueue(self.config)
        wiring.connect(m, wiring.flipped(self.i), broadcast.i)
        m.d.comb += [
            queue.valid.eq(broadcast.valid),
            queue.payload.eq(broadcast.payload),
            broadcast.stop.eq(queue.stop),
        ]
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        return m


def activations(n: int, seed: int) -> list[dict[str, int]]:
    draw = random.Random(seed)
    lowest, highest = TINY.activation_range
    return [{"value": draw.randint(lowest, highest), "column": draw.randrange(256)} for _ in range(n)]


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("queue_depth", DEPTHS)
def test_order_stop_and_occupied(queue_depth: int, stall: Stall) -> None:
    items = activations(60, seed=queue_depth)
    result = run(
        SlackedQueue(configuration(queue_depth)),
        {"i": items},
        {"o": len(items)},
        seed=queue_depth,
        stall="never" if stall == "alternate" else stall,
        stall_sinks=stall,
        watch=["stop", "occupied"],
    )
    assert result.received["o"] == items
    sent, received = result.sent_at["i"], result.received_at["o"]
    for cycle, (stop, occupied) in enumerate(zip(result.watched["stop"], result.watched["occupied"], strict=True)):
        level = sum(at < cycle for at in sent) - sum(at < cycle for at in received)
        assert (stop, occupied) == (level >= queue_depth, level > 0), f"cycle {cycle}"


@pytest.mark.parametrize("queue_depth", DEPTHS)
def test_takes_two_more_after_stop(queue_depth: int) -> None:
    with pytest.raises(TimeoutError, match=f"i sent {queue_depth + 2} of 40 "):
        run(SlackedQueue(configuration(queue_depth)), {"i": activations(40, seed=1)}, {}, timeout=100)


@pytest.mark.parametrize("queue_depth", [1, 2, 4, 8])
def test_full_for_a_thousand_cycles(queue_depth: int) -> None:
    items = activations(30, seed=queue_depth)
    result = run(SlackedQueue(configuration(queue_depth)), {"i": items}, {"o": 30}, stall_sinks=[True] * 1000)
    assert result.received["o"] == items
    assert result.received_at["o"][0] == 1000
    assert result.sent_at["i"][queue_depth + 1] < 1000 < result.sent_at["i"][queue_depth + 2]


@pytest.mark.parametrize("stall_sinks", STALLS)
@pytest.mark.parametrize("queue_depth", DEPTHS)
def test_real_broadcast_never_overflows_it(queue_depth: int, stall_sinks: Stall) -> None:
    draw = random.Random(queue_depth)
    items = [{"value": draw.randint(-99, 99), "local": draw.randrange(16), "pe": draw.randrange(3)} for _ in range(60)]
    result = run(
        BroadcastQueue(configuration(queue_depth)),
        {"i": items},
        {"o": len(items)},
        seed=queue_depth,
        stall_sinks=stall_sinks,
    )
    assert result.received["o"] == [
        {"value": item["value"], "column": item["local"] * 3 + item["pe"]} for item in items
    ]


def test_overflow_is_asserted() -> None:
    dut = ActivationQueue(configuration(1))
    pulses = [{"payload": item} for item in activations(5, seed=0)]
    with pytest.raises(AssertionError, match="activation queue overflow"):
        run(dut, {"valid": pulses}, {})
