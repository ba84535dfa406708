"""SparseMatrixRead: one entry a cycle, without gaps."""

import dataclasses
import random
from typing import Any

import pytest

from eyrie.bench.component import STALLS, Run, Sink, Stall, run
from eyrie.eie.config import TINY, EieConfig
from eyrie.eie.sparse_matrix_read import SparseMatrixRead

LATENCY = 3


def configuration(entry_depth: int) -> EieConfig:
    return dataclasses.replace(TINY, entry_depth=entry_depth, codebook_bits=3, index_bits=5)


def walk(config: EieConfig, parts: list[tuple[int, int]], *, seed: int = 0, stall: Stall = "never") -> tuple[Run, Any]:
    """Read slices given by first and last address; what came out and what should have."""
    draw = random.Random(seed)
    entries = [{"code": draw.randrange(8), "run": draw.randrange(32)} for _ in range(config.entry_depth)]
    slices = [{"value": draw.randint(*config.activation_range), "begin": begin, "last": last} for begin, last in parts]
    expected = [
        (address == part["begin"], part["value"], entries[address])
        for part in slices
        for address in range(part["begin"], part["last"] + 1)
    ]
    result = run(
        SparseMatrixRead(config),
        {"i": slices},
        {"valid": Sink(len(expected), ("first", "value", "entry"))},
        seed=seed,
        stall=stall,
        preload=[{"write_en": 1, "write_address": a, "write_data": entry} for a, entry in enumerate(entries)],
        watch=["occupied"],
    )
    return result, expected


def random_parts(depth: int, n: int, longest: int, seed: int) -> list[tuple[int, int]]:
    draw = random.Random(seed)
    lengths = [draw.choice([1, draw.randint(1, longest)]) for _ in range(n)]
    begins = [draw.randrange(depth - length + 1) for length in lengths]
    return [(begin, begin + length - 1) for begin, length in zip(begins, lengths, strict=True)]


PARTS = {
    "single entries": [(address, address) for address in (0, 1, 2, 63, 0, 62, 63, 63)],
    "one and many": [(3, 3), (3, 9), (4, 4), (0, 20), (21, 21), (22, 23), (24, 24)],
    "ends with the memory": [(60, 63), (63, 63), (0, 63), (62, 63), (0, 0)],
    "random": random_parts(64, 25, longest=9, seed=3),
}


@pytest.mark.parametrize("parts", PARTS.values(), ids=PARTS)
def test_back_to_back_without_a_gap(parts: list[tuple[int, int]]) -> None:
    result, expected = walk(configuration(64), parts)
    assert result.received["valid"] == expected
    assert result.sent_at["i"][0] == 0
    assert result.received_at["valid"] == list(range(LATENCY, LATENCY + len(expected)))


@pytest.mark.parametrize("entry_depth", [2, 3, 37])
def test_memories_of_any_depth_to_their_end(entry_depth: int) -> None:
    parts = [*random_parts(entry_depth, 20, longest=entry_depth, seed=entry_depth), (0, entry_depth - 1)]
    result, expected = walk(configuration(entry_depth), parts)
    assert result.received["valid"] == expected


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("seed", [0, 1])
def test_late_slices(seed: int, stall: Stall) -> None:
    parts = random_parts(64, 40, longest=6, seed=seed)
    result, expected = walk(configuration(64), parts, seed=seed, stall=stall)
    assert result.received["valid"] == expected
    # Once a slice is in, its entries follow one another whatever the source does.
    cycles = [
        sent + LATENCY + entry
        for sent, (begin, last) in zip(result.sent_at["i"], parts, strict=True)
        for entry in range(last - begin + 1)
    ]
    assert result.received_at["valid"] == cycles
    under_way = {cycle - age for cycle in cycles for age in range(LATENCY)}
    assert [cycle for cycle, occupied in enumerate(result.watched["occupied"]) if occupied] == sorted(under_way)
