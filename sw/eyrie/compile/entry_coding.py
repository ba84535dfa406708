"""Sections of pointers and entries: Huffman-coded for transport, as in Deep Compression (Han et al., ICLR 2016)."""

import itertools
import struct
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from eyrie.compress.huffman import HuffmanCode
from eyrie.eie.config import EieConfig
from eyrie.errors import InputError

IntArray = npt.NDArray[np.int64]
EntryArrays = tuple[npt.NDArray[np.uint16], ...]

_U32 = struct.Struct("<I")


def pack_pointers(pointers: IntArray) -> bytes:
    """Pointers, int64 (n_pes, columns + 1), as the lengths of their slices, low bytes first.

    Number of columns and of byte planes; for each plane its number of symbols, bytes, table and stream.
    """
    lengths = np.diff(pointers, axis=1).ravel()
    n_planes = max(1, -(-int(lengths.max(initial=0)).bit_length() // 8))
    parts = [_U32.pack(pointers.shape[1] - 1), _U32.pack(n_planes)]
    for plane in range(n_planes):
        symbols = lengths >> 8 * plane & 0xFF
        code = HuffmanCode.from_counts(np.bincount(symbols))
        stream = code.encode(symbols)
        parts += [_U32.pack(code.n_symbols), _U32.pack(len(stream)), _pack_table(code), stream]
    return b"".join(parts)


def unpack_pointers(data: bytes, config: EieConfig) -> IntArray:
    """What `pack_pointers` took.

    Raises
    ------
    InputError
        If the section is malformed, or a memory of the configuration cannot hold the pointers or what they point at.
    """
    reader = _Reader(data, "POINTERS")
    n_columns, n_planes = reader.u32(), reader.u32()
    if not 1 <= n_columns < config.pointer_depth:
        raise InputError(
            f"image has {n_columns} columns; pointer_depth {config.pointer_depth} holds one less than that"
        )
    if not 1 <= n_planes <= 3:
        raise InputError(f"image section POINTERS has {n_planes} byte planes, not 1 to 3")
    planes = []
    for _ in range(n_planes):
        n_symbols, n_bytes = reader.u32(), reader.u32()
        code = reader.table(n_symbols)
        planes.append(code.decode(reader.take(n_bytes), config.n_pes * n_columns))
    reader.finish()
    lengths = sum(symbols.astype(np.int64) << 8 * plane for plane, symbols in enumerate(planes))
    pointers = np.zeros((config.n_pes, n_columns + 1), np.int64)
    np.cumsum(np.reshape(lengths, (config.n_pes, n_columns)), axis=1, out=pointers[:, 1:])
    if pointers.max() > config.entry_depth:
        raise InputError(f"image has {pointers.max()} entries on a PE, more than entry_depth {config.entry_depth}")
    return pointers


def pack_entries(entries: EntryArrays, pointers: IntArray, column_bases: Sequence[int], config: EieConfig) -> bytes:
    """Entries, layer by layer and PE by PE within: codes under one Huffman code, runs under another.

    The tables are those of each layer or one pair for all, whichever makes the section smaller. Number of pairs;
    the pairs; bytes of codes and of runs of each layer; the streams.
    """
    layers = [
        np.concatenate([own[begin:end] for own, begin, end in zip(entries, *bounds, strict=True)])
        for bounds in _layer_bounds(pointers, column_bases)
    ]
    split = [(layer & config.codebook_size - 1, layer >> config.codebook_bits) for layer in layers]
    codes_of_all = _codes([np.concatenate(symbols) for symbols in zip(*split, strict=True)], config)
    candidates = [_pack_streams(split, [codes_of_all])]
    if len(layers) > 1:
        candidates.append(_pack_streams(split, [_codes(symbols, config) for symbols in split]))
    return min(candidates, key=len)


def unpack_entries(data: bytes, pointers: IntArray, column_bases: Sequence[int], config: EieConfig) -> EntryArrays:
    """What `pack_entries` took.

    Raises
    ------
    InputError
        If the section is malformed or does not hold as many entries as the pointers say.
    """
    reader = _Reader(data, "ENTRIES")
    n_layers = len(column_bases)
    n_tables = reader.u32()
    if n_tables not in (1, n_layers):
        raise InputError(f"image section ENTRIES has {n_tables} pairs of tables, not 1 or {n_layers}")
    tables = [(reader.table(config.codebook_size), reader.table(1 << config.index_bits)) for _ in range(n_tables)]
    sizes = [(reader.u32(), reader.u32()) for _ in range(n_layers)]
    parts: list[list[npt.NDArray[np.uint16]]] = [[] for _ in range(config.n_pes)]
    for index, (begins, ends) in enumerate(_layer_bounds(pointers, column_bases)):
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


def _layer_bounds(pointers: IntArray, column_bases: Sequence[int]) -> list[tuple[IntArray, IntArray]]:
    """First entry of each layer on each PE, and the one after its last."""
    columns = [*column_bases, pointers.shape[1] - 1]
    return [(pointers[:, begin], pointers[:, end]) for begin, end in itertools.pairwise(columns)]


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
