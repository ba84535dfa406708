"""Loader: writes what a good stream holds, refuses every other, and recovers."""

import dataclasses
import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from eyrie.bench.component import Stall, run
from eyrie.eie.config import QUAD, TINY, EieConfig
from eyrie.eie.layouts import Op
from eyrie.eie.load_format import (
    LoadError,
    Memory,
    Packet,
    element_width,
    elements_per_word,
    load_stream,
    memory_depth,
    words_per_element,
)
from eyrie.eie.loader import Loader

CONFIG = dataclasses.replace(TINY, n_pes=3, accumulator_width=48, entry_depth=37, table_depth=19)

OPS = {Op.WRITE_ENTRY: Memory.ENTRY, Op.WRITE_TABLE: Memory.TABLE}

CYCLES_PER_WORD = 5
"""At least: the CRC takes a word byte by byte, and then the next word may come."""

Word = tuple[int, bool]
"""A word of the stream, and whether it is marked as the last."""
Write = tuple[Memory, int, int, int]
"""Memory, PE, address, element."""


def packets(config: EieConfig, seed: int, *, longest: int = 12) -> list[Packet]:
    """Packets for all memories and PEs, up to the memories' ends, of one element and of more."""
    draw = random.Random(f"{config} {seed}")
    chosen = []
    for memory in Memory:
        depth, width = memory_depth(config, memory), element_width(config, memory)
        for pe in range(1 if memory is Memory.PROGRAM else config.n_pes):
            count = draw.choice([1, 2, draw.randint(1, min(longest, depth))])
            address = draw.choice([0, depth - count, draw.randint(0, depth - count)])
            elements = [draw.choice([(1 << width) - 1, 0, draw.getrandbits(width)]) for _ in range(count)]
            chosen.append(Packet(memory=memory, pe=pe, address=address, elements=np.array(elements, np.int64)))
    draw.shuffle(chosen)
    return chosen


def writes(config: EieConfig, chosen: list[Packet]) -> list[Write]:
    return [
        (packet.memory, packet.pe, packet.address + place, int(element) % (1 << element_width(config, packet.memory)))
        for packet in chosen
        for place, element in enumerate(packet.elements)
    ]


def marked(words: Any) -> list[Word]:
    """A stream whose final word is marked as the last."""
    return [(int(word), place == len(words) - 1) for place, word in enumerate(words)]


def with_crc(words: list[int]) -> list[Word]:
    """These words and the CRC that makes them right."""
    return marked([*words, zlib.crc32(np.array(words, "<u4").tobytes())])


@dataclass(frozen=True)
class Outcome:
    """What became of one stream: the writes, the errors, and ``loaded`` when the verdict is due."""

    written: list[Write]
    errors: list[LoadError]
    loaded: int


def load(
    config: EieConfig, streams: list[list[Word]], *, seed: int = 0, stall: Stall = "never", enable: Any = (1,)
) -> list[Outcome]:
    """Send streams, one after the other."""
    words = [word for part in streams for word in part]
    result = run(
        Loader(config),
        {"i": [{"data": word, "last": last} for word, last in words]},
        {},
        seed=seed,
        stall=stall,
        levels={"enable": enable},
        watch=["command", "pe", "program_write", "program_address", "program_data", "error", "loaded", "first"],
        after=40,
    )
    # A word waits while the CRC takes the one before it, or until that one's elements are written.
    fullest = max(elements_per_word(element_width(config, memory)) for memory in Memory)
    due = 2 + max(CYCLES_PER_WORD, 1 + fullest) if enable == (1,) else 100
    seen, sent = result.watched, result.sent_at["i"]
    ends = [sum(map(len, streams[: number + 1])) - 1 for number in range(len(streams))]
    starts = [cycle for cycle, first in enumerate(seen["first"]) if first]
    came = [sent[end + 1 - len(part)] for end, part in zip(ends, streams, strict=True)]
    assert all(at < start for at, start in zip(came, starts, strict=True))
    outcomes = []
    for start, after, end in zip(starts, [*starts[1:], len(seen["first"])], ends, strict=True):
        written: list[Write] = []
        for cycle in range(start, after):
            if seen["program_write"][cycle]:
                written.append((Memory.PROGRAM, 0, seen["program_address"][cycle], seen["program_data"][cycle]))
            command = seen["command"][cycle]
            if command["op"] is not Op.NONE:
                memory = OPS[command["op"]]
                # Commands are wider than most elements, and what lies above an element means nothing.
                element = command["data"] % (1 << element_width(config, memory))
                # Addresses of the table are written as those of columns, four to a word.
                address, place = divmod(command["address"], QUAD if memory is Memory.TABLE else 1)
                assert place == 0
                written.append((memory, seen["pe"][cycle], address, element))
        errors = [LoadError(error) for error in seen["error"][start:after] if error]
        outcomes.append(Outcome(written, errors, seen["loaded"][min(sent[end] + due, after - 1)]))
    return outcomes


