"""Relative-index coding: the vectorised encoder equals a loop over every position, and decoding inverts it."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eyrie.compress.interleave import Placement
from eyrie.compress.relative_index import (
    decode,
    decode_array,
    decode_coordinates,
    encode,
    encode_array,
    encode_array_coordinates,
    encode_coordinates,
)
from eyrie.compress.sparse_columns import SparseColumns
from eyrie.errors import InputError

PROPERTY = settings(derandomize=True, deadline=None, max_examples=120)

Entries = list[tuple[int, int]]


def reference_column(column: list[int], index_bits: int) -> Entries:
    """Entries (code, run) of one column, position by position as the papers describe it."""
    entries: Entries = []
    zeros = 0
    for code in column:
        if code != 0:
            entries.append((code, zeros))
            zeros = 0
        elif zeros == 2**index_bits - 1:
            entries.append((0, zeros))
            zeros = 0
        else:
            zeros += 1
    while entries and entries[-1][0] == 0:
        entries.pop()
    return entries


def reference_parts(codes: np.ndarray, placement: Placement, index_bits: int) -> list[list[Entries]]:
    """Columns of entries of every PE."""
    n_rows, n_columns = codes.shape
    parts = []
    for pe in range(placement.n_pes):
        columns = [[0] * placement.local_rows for _ in range(n_columns)]
        for row in range(n_rows):
            slot = int(placement.slot_of_row[row])
            if slot % placement.n_pes == pe:
                for column in range(n_columns):
                    columns[column][slot // placement.n_pes] = int(codes[row, column])
        parts.append([reference_column(column, index_bits) for column in columns])
    return parts


def entries_by_column(part: SparseColumns) -> list[Entries]:
    entries = list(zip(part.codes.tolist(), part.runs.tolist(), strict=True))
    pointers = part.pointers.tolist()
    assert pointers[0] == 0
    assert pointers[-1] == len(entries)
    return [entries[start:end] for start, end in pairwise(pointers)]


def check(codes: np.ndarray, placement: Placement, index_bits: int) -> tuple[SparseColumns, ...]:
    """Encode, compare with the loop, decode, compare with the matrix."""
    parts = encode_array(codes, placement, index_bits)
    assert [entries_by_column(part) for part in parts] == reference_parts(codes, placement, index_bits)
    for part in parts:
        part.validate()
        assert (part.n_rows, part.n_columns, part.index_bits) == (placement.local_rows, codes.shape[1], index_bits)
        assert (part.codes.dtype, part.runs.dtype, part.pointers.dtype) == (np.uint8, np.uint8, np.int64)
        assert part.n_entries == part.codes.size
        assert part.n_fillers == part.codes.tolist().count(0)
    decoded = decode_array(parts, placement)
    assert decoded.dtype == np.uint8
    assert np.array_equal(decoded, codes)
    return parts


def sparse_codes(seed: int, shape: tuple[int, int], density: float) -> np.ndarray:
    generator = np.random.default_rng(seed)
    codes = generator.integers(1, 256, shape).astype(np.uint8)
    codes[generator.random(shape) >= density] = 0
    return codes


def with_lines(shape: tuple[int, int], *, rows: tuple[int, ...] = (), columns: tuple[int, ...] = ()) -> np.ndarray:
    """A fairly dense matrix in which the given rows and columns are zero."""
    codes = sparse_codes(1, shape, 0.7)
    codes[list(rows)] = 0
    codes[:, list(columns)] = 0
    return codes


def rows_of_one_pe(pe: int) -> np.ndarray:
    """Only rows that 4 interleaved PEs give to ``pe`` have non-zeros."""
    codes = np.zeros((22, 7), dtype=np.uint8)
    codes[pe::4] = sparse_codes(2, codes[pe::4].shape, 0.6)
    return codes


CASES: dict[str, Callable[[], np.ndarray]] = {
    "all-zero row": lambda: with_lines((13, 9), rows=(5,)),
    "all-zero column": lambda: with_lines((13, 9), columns=(4,)),
    "all-zero matrix": lambda: np.zeros((13, 9), dtype=np.uint8),
    "several empty columns in a row": lambda: with_lines((13, 9), columns=(3, 4, 5, 6)),
    "first columns empty": lambda: with_lines((13, 9), columns=(0, 1)),
    "last columns empty": lambda: with_lines((13, 9), columns=(7, 8)),
    "all columns empty but one": lambda: with_lines((13, 9), columns=(0, 1, 2, 3, 5, 6, 7, 8)),
    "PE with no work": lambda: with_lines((22, 7), rows=(1, 5, 9, 13, 17, 21)),
    "first PE with all of it": lambda: rows_of_one_pe(0),
    "last PE with all of it": lambda: rows_of_one_pe(3),
    "fully dense": lambda: sparse_codes(3, (17, 11), 1.0),
    "one row": lambda: sparse_codes(4, (1, 40), 0.5),
    "one column": lambda: sparse_codes(5, (40, 1), 0.2),
    "one entry": lambda: np.array([[200]], dtype=np.uint8),
    "rows not divisible by the PEs": lambda: sparse_codes(6, (37, 5), 0.4),
    "fewer rows than PEs": lambda: sparse_codes(7, (3, 5), 0.8),
    "last row of the last column only": lambda: np.pad(np.array([[9]], dtype=np.uint8), ((700, 0), (3, 0))),
    "codebook of one entry": lambda: np.minimum(sparse_codes(8, (20, 20), 0.3), 1),
    "no rows": lambda: np.zeros((0, 5), dtype=np.uint8),
    "no columns": lambda: np.zeros((5, 0), dtype=np.uint8),
}


@pytest.mark.parametrize("index_bits", [0, 1, 4, 8])
@pytest.mark.parametrize("n_pes", [1, 4, 64])
@pytest.mark.parametrize("case", CASES)
def test_corner_case(case: str, n_pes: int, index_bits: int) -> None:
    codes = CASES[case]()
    check(codes, Placement.interleaved(codes.shape[0], n_pes), index_bits)


@PROPERTY
@given(
    seed=st.integers(0, 2**32),
    rows=st.integers(0, 90),
    columns=st.integers(0, 8),
    density=st.sampled_from([0.0, 0.02, 0.1, 0.5, 0.9, 1.0]),
    n_pes=st.integers(1, 11),
    idle=st.sampled_from([0, 0, 1, 30]),
    index_bits=st.integers(0, 8),
)
def test_any_matrix_on_any_placement(
    seed: int, rows: int, columns: int, density: float, n_pes: int, idle: int, index_bits: int
) -> None:
    codes = sparse_codes(seed, (rows, columns), density)
    slots = np.random.default_rng(seed + 1).permutation(rows + idle)[:rows]
    check(codes, Placement(n_pes=n_pes, slot_of_row=slots, n_slots=rows + idle), index_bits)
    check(codes, Placement.interleaved(rows, n_pes), index_bits)


@PROPERTY
@given(
    seed=st.integers(0, 2**32),
    rows=st.integers(1, 3000),
    columns=st.integers(1, 3),
    n_nonzeros=st.integers(0, 12),
    index_bits=st.integers(0, 8),
)
def test_long_runs_on_one_pe(seed: int, rows: int, columns: int, n_nonzeros: int, index_bits: int) -> None:
    codes = np.zeros((rows, columns), dtype=np.uint8)
    generator = np.random.default_rng(seed)
    codes[generator.integers(0, rows, n_nonzeros), generator.integers(0, columns, n_nonzeros)] = 7
    (part,) = check(codes, Placement.interleaved(rows, 1), index_bits)
    single = encode(codes, index_bits)
    assert entries_by_column(single) == entries_by_column(part)
    assert np.array_equal(decode(single), codes)


def test_example_of_the_paper() -> None:
    column = [0, 0, 1, 2, *[0] * 18, 3]
    part = encode(np.array(column, dtype=np.uint8)[:, None], 4)
    assert part.codes.tolist() == [1, 2, 0, 3]
    assert part.runs.tolist() == [2, 0, 15, 2]
    assert part.pointers.tolist() == [0, 4]
    assert (part.n_rows, part.n_columns, part.n_entries, part.n_fillers) == (23, 1, 4, 1)
    assert decode(part)[:, 0].tolist() == column


@pytest.mark.parametrize("index_bits", range(1, 9))
@pytest.mark.parametrize("run", ["exactly at", "one below", "one over"])
def test_run_at_what_the_index_can_hold(run: str, index_bits: int) -> None:
    longest = 2**index_bits - 1
    zeros, expected = {
        "exactly at": (longest, [(6, longest)]),
        "one below": (longest - 1, [(6, longest - 1)]),
        "one over": (longest + 1, [(0, longest), (6, 0)]),
    }[run]
    at_the_top = [0] * zeros + [6]
    part = encode(np.array(at_the_top, dtype=np.uint8)[:, None], index_bits)
    assert entries_by_column(part) == [expected]
    assert decode(part)[:, 0].tolist() == at_the_top
    after_a_nonzero = [5, *at_the_top]
    part = encode(np.array(after_a_nonzero, dtype=np.uint8)[:, None], index_bits)
    assert entries_by_column(part) == [[(5, 0), *expected]]
    assert decode(part)[:, 0].tolist() == after_a_nonzero


@pytest.mark.parametrize("index_bits", range(9))
@pytest.mark.parametrize("times", [2, 3, 10])
@pytest.mark.parametrize("beyond", [-1, 0, 1])
def test_run_several_times_over(index_bits: int, times: int, beyond: int) -> None:
    """A filler stands for ``longest + 1`` zeros, so that many zeros ``times`` over take as many fillers."""
    period = 2**index_bits
    zeros = period * times + beyond
    part = encode(np.array([0] * zeros + [6, 0, 0], dtype=np.uint8)[:, None], index_bits)
    assert entries_by_column(part) == [[(0, period - 1)] * (zeros // period) + [(6, zeros % period)]]
    assert part.n_fillers == zeros // period


def test_no_filler_after_the_last_nonzero() -> None:
    part = encode(np.array([[1, 0]] + [[0, 0]] * 500, dtype=np.uint8), 4)
    assert (part.codes.tolist(), part.runs.tolist(), part.pointers.tolist()) == ([1], [0], [0, 1, 1])


def test_pe_with_no_work_stores_nothing() -> None:
    codes = rows_of_one_pe(2)
    parts = encode_array(codes, Placement.interleaved(22, 4), 4)
    for pe in (0, 1, 3):
        assert parts[pe].n_entries == 0
        assert parts[pe].pointers.tolist() == [0] * 8
    assert parts[2].n_entries - parts[2].n_fillers == np.count_nonzero(codes)


def test_index_of_no_bits_stores_every_position_down_to_the_last_nonzero() -> None:
    part = encode(np.array([[0, 3], [0, 0], [4, 0], [0, 0]], dtype=np.uint8), 0)
    assert entries_by_column(part) == [[(0, 0), (0, 0), (4, 0)], [(3, 0)]]


@PROPERTY
@given(seed=st.integers(0, 2**32), density=st.sampled_from([0.0, 0.1, 0.6]), index_bits=st.integers(0, 8))
def test_coordinates_in_any_order(seed: int, density: float, index_bits: int) -> None:
    codes = sparse_codes(seed, (30, 12), density)
    rows, columns = np.nonzero(codes)
    order = np.random.default_rng(seed).permutation(rows.size)
    rows, columns = rows[order], columns[order]
    values = codes[rows, columns]
    part = encode_coordinates(rows, columns, values, codes.shape, index_bits)
    assert np.array_equal(decode(part), codes)
    placement = Placement.interleaved(30, 4)
    parts = encode_array_coordinates(rows, columns, values, codes.shape, placement, index_bits)
    assert np.array_equal(decode_array(parts, placement), codes)
    back_rows, back_columns, back_codes = decode_coordinates(part)
    ascending = np.lexsort((rows, columns))
    assert np.array_equal(back_rows, rows[ascending])
    assert np.array_equal(back_columns, columns[ascending])
    assert np.array_equal(back_codes, values[ascending])


def test_coordinates_need_no_dense_matrix() -> None:
    """The dense matrix would take 64 TiB."""
    part = encode_coordinates(
        np.array([2**23 - 1, 0]), np.array([2**23 - 1, 1]), np.array([1, 2], dtype=np.uint8), (2**23, 2**23), 8
    )
    assert part.n_fillers == 2**23 // 256 - 1
    assert [values.tolist() for values in decode_coordinates(part)] == [[0, 2**23 - 1], [1, 2**23 - 1], [2, 1]]
    with pytest.raises(InputError, match="dense entries are too many"):
        decode(part)


@pytest.mark.parametrize(
    ("rows", "columns", "codes", "shape", "message"),
    [
        ([0, 1, 0], [2, 0, 2], [1, 1, 2], (3, 3), "row 0, column 2 is given twice"),
        ([3], [0], [1], (3, 3), "rows must lie in 0 to 2, not 3 to 3"),
        ([0], [-1], [1], (3, 3), "columns must lie in 0 to 2, not -1 to -1"),
        ([0, 1], [0, 0], [1, 0], (3, 3), "code 1 is 0"),
        ([0, 1], [0], [1, 1], (3, 3), "columns must be 2 integers"),
        ([0.0], [0], [1], (3, 3), "rows must be 1 integers, not float64"),
        ([0], [0], [1], (3,), r"shape must be \(rows, columns\)"),
        ([0], [0], [1], (3, -1), "columns must be an integer from 0"),
    ],
)
def test_bad_coordinates_are_refused(rows: list, columns: list, codes: list, shape: tuple, message: str) -> None:
    with pytest.raises(InputError, match=message):
        encode_coordinates(np.array(rows), np.array(columns), np.array(codes, dtype=np.uint8), shape, 4)


@pytest.mark.parametrize("index_bits", [-1, 9, 4.0])
def test_index_width_out_of_range_is_refused(index_bits: int) -> None:
    with pytest.raises(InputError, match="index_bits must be an integer from 0 to 8"):
        encode(np.zeros((2, 2), dtype=np.uint8), index_bits)


@pytest.mark.parametrize("codes", [np.zeros((2, 2)), np.zeros(4, dtype=np.uint8)])
def test_other_than_a_matrix_of_codes_is_refused(codes: np.ndarray) -> None:
    with pytest.raises(InputError, match="codes must be a uint8 matrix"):
        encode(codes, 4)


def test_placement_of_another_number_of_rows_is_refused() -> None:
    with pytest.raises(InputError, match="a placement of 3 rows does not fit a matrix of 4 rows"):
        encode_array(np.zeros((4, 2), dtype=np.uint8), Placement.interleaved(3, 2), 4)
