"""ActivationReadWrite: lists of non-zeros in two banks."""

import dataclasses
import random
from typing import Any

import pytest

from eyrie.bench.component import STALLS, Stall, run, stalls
from eyrie.common.emit import emit_verilog
from eyrie.eie.activation_memory import ActivationReadWrite
from eyrie.eie.config import TINY, EieConfig

IDLE: dict[str, Any] = {}
"""The head is there two cycles after a rewind: a cycle between the two must pass."""


def configuration(activation_depth: int, **fields: int) -> EieConfig:
    return dataclasses.replace(TINY, activation_depth=activation_depth, **fields)


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
def test_emission_offers_each_element_in_its_cycle_and_no_zeros(
    activation_depth: int, density: float, stall: Stall
) -> None:
    values = vector(activation_depth, 5, density)
    result = run(
        ActivationReadWrite(configuration(activation_depth)),
        {"emit": [{}] * activation_depth},
        {"o": 0},
        stall=stall,
        stall_sinks="never",
        preload=[*write(0, [9] * activation_depth), *write(1, values), rewind(1, all_out=False), IDLE],
        watch=["pending"],
    )
    assert result.received["o"] == nonzero(values)
    assert result.received_at["o"] == [at for at, value in zip(result.sent_at["emit"], values, strict=True) if value]
    assert not any(result.watched["pending"])


def test_emission_from_a_later_index() -> None:
    values = vector(6, 6)
    result = run(
        ActivationReadWrite(configuration(16)),
        {"emit": [{}] * 6},
        {"o": 0},
        preload=[*write(0, values, index=10), rewind(0, all_out=False, index=10), IDLE],
    )
    assert result.received["o"] == nonzero(values, 10)
    assert result.received_at["o"] == [at for at, value in zip(result.sent_at["emit"], values, strict=True) if value]


def test_emission_from_below_what_the_bank_holds() -> None:
    values = vector(6, 6, density=1)
    result = run(
        ActivationReadWrite(configuration(16)),
        {"emit": [{}] * 16},
        {"o": 0},
        preload=[*write(0, values, index=10), rewind(0, all_out=False), IDLE],
    )
    assert result.received["o"] == nonzero(values, 10)
    assert result.received_at["o"] == result.sent_at["emit"][10:]


@pytest.mark.parametrize("all_out", [False, True])
def test_open_ends_what_is_being_read(all_out: bool) -> None:
    # Those after the third or fourth of nine are never offered, not even where the local index is theirs again.
    opens = [cycle == 4 for cycle in range(6)]
    emits = [cycle in (1, 2, 3, 6, 7, 8) for cycle in range(10)]
    result = run(
        ActivationReadWrite(configuration(16)),
        {},
        {"o": 0},
        preload=[*write(0, list(range(1, 10))), *write(1, [7] * 16), rewind(0, all_out=all_out)],
        levels={
            "open": opens,
            "bank": opens,
            "index": [4 * opened for opened in opens],
            "emit": [emit and not all_out for emit in emits],
        },
        watch=["pending"],
        after=30,
    )
    assert [item["value"] for item in result.received["o"]] == ([1, 2, 3, 4] if all_out else [1, 2, 3])
    assert result.watched["pending"] == [all_out and cycle <= 4 for cycle in range(30)]


def test_a_broadcast_does_not_move_the_place_where_a_drain_writes() -> None:
    # As a step does it: the bank that the drain writes is opened before the other is read.
    read, drained = nonzero(vector(9, 7)), vector(6, 8, density=1)
    later = [cycle == 40 for cycle in range(42)]
    result = run(
        ActivationReadWrite(configuration(16)),
        {},
        {"o": len(read) + len(drained)},
        preload=[
            *write(0, vector(9, 7)),
            {"open": 1, "bank": 1, "index": 10},
            {**rewind(0, all_out=True), "index": 3},
        ],
        levels={
            "valid": [20 <= cycle < 26 for cycle in range(27)],
            "value": [0] * 20 + drained,
            "rewind": later,
            "bank": later,
            "all_out": later,
        },
    )
    assert max(result.received_at["o"][: len(read)]) < 20
    assert result.received["o"] == read + nonzero(drained, 10)


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


@pytest.mark.parametrize("lut_ram", [False, True])
@pytest.mark.parametrize("activation_depth", [32, 33])
def test_memories_of_either_kind(activation_depth: int, lut_ram: bool) -> None:
    dut = ActivationReadWrite(configuration(activation_depth, lut_ram=lut_ram))
    banks = [vector(activation_depth, seed) for seed in (9, 10)]
    expected = nonzero(banks[1])
    preload = [*write(0, banks[0]), *write(1, banks[1]), rewind(1, all_out=True)]
    assert run(dut, {}, {"o": len(expected)}, preload=preload).received["o"] == expected
    text = emit_verilog(dut, name="lists", prefix="lists").text
    assert ('ram_style = "distributed"' in text) == (lut_ram and activation_depth == 32)
