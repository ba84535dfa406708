"""Drain: every psum to its place in external memory, requantised, a value a cycle."""

import random
from dataclasses import dataclass
from typing import Any

import pytest
from amaranth.hdl import Module, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from eyrie.bench.component import STALLS, Run, Stall, run
from eyrie.rowstat.commands import COUNT_BITS, Opcode, pack
from eyrie.rowstat.config import TINY, RowstatConfig
from eyrie.rowstat.control_timing import DRAIN_CYCLES, REQUANTISE_LATENCY, WORDS_UNDER_WAY
from eyrie.rowstat.drain import Drain
from eyrie.rowstat.external import map_write_layout
from eyrie.rowstat.timing import DRAIN_READ_LATENCY

FACTORS = (0x3039_A5C1, 0x51F1_2E0D)


def psum_at(column: int, address: int) -> int:
    """What lies in the psum banks."""
    value = ((column + 1) * FACTORS[0] + (address + 1) * FACTORS[1]) % (1 << 32)
    return value - (1 << 32) * (value >> 31) >> 12


class DrainedBanks(wiring.Component):
    """Drain in front of banks that hold `psum_at` everywhere."""

    def __init__(self, config: RowstatConfig) -> None:
        self.config = config
        super().__init__(
            {
                "start": In(1),
                "commands": In(stream.Signature(64)),
                "computed": In(COUNT_BITS),
                "map_write": Out(stream.Signature(map_write_layout)),
                "drained": Out(COUNT_BITS),
                "busy": Out(1),
                "read_en": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.drain = drain = Drain(self.config)
        hashed, psum = Signal(32), Signal(signed(32))
        m.d.comb += [
            drain.start.eq(self.start),
            drain.computed.eq(self.computed),
            self.drained.eq(drain.drained),
            self.busy.eq(drain.busy),
            self.read_en.eq(drain.read_en),
            hashed.eq((drain.read_column + 1) * FACTORS[0] + (drain.read_address + 1) * FACTORS[1]),
            psum.eq(hashed.as_signed() >> 12),
        ]
        wiring.connect(m, wiring.flipped(self.commands), drain.commands)
        wiring.connect(m, drain.map_write, wiring.flipped(self.map_write))
        # Nothing where nothing was asked for, as the array has it.
        late: Any = psum * drain.read_en
        for age in range(DRAIN_READ_LATENCY):
            later = Signal(signed(32), name=f"psum_{age}")
            m.d.sync += later.eq(late)
            late = later
        m.d.comb += drain.psum.eq(late)
        return m


@dataclass(frozen=True, kw_only=True)
class Case:
    """A DRAIN."""

    psum_base: int
    first_column: int
    columns: int
    filters: int
    steps: int
    filter_stride: int
    relu: int
    map_address: int
    channel_stride: int
    row_stride: int
    scales: tuple[tuple[int, int, int], ...]
    wait_computed: int = 0

    @property
    def words(self) -> list[int]:
        fields = {name: value for name, value in vars(self).items() if name != "scales"}
        words = [*pack("drain", opcode=Opcode.WORK, **fields)]
        for bias, multiplier, shift in self.scales:
            words += pack("requantise", bias=bias, multiplier=multiplier, shift=shift)
        return words

    @property
    def writes(self) -> list[dict[str, int]]:
        writes = []
        for f, (bias, multiplier, shift) in enumerate(self.scales):
            for j in range(self.columns):
                row = []
                for x in range(self.steps):
                    psum = psum_at(self.first_column + j, self.psum_base + x * self.filter_stride + f)
                    value = (psum + bias) * multiplier + (1 << shift >> 1) >> shift
                    value = max(-(1 << 15), min((1 << 15) - 1, value))
                    row.append(max(value, 0) if self.relu else value)
                address = self.map_address + f * self.channel_stride + j * self.row_stride
                for first in range(0, self.steps, 4):
                    data = sum((value & 0xFFFF) << 16 * k for k, value in enumerate(row[first : first + 4]))
                    writes.append({"address": (address + first // 4) % (1 << 32), "data": data})
        return writes


def case(draw: random.Random, **fields: Any) -> Case:
    filters, columns = draw.randint(1, 4), draw.randint(1, TINY.columns)
    values: dict[str, Any] = {
        "psum_base": draw.randrange(64),
        "columns": columns,
        "first_column": draw.randint(0, TINY.columns - columns),
        "filters": filters,
        "steps": draw.randint(1, 9),
        "filter_stride": draw.randint(1, 9),
        "relu": draw.randrange(2),
        "map_address": draw.getrandbits(32),
        "channel_stride": draw.getrandbits(16),
        "row_stride": draw.getrandbits(16),
        **fields,
    }
    # Sums on both sides of what 16 bits hold.
    scales = tuple(
        (draw.randint(-500_000, 500_000), draw.getrandbits(16), draw.randrange(14, 24))
        for _ in range(values["filters"])
    )
    return Case(**{"scales": scales, **values})


def play(cases: list[Case], **options: Any) -> Run:
    words = [word for one in cases for word in one.words]
    writes = [write for one in cases for write in one.writes]
    result = run(
        DrainedBanks(TINY),
        {"commands": words},
        {"map_write": len(writes)},
        watch=["drained", "busy", "read_en"],
        **options,
    )
    assert result.received["map_write"] == writes
    assert result.watched["drained"][-1] == len(cases)
    assert not result.watched["busy"][-1]
    return result


@pytest.mark.parametrize("stall", STALLS)
def test_random_drains(stall: Stall) -> None:
    draw = random.Random(stall)
    play([case(draw) for _ in range(12)], stall=stall, seed=2)


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5, 8, 13])
def test_a_value_a_cycle_from_the_first_to_the_last(steps: int) -> None:
    one = case(random.Random(steps), steps=steps, columns=4, first_column=0, filters=20)
    result = play([one])
    values = 20 * 4 * steps
    first = DRAIN_CYCLES + 2  # the word of the first filter, then the first value's cycle, then its read
    reads = [cycle for cycle, read in enumerate(result.watched["read_en"]) if read]
    assert reads == list(range(first, first + values))
    done = first - 1 + values - 1 + 1 + DRAIN_READ_LATENCY + REQUANTISE_LATENCY + 2
    assert result.received_at["map_write"][-1] == done
    assert result.watched["drained"][done : done + 2] == [0, 1]
    # The command is taken once, and the next one in the cycle after its last value.
    assert result.sent_at["commands"][:4] == [0, 1, 2, DRAIN_CYCLES]


def test_commands_follow_each_other() -> None:
    draw = random.Random(3)
    cases = [case(draw, steps=5, columns=2, filters=2, relu=number % 2) for number in range(3)]
    result = play(cases)
    reads = [cycle for cycle, read in enumerate(result.watched["read_en"]) if read]
    starts = [6 + number * (20 + DRAIN_CYCLES + 1) for number in range(3)]
    assert reads == [start + k for start in starts for k in range(20)]


def test_words_that_nobody_takes_stop_it_and_none_is_lost() -> None:
    one = case(random.Random(4), steps=1, columns=4, first_column=0, filters=30)
    result = play([one], stall_sinks=[True] * 200)
    reads = [cycle for cycle, read in enumerate(result.watched["read_en"]) if read]
    assert sum(cycle < 200 for cycle in reads) == WORDS_UNDER_WAY


def test_a_command_waits_for_its_count() -> None:
    one = case(random.Random(5), wait_computed=3)
    result = play([one], levels={"computed": [0] * 40 + [2] * 20 + [3]})
    assert result.watched["read_en"].index(1) == 60 + 3


def test_most_negative_psums_and_values() -> None:
    scales = tuple((-(1 << 41), 65535, shift) for shift in (0, 15, 40, 63))
    play([case(random.Random(6), filters=4, relu=relu, scales=scales) for relu in (0, 1)])


def test_start_clears_the_counter() -> None:
    one = case(random.Random(7))
    result = run(
        DrainedBanks(TINY),
        {"commands": one.words},
        {"map_write": len(one.writes)},
        levels={"start": [0] * 400 + [1, 0]},
        watch=["drained"],
        after=500,
    )
    assert result.watched["drained"][399:402] == [1, 1, 0]
