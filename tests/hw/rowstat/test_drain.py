"""Drain: every psum to its place in external memory, requantised, a value of some columns a cycle."""

import random
from dataclasses import dataclass, replace
from typing import Any

import pytest
from amaranth.hdl import Module, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from eyrie.bench.component import STALLS, Run, Stall, run
from eyrie.rowstat.commands import COUNT_BITS, Opcode, pack
from eyrie.rowstat.config import TINY, RowstatConfig
from eyrie.rowstat.control_timing import (
    CODED_COLUMN_LATENCY,
    CODED_WORD_LATENCY,
    DRAIN_CYCLES,
    REQUANTISE_LATENCY,
    WORDS_UNDER_WAY,
    drain_cycles,
    drain_pause,
    word_values,
)
from eyrie.rowstat.drain import Drain
from eyrie.rowstat.external import map_write_layout
from eyrie.rowstat.timing import DRAIN_READ_LATENCY
from tests.hw.rowstat import pool_cases
from tests.hw.rowstat.pool_cases import HashedBank
from tests.sim.golden.coded_rows import code

FACTORS = (0x3039_A5C1, 0x51F1_2E0D)
CODING_LANES = (1, 2)
LANES = {lanes: replace(TINY, columns=7, drain_lanes=lanes) for lanes in (1, 2, 4)}


def psum_at(column: int, address: int) -> int:
    """What lies in the psum banks."""
    value = ((column + 1) * FACTORS[0] + (address + 1) * FACTORS[1]) % (1 << 32)
    return value - (1 << 32) * (value >> 31) >> 12


