# amaranth: UnusedElaboratable=no
"""FilterDecoder and its Codebook: words of weights go through, codes become weights."""

import dataclasses
import random
from typing import Any

import pytest

from eyrie.bench.component import run
from eyrie.rowstat.codebook import Codebook
from eyrie.rowstat.config import BUS_WORDS, TINY, RowstatConfig
from eyrie.rowstat.filter_decoder import FilterDecoder

CONFIGS = {
    "no codebook": dataclasses.replace(TINY, weight_width=11, codebook_entries=0),
    "1 entry": dataclasses.replace(TINY, codebook_entries=1),
    "2 entries": dataclasses.replace(TINY, weight_width=8, codebook_entries=2),
    "16 entries": TINY,
    "256 entries": dataclasses.replace(TINY, weight_width=13, codebook_entries=256),
}


def written(address: int, entry: int) -> dict[str, Any]:
    return {"entry_en": 1, "entry_address": address, "entry": entry}


def taken(lanes: list[int], *, coded: bool = False, high: bool = False) -> dict[str, Any]:
    return {"take": 1, "word": lanes, "coded": int(coded), "high": int(high)}


def lanes_of(codes: list[int], width: int) -> list[int]:
    """Eight codes as four lanes, signed."""
    pairs = [codes[first] | codes[first + 1] << 8 for first in range(0, 2 * BUS_WORDS, 2)]
    return [pair - (1 << width) if pair >> width - 1 else pair for pair in pairs]


def weights(config: RowstatConfig, cycles: list[dict[str, Any]]) -> list[list[int]]:
    """What comes out in the cycle after each."""
    names = ("word", "take", "coded", "high", "entry_en", "entry_address", "entry")
    levels = {
        name: [*(cycle.get(name, [0] * BUS_WORDS if name == "word" else 0) for cycle in cycles), 0][: len(cycles)]
        for name in names
    }
    watched = run(FilterDecoder(config), {}, {}, levels=levels, watch=["weights"], after=len(cycles) + 1).watched
    return [list(one.values()) for one in watched["weights"][1:]]


@pytest.mark.parametrize("name", CONFIGS)
def test_words_and_codes_in_any_order(name: str) -> None:
    config, draw = CONFIGS[name], random.Random(name)
    low, high = config.weight_range
    entries = config.codebook_entries
    cycles: list[dict[str, Any]] = []
    expected: list[list[int] | None] = []  # None where nothing was taken yet
    codebook = [0] * entries
    held = None
    for _ in range(3):
        for address in draw.sample(range(entries), entries):
            codebook[address] = draw.choice([low, high, draw.randint(low, high)])
            cycles.append(written(address, codebook[address]))
            expected.append(held)
        for _ in range(60):
            kind = draw.choice(["idle", "plain", "coded"] if entries else ["idle", "plain"])
            if kind == "plain":
                held = [draw.choice([low, high, draw.randint(low, high)]) for _ in range(BUS_WORDS)]
                cycles.append(taken(held, high=bool(draw.getrandbits(1))))
            elif kind == "coded":
                codes, upper = [draw.randrange(entries) for _ in range(2 * BUS_WORDS)], bool(draw.getrandbits(1))
                cycles.append(taken(lanes_of(codes, config.filter_lane_width), coded=True, high=upper))
                held = [codebook[code] for code in codes[BUS_WORDS * upper :][:BUS_WORDS]]
            else:
                cycles.append({"coded": 1, "high": 1})
            expected.append(held)
    got = weights(config, cycles)
    assert [one for one, wanted in zip(got, expected, strict=True) if wanted is not None] == [
        wanted for wanted in expected if wanted is not None
    ]


def test_a_codebook_needs_entries() -> None:
    with pytest.raises(ValueError, match="codebook_entries is 0"):
        Codebook(dataclasses.replace(TINY, codebook_entries=0))


def test_a_read_beside_a_write_is_caught() -> None:
    cycle = written(1, 5) | taken([0] * BUS_WORDS, coded=True)
    with pytest.raises(AssertionError, match="codes are read while an entry is written"):
        weights(TINY, [cycle])
