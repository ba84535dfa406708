"""Sections of counts and entries: Huffman-coded for transport, as in Deep Compression (Han et al., ICLR 2016)."""

import struct
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from eyrie.compress.huffman import HuffmanCode
from eyrie.eie.config import QUAD, EieConfig
from eyrie.errors import InputError

IntArray = npt.NDArray[np.int64]
CountArray = npt.NDArray[np.uint16]
EntryArrays = tuple[npt.NDArray[np.uint16], ...]

_U32 = struct.Struct("<I")


def pack_counts(counts: CountArray) -> bytes:
    """Entries of every column, uint16 (n_pes, columns), low bytes first.

    Number of columns and of byte planes; for each plane its number of symbols, bytes, table and stream.
    """
    flat = counts.ravel()
    n_planes = 2 if flat.max(initial=0) > 0xFF else 1
    parts = [_U32.pack(counts.shape[1]), _U32.pack(n_planes)]
    for plane in range(n_planes):
        symbols = flat >> 8 * plane & 0xFF
        code = HuffmanCode.from_counts(np.bincount(symbols))
        stream = code.encode(symbols)
        parts += [_U32.pack(code.n_symbols), _U32.pack(len(stream)), _pack_table(code), stream]
    return b"".join(parts)


def unpack_counts(data: bytes, config: EieConfig) -> CountArray:
    """What `pack_counts` took.

    Raises
    ------
    InputError
        If the section is malformed, or the configuration cannot hold the counts or what they count.
    """
    reader = _Reader(data, "COUNTS")
    n_columns, n_planes = reader.u32(), reader.u32()
    if n_columns % QUAD or not 1 <= n_columns <= QUAD * config.table_depth:
        raise InputError(
            f"image has {n_columns} columns; table_depth {config.table_depth} holds multiples of {QUAD} up to "
            f"{QUAD * config.table_depth}"
        )
    if not 1 <= n_planes <= 2:
        raise InputError(f"image section COUNTS has {n_planes} byte planes, not 1 or 2")
    planes = []
    for _ in range(n_planes):
        n_symbols, n_bytes = reader.u32(), reader.u32()
        code = reader.table(n_symbols)
        planes.append(code.decode(reader.take(n_bytes), config.n_pes * n_columns))
    reader.finish()
    counts = np.zeros((config.n_pes, n_columns), np.uint16)
    for plane, symbols in enumerate(planes):
        counts |= symbols.astype(np.uint16).reshape(counts.shape) << 8 * plane
    if counts.max() > config.max_count:
        raise InputError(f"image has {counts.max()} entries in a column, more than {config.count_bits} bits can count")
    n_entries = counts.sum(axis=1, dtype=np.int64).max()
    if n_entries > config.entry_depth:
        raise InputError(f"image has {n_entries} entries on a PE, more than entry_depth {config.entry_depth}")
    return counts


def pack_entries(entries: EntryArrays, counts: CountArray, column_bases: Sequence[int], config: EieConfig) -> bytes:
    """Entries, layer by layer and PE by PE within: codes under one Huffman code, runs under another.

    The tables are those of each layer or one pair for all, whichever makes the section smaller. Number of pairs;
    the pairs; bytes of codes and of runs of each layer; the streams.
    """
    layers = [
        np.concatenate([own[begin:end] for own, begin, end in zip(entries, *bounds, strict=True)])
        for bounds in _layer_bounds(counts, column_bases)
    ]
    split = [(layer & config.codebook_size - 1, layer >> config.codebook_bits) for layer in layers]
    codes_of_all = _codes([np.concatenate(symbols) for symbols in zip(*split, strict=True)], config)
    candidates = [_pack_streams(split, [codes_of_all])]
    if len(layers) > 1:
        candidates.append(_pack_streams(split, [_codes(symbols, config) for symbols in split]))
    return min(candidates, key=len)