@pytest.mark.parametrize(
    ("table_width", "stall"),
    [(24, "never"), (32, "never"), (33, "random"), (48, "alternate"), (48, "gaps"), (60, "never")],
)
def test_good_streams(table_width: int, stall: Stall) -> None:
    # As wide as an accumulator, or for the widest of all as four counts and an address.
    sizes = (
        {"accumulator_width": table_width, "count_bits": 4}
        if table_width <= 48
        else {"count_bits": 10, "entry_depth": 1 << 20}
    )
    config = dataclasses.replace(CONFIG, **sizes)
    assert config.table_width == table_width
    chosen = [packets(config, seed) for seed in range(2)]
    outcomes = load(config, [marked(load_stream(config, part)) for part in chosen], seed=1, stall=stall)
    assert outcomes == [Outcome(writes(config, part), [], 1) for part in chosen]


@pytest.mark.parametrize(("codebook_bits", "index_bits"), [(1, 1), (2, 3), (6, 5), (8, 8)])
def test_widths_of_entries(codebook_bits: int, index_bits: int) -> None:
    config = dataclasses.replace(CONFIG, codebook_bits=codebook_bits, index_bits=index_bits)
    chosen = packets(config, codebook_bits, longest=37)
    assert load(config, [marked(load_stream(config, chosen))]) == [Outcome(writes(config, chosen), [], 1)]


def test_a_stream_of_no_packets_is_a_network() -> None:
    assert load(CONFIG, [marked(load_stream(CONFIG, []))]) == [Outcome([], [], 1)]


def test_waits_until_it_is_enabled() -> None:
    chosen = packets(CONFIG, 5)
    enable = [cycle % 7 > 3 for cycle in range(4000)]
    outcomes = load(CONFIG, [marked(load_stream(CONFIG, chosen))], enable=enable)
    assert outcomes == [Outcome(writes(CONFIG, chosen), [], 1)]


@pytest.mark.parametrize(("memory", "codebook_bits"), [(Memory.ENTRY, 1), (Memory.ENTRY, 4), (Memory.TABLE, 4)])
def test_one_element_a_cycle(memory: Memory, codebook_bits: int) -> None:
    config = dataclasses.replace(CONFIG, codebook_bits=codebook_bits, index_bits=codebook_bits)
    per_word = elements_per_word(element_width(config, memory))
    n = per_word * 2 if memory is Memory.ENTRY else 3
    elements = Packet(memory=memory, pe=1, address=0, elements=np.arange(n))
    stream = marked(load_stream(config, [elements]))
    result = run(
        Loader(config), {"i": [{"data": word, "last": last} for word, last in stream]}, {}, levels={"enable": [1]}
    )
    sent = result.sent_at["i"]
    # Words before the elements; those with elements; the CRC after them.
    between = [CYCLES_PER_WORD] * (len(stream) - 1)
    if memory is Memory.ENTRY:
        between[-2:] = [max(CYCLES_PER_WORD, 1 + per_word)] * 2
    # The first word is taken at once, and each of the others when the one before it goes on.
    assert [after - before for before, after in pairwise(sent)] == [2, *between[:-1]]


