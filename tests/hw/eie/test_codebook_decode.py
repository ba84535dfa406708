"""CodebookDecode: weights, rows, and entries that only move the row on."""

import dataclasses
import random

import pytest

from eyrie.bench.component import STALLS, Sink, Stall, run
from eyrie.eie.codebook_decode import CodebookDecode
from eyrie.eie.config import TINY, EieConfig

Entry = tuple[int, int]
"""Code and run."""


def encode(rows: dict[int, int], max_run: int) -> list[Entry]:
    """Entries of one slice given as codes by row, ascending."""
    entries, after = [], 0
    for row, code in rows.items():
        zeros = row - after
        while zeros > max_run:
            entries.append((0, max_run))
            zeros -= max_run + 1
        entries.append((code, zeros))
        after = row + 1
    return entries


def check(
    config: EieConfig, slices: list[tuple[int, dict[int, int]]], *, seed: int = 0, stall: Stall = "never"
) -> list[Entry]:
    """Decode slices, each an activation and the codes of its rows; returns the entries that went in."""
    draw = random.Random(seed)
    codebook = [0] + [draw.randint(*config.weight_range) for _ in range(config.codebook_size - 1)]
    pulses, entries, updates = [], [], []
    for value, rows in slices:
        for number, (code, zeros) in enumerate(encode(rows, config.max_run)):
            entry = {"code": code, "run": zeros}
            pulses.append({"i_first": number == 0, "i_value": value, "i_entry": entry})
            entries.append((code, zeros))
        updates += [(value, codebook[code], row) for row, code in rows.items()]
    result = run(
        CodebookDecode(config),
        {"i_valid": pulses},
        {"valid": Sink(len(updates), ("value", "weight", "row"))},
        seed=seed,
        stall=stall,
        preload=[{"write_en": 1, "write_address": a, "write_data": weight} for a, weight in enumerate(codebook)],
    )
    assert result.received["valid"] == updates
    nonzero = [at for at, (code, _) in zip(result.sent_at["i_valid"], entries, strict=True) if code]
    assert result.received_at["valid"] == [at + 1 for at in nonzero]
    return entries


def random_slices(config: EieConfig, n: int, seed: int) -> list[tuple[int, dict[int, int]]]:
    draw = random.Random(seed)
    slices = []
    for _ in range(n):
        n_rows = draw.choice([1, 2, min(5, config.accumulator_depth), min(config.accumulator_depth, 12)])
        rows = sorted(draw.sample(range(config.accumulator_depth), min(n_rows, config.accumulator_depth)))
        slices.append(
            (draw.randint(*config.activation_range), {row: draw.randrange(1, config.codebook_size) for row in rows})
        )
    return slices


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("index_bits", [1, 2, 4, 8])
def test_random_slices(index_bits: int, stall: Stall) -> None:
    config = dataclasses.replace(TINY, index_bits=index_bits, accumulator_depth=40)
    check(config, random_slices(config, 12, seed=index_bits), seed=index_bits, stall=stall)


@pytest.mark.parametrize("bits", range(1, 9))
def test_every_width_of_code_and_index(bits: int) -> None:
    config = dataclasses.replace(TINY, index_bits=bits, codebook_bits=9 - bits, accumulator_depth=64, weight_width=8)
    check(config, random_slices(config, 15, seed=bits), seed=bits)


@pytest.mark.parametrize("index_bits", range(1, 9))
def test_zero_runs_around_what_the_index_holds(index_bits: int) -> None:
    config = dataclasses.replace(TINY, index_bits=index_bits, accumulator_depth=4096)
    longest = config.max_run
    for zeros, fillers in (
        (longest - 1, 0),
        (longest, 0),
        (longest + 1, 1),
        (2 * longest, 1),
        (2 * longest + 1, 1),
        (2 * longest + 2, 2),
        (5 * longest + 5, 5),
    ):
        # The run at the start of a slice, and then between two entries.
        entries = check(config, [(3, {zeros: 1}), (-7, {0: 2, zeros + 1: 3})], seed=index_bits)
        assert [code for code, _ in entries].count(0) == 2 * fillers, f"a run of {zeros}"


def test_codebook_of_one_entry_lets_nothing_through() -> None:
    # All codes are 0: a matrix of zeros, if anyone were to write its entries.
    pulses = [{"i_first": 1, "i_value": 5, "i_entry": {"code": 0, "run": n}} for n in range(4)]
    result = run(CodebookDecode(TINY), {"i_valid": pulses}, {"valid": Sink(0, ("row",))})
    assert result.received["valid"] == []


def test_first_row_and_last_row() -> None:
    config = dataclasses.replace(TINY, accumulator_depth=16)
    check(config, [(1, {0: 1, 15: 2}), (2, {15: 3}), (3, {0: 4}), (4, {row: 5 for row in range(16)})])
