"""Requantise, with the multiplier that it borrows, against Python's integers."""

import dataclasses
import random
from typing import Any

import pytest
from amaranth.hdl import Module, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from eyrie.bench.component import STALLS, Stall, run, stalls
from eyrie.eie.config import TINY, EieConfig
from eyrie.eie.layouts import drain_layout
from eyrie.eie.multiply import Multiply
from eyrie.eie.requantise import Requantise

Row = tuple[int, int, int, int]
"""Sum, bias, multiplier, shift."""

UNSCALED_LATENCY = 5
SCALED_LATENCY = 8


def configuration(**fields: int) -> EieConfig:
    return dataclasses.replace(TINY, row_depth=100, **fields)


class RequantiseWithMultiplier(wiring.Component):
    """`Requantise` with `Multiply` as the PE connects them."""

    def __init__(self, config: EieConfig) -> None:
        self.config = config
        super().__init__(
            {
                "i_valid": In(1),
                "i": In(drain_layout(config)),
                "table": In(config.table_width),
                "sum": In(signed(config.accumulator_width)),
                "valid": Out(1),
                "o": Out(signed(config.activation_width)),
                "occupied": Out(1),
                "write_bias": In(1),
                "write_scale": In(1),
                "write_address": In(config.table_width),
                "write_data": In(max(config.accumulator_width, config.scale_width)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.requantise = requantise = Requantise(self.config)
        m.submodules.multiply = multiply = Multiply(self.config)
        for name in ("i_valid", "i", "table", "sum", "write_bias", "write_scale", "write_address", "write_data"):
            m.d.comb += getattr(requantise, name).eq(getattr(self, name))
        m.d.comb += [
            multiply.a.eq(requantise.a),
            multiply.b.eq(requantise.b),
            requantise.product.eq(multiply.product),
            self.valid.eq(requantise.valid),
            self.o.eq(requantise.o),
            self.occupied.eq(requantise.occupied),
        ]
        return m


def reference(config: EieConfig, row: Row, *, relu: bool, scaled: bool) -> int:
    total, bias, multiplier, shift = row
    product = (total + bias) * (multiplier if scaled else 1)
    lowest, highest = config.activation_range
    rounded = max(lowest, min(highest, (product + (1 << shift >> 1)) >> shift))
    return max(rounded, 0) if relu else rounded


def check(
    config: EieConfig, rows: list[Row], *, relu: bool, scaled: bool, seed: int = 0, stall: Stall = "never"
) -> None:
    """One drain of all rows, with gaps between the rows."""
    n_cycles = config.n_chunks if scaled else 1
    assert len(rows) <= config.row_depth
    held = stalls(stall, f"{seed} rows")
    cycles: list[dict[str, Any]] = []
    expected, under_way = {}, set()
    for address, row in enumerate(rows):
        while next(held):
            cycles.append({})
        for chunk in range(n_cycles):
            drain = {
                "row": 0,
                "first": chunk == 0,
                "last": chunk == n_cycles - 1,
                "scaled": scaled,
                "relu": relu,
            }
            cycles.append({"i_valid": 1, "i": drain, "table": address})
        last = len(cycles) - 1
        due = last + (SCALED_LATENCY if scaled else UNSCALED_LATENCY)
        expected[due] = reference(config, row, relu=relu, scaled=scaled)
        under_way |= set(range(last - n_cycles + 2, due + 1))
    sums = [0] + [rows[values["table"]][0] if values else 0 for values in cycles]
    idle = {"row": 0, "first": 0, "last": 0, "scaled": 0, "relu": 0}
    levels = {
        "i_valid": [values.get("i_valid", 0) for values in cycles] + [0],
        "i": [values.get("i", idle) for values in cycles] + [idle],
        "table": [values.get("table", 0) for values in cycles],
        "sum": sums,
    }
    biases = [row[1] % (1 << config.accumulator_width) for row in rows]
    scales = [row[2] | row[3] << config.multiplier_width for row in rows]
    result = run(
        RequantiseWithMultiplier(config),
        {},
        {},
        preload=[
            *({"write_bias": 1, "write_address": a, "write_data": word} for a, word in enumerate(biases)),
            *({"write_scale": 1, "write_address": a, "write_data": word} for a, word in enumerate(scales)),
        ],
        levels=levels,
        watch=["valid", "o", "occupied"],
        after=len(cycles) + 12,
    )
    valid, o = result.watched["valid"], result.watched["o"]
    assert {cycle: o[cycle] for cycle in range(len(o)) if valid[cycle]} == expected
    assert {cycle for cycle, occupied in enumerate(result.watched["occupied"]) if occupied} == under_way


def random_rows(config: EieConfig, n: int, seed: int) -> list[Row]:
    draw = random.Random(f"{config} {seed}")
    lowest, highest = config.accumulator_range
    rows = []
    for _ in range(n):
        total = draw.choice([lowest, highest, 0, draw.randint(lowest, highest) >> draw.randrange(40)])
        bias = draw.choice([lowest, highest, 0, draw.randint(lowest, highest) >> draw.randrange(40)])
        multiplier = draw.choice([1, config.max_multiplier, draw.randint(1, config.max_multiplier)])
        rows.append((total, bias, multiplier, draw.randint(0, config.max_shift)))
    return rows


def edge_rows(config: EieConfig) -> list[Row]:
    lowest, highest = config.accumulator_range
    top = config.max_multiplier
    return [
        *((lowest, lowest, multiplier, shift) for multiplier in (1, top) for shift in (0, 1, 31, 62, 63)),
        *((highest, highest, multiplier, shift) for multiplier in (1, top) for shift in (0, 1, 31, 62, 63)),
        # Rounding half up: at, below and above the middle of two results, of either sign.
        *((sign * 5 + offset, 0, 1, 1) for sign in (-1, 1) for offset in (-1, 0, 1)),
        *((sign * 24 + offset, 0, 1, 4) for sign in (-1, 1) for offset in (-1, 0, 1)),
        (-1, 0, 1, 63),
        (0, 0, top, 0),
        # On both sides of what an activation holds.
        *((edge + offset, 0, 1, 0) for edge in config.activation_range for offset in (-1, 0, 1)),
    ]


@pytest.mark.parametrize("accumulator_width", [24, 32, 48])
@pytest.mark.parametrize("activation_width", [8, 12, 16])
@pytest.mark.parametrize("scaled", [False, True], ids=["unscaled", "scaled"])
def test_values_and_latency(activation_width: int, accumulator_width: int, scaled: bool) -> None:
    config = configuration(activation_width=activation_width, accumulator_width=accumulator_width)
    check(config, edge_rows(config) + random_rows(config, 40, seed=1), relu=False, scaled=scaled)


@pytest.mark.parametrize("weight_width", [8, 11])
def test_narrow_multipliers(weight_width: int) -> None:
    config = configuration(weight_width=weight_width)
    check(config, edge_rows(config) + random_rows(config, 30, seed=2), relu=False, scaled=True)


@pytest.mark.parametrize("scaled", [False, True], ids=["unscaled", "scaled"])
def test_relu(scaled: bool) -> None:
    config = configuration()
    check(config, edge_rows(config) + random_rows(config, 30, seed=3), relu=True, scaled=scaled)


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("scaled", [False, True], ids=["unscaled", "scaled"])
def test_gaps_between_rows(scaled: bool, stall: Stall) -> None:
    check(configuration(), random_rows(TINY, 30, seed=4), relu=False, scaled=scaled, stall=stall)
