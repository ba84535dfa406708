"""ActivationReadWrite: lists of non-zeros in two banks."""

import dataclasses
import random
from typing import Any

import pytest

from eyrie.bench.component import STALLS, Stall, run, stalls
from eyrie.eie.activation_memory import ActivationReadWrite
from eyrie.eie.config import TINY, EieConfig

IDLE: dict[str, Any] = {}
"""The head is there two cycles after a rewind: a cycle between the two must pass."""


def configuration(activation_depth: int) -> EieConfig:
    return dataclasses.replace(TINY, activation_depth=activation_depth)


def write(bank: int, values: list[int], *, index: int = 0, keep: bool = False, gaps: int = 0) -> list[dict[str, Any]]:
    """The cycles that write elements from a local index on."""
    cycles: list[dict[str, Any]] = [{"open": 1, "bank": bank, "keep": keep, "index": index}]
    for value in values:
        cycles += [{"valid": 1, "value": value}, *[{"value": -1}] * gaps]
    return cycles


def rewind(bank: int, *, all_out: bool, index: int = 0) -> dict[str, Any]:
    return {"rewind": 1, "bank": bank, "all_out": all_out, "index": index}


def nonzero(values: list[int], index: int = 0) -> list[dict[str, int]]:
    return [{"value": value, "local": local} for local, value in enumerate(values, index) if value]


def vector(n: int, seed: int, density: float = 0.5) -> list[int]:
    draw = random.Random(f"{n} {seed}")
    return [draw.choice([-(1 << 15), (1 << 15) - 1, -1, 3]) if draw.random() < density else 0 for _ in range(n)]


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("activation_depth", [1, 2, 3, 16])
@pytest.mark.parametrize("density", [0, 0.3, 1])
def test_all_non_zeros_in_order(activation_depth: int, density: float, stall: Stall) -> None:
    banks = [vector(activation_depth, seed, density) for seed in (1, 2)]
    for bank in (0, 1):
        expected = nonzero(banks[bank])
        result = run(
            ActivationReadWrite(configuration(activation_depth)),
            {},
            {"o": len(expected)},
            seed=activation_depth,
            stall=stall,
            preload=[*write(0, banks[0]), *write(1, banks[1], gaps=1), rewind(bank, all_out=True)],
            watch=["pending"],
        )
        assert result.received["o"] == expected
        last = max(result.received_at["o"], default=-1)
        assert result.watched["pending"] == [cycle <= last for cycle in range(len(result.watched["pending"]))]
        if stall == "never":
            assert result.received_at["o"] == list(range(1, len(expected) + 1))


@pytest.mark.parametrize("bank", [0, 1])
def test_passes_fill_one_bank_and_open_empties_it(bank: int) -> None:
    first, second, other = vector(7, 1), vector(5, 2), vector(9, 3, density=1)
    written = [
        *write(bank, [5] * 16),
        *write(bank, first),
        *write(1 - bank, other),
        *write(bank, second, index=7, keep=True, gaps=2),
    ]
    expected = {bank: nonzero(first + second), 1 - bank: nonzero(other)}
    for read in (0, 1):
        preload = [*written, rewind(read, all_out=True)]
        result = run(ActivationReadWrite(configuration(16)), {}, {"o": len(expected[read])}, preload=preload)
        assert result.received["o"] == expected[read]


def test_a_bank_can_be_read_again() -> None:
    values = vector(16, 4)
    again = [cycle == 40 for cycle in range(42)]
    result = run(
        ActivationReadWrite(configuration(16)),
        {},
        {"o": 2 * len(nonzero(values))},
        preload=[*write(1, values), rewind(1, all_out=True)],
        levels={"rewind": again, "bank": again, "all_out": again},
    )
    assert result.received["o"] == 2 * nonzero(values)


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("density", [0, 0.4, 1])
@pytest.mark.parametrize("activation_depth", [1, 2, 16])
def test_emission_puts_the_zeros_back(activation_depth: int, density: float, stall: Stall) -> None:
    values = vector(activation_depth, 5, density)
    result = run(
        ActivationReadWrite(configuration(activation_depth)),
        {"emit": [{}] * activation_depth},
        {"o": activation_depth},
        stall=stall,
        stall_sinks="never",
        preload=[*write(0, [9] * activation_depth), *write(1, values), rewind(1, all_out=False), IDLE],
        watch=["pending"],
    )
    assert result.received["o"] == [{"value": value, "local": local} for local, value in enumerate(values)]
    assert result.received_at["o"] == result.sent_at["emit"]
    assert not any(result.watched["pending"])


def test_emission_from_a_later_index() -> None:
    values = vector(6, 6)
    result = run(
        ActivationReadWrite(configuration(16)),
        {"emit": [{}] * 6},
        {"o": 6},
        preload=[*write(0, values, index=10), rewind(0, all_out=False, index=10), IDLE],
    )
    assert [item["value"] for item in result.received["o"]] == values


@pytest.mark.parametrize("stall", STALLS)
def test_zeros_take_a_place_but_no_memory(stall: Stall) -> None:
    # More elements than memory words, as long as the non-zero ones fit: the last local index is what limits.
    held = stalls(stall, "gaps")
    values = [0] * 15 + [4]
    cycles = write(0, [])
    for value in values:
        while next(held):
            cycles.append({"value": 1})
        cycles.append({"valid": 1, "value": value})
    result = run(ActivationReadWrite(configuration(16)), {}, {"o": 1}, preload=[*cycles, rewind(0, all_out=True)])
    assert result.received["o"] == [{"value": 4, "local": 15}]