# What is wrong, and the words to make it so: header, packet header (memory and PE, address, count), elements, CRC.

GOOD = [
    Packet(memory=Memory.TABLE, pe=2, address=3, elements=np.array([-1, 1 << 40])),
    Packet(memory=Memory.ENTRY, pe=0, address=30, elements=np.arange(7)),
]
GOOD_WORDS = [int(word) for word in load_stream(CONFIG, GOOD)]
FIRST_PACKET = 5
SECOND_PACKET = FIRST_PACKET + 3 + 2 * 2


def replaced(place: int, word: int) -> list[Word]:
    words = GOOD_WORDS[:-1]
    words[place] = word
    return with_crc(words)


def flipped(place: int, bit: int) -> list[Word]:
    words = list(GOOD_WORDS)
    words[place] ^= 1 << bit
    return marked(words)


REFUSED: dict[str, tuple[LoadError, Callable[[], list[Word]]]] = {
    "magic": (LoadError.MAGIC, lambda: replaced(0, GOOD_WORDS[0] ^ 1 << 31)),
    "version": (LoadError.VERSION, lambda: replaced(1, GOOD_WORDS[1] + 1)),
    "high hash": (LoadError.HASH, lambda: replaced(2, GOOD_WORDS[2] ^ 1)),
    "low hash": (LoadError.HASH, lambda: replaced(3, GOOD_WORDS[3] ^ 1 << 31)),
    "hash of another configuration": (
        LoadError.HASH,
        lambda: marked(load_stream(dataclasses.replace(CONFIG, queue_depth=5), GOOD)),
    ),
    "memory 3": (LoadError.PACKET, lambda: replaced(FIRST_PACKET, 3 << 16 | 2)),
    "memory 4, which ends in the bits of PROGRAM": (LoadError.PACKET, lambda: replaced(FIRST_PACKET, 4 << 16)),
    "memory 32770": (LoadError.PACKET, lambda: replaced(FIRST_PACKET, 0x8002 << 16 | 2)),
    "PE 3 of 3": (LoadError.PACKET, lambda: replaced(FIRST_PACKET, 2 << 16 | 3)),
    "PE 256": (LoadError.PACKET, lambda: replaced(FIRST_PACKET, 2 << 16 | 256)),
    "PE 1 of the program memory": (LoadError.PACKET, lambda: replaced(FIRST_PACKET, 1)),
    "address at the end": (LoadError.PACKET, lambda: replaced(FIRST_PACKET + 1, CONFIG.table_depth)),
    "last element one past the end": (LoadError.PACKET, lambda: replaced(FIRST_PACKET + 1, CONFIG.table_depth - 1)),
    "address that wraps": (LoadError.PACKET, lambda: replaced(FIRST_PACKET + 1, (1 << 32) - 1)),
    "count past the end": (LoadError.PACKET, lambda: replaced(SECOND_PACKET + 2, 8)),
    "count that wraps": (LoadError.PACKET, lambda: replaced(SECOND_PACKET + 2, (1 << 32) - 30)),
    "count 0": (LoadError.PACKET, lambda: replaced(SECOND_PACKET + 2, 0)),
    "CRC": (LoadError.CRC, lambda: flipped(len(GOOD_WORDS) - 1, 0)),
    "a bit of a wide element": (LoadError.CRC, lambda: flipped(FIRST_PACKET + 4, 7)),
    "a bit of the last element": (LoadError.CRC, lambda: flipped(SECOND_PACKET + 4, 16)),
    "a bit of an address": (LoadError.CRC, lambda: flipped(FIRST_PACKET + 1, 0)),
    "too few packets said": (LoadError.LENGTH, lambda: replaced(4, 1)),
    "too many packets said": (LoadError.LENGTH, lambda: replaced(4, 3)),
    "no packets said": (LoadError.LENGTH, lambda: replaced(4, 0)),
    "a word after the CRC": (LoadError.LENGTH, lambda: marked([*GOOD_WORDS, 0])),
    "nine words after the CRC": (LoadError.LENGTH, lambda: marked([*GOOD_WORDS, *GOOD_WORDS[:9]])),
    "two words too few": (LoadError.LENGTH, lambda: marked([*GOOD_WORDS[:-3], GOOD_WORDS[-1]])),
}


