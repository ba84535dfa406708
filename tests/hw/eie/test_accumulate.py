"""Accumulate: sums by row, whatever the distance between updates of one row."""

import dataclasses
import random
from itertools import product as combinations

import pytest

from eyrie.bench.component import STALLS, Stall, run, stalls
from eyrie.eie.accumulate import Accumulate
from eyrie.eie.config import TINY, EieConfig

Updates = list[tuple[int, int] | None]
"""Row and product of each cycle, or a gap."""


def configuration(accumulator_depth: int, accumulator_width: int = 32) -> EieConfig:
    return dataclasses.replace(TINY, accumulator_depth=accumulator_depth, accumulator_width=accumulator_width)


def with_gaps(updates: list[tuple[int, int]], stall: Stall, seed: int) -> Updates:
    held = stalls(stall, f"{seed} updates")
    cycles: Updates = []
    for update in updates:
        while next(held):
            cycles.append(None)
        cycles.append(update)
    return cycles


def check(config: EieConfig, rounds: list[Updates], *, seed: int = 0) -> None:
    """Rounds of updates, each drained and cleared as the engine does it, against plain sums."""
    draw = random.Random(seed)
    depth, modulus = config.accumulator_depth, 1 << config.accumulator_width
    lowest = config.accumulator_range[0]
    ports = ("valid", "row", "product", "read_en", "read_row", "clear_en", "clear_row")
    cycles: list[dict[str, int]] = [{"clear_en": 1, "clear_row": row} for row in range(depth)]
    expected, occupied = {}, set()
    for updates in rounds:
        sums = [0] * depth
        start = len(cycles)
        # Between the pulses, rows and products are noise.
        cycles += [{"row": draw.randrange(depth), "product": draw.randint(-9, 9)} for _ in range(len(updates) + 2)]
        for cycle, update in enumerate(updates, start):
            if update is not None:
                row, product = update
                cycles[cycle].update(valid=1, row=row)
                cycles[cycle + 1].update(product=product)
                sums[row] = (sums[row] + product - lowest) % modulus + lowest
                occupied |= {cycle + 1, cycle + 2}
        for row in range(depth):
            expected[len(cycles) + 1] = sums[row]  # seen one cycle after the read
            cleared = {"clear_en": 1, "clear_row": row - 1} if row else {}
            cycles.append({"read_en": 1, "read_row": row, **cleared})
        cycles.append({"clear_en": 1, "clear_row": depth - 1})
    levels = {port: [values.get(port, 0) for values in cycles] for port in ports}
    result = run(Accumulate(config), {}, {}, levels=levels, watch=["sum", "occupied"], after=len(cycles) + 2)
    assert {cycle: result.watched["sum"][cycle] for cycle in expected} == expected
    assert {cycle for cycle, busy in enumerate(result.watched["occupied"]) if busy} == occupied


def random_updates(config: EieConfig, rows: int, n: int, seed: int) -> list[tuple[int, int]]:
    draw = random.Random(f"{seed} {rows}")
    highest = 1 << config.activation_width + config.weight_width - 2
    return [(draw.randrange(rows), draw.randint(1 - highest, highest)) for _ in range(n)]


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("rows", [1, 2, 3, 4, 16])
def test_few_rows_so_that_every_distance_happens(rows: int, stall: Stall) -> None:
    config = configuration(max(rows, 2), 48)
    rounds = [with_gaps(random_updates(config, rows, 100, seed), stall, seed) for seed in range(3)]
    check(config, rounds, seed=rows)


@pytest.mark.parametrize("n", range(1, 6))
def test_all_short_sequences_of_rows_and_gaps(n: int) -> None:
    config = configuration(2)
    rounds: list[Updates] = [
        [None if row is None else (row, 1 << 4 * place) for place, row in enumerate(rows)]
        for rows in combinations((0, 1, None), repeat=n)
    ]
    check(config, rounds)


@pytest.mark.parametrize("accumulator_width", [24, 32, 48])
def test_wraps(accumulator_width: int) -> None:
    config = configuration(3, accumulator_width)
    highest = 1 << 30
    pushes = min(1 << accumulator_width - 31 if accumulator_width > 31 else 1, 40) + 3
    rounds: list[Updates] = [
        [(0, highest)] * pushes,
        [(1, -highest)] * pushes,
        [*random_updates(config, 3, 80, accumulator_width)],
        [(2, highest), (2, highest), (2, -highest), (2, -highest), (2, 77)],
    ]
    check(config, rounds)


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_a_memory_of_any_depth(depth: int) -> None:
    config = configuration(depth)
    check(config, [with_gaps(random_updates(config, depth, 60, 7), "random", 7)], seed=depth)
