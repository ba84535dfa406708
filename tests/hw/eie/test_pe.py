"""ProcessingElement: commands in, activations out, without the control's distance between one command and the next."""

import dataclasses
import random
from collections.abc import Awaitable, Callable, Iterable
from functools import lru_cache
from typing import Any

import pytest
from amaranth.sim import Simulator

from eyrie.eie.config import QUAD, TINY, EieConfig
from eyrie.eie.layouts import Op, drain_layout
from eyrie.eie.pe import DRAIN_AFTER_BUSY, EMIT_LATENCY, ProcessingElement
from eyrie.eie.requantise import DRAIN_LATENCY, SCALED_DRAIN_LATENCY
from tests.hw.eie.network import encode_column

CONFIG = dataclasses.replace(TINY, queue_depth=16, entry_depth=64, codebook_bits=3, index_bits=2, accumulator_depth=6)

VARIANTS: dict[str, dict[str, Any]] = {
    "lut_ram": {},
    "block RAM": {"lut_ram": False},
    "no multipliers": {"multipliers": False},
    "block RAM, no multipliers": {"lut_ram": False, "multipliers": False},
    "empty slices": {"skip_empty": False},
    "widest accumulators, narrow activations": {"accumulator_width": 48, "activation_width": 8},
    "narrow weights, block RAM": {"weight_width": 8, "lut_ram": False, "accumulator_width": 24},
}

BIASES, SCALES = 16, 32
"""Where the table holds two rows of biases after each other, and scales."""

Column = list[int]
"""Codes by row."""


