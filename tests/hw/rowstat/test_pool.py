"""Pool: maxima and sums of all windows, a word a cycle, and nothing read that does not count."""

import random
from dataclasses import replace
from typing import Any

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from eyrie.bench.component import STALLS, Run, Sink, Stall, run
from eyrie.rowstat.commands import COUNT_BITS, POOL_SCALES, Opcode
from eyrie.rowstat.config import TINY, RowstatConfig
from eyrie.rowstat.layouts import command_layout
from eyrie.rowstat.pool import Pool
from eyrie.rowstat.timing import DRAIN_READ_LATENCY
from tests.hw.rowstat.pool_cases import Case, HashedBank, case, value_at

COMMAND_CYCLES = 5
"""From the first word of a command to the first read, but for its `pool_scale` words."""
CONFIGS = {
    "TINY": TINY,
    "8 bits": replace(TINY, activation_width=8, weight_width=8, accumulator_width=24),
    "300 words": replace(TINY, ifmap_bank_words=300),
}
PORTS = ("row_address", "word_begins", "row_begins", "row_ends", "last", "total", "multiplier", "shift")


class PooledBank(wiring.Component):
    """Pool in front of a bank that holds `value_at` everywhere; ``value`` comes with what belongs to it."""

    def __init__(self, config: RowstatConfig) -> None:
        self.config = config
        self.pool = Pool(config)
        scale = command_layout("pool_scale")
        super().__init__(
            {
                "commands": In(stream.Signature(64)),
                "fetched": In(COUNT_BITS),
                "room": In(1),
                "reads": Out(1),
                "read_address": Out(config.bank_address_width),
                "value_now": Out(1),
                "value": Out(1),
                "row_address": Out(32),
                "word_begins": Out(1),
                "row_begins": Out(1),
                "row_ends": Out(1),
                "last": Out(1),
                "total": Out(self.pool.pooled.shape()),
                "multiplier": Out(scale["multiplier"].shape),
                "shift": Out(scale["shift"].shape),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.pool = pool = self.pool
        wiring.connect(m, wiring.flipped(self.commands), pool.commands)
        m.d.comb += [
            pool.fetched.eq(self.fetched),
            pool.room.eq(self.room),
            self.reads.eq(pool.read_en),
            self.read_address.eq(pool.read_address),
            self.value_now.eq(pool.value),
            self.total.eq(pool.pooled),
            self.multiplier.eq(pool.scale.multiplier),
            self.shift.eq(pool.scale.shift),
        ]
        m.submodules.bank = bank = HashedBank(self.config)
        m.d.comb += [
            bank.read_en.eq(pool.read_en),
            bank.read_address.eq(pool.read_address),
            pool.read_data.eq(bank.read_data),
        ]
        for name in ("value", *PORTS[:5]):
            later: Any = getattr(pool, name)
            for age in range(DRAIN_READ_LATENCY + 1):
                earlier, later = later, Signal.like(later, name=f"{name}_{age}")
                m.d.sync += later.eq(earlier)
            m.d.comb += getattr(self, name).eq(later)
        return m


def play(cases: list[Case], config: RowstatConfig = TINY, **options: Any) -> Run:
    words = [word for one in cases for word in one.words]
    values = [value for one in cases for value in one.values(config)]
    options = {"levels": {"room": [1]}, **options}
    result = run(
        PooledBank(config),
        {"commands": words},
        {"value": Sink(len(values), PORTS)},
        watch=["value_now", "reads", "read_address"],
        **options,
    )
    assert result.received["value"] == values
    reads = [at for at, read in zip(result.watched["read_address"], result.watched["reads"], strict=True) if read]
    assert reads == [at for one in cases for at in one.reads(config) if at >= 0]
    return result


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("name", CONFIGS)
def test_random_pools(name: str, stall: Stall) -> None:
    draw = random.Random(f"{name} {stall}")
    play([case(draw) for _ in range(12)], CONFIGS[name], stall=stall, seed=2)


def test_a_word_a_cycle_from_the_first_to_the_last() -> None:
    draw = random.Random(1)
    cases = [case(draw) for _ in range(6)]
    result = play(cases)
    at = 0
    for one in cases:
        reads = one.reads(TINY)
        first = at + COMMAND_CYCLES + len(one.scales) + 1  # the read itself comes a cycle after its decision
        watched = zip(result.watched["reads"], result.watched["read_address"], strict=True)
        found = [address if read else -1 for read, address in watched][first : first + len(reads)]
        assert found == reads
        at = first + len(reads) - 1  # the command behind is taken in the cycle after that of the last value
        assert result.watched["value_now"][at - 1]
    assert result.sent_at["commands"][-1] == at - len(cases[-1].reads(TINY)) - 2


@pytest.mark.parametrize("steps", [1, 2, 4, 5, 9])
def test_a_word_of_the_output_waits_for_room(steps: int) -> None:
    draw = random.Random(steps)
    one = case(draw, steps=steps)
    room = [draw.random() < 0.2 for _ in range(3000)]
    result = play([one], levels={"room": room})
    begun = [at for at, value in enumerate(result.watched["value_now"]) if value]
    values = one.values(TINY)
    assert all(room[at] for at, value in zip(begun, values, strict=True) if value[1])
    assert not all(room[at] for at, value in zip(begun, values, strict=True)) or steps == 1


def test_a_command_waits_for_its_count() -> None:
    one = case(random.Random(5), wait_fetched=3)
    result = play([one], levels={"fetched": [0] * 80 + [2] * 20 + [3], "room": [1]})
    first = next(at for at in one.reads(TINY) if at >= 0)
    assert result.watched["read_address"][result.watched["reads"].index(1)] == first
    assert result.watched["reads"].index(1) == 102 + next(n for n, at in enumerate(one.reads(TINY)) if at >= 0)


def test_windows_at_both_ends_of_a_row() -> None:
    """A window that begins before the row, or ends behind it, in every lane; and one over the whole of it."""
    draw = random.Random(6)
    cases = [
        case(draw, window=window, stride=1, steps=window + edge, first_x=1 - window, edge=edge, scales=((1, 0, 0),))
        for window in (1, 2, 3, 4, 5, 8)
        for edge in range(9)
    ]
    play(cases)


def test_as_many_scales_as_there_can_be() -> None:
    draw = random.Random(7)
    scales = tuple((draw.getrandbits(16), draw.randrange(64), POOL_SCALES - 1 - n) for n in range(POOL_SCALES))
    play([case(draw, steps=POOL_SCALES, scales=scales), case(draw)])


def test_most_negative_values_and_the_largest_sums() -> None:
    config = CONFIGS["8 bits"]
    there = [value_at(config, address, lane) for address in range(256) for lane in range(4)]
    assert (min(there), max(there)) == config.activation_range
    fields = {"first_x": 0, "edge": 900, "window": 64, "kernel": 1, "row_pitch": 16, "stride": 1, "steps": 1}
    play([case(random.Random(8), scales=((1, 0, 0),), mean=mean, **fields) for mean in (0, 1)], config)


def test_words_of_other_commands_are_thrown_away() -> None:
    one = case(random.Random(9))
    result = run(
        PooledBank(TINY),
        {"commands": [0, Opcode.LAYER, Opcode.WORK, *one.words]},
        {"value": Sink(len(one.values(TINY)), PORTS)},
        levels={"room": [1]},
    )
    assert result.received["value"] == one.values(TINY)
