"""Sparse columns that no encoder wrote are refused, before anything is allocated for them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eyrie.compress.interleave import Placement
from eyrie.compress.relative_index import decode, decode_array, encode, encode_array
from eyrie.compress.sparse_columns import SparseColumns
from eyrie.errors import InputError

PROPERTY = settings(derandomize=True, deadline=None, max_examples=400)


def uint8(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.uint8)


def int64(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


VALID = SparseColumns(
    n_rows=8, n_columns=3, index_bits=2, pointers=int64(0, 2, 2, 4), codes=uint8(5, 6, 0, 7), runs=uint8(0, 3, 3, 3)
)
"""Rows 0 and 4 in column 0; the last row in column 2, behind a filler."""


def test_the_uncorrupted_columns_are_accepted() -> None:
    expected = np.zeros((8, 3), dtype=np.uint8)
    expected[[0, 4, 7], [0, 0, 2]] = [5, 6, 7]
    assert np.array_equal(decode(VALID), expected)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_rows": 7}, "entry 3 lies at row 7, but the rows are 0 to 6"),
        ({"n_rows": 0}, "entry 0 lies at row 0"),
        ({"n_rows": -1}, "n_rows must be an integer from 0"),
        ({"n_rows": 2**40}, "n_rows must be an integer from 0"),
        ({"n_rows": 8.0}, "n_rows must be an integer from 0"),
        ({"n_columns": 2}, r"pointers must be int64 \(3,\), not int64 \(4,\)"),
        ({"n_columns": 4}, r"pointers must be int64 \(5,\), not int64 \(4,\)"),
        ({"n_columns": 2**40}, "n_columns must be an integer from 0"),
        ({"n_columns": -1}, "n_columns must be an integer from 0"),
        ({"index_bits": 1}, "run 3 at entry 1 exceeds 1"),
        ({"index_bits": 3}, "the filler at entry 2 has run 3; a filler's run is 7"),
        ({"index_bits": 9}, "index_bits must be an integer from 0 to 8"),
        ({"pointers": int64(0, 3, 2, 4)}, "pointers must not decrease: column 1 from 3 to 2"),
        ({"pointers": int64(0, 2**62, -(2**62), 4)}, "pointers must not decrease"),
        ({"pointers": int64(1, 2, 2, 4)}, "pointers must go from 0 to 4 entries, not from 1 to 4"),
        ({"pointers": int64(-1, 2, 2, 4)}, "pointers must go from 0"),
        ({"pointers": int64(0, 2, 2, 3)}, "pointers must go from 0 to 4 entries, not from 0 to 3"),
        ({"pointers": int64(0, 2, 2, 5)}, "pointers must go from 0"),
        ({"pointers": int64(0, 3, 3, 4)}, "column ends with the filler at entry 2"),
        ({"pointers": int64(0, 4, 4, 4)}, "entry 2 lies at row 8"),
        ({"pointers": np.array([0, 2, 2, 4], dtype=np.int32)}, "pointers must be int64"),
        ({"pointers": np.array([0.0, 2, 2, 4])}, "pointers must be int64"),
        ({"codes": uint8(5, 6, 0)}, r"runs must be uint8 \(3,\), not uint8 \(4,\)"),
        ({"codes": uint8(5, 6, 0, 0)}, "column ends with the filler at entry 3"),
        ({"codes": uint8(0, 6, 0, 7)}, "the filler at entry 0 has run 0; a filler's run is 3"),
        ({"codes": int64(5, 6, 0, 7)}, "codes must be uint8"),
        ({"codes": uint8(5, 6, 0, 7)[:, None]}, "codes must be uint8"),
        ({"runs": uint8(0, 3, 3)}, r"runs must be uint8 \(4,\), not uint8 \(3,\)"),
        ({"runs": uint8(0, 3, 3, 4)}, "run 4 at entry 3 exceeds 3"),
        ({"runs": int64(0, 3, 3, 3)}, "runs must be uint8"),
    ],
)
def test_corrupted_columns_are_refused(changes: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        decode(replace(VALID, **changes))
    with pytest.raises(InputError, match=message):
        replace(VALID, **changes).validate()


def test_a_large_matrix_of_no_entries_is_refused_before_it_is_allocated() -> None:
    none = encode(np.zeros((1, 1000), dtype=np.uint8), 4)
    with pytest.raises(InputError, match="16777216000 dense entries are too many"):
        decode(replace(none, n_rows=2**24))


@PROPERTY
@given(seed=st.integers(0, 2**32), index_bits=st.integers(0, 8), n_changes=st.integers(1, 4))
def test_random_changes_are_refused_or_encode_again_to_the_same(seed: int, index_bits: int, n_changes: int) -> None:
    """The coding is one to one, so that whatever passes is what the encoder writes."""
    generator = np.random.default_rng(seed)
    codes = generator.integers(1, 4, (40, 6)).astype(np.uint8)
    codes[generator.random(codes.shape) >= 0.15] = 0
    part = encode(codes, index_bits)
    changed = replace(part, pointers=part.pointers.copy(), codes=part.codes.copy(), runs=part.runs.copy())
    fields: tuple[np.ndarray, ...] = (changed.pointers, changed.codes, changed.runs)
    for _ in range(n_changes):
        values = fields[generator.integers(3)]
        if values.size:
            values[generator.integers(values.size)] = generator.integers(0, max(4, 2**index_bits))
    try:
        decoded = decode(changed)
    except InputError:
        return
    again = encode(decoded, index_bits)
    assert np.array_equal(again.pointers, changed.pointers)
    assert np.array_equal(again.codes, changed.codes)
    assert np.array_equal(again.runs, changed.runs)


def test_parts_that_do_not_fit_the_placement_are_refused() -> None:
    codes = np.ones((5, 3), dtype=np.uint8)
    placement = Placement.interleaved(5, 2)
    parts = encode_array(codes, placement, 4)
    with pytest.raises(InputError, match="1 parts do not fit a placement on 2 PEs"):
        decode_array(parts[:1], placement)
    with pytest.raises(InputError, match="the part of PE 0 is 3 x 3, not 2 x 3"):
        decode_array(parts, Placement.interleaved(4, 2))
    with pytest.raises(InputError, match="the part of PE 1 is 3 x 2, not 3 x 3"):
        decode_array((parts[0], encode(codes[:3, :2], 4)), placement)
    with pytest.raises(InputError, match="PE 1 has an entry at local row 2, where the placement has no row"):
        decode_array((parts[0], parts[0]), placement)
    with pytest.raises(InputError, match="must not decrease"):
        decode_array((parts[0], replace(parts[1], pointers=int64(0, 2, 1, 6)[: parts[1].pointers.size])), placement)
