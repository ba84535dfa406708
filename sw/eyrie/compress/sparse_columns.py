"""Sparse columns with relative indices: what a PE's sparse-matrix memory holds, and where each column lies in it.

EIE (Han et al., ISCA 2016, section III) keeps of a column only its non-zeros, each as a code and the run of zeros since
the entry before it (or since the top). A run longer than the index can hold is broken by filler entries: code 0 and the
longest run, standing for the zeros of that run and one more zero in its own place. With four index bits the column
0 0 1 2, eighteen zeros, 3 becomes codes 1 2 0 3 and runs 2 0 15 2. Nothing follows a column's last non-zero.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eyrie.compress.checks import require_integer
from eyrie.errors import InputError

MAX_ROWS = MAX_COLUMNS = 2**24
"""Most rows and columns of a matrix: far beyond any layer."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SparseColumns:
    """A sparse matrix, or one PE's share of it, column by column.

    Parameters
    ----------
    n_rows, n_columns : int
        Shape of the matrix; on a PE, ``n_rows`` counts its local rows.
    index_bits : int
        Width of a run, 0 to 8. With no bits every position down to a column's last non-zero has an entry.
    pointers : int64 (n_columns + 1,)
        Column j has the entries ``pointers[j]`` to ``pointers[j + 1] - 1``.
    codes : uint8 (n_entries,)
        Codes; 0 marks a filler.
    runs : uint8 (n_entries,)
        Zeros skipped before each entry, 0 to ``2**index_bits - 1``.
    """

    n_rows: int
    n_columns: int
    index_bits: int
    pointers: npt.NDArray[np.int64]
    codes: npt.NDArray[np.uint8]
    runs: npt.NDArray[np.uint8]

    @property
    def n_entries(self) -> int:
        """Entries, fillers included."""
        return self.codes.size

    @property
    def n_fillers(self) -> int:
        """Entries that only break a long run of zeros."""
        return self.n_entries - int(np.count_nonzero(self.codes))

    def validate(self) -> None:
        """Check everything that the encoder promises; allocates in proportion to what is stored only.

        Raises
        ------
        InputError
            If types or lengths disagree, pointers decrease, a run is wider than the index, an entry lies below the
            last row, a filler has another run than the longest, or a column ends with a filler.
        """
        self.rows_of_entries()

    def rows_of_entries(self) -> npt.NDArray[np.int64]:
        """Row of every entry, fillers included, int64 (n_entries,); errors are those of `validate`."""
        n_rows = require_integer(self.n_rows, "n_rows", 0, MAX_ROWS)
        n_columns = require_integer(self.n_columns, "n_columns", 0, MAX_COLUMNS)
        longest = 2 ** require_integer(self.index_bits, "index_bits", 0, 8) - 1
        pointers, codes, runs = self.pointers, self.codes, self.runs
        if pointers.dtype != np.int64 or pointers.shape != (n_columns + 1,):
            raise InputError(f"pointers must be int64 ({n_columns + 1},), not {pointers.dtype} {pointers.shape}")
        for name, values in (("codes", codes), ("runs", runs)):
            if values.dtype != np.uint8 or values.shape != (codes.size,):
                raise InputError(f"{name} must be uint8 ({codes.size},), not {values.dtype} {values.shape}")
        if pointers[0] != 0 or pointers[-1] != codes.size:
            raise InputError(
                f"pointers must go from 0 to {codes.size} entries, not from {pointers[0]} to {pointers[-1]}"
            )
        decreasing = np.flatnonzero(pointers[1:] < pointers[:-1])
        if decreasing.size:
            column = decreasing[0]
            raise InputError(
                f"pointers must not decrease: column {column} from {pointers[column]} to {pointers[column + 1]}"
            )
        if codes.size and runs.max() > longest:
            raise InputError(f"run {runs.max()} at entry {runs.argmax()} exceeds {longest}, the most for the index")
        short = np.flatnonzero((codes == 0) & (runs != longest))
        if short.size:
            raise InputError(f"the filler at entry {short[0]} has run {runs[short[0]]}; a filler's run is {longest}")
        lengths = np.diff(pointers)
        last = pointers[1:][lengths > 0] - 1
        trailing = last[codes[last] == 0]
        if trailing.size:
            raise InputError(f"a column ends with the filler at entry {trailing[0]}; nothing follows its last non-zero")
        ends = np.cumsum(runs.astype(np.int64) + 1)
        tops = np.concatenate([[0], ends])[pointers[:-1]]
        rows = ends - 1 - np.repeat(tops, lengths)
        below = np.flatnonzero(rows >= n_rows)
        if below.size:
            raise InputError(f"entry {below[0]} lies at row {rows[below[0]]}, but the rows are 0 to {n_rows - 1}")
        return rows
