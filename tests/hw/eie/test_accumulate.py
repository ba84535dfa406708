"""Accumulate: sums by row, whatever the distance between updates of one row, in memories of either kind."""

import dataclasses
import random
from collections.abc import Iterable
from itertools import product as combinations
from typing import NamedTuple

import pytest

from eyrie.bench.component import STALLS, Stall, run, stalls
from eyrie.eie.accumulate import Accumulate
from eyrie.eie.config import TINY, EieConfig


class Access(NamedTuple):
    """What is asked for in a cycle; ``operand`` is the product or the bias."""

    row: int
    operand: int = 0
    valid: bool = True
    read: bool = False
    exchange: bool = False


def add(row: int, product: int) -> Access:
    return Access(row, product)


def look(row: int) -> Access:
    """Read and change nothing, as the cycles of a scaled row before its last do."""
    return Access(row, valid=False, read=True, exchange=True)


def exchange(row: int, bias: int) -> Access:
    return Access(row, bias, read=True, exchange=True)


Accesses = list[Access | None]
"""One for each cycle, or a gap."""


@pytest.fixture(params=[True, False], ids=["lut_ram", "block RAM"])
def config(request: pytest.FixtureRequest) -> EieConfig:
    """With memories of either kind."""
    return dataclasses.replace(TINY, lut_ram=request.param)


def with_gaps(accesses: Iterable[Access], stall: Stall, seed: int) -> Accesses:
    held = stalls(stall, f"{seed} accesses")
    cycles: Accesses = []
    for access in accesses:
        while next(held):
            cycles.append(None)
        cycles.append(access)
    return cycles


def check(config: EieConfig, accesses: Accesses, *, seed: int = 0) -> None:
    """Accesses after an exchange of every row, then a look at every row, against plain sums."""
    draw = random.Random(seed)
    depth, modulus, lowest = config.accumulator_depth, 1 << config.accumulator_width, config.accumulator_range[0]
    first = [exchange(row, draw.randint(*config.accumulator_range)) for row in range(depth)]
    cycles: Accesses = [*first, *accesses, *map(look, range(depth))]
    n = len(cycles)
    # What nobody asks for is noise.
    products = [draw.randint(-9, 9) for _ in range(n + 1)]
    biases = [draw.randint(-9, 9) for _ in range(n + 1)]
    sums, expected = [0] * depth, {}
    for cycle, access in enumerate(cycles):
        if access is None:
            continue
        expected[cycle + 2] = sums[access.row]
        (biases if access.exchange else products)[cycle + 1] = access.operand
        if access.valid:
            after = access.operand if access.exchange else sums[access.row] + access.operand
            sums[access.row] = (after - lowest) % modulus + lowest
    levels = {
        "valid": [int(access is not None and access.valid) for access in cycles],
        "read": [int(access is not None and access.read) for access in cycles],
        "exchange": [draw.randrange(2) if access is None else int(access.exchange) for access in cycles],
        "row": [draw.randrange(depth) if access is None else access.row for access in cycles],
        "product": products,
        "bias": biases,
    }
    result = run(Accumulate(config), {}, {}, levels=levels, watch=["sum"], after=n + 3)
    wrong = [cycle for cycle in expected if cycle >= depth + 2 and result.watched["sum"][cycle] != expected[cycle]]
    assert not wrong, f"sums in cycles {wrong}"


def random_accesses(config: EieConfig, rows: int, n: int, seed: int) -> list[Access]:
    draw = random.Random(f"{seed} {rows}")
    highest = 1 << config.activation_width + config.weight_width - 2
    return [
        draw.choice(
            [
                *[add(row, draw.randint(1 - highest, highest))] * 4,
                exchange(row, draw.randint(*config.accumulator_range)),
                look(row),
            ]
        )
        for row in (draw.randrange(rows) for _ in range(n))
    ]


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("rows", [1, 2, 3, 4, 16])
def test_few_rows_so_that_every_distance_happens(config: EieConfig, rows: int, stall: Stall) -> None:
    config = dataclasses.replace(config, accumulator_depth=max(rows, 2), accumulator_width=48)
    check(config, with_gaps(random_accesses(config, rows, 300, seed=rows), stall, rows), seed=rows)


@pytest.mark.parametrize("n", range(1, 5))
def test_all_short_sequences(config: EieConfig, n: int) -> None:
    # Additions, looks and exchanges in two rows, and gaps: in every order, each followed by a look at both rows.
    config = dataclasses.replace(config, accumulator_depth=2)
    kinds = [(add, 0), (add, 1), (look, 0), (exchange, 0), (exchange, 1), None]
    accesses: Accesses = []
    for number, sequence in enumerate(combinations(kinds, repeat=n)):
        for place, kind in enumerate(sequence):
            operands = () if kind is None or kind[0] is look else (number + (1 << 4 * place),)
            accesses.append(None if kind is None else kind[0](kind[1], *operands))
        accesses += [look(0), look(1)]
    check(config, accesses)


@pytest.mark.parametrize("accumulator_width", [24, 32, 48])
def test_wraps(config: EieConfig, accumulator_width: int) -> None:
    config = dataclasses.replace(config, accumulator_depth=3, accumulator_width=accumulator_width)
    lowest, highest = config.accumulator_range
    accesses: Accesses = [
        *(add(0, 1 << 30) for _ in range(6)),
        *(add(1, -(1 << 30)) for _ in range(6)),
        *(exchange(0, highest), add(0, 1), add(0, -1), exchange(1, lowest), add(1, -1), add(1, 1)),
        *random_accesses(config, 3, 80, accumulator_width),
    ]
    check(config, accesses)


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_a_memory_of_any_depth(config: EieConfig, depth: int) -> None:
    config = dataclasses.replace(config, accumulator_depth=depth)
    check(config, with_gaps(random_accesses(config, depth, 60, 7), "random", 7), seed=depth)
