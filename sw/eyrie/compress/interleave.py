"""Placement of a matrix's rows on processing elements.

EIE (Han et al., ISCA 2016, section III) interleaves the rows: row r belongs to PE r mod N. Here a row has a *slot*, and
the slots are interleaved, so that a placement may also permute rows, or leave slots idle, to balance the work.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from eyrie.compress.checks import require_integer
from eyrie.errors import InputError

MAX_PES = 2**16
"""Most PEs of a placement."""

MAX_SLOTS = 2**24
"""Most slots of a placement: far beyond the rows of any layer."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Placement:
    """Which PE computes a row, and where on it.

    Slot s is local row ``s // n_pes`` of PE ``s % n_pes``.

    Parameters
    ----------
    n_pes : int
        Number of PEs, 1 to ``MAX_PES``.
    slot_of_row : int64 (rows,)
        Slot of each row; no two rows share one. A read-only copy is kept.
    n_slots : int
        Number of slots, which may exceed the rows: the others are idle. 0, the default, takes as few as hold the
        highest slot in use.

    Raises
    ------
    InputError
        If a slot is used twice, is negative or lies beyond ``n_slots``, or a number is out of range.
    """

    n_pes: int
    slot_of_row: npt.NDArray[np.int64]
    n_slots: int = 0

    def __post_init__(self) -> None:
        n_pes = require_integer(self.n_pes, "n_pes", 1, MAX_PES)
        n_slots = require_integer(self.n_slots, "n_slots", 0, MAX_SLOTS)
        slots = np.asarray(self.slot_of_row)
        if slots.ndim != 1 or (slots.size and slots.dtype.kind not in "iu"):
            raise InputError(f"slot_of_row must be a vector of integers, not {slots.dtype} {slots.shape}")
        if slots.size:
            lowest, highest = int(slots.min()), int(slots.max())
            n_slots = n_slots or min(highest + 1, MAX_SLOTS)
            if lowest < 0 or highest >= n_slots:
                raise InputError(f"slot_of_row must lie in 0 to {n_slots - 1}, not {lowest} to {highest}")
        slots = slots.astype(np.int64)
        ascending = np.sort(slots)
        repeated = ascending[1:][ascending[1:] == ascending[:-1]]
        if repeated.size:
            raise InputError(f"slot {repeated[0]} is given to more than one row; every row needs a slot of its own")
        slots.setflags(write=False)
        object.__setattr__(self, "n_pes", n_pes)
        object.__setattr__(self, "n_slots", n_slots)
        object.__setattr__(self, "slot_of_row", slots)

    @classmethod
    def interleaved(cls, rows: int, n_pes: int) -> Self:
        """The paper's placement: row r in slot r, so rows 0, 1, 2 ... go to PEs 0, 1, 2 ... in turn."""
        return cls(n_pes=n_pes, slot_of_row=np.arange(require_integer(rows, "rows", 0, MAX_SLOTS), dtype=np.int64))

    @property
    def rows(self) -> int:
        """Number of rows of the matrix."""
        return self.slot_of_row.size

    @property
    def local_rows(self) -> int:
        """Rows of every PE, idle ones included: ``ceil(n_slots / n_pes)``."""
        return -(-self.n_slots // self.n_pes)

    @property
    def pe_of_row(self) -> npt.NDArray[np.int64]:
        """PE of each row, int64 (rows,)."""
        return self.slot_of_row % self.n_pes

    @property
    def local_row_of_row(self) -> npt.NDArray[np.int64]:
        """Place of each row on its PE, int64 (rows,)."""
        return self.slot_of_row // self.n_pes

    @property
    def row_of_slot(self) -> npt.NDArray[np.int64]:
        """Row in each slot, int64 (local_rows * n_pes,); -1 where the slot is idle."""
        row_of_slot = np.full(self.local_rows * self.n_pes, -1, dtype=np.int64)
        row_of_slot[self.slot_of_row] = np.arange(self.rows)
        return row_of_slot
