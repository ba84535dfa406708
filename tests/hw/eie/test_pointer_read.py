"""PointerRead: slices of columns in all four places of a word; empty ones disappear or do not."""

import dataclasses
import random
from itertools import product

import pytest

from eyrie.bench.component import STALLS, Stall, run, stalls
from eyrie.eie.config import QUAD, TINY, EieConfig
from eyrie.eie.pointer_read import PointerRead

WORD_AGE = 2
LATENCY = 3

Column = tuple[int, list[int], int]
"""Address of the third of four columns, their counts, and the column's place among them."""


def configuration(**fields: int) -> EieConfig:
    return dataclasses.replace(TINY, **fields)


def quad(config: EieConfig, base: int, counts: list[int]) -> int:
    """The word of four columns."""
    places = [config.entry_address_width + config.count_bits * place for place in range(QUAD)]
    return base + sum(count << place for place, count in zip(places, counts, strict=True))


def check(config: EieConfig, columns: list[Column], *, seed: int = 0, stall: Stall = "never") -> None:
    """Read columns, with gaps between them; what comes out and when, and what is said to be inside."""
    draw = random.Random(seed)
    held = stalls(stall, f"{seed} columns")
    cycles: list[Column | None] = []
    for column in columns:
        while next(held):
            cycles.append(None)
        cycles.append(column)
    n_cycles = len(cycles) + LATENCY + 1
    above = config.table_width - config.quad_width
    # In cycles in which nothing is asked of them, all inputs are noise.
    values = [draw.randint(*config.activation_range) for _ in cycles]
    places = [draw.randrange(QUAD) if column is None else column[2] for column in cycles]
    words = [draw.getrandbits(config.table_width) for _ in range(n_cycles)]
    expected, occupied = {}, set()
    for cycle, column in enumerate(cycles):
        if column is None:
            continue
        base, counts, place = column
        words[cycle + WORD_AGE] = quad(config, base, counts) | draw.getrandbits(above) << config.quad_width
        begin = (base - sum(counts[place:2]) + sum(counts[2:place])) % (1 << config.entry_address_width)
        if counts[place] or not config.skip_empty:
            expected[cycle + LATENCY] = {"value": values[cycle], "begin": begin, "count": counts[place]}
        occupied |= set(range(cycle + 1, cycle + LATENCY + 1))
    result = run(
        PointerRead(config),
        {},
        {},
        levels={
            "i_valid": [int(column is not None) for column in cycles] + [0],
            "i_value": values,
            "i_place": places,
            "word": words,
        },
        watch=["valid", "o", "occupied"],
        after=n_cycles,
    )
    seen = result.watched
    assert {cycle: seen["o"][cycle] for cycle in range(n_cycles) if seen["valid"][cycle]} == expected
    assert {cycle for cycle in range(n_cycles) if seen["occupied"][cycle]} == occupied


def random_columns(config: EieConfig, n: int, seed: int) -> list[Column]:
    draw = random.Random(f"{config} {seed}")
    top = (1 << config.entry_address_width) - 1
    columns: list[Column] = []
    for _ in range(n):
        base = draw.choice([0, top, draw.randint(0, top)])
        counts = [draw.choice([0, 0, 1, config.max_count, draw.randint(0, config.max_count)]) for _ in range(QUAD)]
        columns.append((base, counts, draw.randrange(QUAD)))
    return columns


@pytest.mark.parametrize("skip_empty", [False, True])
@pytest.mark.parametrize(("count_bits", "entry_depth"), [(1, 16), (1, 2), (2, 8)])
def test_slices_of_all_places_with_all_counts(count_bits: int, entry_depth: int, skip_empty: bool) -> None:
    config = configuration(count_bits=count_bits, entry_depth=entry_depth, skip_empty=skip_empty)
    # At either end of the entries, so that slices reach around it, and in the middle.
    bases = sorted({0, 1, entry_depth // 2, entry_depth - 1})
    counts = [list(counts) for counts in product(range(config.max_count + 1), repeat=QUAD)]
    columns = [(base, own, place) for base in bases for own in counts for place in range(QUAD)]
    check(config, columns)


@pytest.mark.parametrize("base", [0, 1, 5, 62, 63])
def test_slices_around_the_end_of_the_entries(base: int) -> None:
    config = configuration(count_bits=6, entry_depth=64)
    all_counts = [[9, 7, 5, 3], [1, 1, 1, 1], [63, 63, 63, 63], [0, 6, 4, 0], [63, 0, 0, 63], [0, 63, 63, 0]]
    check(config, [(base, counts, place) for counts in all_counts for place in range(QUAD)])


@pytest.mark.parametrize("skip_empty", [False, True])
@pytest.mark.parametrize(
    ("count_bits", "entry_depth"), [(10, 2), (10, 1 << 20), (1, 1 << 20), (6, 512), (6, 513), (3, 37), (7, 128)]
)
def test_widths_of_counts_and_addresses(count_bits: int, entry_depth: int, skip_empty: bool) -> None:
    config = configuration(count_bits=count_bits, entry_depth=entry_depth, skip_empty=skip_empty)
    check(config, random_columns(config, 80, seed=1))


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("skip_empty", [False, True])
def test_gaps_between_columns(skip_empty: bool, stall: Stall) -> None:
    config = configuration(skip_empty=skip_empty, accumulator_width=48)
    check(config, random_columns(config, 60, seed=2), seed=3, stall=stall)


@pytest.mark.parametrize("skip_empty", [False, True])
@pytest.mark.parametrize(
    "counts", [[0] * 12, [0, 0, 1, 0, 0, 0, 2, 0, 1, 1, 0, 0], [0, 3, 0, 0], [3, 0, 0, 0]], ids=str
)
def test_several_empty_columns_in_a_row(counts: list[int], skip_empty: bool) -> None:
    config = configuration(skip_empty=skip_empty)
    columns = [
        (100, counts[column - column % QUAD : column - column % QUAD + QUAD], column % QUAD)
        for column in range(len(counts))
    ]
    check(config, columns)
