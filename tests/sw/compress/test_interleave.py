"""Placement of rows on PEs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eyrie.compress.interleave import MAX_PES, MAX_SLOTS, Placement
from eyrie.errors import InputError

PROPERTY = settings(derandomize=True, deadline=None, max_examples=100)


def test_rows_go_to_the_pes_in_turn() -> None:
    placement = Placement.interleaved(5, 2)
    assert placement.pe_of_row.tolist() == [0, 1, 0, 1, 0]
    assert placement.local_row_of_row.tolist() == [0, 0, 1, 1, 2]
    assert placement.row_of_slot.tolist() == [0, 1, 2, 3, 4, -1]
    assert (placement.rows, placement.n_slots, placement.local_rows) == (5, 5, 3)


@pytest.mark.parametrize(("rows", "n_pes", "local_rows"), [(0, 4, 0), (1, 4, 1), (4, 4, 1), (5, 4, 2), (300, 64, 5)])
def test_local_rows_are_rounded_up(rows: int, n_pes: int, local_rows: int) -> None:
    assert Placement.interleaved(rows, n_pes).local_rows == local_rows


def test_idle_slots_add_local_rows() -> None:
    placement = Placement(n_pes=2, slot_of_row=np.array([3, 0]), n_slots=7)
    assert (placement.n_slots, placement.local_rows) == (7, 4)
    assert placement.row_of_slot.tolist() == [1, -1, -1, 0, -1, -1, -1, -1]
    assert Placement(n_pes=2, slot_of_row=np.array([3, 0])).n_slots == 4


@PROPERTY
@given(seed=st.integers(0, 2**32), rows=st.integers(0, 60), idle=st.integers(0, 20), n_pes=st.integers(1, 70))
def test_row_of_slot_is_the_inverse(seed: int, rows: int, idle: int, n_pes: int) -> None:
    slots = np.random.default_rng(seed).permutation(rows + idle)[:rows]
    placement = Placement(n_pes=n_pes, slot_of_row=slots, n_slots=rows + idle)
    flat = placement.local_row_of_row * n_pes + placement.pe_of_row
    assert np.array_equal(placement.row_of_slot[flat], np.arange(rows))
    assert np.count_nonzero(placement.row_of_slot >= 0) == rows
    assert np.all(placement.local_row_of_row < max(placement.local_rows, 1))


def test_the_map_is_kept_as_a_read_only_copy() -> None:
    slots = np.array([1, 0])
    placement = Placement(n_pes=1, slot_of_row=slots)
    slots[:] = 0
    assert placement.slot_of_row.tolist() == [1, 0]
    with pytest.raises(ValueError, match="read-only"):
        placement.slot_of_row[0] = 0


@pytest.mark.parametrize(
    ("n_pes", "slots", "n_slots", "message"),
    [
        (2, [0, 2, 1, 2], 0, "slot 2 is given to more than one row"),
        (2, [0, -1], 0, "must lie in 0 to 0, not -1 to 0"),
        (2, [0, 4], 4, "must lie in 0 to 3, not 0 to 4"),
        (2, [0, MAX_SLOTS], 0, "must lie in 0 to"),
        (0, [0], 0, "n_pes must be an integer from 1"),
        (MAX_PES + 1, [0], 0, "n_pes must be an integer from 1"),
        (2, [0], -1, "n_slots must be an integer from 0"),
        (2, [0.0], 0, "vector of integers"),
        (2, [[0]], 0, "vector of integers"),
    ],
)
def test_maps_that_are_no_placement_are_refused(n_pes: int, slots: list, n_slots: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Placement(n_pes=n_pes, slot_of_row=np.array(slots), n_slots=n_slots)


@pytest.mark.parametrize("rows", [-1, MAX_SLOTS + 1, 2.0])
def test_number_of_rows_out_of_range_is_refused(rows: int) -> None:
    with pytest.raises(InputError, match="rows must be an integer from 0"):
        Placement.interleaved(rows, 4)