def unpack_entries(data: bytes, counts: CountArray, column_bases: Sequence[int], config: EieConfig) -> EntryArrays:
    """What `pack_entries` took.

    Raises
    ------
    InputError
        If the section is malformed or does not hold as many entries as the counts say.
    """
    reader = _Reader(data, "ENTRIES")
    n_layers = len(column_bases)
    n_tables = reader.u32()
    if n_tables not in (1, n_layers):
        raise InputError(f"image section ENTRIES has {n_tables} pairs of tables, not 1 or {n_layers}")
    tables = [(reader.table(config.codebook_size), reader.table(1 << config.index_bits)) for _ in range(n_tables)]
    sizes = [(reader.u32(), reader.u32()) for _ in range(n_layers)]
    parts: list[list[npt.NDArray[np.uint16]]] = [[] for _ in range(config.n_pes)]
    for index, (begins, ends) in enumerate(_layer_bounds(counts, column_bases)):
        count = int((ends - begins).sum())
        codes, runs = (
            code.decode(reader.take(size), count).astype(np.uint16)
            for code, size in zip(tables[index % n_tables], sizes[index], strict=True)
        )
        words = codes | runs << config.codebook_bits
        for own, part in zip(parts, np.split(words, np.cumsum(ends - begins)[:-1]), strict=True):
            own.append(part)
    reader.finish()
    return tuple(np.concatenate(own) for own in parts)


def _layer_bounds(counts: CountArray, column_bases: Sequence[int]) -> list[tuple[IntArray, IntArray]]:
    """First entry of each layer on each PE, and the one after its last."""
    ends = np.cumsum(np.add.reduceat(counts, column_bases, axis=1, dtype=np.int64), axis=1)
    begins = np.pad(ends, ((0, 0), (1, 0)))
    return [(begins[:, layer], ends[:, layer]) for layer in range(len(column_bases))]


def _codes(symbols: Sequence[np.ndarray], config: EieConfig) -> tuple[HuffmanCode, HuffmanCode]:
    codes, runs = symbols
    return (
        HuffmanCode.from_counts(np.bincount(codes, minlength=config.codebook_size)),
        HuffmanCode.from_counts(np.bincount(runs, minlength=1 << config.index_bits)),
    )


def _pack_streams(
    split: Sequence[tuple[np.ndarray, np.ndarray]], tables: Sequence[tuple[HuffmanCode, HuffmanCode]]
) -> bytes:
    streams = [
        (code.encode(codes), run.encode(runs))
        for (codes, runs), (code, run) in zip(split, tables if len(tables) > 1 else [*tables] * len(split), strict=True)
    ]
    parts = [_U32.pack(len(tables)), *(_pack_table(code) for pair in tables for code in pair)]
    parts += [_U32.pack(len(stream)) for pair in streams for stream in pair]
    parts += [stream for pair in streams for stream in pair]
    return b"".join(parts)


def _pack_table(code: HuffmanCode) -> bytes:
    """Codeword lengths, two a byte, the first one low."""
    lengths = np.zeros(code.n_symbols + code.n_symbols % 2, np.uint8)
    lengths[: code.n_symbols] = code.lengths
    return (lengths[::2] | lengths[1::2] << 4).tobytes()


class _Reader:
    """Takes a section apart from front to back and refuses to go beyond its end."""

    def __init__(self, data: bytes, section: str) -> None:
        self.data, self.section, self.position = data, section, 0

    def take(self, n_bytes: int) -> bytes:
        if n_bytes > len(self.data) - self.position:
            raise InputError(f"image section {self.section} ends too early")
        self.position += n_bytes
        return self.data[self.position - n_bytes : self.position]

    def u32(self) -> int:
        (value,) = _U32.unpack(self.take(_U32.size))
        return int(value)

    def table(self, n_symbols: int) -> HuffmanCode:
        if not 1 <= n_symbols <= 256:
            raise InputError(f"image section {self.section} has a table of {n_symbols} symbols, not 1 to 256")
        packed = np.frombuffer(self.take((n_symbols + 1) // 2), np.uint8)
        lengths = np.stack([packed & 15, packed >> 4], axis=1).ravel()
        if lengths[n_symbols:].any():
            raise InputError(f"image section {self.section} has a table with a symbol too many")
        return HuffmanCode(lengths=lengths[:n_symbols])

    def finish(self) -> None:
        if self.position != len(self.data):
            raise InputError(f"image section {self.section} goes on after its end, at byte {self.position}")
