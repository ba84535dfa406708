"""What a layer's weights take in each form, in bits."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eyrie.compress.checks import require_integer
from eyrie.compress.huffman import HuffmanCode
from eyrie.compress.sparse_columns import SparseColumns
from eyrie.eie.config import QUAD
from eyrie.errors import InputError

HUFFMAN_LENGTH_BITS = 4
"""A canonical table is one codeword length, 0 to 15, for every symbol of the alphabet."""


@dataclass(frozen=True, kw_only=True)
class CodedSize:
    """Bits of the parts of a compressed layer; each part is a count of whole bits without padding."""

    codes: int
    runs: int
    columns: int
    codebook: int
    tables: int = 0

    @property
    def bits(self) -> int:
        """All parts together."""
        return self.codes + self.runs + self.columns + self.codebook + self.tables

    @property
    def n_bytes(self) -> int:
        """All parts together in bytes, rounded up."""
        return -(-self.bits // 8)


@dataclass(frozen=True, kw_only=True)
class StorageReport:
    """Sizes of one layer.

    Parameters
    ----------
    dense_bits : int
        Every weight as float32.
    csc : CodedSize
        Codes and runs of fixed width (fillers included), words that describe the columns of every PE, and the codebook.
    huffman : CodedSize
        The same with codes and runs under a Huffman code each, one pair of tables a layer; columns as they are.
    """

    dense_bits: int
    csc: CodedSize
    huffman: CodedSize

    @property
    def dense_bytes(self) -> int:
        """The dense form in bytes."""
        return self.dense_bits // 8


def storage_report(
    parts: Sequence[SparseColumns],
    *,
    rows: int,
    codebook_bits: int,
    n_codebook_entries: int | None = None,
    codebook_entry_bits: int = 16,
    quad_bits: int = 40,
) -> StorageReport:
    """Measure a layer that is encoded for one or more PEs.

    Parameters
    ----------
    parts : one `SparseColumns` a PE
        All with the same columns and index width, as `encode_array` writes them.
    rows : int
        Rows of the matrix, for the dense form; the parts may have more because of idle slots.
    codebook_bits : int
        Width of a code in the fixed-width form, 1 to 8.
    n_codebook_entries : int or None
        Entries that are stored; None for all ``2**codebook_bits``.
    codebook_entry_bits : int
        Width of a codebook entry, 1 to 64.
    quad_bits : int
        Width of a word that describes four columns of a PE, 1 to 64: a quarter of it for each column, the last word
        filled up. The default is an address of 16 bits and four counts of 6.

    Raises
    ------
    InputError
        If the parts do not fit each other, a code does not fit ``codebook_bits``, or a number is out of range.
    """
    codebook_bits = require_integer(codebook_bits, "codebook_bits", 1, 8)
    codebook_entry_bits = require_integer(codebook_entry_bits, "codebook_entry_bits", 1, 64)
    quad_bits = require_integer(quad_bits, "quad_bits", 1, 64)
    if n_codebook_entries is None:
        n_codebook_entries = 2**codebook_bits
    n_codebook_entries = require_integer(n_codebook_entries, "n_codebook_entries", 1, 2**codebook_bits)
    n_columns, index_bits = _common_geometry(parts)
    require_integer(rows, "rows", 0, sum(part.n_rows for part in parts))
    code_counts = np.zeros(256, dtype=np.int64)
    run_counts = np.zeros(256, dtype=np.int64)
    for part in parts:
        code_counts += np.bincount(part.codes, minlength=256)
        run_counts += np.bincount(part.runs, minlength=256)
    for name, counts, width in (("code", code_counts, codebook_bits), ("run", run_counts, index_bits)):
        if counts[2**width :].any():
            raise InputError(f"{name} {np.flatnonzero(counts)[-1]} does not fit in {width} bits")
    n_entries = int(code_counts.sum())
    code_counts, run_counts = code_counts[: 2**codebook_bits], run_counts[: 2**index_bits]
    columns = len(parts) * -(-n_columns // QUAD) * quad_bits
    codebook = n_codebook_entries * codebook_entry_bits
    # Runs without bits take none under a Huffman code either, and no table.
    coded_runs = HuffmanCode.from_counts(run_counts).bits(run_counts) if index_bits else 0
    table_symbols = code_counts.size + (run_counts.size if index_bits else 0)
    return StorageReport(
        dense_bits=rows * n_columns * 32,
        csc=CodedSize(codes=n_entries * codebook_bits, runs=n_entries * index_bits, columns=columns, codebook=codebook),
        huffman=CodedSize(
            codes=HuffmanCode.from_counts(code_counts).bits(code_counts),
            runs=coded_runs,
            columns=columns,
            codebook=codebook,
            tables=table_symbols * HUFFMAN_LENGTH_BITS,
        ),
    )


def _common_geometry(parts: Sequence[SparseColumns]) -> tuple[int, int]:
    """Columns and index width, which all parts share."""
    geometries = {(part.n_columns, part.index_bits) for part in parts}
    if len(geometries) != 1:
        raise InputError(f"parts must share columns and index bits, not have {sorted(geometries)}")
    return geometries.pop()