class Session:
    """Tells a PE what to do, cycle by cycle, beside a model of its accumulators and of the bank that it drains to."""

    def __init__(self, ctx: Any, dut: ProcessingElement, columns: list[Column], seed: int) -> None:
        self.ctx, self.dut, self.config, self.columns = ctx, dut, dut.config, columns
        self.sent: list[tuple[int, dict[str, int]]] = []  # with the cycle
        self.turns_handed_on: list[int] = []
        self.now = 0
        self.drained: list[dict[str, int]] = []  # non-zero activations
        self.n_drained = 0
        config, draw, n = self.config, random.Random(seed), self.config.accumulator_depth
        self.codebook = [0, *(draw.randint(*config.weight_range) for _ in range(config.codebook_size - 1))]
        spread = 1 << config.activation_width + config.weight_width - 4
        self.biases = [draw.randint(-spread, spread) for _ in range(2 * n)]
        shift = config.multiplier_width + config.weight_width - 2
        self.scales = [(draw.randint(1, config.max_multiplier), shift) for _ in range(n)]
        self.sums = [0] * n

    async def send(self, op: Op = Op.NONE, address: int = 0, data: int = 0, *, turn_in: int = 0, hold: int = 0) -> bool:
        """One cycle; whether the PE is busy in it."""
        ctx, dut = self.ctx, self.dut
        ctx.set(dut.command, {"op": op, "address": address, "data": data})
        for port, value in ((dut.turn_in, turn_in), (dut.hold, hold)):
            ctx.set(port, value)
        _, _, busy, stop, turn_out, o = await ctx.tick().sample(dut.busy, dut.stop, dut.turn_out, dut.o)
        assert not stop, "a broadcast would have to stop"
        if o.valid:
            self.sent.append((self.now, {"value": o.value, "local": o.local}))
        if turn_out:
            self.turns_handed_on.append(self.now)
        self.now += 1
        return bool(busy)

    async def wait(self, cycles: int) -> None:
        for _ in range(cycles):
            await self.send()

    async def load(self, first_entry: int = 0) -> None:
        """All memories; then every accumulator has its bias."""
        config = self.config
        for code, weight in enumerate(self.codebook):
            await self.send(Op.WRITE_CODEBOOK, code, weight)
        coded = [encode_column(column, config.max_run) for column in self.columns]
        coded += [[]] * (-len(coded) % QUAD)
        begins, address = [], first_entry
        for column in coded:
            begins.append(address)
            for code, zeros in column:
                await self.send(Op.WRITE_ENTRY, address % config.entry_depth, code | zeros << config.codebook_bits)
                address += 1
        for first in range(0, len(coded), QUAD):
            word = begins[first + 2] % config.entry_depth
            for place, column in enumerate(coded[first : first + QUAD]):
                word |= len(column) << config.entry_address_width + place * config.count_bits
            await self.send(Op.WRITE_TABLE, first, word)
        for row, bias in enumerate(self.biases):
            await self.send(Op.WRITE_TABLE, QUAD * (BIASES + row), bias)
        for row, (multiplier, shift) in enumerate(self.scales):
            await self.send(Op.WRITE_TABLE, QUAD * (SCALES + row), multiplier | shift << config.multiplier_width)
        await self.drain(0, n_biases=config.accumulator_depth)

    async def broadcast(self, activations: Iterable[tuple[int, int]], *, distance: int = DRAIN_AFTER_BUSY) -> int:
        """Columns and values, a cycle each, until what comes next comes so many cycles after the PE was busy last.

        Returns for how many cycles it was busy.
        """
        bottom, modulus = self.config.accumulator_range[0], 1 << self.config.accumulator_width
        begin = self.now
        for column, value in activations:
            busy = await self.send(Op.BROADCAST, column, value % (1 << self.config.activation_width))
            assert busy == (self.now > begin + 1)
            for row, code in enumerate(self.columns[column]):
                total = self.sums[row] + value * self.codebook[code]
                self.sums[row] = (total - bottom) % modulus + bottom
        while await self.send():
            pass
        n_busy = self.now - begin - 1
        await self.wait(distance - 2)
        return n_busy

    async def drain(
        self,
        n_rows: int,
        *,
        n_biases: int = 0,
        first_bias: int = 0,
        scaled: bool = False,
        relu: bool = False,
        shift: int = 0,
    ) -> None:
        """Rows to the bank, and rows that take a bias; drained rows that take none are undefined from then on."""
        for row in range(max(n_rows, n_biases)):
            bias = first_bias + row if row < n_biases else None
            await self._drain_row(row, bias=bias, store=row < n_rows, scaled=scaled, relu=relu, shift=shift)
        await self.wait(SCALED_DRAIN_LATENCY if scaled else DRAIN_LATENCY)

    async def _drain_row(
        self, row: int, *, bias: int | None, store: bool, scaled: bool, relu: bool, shift: int
    ) -> None:
        config = self.config
        n_chunks = config.n_chunks if scaled else 1
        for chunk in range(n_chunks):
            last = chunk == n_chunks - 1
            word = BIASES + (bias or 0) if last else SCALES + row
            fields = {"row": row, "first": chunk == 0, "last": last, "store": store, "scaled": scaled}
            fields |= {"relu": relu, "shift": shift}
            await self.send(Op.DRAIN, QUAD * word, drain_layout(config).const(fields).as_value().value)
        if store:
            multiplier, shift = self.scales[row] if scaled else (1, shift)
            lowest, highest = config.activation_range
            value = self.sums[row] * multiplier + (1 << shift >> 1) >> shift
            value = max(0 if relu else lowest, min(highest, value))
            if value:
                self.drained.append({"value": value, "local": self.n_drained})
            self.n_drained += 1
        if bias is not None:
            self.sums[row] = self.biases[bias]

    async def open(self, bank: int) -> None:
        await self.send(Op.OPEN, 0, bank)

    async def store(self, values: list[int]) -> None:
        for value in values:
            await self.send(Op.STORE if value else Op.SKIP, 0, value % (1 << self.config.activation_width))

    async def all_out(self, bank: int) -> list[dict[str, int]]:
        """All that a bank sends towards the broadcast, in its turn."""
        before = len(self.sent)
        await self.send(Op.REWIND, 0, bank | 2)
        await self.send(turn_in=1)
        while not self.turns_handed_on:
            await self.send()
        await self.wait(5)
        self.turns_handed_on.pop()
        assert not self.turns_handed_on
        return [item for _, item in self.sent[before:]]


Scenario = Callable[[Session], Awaitable[None]]


class _Bench:
    """A simulator of one configuration, for many scenarios."""

    def __init__(self, config: EieConfig) -> None:
        dut = ProcessingElement(config)
        self.scenario: Scenario | None = None
        self.columns: list[Column] = []
        self.seed = 0

        async def testbench(ctx: Any) -> None:
            assert self.scenario is not None
            await self.scenario(Session(ctx, dut, self.columns, self.seed))

        self.simulator = Simulator(dut)
        self.simulator.add_clock(1e-8)
        self.simulator.add_testbench(testbench)
        self._used = False

    def run(self, scenario: Scenario, columns: list[Column], seed: int) -> None:
        if self._used:
            self.simulator.reset()
        self.scenario, self.columns, self.seed, self._used = scenario, columns, seed, True
        self.simulator.run()


_bench = lru_cache(maxsize=8)(_Bench)


def play(config: EieConfig, columns: list[Column], scenario: Scenario, *, seed: int = 0) -> None:
    """Let a scenario deal with a PE just out of reset that is to have these columns."""
    try:
        _bench(config).run(scenario, columns, seed)
    except BaseException:
        _bench.cache_clear()
        raise


def random_columns(config: EieConfig, n: int, seed: int, density: float = 0.5) -> list[Column]:
    draw = random.Random(f"{n} {seed}")
    return [
        [draw.randrange(1, config.codebook_size) * (draw.random() < density) for _ in range(config.accumulator_depth)]
        for _ in range(n)
    ]