class DrainedBanks(wiring.Component):
    """Drain in front of banks that hold `psum_at`, and `value_at`, everywhere."""

    def __init__(self, config: RowstatConfig) -> None:
        self.config = config
        super().__init__(
            {
                "start": In(1),
                "commands": In(stream.Signature(64)),
                "computed": In(COUNT_BITS),
                "fetched": In(COUNT_BITS),
                "map_write": Out(stream.Signature(map_write_layout)),
                "drained": Out(COUNT_BITS),
                "busy": Out(1),
                "read_en": Out(config.drain_lanes),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.drain = drain = Drain(self.config)
        m.submodules.bank = bank = HashedBank(self.config)
        m.d.comb += [
            drain.start.eq(self.start),
            drain.computed.eq(self.computed),
            drain.fetched.eq(self.fetched),
            bank.read_en.eq(drain.bank_read_en),
            bank.read_address.eq(drain.bank_read_address),
            drain.bank_read_data.eq(bank.read_data),
            self.drained.eq(drain.drained),
            self.busy.eq(drain.busy),
            self.read_en.eq(drain.read_en),
        ]
        wiring.connect(m, wiring.flipped(self.commands), drain.commands)
        wiring.connect(m, drain.map_write, wiring.flipped(self.map_write))
        # Nothing where nothing was asked for, as the array has it.
        for lane in range(self.config.drain_lanes):
            hashed, psum = Signal(32, name=f"hashed_{lane}"), Signal(signed(32), name=f"psum_{lane}")
            m.d.comb += [
                hashed.eq((drain.read_column + lane + 1) * FACTORS[0] + (drain.read_address + 1) * FACTORS[1]),
                psum.eq(hashed.as_signed() >> 12),
            ]
            late: Any = psum * drain.read_en[lane]
            for age in range(DRAIN_READ_LATENCY):
                later = Signal(signed(32), name=f"psum_{lane}_{age}")
                m.d.sync += later.eq(late)
                late = later
            m.d.comb += drain.psums[f"column_{lane}"].eq(late)
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
    coded: int = 0

    @property
    def words(self) -> list[int]:
        fields = {name: value for name, value in vars(self).items() if name != "scales"}
        words = [*pack("drain", opcode=Opcode.WORK, **fields)]
        for bias, multiplier, shift in self.scales:
            words += pack("requantise", bias=bias, multiplier=multiplier, shift=shift)
        return words

    def row(self, f: int, j: int) -> list[int]:
        """Activations of a filter's output row."""
        bias, multiplier, shift = self.scales[f]
        row = []
        for x in range(self.steps):
            psum = psum_at(self.first_column + j, self.psum_base + x * self.filter_stride + f)
            value = (psum + bias) * multiplier + (1 << shift >> 1) >> shift
            value = max(-(1 << 15), min((1 << 15) - 1, value))
            row.append(max(value, 0) if self.relu else value)
        return row

    def writes(self, lanes: int) -> list[dict[str, int]]:
        if self.coded:
            return [
                {
                    "address": (self.map_address + f * self.channel_stride + j * self.row_stride + n) % (1 << 32),
                    "data": word,
                }
                for f in range(self.filters)
                for j in range(self.columns)
                for n, word in enumerate(code(self.row(f, j)))
            ]
        writes = []
        for f in range(self.filters):
            for group in range(0, self.columns, lanes):
                rows = [(j, self.row(f, j)) for j in range(group, min(group + lanes, self.columns))]
                for first in range(0, self.steps, 4):
                    for j, row in rows:
                        address = self.map_address + f * self.channel_stride + j * self.row_stride + first // 4
                        data = sum((value & 0xFFFF) << 16 * k for k, value in enumerate(row[first : first + 4]))
                        writes.append({"address": address % (1 << 32), "data": data})
        return writes

    def reads(self, lanes: int) -> list[int]:
        """What `read_en` is in each cycle from the first value on, if nothing holds it up."""
        reads: list[int] = []
        per_word = word_values(coded=bool(self.coded))
        words: list[tuple[int, int]] = []  # columns of the word before, and the cycle in which it was complete
        for _ in range(self.filters):
            for group in range(0, self.columns, lanes):
                together = min(lanes, self.columns - group)
                for x in range(self.steps):
                    if x % per_word == per_word - 1 or x == self.steps - 1:
                        before, complete = words[-1] if words else (0, 0)
                        reads += [0] * (complete + before - len(reads))
                        words.append((together, len(reads)))
                    reads.append((1 << together) - 1)
        return reads


def case(draw: random.Random, config: RowstatConfig = TINY, **fields: Any) -> Case:
    filters, columns = draw.randint(1, 4), draw.randint(1, config.columns)
    values: dict[str, Any] = {
        "psum_base": draw.randrange(64),
        "columns": columns,
        "first_column": draw.randint(0, config.columns - columns),
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


def writes_of(one: Case | pool_cases.Case, config: RowstatConfig) -> list[dict[str, int]]:
    return one.writes(config.drain_lanes) if isinstance(one, Case) else one.writes(config)


def play(cases: list[Any], config: RowstatConfig = TINY, **options: Any) -> Run:
    words = [word for one in cases for word in one.words]
    writes = [write for one in cases for write in writes_of(one, config)]
    result = run(
        DrainedBanks(config),
        {"commands": words},
        {"map_write": len(writes)},
        watch=["drained", "busy", "read_en"],
        **options,
    )
    received = iter(result.received["map_write"])
    for one in cases:
        expected = writes_of(one, config)
        own = [next(received) for _ in expected]
        if one.coded:  # rows of neighbouring columns come side by side
            own, expected = (sorted(some, key=lambda write: write["address"]) for some in (own, expected))
        assert own == expected
    assert not list(received)
    assert result.watched["drained"][-1] == len(cases)
    assert not result.watched["busy"][-1]
    return result


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("lanes", LANES)
def test_random_drains(lanes: int, stall: Stall) -> None:
    draw = random.Random(f"{lanes} {stall}")
    play([case(draw, LANES[lanes]) for _ in range(12)], LANES[lanes], stall=stall, seed=2)


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("lanes", CODING_LANES)
def test_random_drains_of_coded_rows_and_plain_ones(lanes: int, stall: Stall) -> None:
    draw = random.Random(f"coded {lanes} {stall}")
    cases = []
    for _ in range(12):
        fields = {"coded": int(draw.random() < 0.8), "relu": int(draw.random() < 0.8), "steps": draw.randint(1, 40)}
        cases.append(case(draw, LANES[lanes], filter_stride=1, **fields))
    play(cases, LANES[lanes], stall=stall, seed=2)


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("lanes", LANES)
def test_random_pools_between_random_drains(lanes: int, stall: Stall) -> None:
    draw = random.Random(f"pools {lanes} {stall}")
    config = LANES[lanes]
    cases: list[Any] = []
    for _ in range(12):
        coded = int(lanes in CODING_LANES and draw.random() < 0.5)
        fields = {"coded": coded, "steps": draw.randint(1, 12)}
        one = pool_cases.case(draw, **fields) if draw.randrange(2) else case(draw, config, filter_stride=1, **fields)
        cases.append(one)
    play(cases, config, stall=stall, seed=3)


def test_a_pool_and_a_drain_wait_for_other_counts() -> None:
    draw = random.Random(10)
    cases = [
        pool_cases.case(draw, wait_fetched=1, coded=0),
        case(draw, wait_computed=1),
        pool_cases.case(draw, wait_fetched=2, coded=0),
    ]
    counts = {"fetched": [0] * 50 + [1] * 450 + [2], "computed": [0] * 300 + [1]}
    result = play(cases, levels=counts)
    ends = [result.watched["drained"].index(number) for number in (1, 2, 3)]
    assert 50 < ends[0] < 300 < ends[1] < 500 < ends[2]


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5, 8, 13])
@pytest.mark.parametrize("columns", [1, 3, 4, 7])
@pytest.mark.parametrize(
    ("lanes", "coded"), [*((lanes, 0) for lanes in LANES), *((lanes, 1) for lanes in CODING_LANES)]
)
def test_values_of_every_cycle_from_the_first_to_the_last(lanes: int, coded: int, columns: int, steps: int) -> None:
    config = LANES[lanes]
    filters = 80 // columns // steps + 2
    fields = {"steps": steps, "columns": columns, "first_column": 0, "filters": filters, "coded": coded}
    one = case(random.Random(steps), config, **fields)
    result = play([one], config)
    first = DRAIN_CYCLES + 2  # the word of the first filter, then the first values' cycle, then their read
    expected = one.reads(lanes)
    assert result.watched["read_en"][: first + len(expected)] == [0] * first + expected
    assert not any(result.watched["read_en"][first + len(expected) :])
    last_columns = (columns - 1) % lanes + 1
    first_row_is_a_word = steps <= word_values(coded=bool(coded))
    outside = drain_pause(steps, last_columns, coded=bool(coded)) if first_row_is_a_word else 0  # before its last value
    assert len(expected) == filters * drain_cycles(config, steps, columns, coded=bool(coded)) - outside
    done = first - 1 + len(expected) - 1 + 1 + DRAIN_READ_LATENCY + REQUANTISE_LATENCY + 2
    done += CODED_WORD_LATENCY + (last_columns - 1) * CODED_COLUMN_LATENCY if coded else last_columns - 1
    assert result.received_at["map_write"][-1] == done
    assert result.watched["drained"][done : done + 2] == [0, 1]
    # The command is taken once, and the next one in the cycle after its last values.
    assert result.sent_at["commands"][:4] == [0, 1, 2, DRAIN_CYCLES]


def test_commands_follow_each_other() -> None:
    draw = random.Random(3)
    cases = [case(draw, steps=5, first_column=0, columns=4, filters=2, relu=number % 2) for number in range(3)]
    result = play(cases)
    reads = [cycle for cycle, read in enumerate(result.watched["read_en"]) if read]
    rows = [0, 1, 2, 3, 5]
    starts = [6 + number * (24 + DRAIN_CYCLES + 1) for number in range(3)]
    assert reads == [start + row + x for start in starts for row in (0, 6, 12, 18) for x in rows]


@pytest.mark.parametrize("lanes", LANES)
def test_words_that_nobody_takes_stop_it_and_none_is_lost(lanes: int) -> None:
    one = case(random.Random(4), LANES[lanes], steps=1, columns=4, first_column=0, filters=30)
    result = play([one], LANES[lanes], stall_sinks=[True] * 200)
    reads = [cycle for cycle, read in enumerate(result.watched["read_en"]) if read]
    assert sum(cycle < 200 for cycle in reads) * lanes == WORDS_UNDER_WAY


@pytest.mark.parametrize("bias", [1 << 40, -(1 << 40)], ids=["dense", "zeros"])
@pytest.mark.parametrize("lanes", CODING_LANES)
def test_coded_words_that_nobody_takes_stop_it_and_none_is_lost(lanes: int, bias: int) -> None:
    """Words for which there is no place stop dense rows as plain ones; rows of zeros stop once each has a word."""
    scales = ((bias, 1, 0),) * 30
    fields = {"steps": 36, "filter_stride": 1, "columns": 4, "first_column": 0, "filters": 30, "scales": scales}
    one = case(random.Random(4), LANES[lanes], relu=1, coded=1, **fields)
    result = play([one], LANES[lanes], stall_sinks=[True] * 2400)
    reads = sum(lanes for cycle, read in enumerate(result.watched["read_en"]) if read and cycle < 2400)
    most = WORDS_UNDER_WAY * (36 if bias < 0 else 3)
    # A column more may have begun, and rows of zeros give back what their values paid for but not their word.
    assert most - 36 * lanes < reads <= most


def test_a_command_waits_for_its_count() -> None:
    one = case(random.Random(5), wait_computed=3)
    result = play([one], levels={"computed": [0] * 40 + [2] * 20 + [3]})
    reads = [cycle for cycle, read in enumerate(result.watched["read_en"]) if read]
    assert reads[0] == 60 + 3


def test_most_negative_psums_and_values() -> None:
    scales = tuple((-(1 << 41), 65535, shift) for shift in (0, 15, 40, 63))
    play([case(random.Random(6), filters=4, relu=relu, scales=scales) for relu in (0, 1)])


def test_start_clears_the_counter() -> None:
    one = case(random.Random(7))
    result = run(
        DrainedBanks(TINY),
        {"commands": one.words},
        {"map_write": len(one.writes(TINY.drain_lanes))},
        levels={"start": [0] * 400 + [1, 0]},
        watch=["drained"],
        after=500,
    )
    assert result.watched["drained"][399:402] == [1, 1, 0]
