"""Loader: writes what a good stream holds, refuses every other, and recovers."""

import dataclasses
import random
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from eyrie.bench.component import STALLS, Stall, run
from eyrie.eie.config import TINY, EieConfig
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

CONFIG = dataclasses.replace(TINY, n_pes=3, accumulator_width=48, entry_depth=37, pointer_depth=19)

OPS = {
    Op.WRITE_ENTRY: Memory.ENTRY,
    Op.WRITE_POINTER: Memory.POINTER,
    Op.WRITE_BIAS: Memory.BIAS,
    Op.WRITE_SCALE: Memory.SCALE,
}

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


def writes(chosen: list[Packet]) -> list[Write]:
    return [
        (packet.memory, packet.pe, packet.address + place, int(element))
        for packet in chosen
        for place, element in enumerate(packet.elements)
    ]


def marked(words: Any) -> list[Word]:
    """A stream whose final word is marked as the last."""
    return [(int(word), place == len(words) - 1) for place, word in enumerate(words)]


def with_crc(words: list[int]) -> list[Word]:
    """These words and the CRC that makes them right."""
    return marked([*words, zlib.crc32(np.array(words, "<u4").tobytes())])


def load(
    config: EieConfig, streams: list[list[Word]], *, seed: int = 0, stall: Stall = "never", enable: Any = (1,)
) -> tuple[list[Write], list[LoadError], list[tuple[int, int]]]:
    """Send streams; the writes, the errors, and ``loaded`` before and after the final word of every stream."""
    words = [word for part in streams for word in part]
    result = run(
        Loader(config),
        {"i": [{"data": word, "last": last} for word, last in words]},
        {},
        seed=seed,
        stall=stall,
        levels={"enable": enable},
        watch=["command", "pe", "program_write", "program_address", "program_data", "error", "loaded", "first"],
    )
    seen = result.watched
    written: list[Write] = []
    for cycle, command in enumerate(seen["command"]):
        # Commands are wider than most elements, and what lies above an element means nothing.
        if seen["program_write"][cycle]:
            written.append((Memory.PROGRAM, 0, seen["program_address"][cycle], seen["program_data"][cycle]))
        if command["op"] is not Op.NONE:
            memory = OPS[command["op"]]
            element = command["data"] % (1 << element_width(config, memory))
            written.append((memory, seen["pe"][cycle], command["address"], element))
    ends = [sum(map(len, streams[: number + 1])) - 1 for number in range(len(streams))]
    starts = [0, *(end + 1 for end in ends[:-1])]
    sent = result.sent_at["i"]
    assert [cycle for cycle, first in enumerate(seen["first"]) if first] == [sent[start] for start in starts]
    loaded = [(seen["loaded"][sent[end]], seen["loaded"][sent[end] + 1]) for end in ends]
    return written, [LoadError(error) for error in seen["error"] if error], loaded


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("accumulator_width", [24, 32, 33, 48])
def test_good_streams(accumulator_width: int, stall: Stall) -> None:
    config = dataclasses.replace(CONFIG, accumulator_width=accumulator_width)
    chosen = [packets(config, seed) for seed in range(2)]
    streams = [marked(load_stream(config, part)) for part in chosen]
    written, errors, loaded = load(config, streams, seed=accumulator_width, stall=stall)
    assert written == [write for part in chosen for write in writes(part)]
    assert (errors, loaded) == ([], [(0, 1)] * 2)


@pytest.mark.parametrize("bits", range(1, 9))
def test_every_width_of_entries(bits: int) -> None:
    config = dataclasses.replace(CONFIG, codebook_bits=bits, index_bits=9 - bits if bits > 4 else bits)
    chosen = packets(config, bits, longest=37)
    written, errors, loaded = load(config, [marked(load_stream(config, chosen))])
    assert (written, errors, loaded) == (writes(chosen), [], [(0, 1)])


def test_a_stream_of_no_packets_is_a_network() -> None:
    assert load(CONFIG, [marked(load_stream(CONFIG, []))]) == ([], [], [(0, 1)])


