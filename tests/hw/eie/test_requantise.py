"""Requantise, with the multiplier that it borrows, against Python's integers."""

import dataclasses
import random
from dataclasses import dataclass
from typing import Any

import pytest
from amaranth.hdl import Module, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from eyrie.bench.component import STALLS, Stall, run, stalls
from eyrie.eie.config import TINY, EieConfig
from eyrie.eie.layouts import drain_layout, scale_layout
from eyrie.eie.multiply import Multiply
from eyrie.eie.requantise import DRAIN_LATENCY, REDUCTION_LATENCY, SCALED_DRAIN_LATENCY, SUM_AGE, Requantise

SCALE_AGE = 2

Row = tuple[int, int, int]
"""Sum, multiplier, shift."""


@dataclass(frozen=True, kw_only=True)
class Drain:
    """A drain of rows; those of an unscaled drain all take the same shift. Rows beyond `n_stored` only get a bias."""

    rows: list[Row]
    scaled: bool
    relu: bool = False
    n_stored: int | None = None


def configuration(**fields: int) -> EieConfig:
    return dataclasses.replace(TINY, **fields)


class RequantiseWithMultiplier(wiring.Component):
    """`Requantise` with `Multiply` as the PE connects them."""

    def __init__(self, config: EieConfig) -> None:
        self.config = config
        super().__init__(
            {
                "i_valid": In(1),
                "i": In(drain_layout(config)),
                "scale": In(scale_layout(config)),
                "sum": In(signed(config.accumulator_width)),
                "valid": Out(1),
                "o": Out(signed(config.activation_width)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.requantise = requantise = Requantise(self.config)
        m.submodules.multiply = multiply = Multiply(self.config)
        for name in ("i_valid", "i", "scale", "sum"):
            m.d.comb += getattr(requantise, name).eq(getattr(self, name))
        m.d.comb += [
            multiply.a.eq(requantise.a),
            multiply.b.eq(requantise.b),
            requantise.product.eq(multiply.product),
            self.valid.eq(requantise.valid),
            self.o.eq(requantise.o),
        ]
        return m


def reference(config: EieConfig, row: Row, *, relu: bool, scaled: bool) -> int:
    total, multiplier, shift = row
    product = total * (multiplier if scaled else 1)
    lowest, highest = config.activation_range
    rounded = max(lowest, min(highest, (product + (1 << shift >> 1)) >> shift))
    return max(rounded, 0) if relu else rounded


def check(config: EieConfig, drains: list[Drain], *, seed: int = 0, stall: Stall = "never") -> None:
    """Drains one after the other, each once the activations of the one before are out, with gaps between rows."""
    draw = random.Random(seed)
    held = stalls(stall, f"{seed} rows")
    n_cycles = sum(len(drain.rows) for drain in drains) * 80 + 20 * len(drains)
    # What nobody asks for is noise.
    commands: list[dict[str, int] | None] = []
    sums = [draw.randint(*config.accumulator_range) for _ in range(n_cycles)]
    scales = [{"multiplier": draw.getrandbits(config.multiplier_width), "shift": draw.getrandbits(6)} for _ in sums]
    expected = {}
    later = REDUCTION_LATENCY if config.column_groups > 1 else 0
    for drain in drains:
        n_stored = len(drain.rows) if drain.n_stored is None else drain.n_stored
        n_chunks = config.n_chunks if drain.scaled else 1
        for number, row in enumerate(drain.rows):
            while next(held):
                commands.append(None)
            scales[len(commands) + SCALE_AGE] = {"multiplier": row[1], "shift": row[2]}
            for chunk in range(n_chunks):
                sums[len(commands) + SUM_AGE + later] = row[0]
                commands.append(
                    {
                        "row": number % config.accumulator_depth,
                        "first": chunk == 0,
                        "last": chunk == n_chunks - 1,
                        "store": number < n_stored,
                        "scaled": drain.scaled,
                        "relu": drain.relu,
                        "shift": draw.getrandbits(6) if drain.scaled else row[2],
                        **({"apart": 1} if later else {}),
                    }
                )
            due = len(commands) - 1 + later + (SCALED_DRAIN_LATENCY if drain.scaled else DRAIN_LATENCY)
            if number < n_stored:
                expected[due] = reference(config, row, relu=drain.relu, scaled=drain.scaled)
        commands += [None] * (due + 1 - len(commands))
    noise = dict.fromkeys(drain_layout(config).members, 1)
    result = run(
        RequantiseWithMultiplier(config),
        {},
        {},
        levels={
            "i_valid": [int(command is not None) for command in commands],
            "i": [noise if command is None else command for command in commands],
            "scale": scales,
            "sum": sums,
        },
        watch=["valid", "o"],
        after=len(commands),
    )
    cycles = range(len(commands))
    assert [cycle for cycle in cycles if result.watched["valid"][cycle]] == list(expected)
    assert result.watched["o"] == [expected.get(cycle, 0) for cycle in cycles]


def random_sum(config: EieConfig, draw: random.Random) -> int:
    lowest, highest = config.accumulator_range
    return draw.choice([lowest, highest, 0, draw.randint(lowest, highest) >> draw.randrange(40)])


def random_rows(config: EieConfig, n: int, seed: int) -> list[Row]:
    draw = random.Random(f"{config} {seed}")
    return [
        (
            random_sum(config, draw),
            draw.choice([1, config.max_multiplier, draw.randint(1, config.max_multiplier)]),
            draw.randint(0, config.max_shift),
        )
        for _ in range(n)
    ]


def edge_rows(config: EieConfig) -> list[Row]:
    edges = config.accumulator_range
    top = config.max_multiplier
    return [
        *((edge, multiplier, shift) for edge in edges for multiplier in (1, top) for shift in (0, 1, 31, 62, 63)),
        # Rounding half up: at, below and above the middle of two results, of either sign.
        *((sign * 5 + offset, 1, 1) for sign in (-1, 1) for offset in (-1, 0, 1)),
        *((sign * 24 + offset, 1, 4) for sign in (-1, 1) for offset in (-1, 0, 1)),
        (-1, 1, 63),
        (0, top, 0),
        # On both sides of what an activation holds.
        *((edge + offset, 1, 0) for edge in config.activation_range for offset in (-1, 0, 1)),
    ]


def plain_drains(config: EieConfig, seed: int, *, relu: bool = False) -> list[Drain]:
    """A drain for each shift that a layer without multipliers can have."""
    draw = random.Random(f"{config} {seed}")
    drains = []
    for shift in range(0, config.max_plain_shift + 1, config.shift_unit):
        half = 1 << shift >> 1
        sums = [*config.accumulator_range, half, half - 1, -half, -half - 1, *(random_sum(config, draw) for _ in "123")]
        # On both sides of what an activation holds, rounding included.
        sums += [(edge << shift) + offset for edge in config.activation_range for offset in (-half - 1, -half, half)]
        sums = [total for total in sums if config.accumulator_range[0] <= total <= config.accumulator_range[1]]
        drains.append(Drain(rows=[(total, 1, shift) for total in sums], scaled=False, relu=relu))
    return drains


@pytest.mark.parametrize("accumulator_width", [24, 32, 48])
@pytest.mark.parametrize("activation_width", [8, 12, 16])
def test_scaled_values_and_latency(activation_width: int, accumulator_width: int) -> None:
    config = configuration(activation_width=activation_width, accumulator_width=accumulator_width)
    check(config, [Drain(rows=edge_rows(config) + random_rows(config, 40, seed=1), scaled=True)])


@pytest.mark.parametrize("multipliers", [True, False], ids=["multipliers", "none"])
@pytest.mark.parametrize(
    ("activation_width", "accumulator_width"), [(8, 24), (12, 32), (16, 24), (16, 32), (16, 33), (9, 48), (16, 48)]
)
def test_unscaled_values_and_latency(activation_width: int, accumulator_width: int, multipliers: bool) -> None:
    config = configuration(
        activation_width=activation_width, accumulator_width=accumulator_width, multipliers=multipliers
    )
    check(config, plain_drains(config, seed=2))


@pytest.mark.parametrize("weight_width", [8, 11])
def test_narrow_multipliers(weight_width: int) -> None:
    config = configuration(weight_width=weight_width)
    check(config, [Drain(rows=edge_rows(config) + random_rows(config, 30, seed=2), scaled=True)])


def test_relu_of_scaled_rows() -> None:
    config = configuration()
    check(config, [Drain(rows=edge_rows(config) + random_rows(config, 30, seed=3), scaled=True, relu=True)])


@pytest.mark.parametrize("multipliers", [True, False], ids=["multipliers", "none"])
def test_relu_of_unscaled_rows(multipliers: bool) -> None:
    config = configuration(multipliers=multipliers)
    check(config, plain_drains(config, seed=4, relu=True))


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("scaled", [False, True], ids=["unscaled", "scaled"])
def test_gaps_between_rows(scaled: bool, stall: Stall) -> None:
    rows = random_rows(TINY, 30, seed=4)
    rows = rows if scaled else [(total, 1, 9) for total, _, _ in rows]
    check(configuration(), [Drain(rows=rows, scaled=scaled)], stall=stall)


@pytest.mark.parametrize("fields", [{"activation_width": 8}, {}, {"column_groups": 2, "accumulator_width": 24}])
def test_scaled_and_unscaled_drains_alternating(fields: dict[str, int]) -> None:
    config = configuration(**fields)
    activation_width = config.activation_width
    draw = random.Random(activation_width)
    drains = []
    for number, (scaled, relu) in enumerate(20 * [(True, False), (False, True), (True, True), (False, False)]):
        rows, shift = random_rows(config, draw.choice([1, 1, 2, 5]), seed=number), draw.randint(0, config.max_shift)
        rows = rows if scaled else [(total, 1, shift) for total, _, _ in rows]
        drains.append(Drain(rows=rows, scaled=scaled, relu=relu, n_stored=draw.randint(0, len(rows))))
    check(config, drains)


@pytest.mark.parametrize("n_stored", [0, 1, 4, 9])
@pytest.mark.parametrize("scaled", [False, True], ids=["unscaled", "scaled"])
def test_rows_that_only_get_a_bias_give_no_activation(scaled: bool, n_stored: int) -> None:
    rows = random_rows(TINY, 9, seed=6)
    rows = rows if scaled else [(total, 1, 3) for total, _, _ in rows]
    check(configuration(), [Drain(rows=rows, scaled=scaled, n_stored=n_stored)] * 2)


def test_latencies() -> None:
    assert (SUM_AGE, DRAIN_LATENCY, SCALED_DRAIN_LATENCY, REDUCTION_LATENCY) == (3, 6, 8, 2)
