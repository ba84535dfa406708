"""PointerRead: slices of columns; empty ones disappear at no cost to what follows."""

import dataclasses
import random
from itertools import accumulate

import pytest

from eyrie.bench.component import STALLS, Run, Stall, run
from eyrie.eie.config import TINY, EieConfig
from eyrie.eie.pointer_read import PointerRead

LATENCY = 4


def configuration(pointer_depth: int) -> EieConfig:
    return dataclasses.replace(TINY, pointer_depth=pointer_depth, entry_depth=256)


def read(
    config: EieConfig, lengths: list[int], columns: list[int], *, seed: int = 0, **options: object
) -> tuple[Run, list[dict[str, int]]]:
    """Load the pointers of columns with these many entries, read some columns; what came out and what should have."""
    pointers = [0, *accumulate(lengths)]
    draw = random.Random(seed)
    items = [{"value": draw.choice([-5, -(1 << 15), 7, (1 << 15) - 1]), "column": column} for column in columns]
    expected = [
        {"value": item["value"], "begin": pointers[column], "last": pointers[column + 1] - 1}
        for item, column in zip(items, columns, strict=True)
        if lengths[column]
    ]
    result = run(
        PointerRead(config),
        {"i": items},
        {"o": len(expected)},
        seed=seed,
        preload=[{"write_en": 1, "write_address": a, "write_data": p} for a, p in enumerate(pointers)],
        watch=["occupied"],
        **options,  # type: ignore[arg-type]
    )
    return result, expected


@pytest.mark.parametrize("stall_sinks", STALLS)
@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("pointer_depth", [2, 3, 20])
def test_random_columns_many_of_them_empty(pointer_depth: int, stall: Stall, stall_sinks: Stall) -> None:
    draw = random.Random(pointer_depth)
    n_columns = pointer_depth - 1
    lengths = [draw.choice([0, 0, 0, 1, draw.randrange(2, 8)]) for _ in range(n_columns)]
    columns = [0, n_columns - 1, *(draw.randrange(n_columns) for _ in range(60)), *range(n_columns)]
    config = configuration(pointer_depth)
    result, expected = read(config, lengths, columns, seed=pointer_depth, stall=stall, stall_sinks=stall_sinks)
    assert result.received["o"] == expected

    occupied = [False] * len(result.watched["occupied"])
    received_at = iter(result.received_at["o"])
    for sent, column in zip(result.sent_at["i"], columns, strict=True):
        until = next(received_at) if lengths[column] else sent + 2
        occupied[sent + 1 : until + 1] = [True] * (until - sent)
    assert list(map(bool, result.watched["occupied"])) == occupied


@pytest.mark.parametrize("first", [0, 1])
def test_one_column_a_cycle_four_cycles_later(first: int) -> None:
    lengths = [1 + column % 3 for column in range(40)]
    columns = list(range(first, 40))
    result, expected = read(configuration(41), lengths, columns)
    assert result.received["o"] == expected
    assert result.sent_at["i"] == list(range(len(columns)))
    assert result.received_at["o"] == [at + LATENCY for at in result.sent_at["i"]]


@pytest.mark.parametrize("lengths", [[0] * 30, [0, 0, 1, 0, 0, 0, 2, 0, 1, 1, 0, 0], [0, 3], [3, 0]], ids=str)
def test_an_empty_slice_takes_one_cycle_and_disappears(lengths: list[int]) -> None:
    columns = list(range(len(lengths)))
    result, expected = read(configuration(31), lengths, columns)
    assert result.received["o"] == expected
    assert result.sent_at["i"] == columns
    assert result.received_at["o"] == [column + LATENCY for column in columns if lengths[column]]


def test_empty_slices_cost_a_busy_multiplier_nothing() -> None:
    # A slice every eight cycles leaves the time for seven empty ones to be read and dropped.
    lengths = [4, 0, 0, 0, 0, 0, 0, 0] * 8
    result, expected = read(
        configuration(65), lengths, list(range(64)), stall_sinks=[True] * 40 + ([False] + [True] * 7) * 8
    )
    assert result.received["o"] == expected
    assert result.received_at["o"] == [40 + 8 * slice_number for slice_number in range(8)]


def test_a_slice_may_end_with_the_memory() -> None:
    result, _ = read(configuration(4), [0, 255, 1], [1, 2])
    assert [(part["begin"], part["last"]) for part in result.received["o"]] == [(0, 254), (255, 255)]
    result, _ = read(configuration(4), [256, 0, 0], [2, 1, 0])
    assert [(part["begin"], part["last"]) for part in result.received["o"]] == [(0, 255)]