def some_activations(config: EieConfig, columns: Iterable[int], seed: int) -> list[tuple[int, int]]:
    draw = random.Random(seed)
    return [(column, draw.choice([*config.activation_range, draw.randint(1, 99)])) for column in columns]


def plain_shift(config: EieConfig) -> int:
    return (config.weight_width - 2) // config.shift_unit * config.shift_unit


LAST_COLUMNS: dict[str, Column] = {
    "of one entry in the first row": [1, 0, 0, 0, 0, 0],
    "of one entry in the last row": [0, 0, 0, 0, 0, 7],
    "of two entries": [3, 0, 2, 0, 0, 0],
    "of five entries": [1, 2, 3, 4, 0, 5],
    "full": [1, 2, 3, 4, 5, 6],
    "empty": [0, 0, 0, 0, 0, 0],
}


def two_passes(config: EieConfig, last_column: Column, *, scaled: bool, distance: int) -> bool:
    """Whether two passes come out right whose drains begin so many cycles after the PE was busy last."""
    n = config.accumulator_depth
    right = False

    async def scenario(pe: Session) -> None:
        nonlocal right
        await pe.load()
        await pe.open(1)
        for first_bias in (n, 0):
            # Column 7 is the last of a word of the table, and the last to come.
            activations = some_activations(config, [4, 0, 6, 7], seed=first_bias)
            await pe.broadcast(activations, distance=distance)
            shift = 0 if scaled else plain_shift(config)
            await pe.drain(n, n_biases=n, first_bias=first_bias, scaled=scaled, shift=shift)
        right = await pe.all_out(1) == pe.drained

    play(config, [*random_columns(config, 7, 1), last_column], scenario, seed=2)
    return right


@pytest.mark.parametrize("last", LAST_COLUMNS)
@pytest.mark.parametrize(
    ("variant", "scaled"),
    [
        (variant, scaled)
        for variant, fields in VARIANTS.items()
        for scaled in (False, True)
        if fields.get("multipliers", True) or not scaled
    ],
)
def test_a_drain_directly_after_the_last_multiply_loses_nothing(variant: str, last: str, scaled: bool) -> None:
    config = dataclasses.replace(CONFIG, **VARIANTS[variant])
    assert two_passes(config, LAST_COLUMNS[last], scaled=scaled, distance=DRAIN_AFTER_BUSY)


@pytest.mark.parametrize("lut_ram", [True, False], ids=["lut_ram", "block RAM"])
def test_a_drain_a_cycle_earlier_would(lut_ram: bool) -> None:
    config = dataclasses.replace(CONFIG, lut_ram=lut_ram)
    longest = LAST_COLUMNS["of five entries"]
    assert two_passes(config, longest, scaled=False, distance=DRAIN_AFTER_BUSY)
    assert not two_passes(config, longest, scaled=False, distance=DRAIN_AFTER_BUSY - 1)


@pytest.mark.parametrize("lut_ram", [True, False], ids=["lut_ram", "block RAM"])
@pytest.mark.parametrize("scaled", [False, True], ids=["unscaled", "scaled"])
@pytest.mark.parametrize(
    ("n_rows", "n_biases"), [(6, 6), (2, 6), (6, 2), (1, 6), (6, 1), (0, 6), (6, 0), (1, 1), (0, 1), (3, 4)]
)
def test_biases_for_more_rows_than_are_drained_and_for_fewer(
    n_rows: int, n_biases: int, scaled: bool, lut_ram: bool
) -> None:
    # Two passes. The second adds to rows that have a bias from the first, and drains those; without a drain, the
    # others still have what they had.
    config = dataclasses.replace(CONFIG, lut_ram=lut_ram)
    depth, shift = config.accumulator_depth, 0 if scaled else plain_shift(config)
    defined = n_biases if n_rows else depth
    columns = random_columns(config, 4, 3)
    columns += [[code if row < defined else 0 for row, code in enumerate(column)] for column in columns]

    async def scenario(pe: Session) -> None:
        await pe.load()
        await pe.open(0)
        if n_rows:
            await pe.broadcast(some_activations(config, range(4), seed=5))
        await pe.drain(n_rows, n_biases=n_biases, first_bias=depth, scaled=scaled, shift=shift)
        await pe.broadcast(some_activations(config, range(4, 8), seed=6))
        await pe.drain(defined, scaled=scaled, shift=shift)
        assert await pe.all_out(0) == pe.drained
        assert pe.n_drained == n_rows + defined

    play(config, columns, scenario, seed=4)