def test_waits_until_it_is_enabled() -> None:
    chosen = packets(CONFIG, 5)
    enable = [cycle % 7 > 3 for cycle in range(4000)]
    written, errors, loaded = load(CONFIG, [marked(load_stream(CONFIG, chosen))], enable=enable)
    assert (written, errors, loaded) == (writes(chosen), [], [(0, 1)])


def test_one_element_a_cycle() -> None:
    entries = Packet(memory=Memory.ENTRY, pe=1, address=0, elements=np.arange(37) % 256)
    stream = marked(load_stream(CONFIG, [entries]))
    dut = Loader(CONFIG)
    source = [{"data": word, "last": last} for word, last in stream]
    result = run(dut, {"i": source}, {}, levels={"enable": [1]})
    assert result.sent_at["i"][-1] == len(stream) - 1 + 37


# What is wrong, and the words to make it so: header, packet header (memory and PE, address, count), elements, CRC.

GOOD = [
    Packet(memory=Memory.BIAS, pe=2, address=3, elements=np.array([-1, 1 << 40])),
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
    "memory 5": (LoadError.PACKET, lambda: replaced(FIRST_PACKET, 5 << 16 | 2)),
    "memory 8, which ends in the bits of PROGRAM": (LoadError.PACKET, lambda: replaced(FIRST_PACKET, 8 << 16)),
    "memory 32771": (LoadError.PACKET, lambda: replaced(FIRST_PACKET, 0x8003 << 16 | 2)),
    "PE 3 of 3": (LoadError.PACKET, lambda: replaced(FIRST_PACKET, 3 << 16 | 3)),
    "PE 256": (LoadError.PACKET, lambda: replaced(FIRST_PACKET, 3 << 16 | 256)),
    "PE 1 of the program memory": (LoadError.PACKET, lambda: replaced(FIRST_PACKET, 1)),
    "address at the end": (LoadError.PACKET, lambda: replaced(FIRST_PACKET + 1, CONFIG.row_depth)),
    "last element one past the end": (LoadError.PACKET, lambda: replaced(FIRST_PACKET + 1, CONFIG.row_depth - 1)),
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


@pytest.mark.parametrize("stall", ["never", "random"])
@pytest.mark.parametrize("case", REFUSED)
def test_refusal_and_recovery(case: str, stall: Stall) -> None:
    error, stream = REFUSED[case]
    good = marked(GOOD_WORDS)
    written, errors, loaded = load(CONFIG, [good, stream(), good], stall=stall)
    assert errors == [error]
    assert loaded == [(0, 1), (0, 0), (0, 1)]
    assert written[: len(writes(GOOD))] == written[-len(writes(GOOD)) :] == writes(GOOD)


def test_last_too_early_at_every_word() -> None:
    good = marked(GOOD_WORDS)
    streams = []
    for length in range(1, len(GOOD_WORDS)):
        streams += [marked(GOOD_WORDS[:length]), good]
    written, errors, loaded = load(CONFIG, streams)
    assert errors == [LoadError.LENGTH] * (len(GOOD_WORDS) - 1)
    assert loaded == [(0, 0), (0, 1)] * (len(GOOD_WORDS) - 1)
    # What a cut stream wrote is the beginning of what it would have.
    expected, place = writes(GOOD), 0
    for _ in range(1, len(GOOD_WORDS)):
        cut = 0
        while written[place + cut : place + cut + len(expected)] != expected:
            cut += 1
        assert written[place : place + cut] == expected[:cut]
        place += cut + len(expected)
    assert place == len(written)


def test_refusals_in_a_row() -> None:
    streams = [stream() for _, stream in REFUSED.values()]
    _, errors, loaded = load(CONFIG, [*streams, marked(GOOD_WORDS)])
    assert errors == [error for error, _ in REFUSED.values()]
    assert loaded == [(0, 0)] * len(streams) + [(0, 1)]


def test_stream_sizes_are_what_the_format_says() -> None:
    assert words_per_element(CONFIG.accumulator_width) == 2
    assert elements_per_word(element_width(CONFIG, Memory.ENTRY)) == 4
    assert len(GOOD_WORDS) == SECOND_PACKET + 3 + 2 + 1
