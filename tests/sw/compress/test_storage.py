"""Storage of a layer, counted by hand and against the streams themselves."""

import numpy as np
import pytest

from eyrie.compress.huffman import HuffmanCode
from eyrie.compress.interleave import Placement
from eyrie.compress.relative_index import encode, encode_array
from eyrie.compress.sparse_columns import SparseColumns
from eyrie.compress.storage import CodedSize, storage_report
from eyrie.errors import InputError


def example() -> SparseColumns:
    """The paper's column: codes 1 2 0 3 and runs 2 0 15 2."""
    return encode(np.array([0, 0, 1, 2, *[0] * 18, 3], dtype=np.uint8)[:, None], 4)


def test_example_by_hand() -> None:
    report = storage_report((example(),), rows=23, codebook_bits=2)
    assert report.dense_bits == 23 * 32
    assert report.dense_bytes == 92
    assert report.csc == CodedSize(codes=4 * 2, runs=4 * 4, columns=40, codebook=4 * 16)
    assert report.csc.bits == 8 + 16 + 40 + 64
    assert report.csc.n_bytes == 16
    # Codes: four symbols once each, two bits each. Runs: 2 twice (one bit), 0 and 15 once (two bits).
    assert report.huffman == CodedSize(codes=8, runs=6, columns=40, codebook=64, tables=(4 + 16) * 4)
    assert report.huffman.bits == 8 + 6 + 40 + 64 + 80
    assert report.huffman.n_bytes == 25


def test_widths_of_columns_and_codebook() -> None:
    report = storage_report(
        (example(),), rows=23, codebook_bits=4, n_codebook_entries=5, codebook_entry_bits=8, quad_bits=33
    )
    assert (report.csc.codes, report.csc.columns, report.csc.codebook) == (16, 33, 40)
    assert (report.huffman.columns, report.huffman.codebook, report.huffman.tables) == (33, 40, (16 + 16) * 4)


@pytest.mark.parametrize(("n_columns", "n_words"), [(1, 1), (4, 1), (5, 2), (8, 2), (9, 3)])
def test_four_columns_share_a_word(n_columns: int, n_words: int) -> None:
    parts = encode_array(np.ones((9, n_columns), np.uint8), Placement.interleaved(9, 3), 4)
    report = storage_report(parts, rows=9, codebook_bits=4, quad_bits=36)
    assert report.csc.columns == report.huffman.columns == 3 * n_words * 36


@pytest.mark.parametrize("n_pes", [1, 4, 7])
@pytest.mark.parametrize("index_bits", [1, 4, 8])
def test_sizes_are_those_of_the_streams(n_pes: int, index_bits: int) -> None:
    generator = np.random.default_rng(n_pes)
    codes = np.minimum(generator.geometric(0.3, (61, 40)), 15).astype(np.uint8)
    codes[generator.random(codes.shape) >= 0.1] = 0
    parts = encode_array(codes, Placement.interleaved(61, n_pes), index_bits)
    report = storage_report(parts, rows=61, codebook_bits=4)
    all_codes = np.concatenate([part.codes for part in parts])
    all_runs = np.concatenate([part.runs for part in parts])
    assert report.dense_bytes == codes.size * 4
    assert report.csc == CodedSize(
        codes=all_codes.size * 4, runs=all_runs.size * index_bits, columns=n_pes * 10 * 40, codebook=256
    )
    for symbols, size, bits in ((all_codes, 16, report.huffman.codes), (all_runs, 2**index_bits, report.huffman.runs)):
        data = HuffmanCode.from_counts(np.bincount(symbols, minlength=size)).encode(symbols)
        assert len(data) == -(-bits // 8)
    assert report.huffman.tables == (16 + 2**index_bits) * 4


def test_index_of_no_bits_needs_no_runs_and_no_table_for_them() -> None:
    report = storage_report((encode(np.array([[0], [1]], dtype=np.uint8), 0),), rows=2, codebook_bits=1)
    assert (report.csc.codes, report.csc.runs) == (2, 0)
    assert (report.huffman.codes, report.huffman.runs, report.huffman.tables) == (2, 0, 2 * 4)


def test_all_zero_matrix_takes_columns_codebook_and_tables() -> None:
    report = storage_report((encode(np.zeros((9, 3), dtype=np.uint8), 4),), rows=9, codebook_bits=4)
    assert report.csc == CodedSize(codes=0, runs=0, columns=40, codebook=256)
    assert report.huffman == CodedSize(codes=0, runs=0, columns=40, codebook=256, tables=32 * 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"codebook_bits": 1}, "code 3 does not fit in 1 bits"),
        ({"codebook_bits": 9}, "codebook_bits must be an integer from 1 to 8"),
        ({"codebook_bits": 2, "quad_bits": 65}, "quad_bits must be"),
        ({"codebook_bits": 2, "codebook_entry_bits": 0}, "codebook_entry_bits must be"),
        ({"codebook_bits": 2, "n_codebook_entries": 5}, "n_codebook_entries must be an integer from 1 to 4"),
        ({"codebook_bits": 2, "rows": 24}, "rows must be an integer from 0 to 23, not 24"),
    ],
)
def test_what_does_not_fit_is_refused(arguments: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        storage_report((example(),), **{"rows": 23, **arguments})


def test_parts_that_differ_are_refused() -> None:
    other = encode(np.ones((2, 2), dtype=np.uint8), 4)
    with pytest.raises(InputError, match=r"must share columns and index bits, not have \[\(1, 4\), \(2, 4\)\]"):
        storage_report((example(), other), rows=25, codebook_bits=4)
    with pytest.raises(InputError, match="must share"):
        storage_report((), rows=0, codebook_bits=4)