@pytest.mark.parametrize("lut_ram", [True, False], ids=["lut_ram", "block RAM"])
def test_scaled_and_unscaled_drains_alternating(lut_ram: bool) -> None:
    config = dataclasses.replace(CONFIG, lut_ram=lut_ram, activation_depth=64)
    n = config.accumulator_depth

    async def scenario(pe: Session) -> None:
        await pe.load()
        await pe.open(0)
        await pe.broadcast(some_activations(config, range(4), seed=10))
        for number, n_rows in enumerate([n, n, 1, 1, 2, 1, n, 3]):
            scaled, relu = number % 2 == 0, number % 3 == 1
            shift = 0 if scaled else plain_shift(config) - number
            await pe.drain(n_rows, n_biases=n, first_bias=number % n, scaled=scaled, relu=relu, shift=shift)
        assert await pe.all_out(0) == pe.drained

    play(config, random_columns(config, 4, 8), scenario, seed=9)


@pytest.mark.parametrize("skip_empty", [False, True])
@pytest.mark.parametrize("first_entry", [57, 60, 62, 63])
def test_slices_around_the_end_of_the_entry_memory(first_entry: int, skip_empty: bool) -> None:
    config = dataclasses.replace(CONFIG, skip_empty=skip_empty)
    columns = random_columns(config, 8, 11)
    columns[5] = [0] * config.accumulator_depth

    async def scenario(pe: Session) -> None:
        await pe.load(first_entry)
        await pe.open(1)
        await pe.broadcast(some_activations(config, [7, 6, 5, 4, 3, 2, 1, 0, 2, 5, 1], seed=13))
        await pe.drain(config.accumulator_depth, shift=plain_shift(config))
        assert await pe.all_out(1) == pe.drained

    play(config, columns, scenario, seed=12)


def busy_cycles(config: EieConfig, columns: list[Column]) -> int:
    """For how many cycles a PE is busy with all columns, in their order."""
    cycles = 0

    async def scenario(pe: Session) -> None:
        nonlocal cycles
        await pe.load()
        cycles = await pe.broadcast((column, 1) for column in range(len(columns)))

    play(config, columns, scenario)
    return cycles


FULL, EMPTY = LAST_COLUMNS["full"], LAST_COLUMNS["empty"]


@pytest.mark.parametrize(
    "columns",
    [[FULL, EMPTY, FULL], [FULL, EMPTY, EMPTY, EMPTY, FULL], [FULL, EMPTY, FULL, EMPTY, FULL]],
    ids=["one", "three in a row", "two apart"],
)
def test_an_empty_slice_takes_exactly_one_cycle_of_the_multiplier_unless_it_is_skipped(columns: list[Column]) -> None:
    skips, keeps = (dataclasses.replace(CONFIG, skip_empty=skip_empty) for skip_empty in (True, False))
    full = [column for column in columns if column is FULL]
    alone = busy_cycles(skips, full)
    assert busy_cycles(keeps, full) == alone
    assert busy_cycles(skips, columns) == alone
    assert busy_cycles(keeps, columns) == alone + columns.count(EMPTY)


def test_emission_sends_the_next_element() -> None:
    async def scenario(pe: Session) -> None:
        await pe.open(0)
        await pe.store([5, 0, 3])
        await pe.send(Op.REWIND, 0, 0)
        await pe.wait(1)
        begin = pe.now
        for op in (Op.EMIT, Op.NONE, Op.EMIT, Op.NONE, Op.NONE, Op.EMIT):
            assert not await pe.send(op)
        await pe.wait(EMIT_LATENCY)
        assert pe.sent == [
            (begin + EMIT_LATENCY, {"value": 5, "local": 0}),
            (begin + EMIT_LATENCY + 5, {"value": 3, "local": 2}),
        ]

    play(CONFIG, [], scenario)


def test_a_hold_keeps_the_turn_and_the_activations() -> None:
    async def scenario(pe: Session) -> None:
        await pe.open(0)
        await pe.store([5, 0, 3])
        await pe.send(Op.REWIND, 0, 2)
        await pe.send(turn_in=1, hold=1)
        begin = pe.now
        for hold in (1, 0, 1, 0, 1):
            await pe.send(hold=hold)
        await pe.wait(3)
        assert pe.sent == [(begin + 3, {"value": 5, "local": 0}), (begin + 5, {"value": 3, "local": 2})]
        assert pe.turns_handed_on == [begin + 4]

    play(CONFIG, [], scenario)


def test_without_the_turn_nothing_is_sent() -> None:
    async def scenario(pe: Session) -> None:
        await pe.open(0)
        await pe.send(Op.STORE, 0, 5)
        await pe.send(Op.REWIND, 0, 2)
        for _ in range(20):
            assert not await pe.send()
        assert pe.sent == pe.turns_handed_on == []

    play(CONFIG, [], scenario)
