"""ActivationQueue: never overflows, whatever the PE behind it does."""

import dataclasses
import random
from typing import Any

import pytest
from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from eyrie.bench.component import STALLS, Run, Stall, run
from eyrie.eie import activation_queue
from eyrie.eie.activation_queue import BROADCAST_SLACK, ActivationQueue
from eyrie.eie.command_register import CommandRegister
from eyrie.eie.config import QUAD, TINY, EieConfig
from eyrie.eie.layouts import Op, located_activation_layout, slice_layout
from eyrie.eie.pointer_read import PointerRead
from eyrie.eie.table import Table
from tests.hw.eie.sent_broadcast import SentBroadcast

DEPTHS = [1, 2, 3, 4, 5, 8, 9, 13, 24]

TO_THE_BRIM = [8, 24]
"""Depths at which not a single word of memory is left beside those for the slack."""

LATENCY = 2

HEAD_FIRST = [False, *[True] * 15]
"""Stalls that let the first slice get to the head before the others come: on its way there it waits too."""


def configuration(queue_depth: int, **fields: int) -> EieConfig:
    return dataclasses.replace(TINY, n_pes=3, queue_depth=queue_depth, **fields)


class SlackedQueue(wiring.Component):
    """The queue behind a source that heeds ``stop`` as late as it may."""

    def __init__(self, config: EieConfig) -> None:
        self.config = config
        slices = stream.Signature(slice_layout(config))
        super().__init__({"i": In(slices), "o": Out(slices), "stop": Out(1), "waiting": Out(1)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.queue = queue = ActivationQueue(self.config)
        late = [queue.stop, *(Signal(name=f"late_{age}") for age in range(1, BROADCAST_SLACK + 1))]
        for age in range(1, BROADCAST_SLACK + 1):
            m.d.sync += late[age].eq(late[age - 1])
        m.d.comb += [
            self.i.ready.eq(~late[-1]),
            queue.valid.eq(self.i.valid & self.i.ready),
            queue.payload.eq(self.i.payload),
            self.stop.eq(queue.stop),
            self.waiting.eq(queue.waiting),
        ]
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        return m


class BroadcastQueue(wiring.Component):
    """The queue behind the real broadcast, command registers and pointer read, wired as array and PE wire them."""

    def __init__(self, config: EieConfig) -> None:
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(located_activation_layout(config, 2))),
                "o": Out(stream.Signature(slice_layout(config))),
                "write_en": In(1),
                "write_address": In(config.table_address_width),
                "write_data": In(config.table_width),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.broadcast = broadcast = SentBroadcast(self.config)
        m.submodules.first = first = CommandRegister(self.config)
        m.submodules.command = command = CommandRegister(self.config)
        m.submodules.table = table = Table(self.config)
        m.submodules.pointers = pointers = PointerRead(self.config)
        m.submodules.queue = queue = ActivationQueue(self.config)
        wiring.connect(m, wiring.flipped(self.i), broadcast.i)
        of_4, of_16, stop = Signal(), Signal(), Signal()
        m.d.sync += [of_4.eq(queue.stop), of_16.eq(of_4), stop.eq(of_16)]
        m.d.comb += [
            broadcast.stop.eq(stop),
            first.i.op.eq(Mux(broadcast.o_valid, Op.BROADCAST, Op.NONE)),
            first.i.address.eq(broadcast.o.column),
            first.i.data.eq(broadcast.o.value),
            command.i.eq(first.o),
            table.read_en.eq(command.o.op == Op.BROADCAST),
            table.address.eq(Mux(self.write_en, self.write_address, command.o.address >> 2)),
            table.write_en.eq(self.write_en),
            table.write_data.eq(self.write_data),
            pointers.i_valid.eq(command.o.op == Op.BROADCAST),
            pointers.i_value.eq(command.o.data),
            pointers.i_place.eq(command.o.address[:2]),
            pointers.word.eq(table.word),
            queue.valid.eq(pointers.valid),
            queue.payload.eq(pointers.o),
        ]
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        return m


def slices(n: int, seed: int) -> list[dict[str, int]]:
    draw = random.Random(seed)
    return [
        {
            "value": draw.randint(*TINY.activation_range),
            "begin": draw.randrange(TINY.entry_depth),
            "count": draw.randint(1, TINY.max_count),
        }
        for _ in range(n)
    ]


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("queue_depth", DEPTHS)
def test_order_stop_and_waiting(queue_depth: int, stall: Stall) -> None:
    items = slices(90, seed=queue_depth)
    result = run(
        SlackedQueue(configuration(queue_depth)),
        {"i": items},
        {"o": len(items)},
        seed=queue_depth,
        stall="never" if stall == "alternate" else stall,
        stall_sinks=stall,
        watch=["stop", "waiting", "o.valid"],
    )
    assert result.received["o"] == items
    sent, received = result.sent_at["i"], result.received_at["o"]
    stops = []
    for cycle, head in enumerate(result.watched["o.valid"]):
        inside = sum(at < cycle for at in sent) - sum(at < cycle for at in received)
        assert result.watched["waiting"][cycle] == (inside > head), f"cycle {cycle}"
        stops.append(inside - head >= queue_depth)
    assert result.watched["stop"] == stops


def test_latency() -> None:
    result = run(SlackedQueue(configuration(4)), {"i": slices(20, seed=1)}, {"o": 20})
    assert result.received_at["o"] == [at + LATENCY for at in result.sent_at["i"]]


@pytest.mark.parametrize("queue_depth", DEPTHS)
def test_takes_the_slack_after_a_stop_is_due(queue_depth: int) -> None:
    # One at the head, as many behind it as the depth says, and the slack.
    inside = 1 + queue_depth + BROADCAST_SLACK
    with pytest.raises(TimeoutError, match=f"i sent {inside} of 80 "):
        run(SlackedQueue(configuration(queue_depth)), {"i": slices(80, seed=1)}, {}, stall=HEAD_FIRST, timeout=150)


@pytest.mark.parametrize("queue_depth", DEPTHS)
def test_full_for_a_thousand_cycles(queue_depth: int) -> None:
    items = slices(60, seed=queue_depth)
    result = run(
        SlackedQueue(configuration(queue_depth)),
        {"i": items},
        {"o": 60},
        stall=HEAD_FIRST,
        stall_sinks=[True] * 1000,
    )
    assert result.received["o"] == items
    assert result.received_at["o"][0] == 1000
    inside = 1 + queue_depth + BROADCAST_SLACK
    assert result.sent_at["i"][inside - 1] < 1000 < result.sent_at["i"][inside]


def broadcast(config: EieConfig, n: int, seed: int, **options: Any) -> Run:
    """Broadcast activations, each of which meets entries; every slice must leave the queue."""
    draw = random.Random(seed)
    items = [
        {
            "valid": 1,
            "value": draw.randint(-99, 99),
            "local": draw.randrange(config.activation_depth),
            "pe": draw.randrange(3),
        }
        for _ in range(n)
    ]
    n_words = config.activation_depth * 3 // QUAD + 1
    counts = [[draw.randint(1, 3) for _ in range(QUAD)] for _ in range(n_words)]
    bases = [draw.randrange(config.entry_depth) for _ in range(n_words)]
    words = [
        base + sum(count << config.entry_address_width + config.count_bits * place for place, count in enumerate(own))
        for base, own in zip(bases, counts, strict=True)
    ]
    expected = []
    for item in items:
        word, place = divmod(item["local"] * 3 + item["pe"], QUAD)
        own = counts[word]
        begin = (bases[word] - sum(own[place:2]) + sum(own[2:place])) % config.entry_depth
        expected.append({"value": item["value"], "begin": begin, "count": own[place]})
    result = run(
        BroadcastQueue(config),
        {"i": items},
        {"o": n},
        seed=seed,
        preload=[{"write_en": 1, "write_address": a, "write_data": word} for a, word in enumerate(words)],
        **options,
    )
    assert result.received["o"] == expected
    return result


@pytest.mark.parametrize("stall_sinks", STALLS)
@pytest.mark.parametrize("queue_depth", DEPTHS)
def test_real_broadcast_never_overflows_it(queue_depth: int, stall_sinks: Stall) -> None:
    broadcast(configuration(queue_depth), 80, queue_depth, stall_sinks=stall_sinks)


@pytest.mark.parametrize("queue_depth", TO_THE_BRIM)
def test_the_slack_is_what_the_way_to_the_broadcast_and_back_takes(queue_depth: int) -> None:
    # Of what PEs send as long as they can, not one less gets in; not one more would fit.
    result = broadcast(configuration(queue_depth), 80, queue_depth, stall=HEAD_FIRST, stall_sinks=[True] * 200)
    inside, in_broadcast = 1 + queue_depth + BROADCAST_SLACK, 1 + 32
    sent = result.sent_at["i"]
    assert sent[inside + in_broadcast - 1] < 200 < sent[inside + in_broadcast]


@pytest.mark.parametrize("queue_depth", [depth + 1 for depth in TO_THE_BRIM])
def test_a_slack_that_is_one_too_small_overflows(queue_depth: int, monkeypatch: pytest.MonkeyPatch) -> None:
    broadcast(configuration(queue_depth), 80, queue_depth, stall_sinks=[True] * 100)
    # A memory of 2 ** n words is made for a depth of 2 ** n - 7.
    monkeypatch.setattr(activation_queue, "BROADCAST_SLACK", BROADCAST_SLACK - 1)
    with pytest.raises(AssertionError, match="activation queue overflow"):
        broadcast(configuration(queue_depth), 80, queue_depth, stall_sinks=[True] * 100)


def test_overflow_is_asserted() -> None:
    dut = ActivationQueue(configuration(8))
    pulses = [{"payload": item} for item in slices(1 + 8 + BROADCAST_SLACK + 1, seed=0)]
    run(dut, {"valid": pulses[:-1]}, {})
    with pytest.raises(AssertionError, match="activation queue overflow"):
        run(dut, {"valid": pulses}, {})
