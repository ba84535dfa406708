"""The load stream: how a compiled network enters the engine, in 32-bit words.

::

    MAGIC   VERSION   hash[63:32]   hash[31:0]   number of packets
    packets, each:  memory << 16 | pe   first address   number of elements   words of elements ...
    CRC-32 of all words before it, each as four bytes, least significant first

Elements are packed into words from the least significant bit, ``elements_per_word`` in each, none across a boundary;
an element wider than a word takes ``words_per_element``, least significant first. The engine refuses a stream
with another magic, version or hash, an address out of range, or a wrong CRC, and then does not start.
"""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from eyrie.eie.config import FORMAT_VERSION, EieConfig

MAGIC = int.from_bytes(b"EYRI", "little")
WORD_WIDTH = 32


class Memory(IntEnum):
    """Memories that a packet can address."""

    PROGRAM = 0
    """Central program memory; the packet's PE is 0."""
    ENTRY = 1
    """Sparse-matrix entries of one PE: code in the low bits, run above."""
    TABLE = 2
    """The table of one PE: words of three kinds, each from bit 0 up, wherever the program's steps look for them.

    Four columns: the address of the third one's first entry (``entry_address_width`` bits, modulo their range), then
    the number of entries of each of the four (``count_bits`` each). The slices of the four follow each other in the
    entry memory. A bias: a signed number as wide as an accumulator. A scale: multiplier, then shift.
    """


class LoadError(IntEnum):
    """What the engine's error port says; 0 is no error."""

    NONE = 0
    MAGIC = 1
    VERSION = 2
    HASH = 3
    PACKET = 4
    """A packet names no memory, no PE, or an address past the memory's end."""
    CRC = 5
    NOT_LOADED = 6
    """Start without a network that was loaded whole."""
    LENGTH = 7
    """The stream's ``last`` came too early or too late."""


def element_width(config: EieConfig, memory: Memory) -> int:
    """Bits of one element of a memory."""
    return {
        Memory.PROGRAM: WORD_WIDTH,
        Memory.ENTRY: config.entry_width,
        Memory.TABLE: config.table_width,
    }[memory]


def memory_depth(config: EieConfig, memory: Memory) -> int:
    """Elements that a memory holds."""
    return {
        Memory.PROGRAM: config.program_depth,
        Memory.ENTRY: config.entry_depth,
        Memory.TABLE: config.table_depth,
    }[memory]


def elements_per_word(width: int) -> int:
    """Elements of ``width`` bits in one word; 1 for those that take several."""
    return max(1, WORD_WIDTH // width)


def words_per_element(width: int) -> int:
    """Words that one element of ``width`` bits takes; 1 for those that share a word."""
    return max(1, -(-width // WORD_WIDTH))


@dataclass(frozen=True, kw_only=True, eq=False)
class Packet:
    """A run of elements for one memory of one PE; negative elements are taken modulo their width."""

    memory: Memory
    pe: int
    address: int
    elements: npt.NDArray[np.int64]


def pack_elements(elements: npt.NDArray[np.int64], width: int) -> npt.NDArray[np.uint32]:
    """Elements as the words of a packet."""
    values = elements.astype(np.int64).view(np.uint64) & np.uint64((1 << width) - 1)
    if width > WORD_WIDTH:
        return np.stack([values & np.uint64(0xFFFFFFFF), values >> np.uint64(WORD_WIDTH)], axis=1).astype("u4").ravel()
    per_word = elements_per_word(width)
    padded = np.zeros(-(-len(values) // per_word) * per_word, np.uint64)
    padded[: len(values)] = values
    shifts = np.arange(per_word, dtype=np.uint64) * np.uint64(width)
    words: npt.NDArray[np.uint32] = (padded.reshape(-1, per_word) << shifts).sum(axis=1, dtype=np.uint64).astype("u4")
    return words


def load_stream(config: EieConfig, packets: Iterable[Packet]) -> npt.NDArray[np.uint32]:
    """The whole stream, CRC included.

    Raises
    ------
    ValueError
        If a packet leaves its memory or names a PE that is not there.
    """
    parts: list[npt.NDArray[np.uint32]] = []
    n_packets = 0
    for packet in packets:
        depth = memory_depth(config, packet.memory)
        if not 0 <= packet.pe < (1 if packet.memory is Memory.PROGRAM else config.n_pes):
            raise ValueError(f"packet for {packet.memory.name} names PE {packet.pe} of {config.n_pes}")
        if packet.address < 0 or packet.address + len(packet.elements) > depth:
            raise ValueError(
                f"{len(packet.elements)} elements from address {packet.address} do not fit {packet.memory.name} memory "
                f"of {depth}"
            )
        if not len(packet.elements):
            continue
        head = [packet.memory << 16 | packet.pe, packet.address, len(packet.elements)]
        parts += [np.array(head, "u4"), pack_elements(packet.elements, element_width(config, packet.memory))]
        n_packets += 1
    header = [MAGIC, FORMAT_VERSION, config.hash >> 32, config.hash & 0xFFFFFFFF, n_packets]
    words = np.concatenate([np.array(header, "u4"), *parts])
    crc = zlib.crc32(words.astype("<u4").tobytes())
    return np.concatenate([words, np.array([crc], "u4")])
