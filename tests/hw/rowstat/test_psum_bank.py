"""PsumBank: passes add to one half while the other is drained."""

import dataclasses
import random
from typing import Any

import pytest

from eyrie.bench.component import run
from eyrie.rowstat.config import TINY, RowstatConfig
from eyrie.rowstat.psum_bank import PsumBank
from eyrie.rowstat.timing import BANK_DRAIN_LATENCY, PSUM_LATENCY, RESTORE_DISTANCE
from tests.hw.rowstat.array_model import wrapped
from tests.hw.rowstat.traffic import IDLE, extreme

CONFIGS = {
    "tiny": TINY,
    "smallest": dataclasses.replace(TINY, psum_bank_words=4, accumulator_width=24),
    "halves of 5": dataclasses.replace(TINY, psum_bank_words=10, accumulator_width=42),
}


def address(config: RowstatConfig, half: int, word: int) -> int:
    return word + (half << config.psum_bank_address_width - 1)


def update(config: RowstatConfig, half: int, word: int, psum: int, *, first: bool = False) -> dict[str, Any]:
    return {"update": {"valid": 1, "first": int(first), "address": address(config, half, word)}, "psum": psum}


def drain(config: RowstatConfig, half: int, word: int) -> dict[str, Any]:
    return {"drain_en": 1, "drain_address": address(config, half, word)}


def drained(config: RowstatConfig, cycles: list[dict[str, Any]]) -> list[int]:
    """What comes out for each cycle's drain; 0 where there is none."""
    n = len(cycles) + BANK_DRAIN_LATENCY
    levels = {
        name: [*(cycle.get(name, empty) for cycle in cycles), empty]
        for name, empty in (("update", IDLE), ("drain_en", 0), ("drain_address", 0))
    }
    levels["psum"] = [*[77] * PSUM_LATENCY, *(cycle.get("psum", 77) for cycle in cycles), 0]
    watched = run(PsumBank(config), {}, {}, levels=levels, watch=["drained"], after=n).watched["drained"]
    assert watched[:BANK_DRAIN_LATENCY] == [0] * BANK_DRAIN_LATENCY
    return watched[BANK_DRAIN_LATENCY:]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", CONFIGS)
def test_random_updates_and_drains(name: str, seed: int) -> None:
    config, draw = CONFIGS[name], random.Random(f"{name} {seed}")
    words = min(config.psum_half_words, 6)
    psums: dict[int, int] = {}
    cycles: list[dict[str, Any]] = []
    expected: list[int] = []
    for phase in range(6):
        half = phase % 2
        updated: dict[int, int] = {}
        for _ in range(60):
            cycle: dict[str, Any] = {}
            word, other = draw.randrange(words), draw.randrange(words)
            if len(cycles) - updated.get(word, -9) >= RESTORE_DISTANCE and draw.random() < 0.8:
                place = address(config, half, word)
                first = place not in psums or draw.random() < 0.1
                psum = extreme(draw, config.accumulator_width)
                cycle |= update(config, half, word, psum, first=first)
                psums[place] = wrapped(psum + (0 if first else psums[place]), config.accumulator_width)
                updated[word] = len(cycles)
            place = address(config, 1 - half, other)
            asked = place in psums and draw.random() < 0.7
            if asked:
                cycle |= drain(config, 1 - half, other)
            cycles.append(cycle)
            expected.append(psums[place] if asked else 0)
        # The last ones are written before the half is drained.
        cycles += [{}] * PSUM_LATENCY
        expected += [0] * PSUM_LATENCY
    assert drained(config, cycles) == expected
    assert len(set(expected)) > 5


def test_the_first_overwrites_and_the_next_ones_add() -> None:
    passes = [(5, True), (7, False), (-1, False), (100, True), (-30, False)]
    cycles: list[dict[str, Any]] = []
    for psum, first in passes:
        cycles += [update(TINY, 1, 9, psum, first=first), {}, {}, drain(TINY, 1, 9)]
    assert drained(TINY, cycles)[3::4] == [5, 12, 11, 100, 70]


def test_one_address_every_third_cycle() -> None:
    cycles = [update(TINY, 0, 0, 1, first=True)]
    for _ in range(20):
        cycles += [{}, {}, update(TINY, 0, 0, 1)]
    assert drained(TINY, [*cycles, {}, {}, drain(TINY, 0, 0)])[-1] == 21


def test_halves_are_two_memories() -> None:
    cycles = [update(TINY, 0, 3, 1, first=True), update(TINY, 1, 3, -2, first=True), {}, {}]
    assert drained(TINY, [*cycles, drain(TINY, 0, 3), drain(TINY, 1, 3)])[-2:] == [1, -2]


def test_most_negative_psums_wrap() -> None:
    lowest = -(1 << 31)
    cycles = [update(TINY, 0, 0, lowest, first=True), {}, {}, update(TINY, 0, 0, lowest), {}, {}, drain(TINY, 0, 0)]
    assert drained(TINY, cycles)[-1] == 0


@pytest.mark.parametrize("half", [0, 1])
def test_drain_and_update_of_one_half_are_a_mistake(half: int) -> None:
    both = update(TINY, half, 1, 5, first=True) | drain(TINY, half, 2)
    with pytest.raises(AssertionError, match="drain and update of one half in one cycle"):
        drained(TINY, [both, {}])
    assert drained(TINY, [update(TINY, half, 1, 5, first=True) | drain(TINY, 1 - half, 1)]) == [0]
