"""The load stream in software: packing of elements, and the whole stream."""

import dataclasses
import random
import zlib

import numpy as np
import pytest

from eyrie.eie.config import FORMAT_VERSION, TINY
from eyrie.eie.load_format import (
    MAGIC,
    Memory,
    Packet,
    element_width,
    elements_per_word,
    load_stream,
    memory_depth,
    pack_elements,
    words_per_element,
)


def packet(memory: Memory, elements: list[int], *, pe: int = 0, address: int = 0) -> Packet:
    return Packet(memory=memory, pe=pe, address=address, elements=np.array(elements, np.int64))


@pytest.mark.parametrize("width", [*range(1, 33), 33, 40, 47, 48, 60])
def test_elements_lie_from_the_least_significant_bit(width: int) -> None:
    draw = random.Random(width)
    elements = [draw.choice([0, -1, draw.getrandbits(width), -(1 << width - 1)]) for _ in range(23)]
    words = [int(word) for word in pack_elements(np.array(elements, np.int64), width)]
    stored = [element % (1 << width) for element in elements]
    if width > 32:
        assert words_per_element(width) == 2
        assert words == [half for element in stored for half in (element % (1 << 32), element >> 32)]
    else:
        per_word = 32 // width
        assert elements_per_word(width) == per_word
        padded = [*stored, *[0] * (-len(stored) % per_word)]
        groups = [padded[first : first + per_word] for first in range(0, len(padded), per_word)]
        assert words == [sum(element << place * width for place, element in enumerate(group)) for group in groups]


def test_a_whole_stream() -> None:
    packets = [packet(Memory.PROGRAM, [1, 2]), packet(Memory.ENTRY, [0xAB, 0xCD, 0xEF], pe=3, address=509)]
    words = [int(word) for word in load_stream(TINY, packets)]
    body = [
        *[MAGIC, FORMAT_VERSION, TINY.hash >> 32, TINY.hash % (1 << 32), 2],
        *[0 << 16 | 0, 0, 2, 1, 2],
        *[1 << 16 | 3, 509, 3, 0xEFCDAB],
    ]
    assert words[:-1] == body
    assert words[-1] == zlib.crc32(b"".join(word.to_bytes(4, "little") for word in body))
    assert MAGIC.to_bytes(4, "little") == b"EYRI"


def test_empty_packets_are_left_out() -> None:
    with_empty = load_stream(TINY, [packet(Memory.TABLE, []), packet(Memory.TABLE, [5]), packet(Memory.ENTRY, [])])
    assert np.array_equal(with_empty, load_stream(TINY, [packet(Memory.TABLE, [5])]))
    assert len(load_stream(TINY, [])) == 6


def test_widths_and_depths() -> None:
    config = dataclasses.replace(TINY, accumulator_width=40, codebook_bits=3, index_bits=2, weight_width=12)
    assert {memory: element_width(config, memory) for memory in Memory} == {
        Memory.PROGRAM: 32,
        Memory.ENTRY: 5,
        Memory.TABLE: 40,
    }
    assert {memory: memory_depth(config, memory) for memory in Memory} == {
        Memory.PROGRAM: 128,
        Memory.ENTRY: 512,
        Memory.TABLE: 192,
    }


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (packet(Memory.ENTRY, [0], pe=4), "packet for ENTRY names PE 4 of 4"),
        (packet(Memory.TABLE, [0], pe=-1), "packet for TABLE names PE -1 of 4"),
        (packet(Memory.PROGRAM, [0], pe=1), "packet for PROGRAM names PE 1 of 4"),
        (packet(Memory.TABLE, [0], address=192), "1 elements from address 192 do not fit TABLE memory of 192"),
        (packet(Memory.TABLE, [0] * 3, address=190), "3 elements from address 190 do not fit TABLE memory of 192"),
        (packet(Memory.ENTRY, [0], address=-1), "1 elements from address -1 do not fit ENTRY memory of 512"),
    ],
)
def test_refuses_packets_that_leave_their_memory(wrong: Packet, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        load_stream(TINY, [wrong])
