"""SparseMatrixRead: one entry a cycle, without gaps."""

import dataclasses
import random
from itertools import accumulate

import pytest

from eyrie.bench.component import STALLS, Run, Sink, Stall, run
from eyrie.eie.config import TINY, EieConfig
from eyrie.eie.sparse_matrix_read import SHORT, SparseMatrixRead

LATENCY = 2

Part = tuple[int, int]
"""Address of a slice's first entry, and how many it has."""


def configuration(entry_depth: int, **fields: int) -> EieConfig:
    return dataclasses.replace(TINY, entry_depth=entry_depth, codebook_bits=3, index_bits=5, **fields)


def check(config: EieConfig, parts: list[Part], *, seed: int = 0, stall: Stall = "never") -> Run:
    """Read slices; what comes out, and when."""
    draw = random.Random(seed)
    entries = [{"code": draw.randrange(8), "run": draw.randrange(32)} for _ in range(config.entry_depth)]
    slices = [{"value": draw.randint(*config.activation_range), "begin": begin, "count": n} for begin, n in parts]
    modulus = 1 << config.entry_address_width
    expected = [
        (place == 0, part["value"], entries[(part["begin"] + place) % modulus])
        for part in slices
        for place in range(part["count"])
    ]
    result = run(
        SparseMatrixRead(config),
        {"i": slices},
        {"valid": Sink(len(expected), ("first", "value", "entry"))},
        seed=seed,
        stall=stall,
        preload=[{"write_en": 1, "write_address": a, "write_data": entry} for a, entry in enumerate(entries)],
        watch=["continues"],
    )
    assert result.received["valid"] == expected
    # A slice is accepted with its last entry, before which the others follow one another whatever the source does.
    asked = [list(range(at - n + 1, at + 1)) for at, (_, n) in zip(result.sent_at["i"], parts, strict=True)]
    assert result.received_at["valid"] == [cycle + LATENCY for own in asked for cycle in own]
    continues = [cycle for cycle, more in enumerate(result.watched["continues"]) if more]
    assert continues == [cycle for own in asked for cycle in own[:-1] if len(own) > SHORT]
    return result


def random_parts(depth: int, n: int, longest: int, seed: int) -> list[Part]:
    draw = random.Random(seed)
    lengths = [draw.choice([1, draw.randint(1, longest)]) for _ in range(n)]
    return [(draw.randrange(depth - length + 1), length) for length in lengths]


PARTS: dict[str, list[Part]] = {
    "single entries": [(address, 1) for address in (0, 1, 2, 63, 0, 62, 63, 63)],
    "one and many": [(3, 1), (3, 7), (4, 1), (0, 21), (21, 1), (22, 2), (24, 1)],
    "ends with the memory": [(60, 4), (63, 1), (1, 63), (62, 2), (0, 1)],
    "around the end of the memory": [(63, 2), (60, 9), (62, 63), (1, 63), (63, 1), (0, 1)],
    "random": random_parts(64, 25, longest=9, seed=3),
}


@pytest.mark.parametrize("skip_empty", [False, True])
@pytest.mark.parametrize("parts", PARTS.values(), ids=PARTS)
def test_back_to_back_without_a_gap(parts: list[Part], skip_empty: bool) -> None:
    result = check(configuration(64, skip_empty=skip_empty), parts)
    assert result.sent_at["i"] == [total - 1 for total in accumulate(n for _, n in parts)]


@pytest.mark.parametrize("count_bits", [1, 2, 7])
def test_slices_as_long_as_a_count_can_say(count_bits: int) -> None:
    config = configuration(256, count_bits=count_bits)
    parts = [(address, n) for address in (0, 100) for n in (config.max_count, 1, config.max_count, config.max_count)]
    check(config, parts)


@pytest.mark.parametrize("entry_depth", [2, 3, 37])
def test_memories_of_any_depth_to_their_end(entry_depth: int) -> None:
    parts = [*random_parts(entry_depth, 20, longest=entry_depth, seed=entry_depth), (0, entry_depth)]
    check(configuration(entry_depth), parts)


@pytest.mark.parametrize("skip_empty", [False, True])
@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("seed", [0, 1])
def test_late_slices(seed: int, stall: Stall, skip_empty: bool) -> None:
    parts = random_parts(64, 40, longest=6, seed=seed)
    check(configuration(64, skip_empty=skip_empty), parts, seed=seed, stall=stall)


EMPTY: dict[str, list[Part]] = {
    "alone": [(5, 0)] * 7,
    "first": [(0, 0), (9, 0), (3, 4), (7, 1)],
    "last": [(3, 4), (7, 1), (8, 0), (0, 0)],
    "between": [(0, 1), (1, 0), (1, 1), (2, 0), (2, 0), (2, 0), (2, 3), (5, 0), (5, 2), (63, 0), (7, 1)],
}


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("parts", EMPTY.values(), ids=EMPTY)
def test_an_empty_slice_takes_exactly_one_cycle_where_they_are_not_skipped(parts: list[Part], stall: Stall) -> None:
    result = check(configuration(64, skip_empty=False), parts, seed=5, stall=stall)
    if stall == "never":
        assert result.sent_at["i"] == [total - 1 for total in accumulate(max(n, 1) for _, n in parts)]