@pytest.fixture(scope="module")
def recoveries() -> dict[str, list[Outcome]]:
    """By the case, what became of its stream and of the good stream after it, all in one simulation."""
    good = marked(GOOD_WORDS)
    outcomes = load(CONFIG, [good, *(part for _, stream in REFUSED.values() for part in (stream(), good))])
    assert outcomes[0] == Outcome(writes(CONFIG, GOOD), [], 1)
    return {case: outcomes[1 + 2 * number : 3 + 2 * number] for number, case in enumerate(REFUSED)}


@pytest.mark.parametrize("case", REFUSED)
def test_refusal_and_recovery(case: str, recoveries: dict[str, list[Outcome]]) -> None:
    bad, good = recoveries[case]
    assert (bad.errors, bad.loaded) == ([REFUSED[case][0]], 0)
    assert good == Outcome(writes(CONFIG, GOOD), [], 1)


def test_narrow_counters_refuse_what_they_cannot_hold() -> None:
    config = dataclasses.replace(CONFIG, entry_memory="single_port")
    words = [int(word) for word in load_stream(config, GOOD)]
    good = marked(words)
    # Packets, an address and a count that are right but for bits above the counters.
    bad = [with_crc([*words[:place], words[place] | 1 << 16, *words[place + 1 : -1]]) for place in (4, 6, 7)]
    outcomes = load(config, [good, *(part for stream in bad for part in (stream, good))])
    assert outcomes[::2] == [Outcome(writes(config, GOOD), [], 1)] * 4
    assert [(outcome.errors, outcome.loaded) for outcome in outcomes[1::2]] == [([LoadError.PACKET], 0)] * 3


def test_last_too_early_at_every_word() -> None:
    lengths = range(1, len(GOOD_WORDS))
    outcomes = load(CONFIG, [part for length in lengths for part in (marked(GOOD_WORDS[:length]), marked(GOOD_WORDS))])
    assert outcomes[1::2] == [Outcome(writes(CONFIG, GOOD), [], 1)] * len(lengths)
    # Elements are written once their word is taken, but for the word that comes as the last.
    completed_by = [FIRST_PACKET + 4, FIRST_PACKET + 6, *[SECOND_PACKET + 3] * 4, *[SECOND_PACKET + 4] * 3]
    for length, outcome in zip(lengths, outcomes[::2], strict=True):
        pairs = zip(writes(CONFIG, GOOD), completed_by, strict=True)
        expected = [write for write, word in pairs if word < length - 1]
        assert outcome == Outcome(expected, [LoadError.LENGTH], 0), f"cut to {length} words"


@pytest.mark.parametrize("stall", ["never", "random"])
def test_refusals_in_a_row(stall: Stall) -> None:
    outcomes = load(CONFIG, [*(stream() for _, stream in REFUSED.values()), marked(GOOD_WORDS)], stall=stall)
    assert [outcome.errors for outcome in outcomes] == [*([error] for error, _ in REFUSED.values()), []]
    assert [outcome.loaded for outcome in outcomes] == [0] * len(REFUSED) + [1]


def test_stream_sizes_are_what_the_format_says() -> None:
    assert words_per_element(element_width(CONFIG, Memory.TABLE)) == 2
    assert elements_per_word(element_width(CONFIG, Memory.ENTRY)) == 4
    assert len(GOOD_WORDS) == SECOND_PACKET + 3 + 2 + 1
