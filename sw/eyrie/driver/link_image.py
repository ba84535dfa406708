"""Images in the form that goes over a link: what the loader in hardware takes (`eyrie.host.image_format`)."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from eyrie.compile.compiled import CompiledNetwork
from eyrie.compile.container import ImageForm, Section, pack_container
from eyrie.compress.huffman import HuffmanCode
from eyrie.eie.config import FORMAT_VERSION, EieConfig
from eyrie.eie.load_format import WORD_WIDTH
from eyrie.errors import InputError
from eyrie.host.image_format import FORM_NUMBER, LENGTH_BITS

IntArray = npt.NDArray[np.int64]
Bits = npt.NDArray[np.uint8]

LINK_FORM: Final = ImageForm(engine="EIE (link)", number=FORM_NUMBER, version=FORMAT_VERSION, sections=Section)
"""The container of these images: that of the files, with a number of its own."""

MAX_COUNT_BITS = 8
"""Widest count that the loader takes: one symbol of a Huffman code."""


def pack_link_image(compiled: CompiledNetwork) -> bytes:
    """A compiled network for the loader in hardware; the same network gives the same bytes.

    Raises
    ------
    InputError
        If the engine's counts are wider than the loader takes.
    """
    config = compiled.config
    if config.count_bits > MAX_COUNT_BITS:
        raise InputError(f"the loader in hardware takes engines of up to 8 count_bits, not {config.count_bits}")
    return pack_container(
        LINK_FORM,
        config.hash,
        {
            Section.CONFIG: b"",
            Section.METADATA: b"",
            Section.PROGRAM: compiled.program.astype("<u4").tobytes(),
            Section.COUNTS: _pack_counts(compiled.counts),
            Section.ENTRIES: _pack_entries(compiled.entries, config),
            Section.BIAS: _pack_rows(compiled.bias, config.accumulator_width),
            Section.SCALE: _pack_rows(compiled.scale, config.scale_width) if compiled.scale.size else b"",
        },
    )


def _pack_counts(counts: npt.NDArray[np.uint16]) -> bytes:
    flat = counts.ravel().astype(np.int64)
    code = HuffmanCode.from_counts(np.bincount(flat))
    head = np.array([counts.shape[1], code.n_symbols], "<u4").tobytes()
    return head + _pack_bits([_table(code), _codewords(code, flat)])


def _pack_entries(entries: Sequence[npt.NDArray[np.uint16]], config: EieConfig) -> bytes:
    flat = np.concatenate(list(entries)).astype(np.int64)
    symbols = np.stack([flat & config.codebook_size - 1, flat >> config.codebook_bits], axis=1)
    sizes = (config.codebook_size, 1 << config.index_bits)
    tables = [HuffmanCode.from_counts(np.bincount(symbols[:, kind], minlength=size)) for kind, size in enumerate(sizes)]
    # Code and run of an entry side by side, so that a word is complete when its bits have come.
    lengths = np.stack([code.lengths[symbols[:, kind]] for kind, code in enumerate(tables)], axis=1)
    codewords = np.stack([code.codewords[symbols[:, kind]] for kind, code in enumerate(tables)], axis=1)
    return _pack_bits([*map(_table, tables), _bits(codewords.ravel(), lengths.ravel().astype(np.int64))])


def _pack_rows(rows: IntArray, width: int) -> bytes:
    """Rows of each PE and then all of them, int64 (n_pes, rows): words of 32 bits, or two for each wider one."""
    masked = rows.astype(np.int64).view(np.uint64) & np.uint64((1 << width) - 1)
    head = np.array([rows.shape[1]], "<u4").tobytes()
    return head + masked.astype("<u4" if width <= WORD_WIDTH else "<u8").tobytes()


def _table(code: HuffmanCode) -> Bits:
    return _bits(code.lengths.astype(np.int64), np.full(code.n_symbols, LENGTH_BITS))


def _codewords(code: HuffmanCode, symbols: IntArray) -> Bits:
    return _bits(code.codewords[symbols], code.lengths[symbols].astype(np.int64))


def _bits(values: IntArray, widths: IntArray) -> Bits:
    """The low bits of values, the highest first, uint8 (sum of widths,)."""
    ends = np.cumsum(widths)
    bits = np.zeros(int(ends[-1]) if ends.size else 0, np.uint8)
    for place in range(int(widths.max(initial=0))):
        present = widths > place
        bits[ends[present] - 1 - place] = values[present] >> place & 1
    return bits


def _pack_bits(parts: list[Bits]) -> bytes:
    packed = np.packbits(np.concatenate(parts)).tobytes()
    return packed + bytes(-len(packed) % 4)
