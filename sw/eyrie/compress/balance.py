"""Rows placed on PEs so that all have the same work, whatever the activations are.

EIE (Han et al., ISCA 2016) interleaves the rows, and the PE that happens to have most work decides its time. Here the
rows go to PEs by descending load, each to the PE that has least (longest processing time first; Graham, 1969), and are
then swapped between PEs as long as that lowers the variance of the loads over random activations; for some time also
where it raises it a little, less and less (threshold accepting; Dueck and Scheuer, 1990).

A PE's load is one cycle for each of its non-zeros in the columns that are broadcast. Let column c be broadcast with
probability p[c], independently, and have n[k, c] non-zeros on PE k. Up to a constant, the expected squared deviation of
the loads from their mean, summed over the PEs, is the sum over k of

    (L[k] - mean L)**2 + sum over c of p[c] * (1 - p[c]) * n[k, c]**2,    L[k] = sum over c of p[c] * n[k, c].

The second part is the sum of the overlaps of all pairs of rows on a PE: rows with few columns in
common belong together.

Where the columns are split over groups of PEs, a row lies on one PE of each group, at the same position of all of them,
and has a load there for each group. The first part is then summed over the groups too; the second is the same.
"""

import heapq
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from eyrie.compress.checks import require_integer
from eyrie.compress.interleave import MAX_PES, Placement
from eyrie.errors import InputError

MAX_SEARCHED_ROWS = 2**14
"""Most rows, idle ones included, whose overlaps are held: a matrix of 1 GiB. Above, loads alone place the rows."""

MAX_OVERLAP_COLUMNS = 2**15
MAX_OVERLAP_PRODUCTS = 2**37
"""Most columns and most products of the overlaps, for about two seconds of one thread; then the columns that matter
most are looked at, and the others are taken to be even whatever the placement."""

MAX_SWEEPS = 21
MAX_COMPARISONS = 2**29
"""Most passes over the rows, and most swaps weighed in all of them (never fewer than two passes)."""

FEWEST_SWAPS = 50
"""The search ends after a sweep that swaps fewer than one row in this many."""

LAST_SWEEPS = 4
"""Sweeps at the end that take no swap for the worse; nor does the first."""

TOLERANCE = 2.0
"""Most that a swap may raise half the sum of squares, in square roots of a row's mean overlap with itself."""

COOLING = 0.8
"""By what the tolerance is multiplied after a sweep."""

QUEUE_VARIANCE = 1 / 16
"""Least ``1 - p``. A column that is always broadcast adds no variance to the whole load, but queues see only a few
columns at a time, and an uneven one still makes PEs wait."""

DENSITY_STEPS = 2**16
"""Probabilities are rounded to this fraction: loads are then exact, and the same in any order of the additions."""

WEIGHT_LEVELS = 15
"""Square roots of column variances are rounded to this many levels: overlaps are then integers below 2**24, exact in
single precision, so that the placement is the same on every machine and with any number of threads."""

USUAL_DENSITY = 0.35
"""Share of non-zero activations where nothing is known: that of EIE's table III for the first fully connected layers of
AlexNet."""

FloatVector = npt.NDArray[np.float64]
IntVector = npt.NDArray[np.int64]


def balanced_placement(
    codes: np.ndarray,
    n_pes: int,
    *,
    activation_density: float | npt.NDArray[np.floating] = USUAL_DENSITY,
    group_of_column: IntVector | None = None,
) -> Placement:
    """Place rows so that the most loaded PE has little more than the mean.

    No PE has more than ``ceil(rows / n_pes)`` rows, so that the placement has as many local rows as an interleaved
    one. On a PE the rows with the largest load come first: any first part of the local rows is then nearly balanced
    too, and columns end early, which saves fillers. PEs with more rows come first.

    Takes five to ten seconds of one thread for 4096 rows; time and memory grow with the square of the rows up to
    ``MAX_SEARCHED_ROWS``. The result depends on the arguments alone.

    Parameters
    ----------
    codes : uint8 or bool (rows, columns)
        Codes of the weights; entries that are not zero are work.
    n_pes : int
        Number of PEs, 1 to ``MAX_PES``; of one group, where columns are split over several.
    activation_density : float, or floats (columns,)
        Probability that an activation is not zero, 0 to 1, for all columns or for each.
    group_of_column : int64 (columns,), optional
        The group that holds each column, from 0 on. By default one holds all.

    Raises
    ------
    InputError
        If an argument is out of range or of another shape.
    """
    n_pes = require_integer(n_pes, "n_pes", 1, MAX_PES)
    if codes.ndim != 2 or codes.dtype not in (np.uint8, np.bool_):
        raise InputError(f"codes must be a uint8 or bool matrix, not {codes.dtype} {codes.shape}")
    n_rows, n_columns = codes.shape
    density = _checked_density(activation_density, n_columns)
    groups = _checked_groups(group_of_column, n_columns)
    group_loads = [_row_loads(codes, density * (groups == group)) for group in range(int(groups.max(initial=0)) + 1)]
    loads = sum(group_loads[1:], start=group_loads[0])
    if n_rows <= n_pes or n_pes == 1 or not loads.any():
        return Placement.interleaved(n_rows, n_pes)
    pe_of_row = _longest_first(loads, n_pes)
    if -(-n_rows // n_pes) * n_pes <= MAX_SEARCHED_ROWS:
        search = _SwapSearch(codes, density, group_loads, pe_of_row, n_pes)
        search.run()
        pe_of_row = search.pe_of_row[:n_rows]
    return _placement(pe_of_row, loads, n_pes)


def _checked_density(activation_density: float | npt.NDArray[np.floating], n_columns: int) -> FloatVector:
    """Density of each column, rounded to a multiple of ``1 / DENSITY_STEPS``."""
    density = np.asarray(activation_density)
    if density.dtype.kind not in "fiu" or density.shape not in ((), (n_columns,)):
        raise InputError(
            f"activation_density must be a number or one for each of {n_columns} columns, "
            f"not {density.dtype} {density.shape}"
        )
    outside = density[~((density >= 0) & (density <= 1))]
    if outside.size:
        raise InputError(f"activation_density must be from 0 to 1, not {outside[0]}")
    return np.broadcast_to(np.rint(density.astype(np.float64) * DENSITY_STEPS) / DENSITY_STEPS, (n_columns,))


def _checked_groups(group_of_column: IntVector | None, n_columns: int) -> IntVector:
    """Group of each column, int64 (columns,)."""
    if group_of_column is None:
        return np.zeros(n_columns, np.int64)
    groups = np.asarray(group_of_column)
    if groups.dtype.kind not in "iu" or groups.shape != (n_columns,):
        raise InputError(f"group_of_column must be {n_columns} integers, not {groups.dtype} {groups.shape}")
    if groups.size and not 0 <= groups.min() <= groups.max() < MAX_PES:
        raise InputError(f"group_of_column must lie in 0 to {MAX_PES - 1}, not {groups.min()} to {groups.max()}")
    return groups.astype(np.int64)


def _row_loads(codes: np.ndarray, density: FloatVector) -> FloatVector:
    """Expected load of each row; block by block, as the matrix itself would be large in double precision."""
    blocks = (codes[start : start + 64] != 0 for start in range(0, codes.shape[0], 64))
    return np.concatenate([np.zeros(0)] + [block.astype(np.float64) @ density for block in blocks])


def _longest_first(loads: FloatVector, n_pes: int) -> IntVector:
    """PE of each row: by descending load to the PE with least load so far, up to ``ceil(rows / n_pes)`` rows each."""
    local_rows = -(-loads.size // n_pes)
    pe_of_row = np.empty(loads.size, np.int64)
    free = [(0.0, pe) for pe in range(n_pes)]
    n_placed = [0] * n_pes
    for row in np.argsort(-loads, kind="stable"):
        load, pe = heapq.heappop(free)
        pe_of_row[row] = pe
        n_placed[pe] += 1
        if n_placed[pe] < local_rows:
            heapq.heappush(free, (load + float(loads[row]), pe))
    return pe_of_row


def _placement(pe_of_row: IntVector, loads: FloatVector, n_pes: int) -> Placement:
    """Rows by descending load on their PE, PEs by descending number of rows."""
    counts = np.bincount(pe_of_row, minlength=n_pes)
    new_pe = np.empty(n_pes, np.int64)
    new_pe[np.argsort(-counts, kind="stable")] = np.arange(n_pes)
    order = np.lexsort((-loads, pe_of_row))
    local = np.empty(loads.size, np.int64)
    local[order] = np.arange(loads.size) - np.repeat(np.cumsum(counts) - counts, counts)
    return Placement(n_pes=n_pes, slot_of_row=local * n_pes + new_pe[pe_of_row])


def _overlaps(codes: np.ndarray, density: FloatVector, n_rows: int) -> tuple[npt.NDArray[np.float32], float]:
    """Overlap of each two rows, and the variance that one unit of overlap stands for.

    The overlap is the sum of the variances of the columns in which both rows have a non-zero. Rows beyond those of
    ``codes``, up to ``n_rows``, are empty.
    """
    variance = density * np.maximum(1 - density, QUEUE_VARIANCE)
    occupied = np.count_nonzero(codes, axis=0) / codes.shape[0]
    # Of a column spread at random; one without zeros is even anyway.
    contribution = variance * occupied * (1 - occupied)
    n_columns = min(MAX_OVERLAP_COLUMNS, MAX_OVERLAP_PRODUCTS // n_rows**2, int(np.count_nonzero(contribution)))
    columns = np.sort(np.argsort(-contribution, kind="stable")[:n_columns])
    # Equal variances are one level: smaller overlaps, all the more exact.
    levels = np.rint(WEIGHT_LEVELS * np.sqrt(variance[columns] / variance.max())).astype(np.int64)
    step = max(int(np.gcd.reduce(levels)), 1)
    weighted = np.zeros((n_rows, n_columns), np.float32)
    np.multiply(codes[:, columns] != 0, (levels // step).astype(np.float32), out=weighted[: codes.shape[0]])
    return weighted @ weighted.T, float(variance.max()) * (step / WEIGHT_LEVELS) ** 2


class _SwapSearch:
    """Local search: each row in turn changes places with that which lowers the sum of squares most, or raises it least.

    Empty rows fill every PE up to the same number, so that a swap also stands for a move. Loads are in units in which
    one unit of overlap is 1; the change that a swap makes is counted in halves.

    Parameters
    ----------
    codes : uint8 or bool (rows, columns)
    density : float64 (columns,)
    group_loads : sequence of float64 (rows,)
        Expected load of each row in each group of columns.
    pe_of_row : int64 (rows,)
        Where to start from.
    n_pes : int

    Attributes
    ----------
    pe_of_row : int64 (rows and empty rows,)
        PE of each row.
    """

    def __init__(
        self,
        codes: np.ndarray,
        density: FloatVector,
        group_loads: Sequence[FloatVector],
        pe_of_row: IntVector,
        n_pes: int,
    ) -> None:
        self._n_searched = pe_of_row.size
        local_rows = -(-pe_of_row.size // n_pes)
        n_rows = local_rows * n_pes
        idle = np.repeat(np.arange(n_pes), local_rows - np.bincount(pe_of_row, minlength=n_pes))
        self.pe_of_row = np.concatenate([pe_of_row, idle])
        self._members = np.argsort(self.pe_of_row, kind="stable").reshape(n_pes, local_rows)
        self._overlap, unit = _overlaps(codes, density, n_rows)
        self._self_overlap = self._overlap.diagonal().copy()
        self._loads = np.zeros((len(group_loads), n_rows))
        self._loads[:, : pe_of_row.size] = np.stack(group_loads) / np.sqrt(unit)
        self._loads32 = self._loads.astype(np.float32)
        self._pe_loads = np.stack([loads[self._members].sum(axis=1) - loads.sum() / n_pes for loads in self._loads])
        # Overlap of each row with all rows of a PE, (n_pes, rows).
        self._pe_overlap = np.stack([self._overlap[members].sum(axis=0) for members in self._members])
        # Of each row: change of overlap by leaving its PE, and its loads less those of its PE.
        self._leaving = np.empty(n_rows, np.float32)
        self._excess = np.empty(self._loads.shape, np.float32)
        for pe in range(n_pes):
            self._refresh(pe)

    def run(self) -> None:
        """Sweep until few rows are swapped, or the work is done that the limits allow."""
        n_sweeps = min(MAX_SWEEPS, max(2, MAX_COMPARISONS // self.pe_of_row.size**2))
        tolerance = TOLERANCE * float(np.sqrt(self._self_overlap.mean(dtype=np.float64)))
        for sweep in range(n_sweeps):
            tolerant = 0 < sweep < n_sweeps - LAST_SWEEPS
            allowed = tolerance if tolerant else 0.0
            n_swaps = sum(self._improve(row, allowed) for row in range(self._n_searched))
            if tolerant:
                tolerance *= COOLING
            elif sweep and n_swaps * FEWEST_SWAPS < self._n_searched:
                break

    def _improve(self, row: int, allowed: float) -> bool:
        """Swap ``row`` with the best partner, if half the sum of squares then rises by less than is allowed, or falls.

        Returns whether it was.
        """
        pe = self.pe_of_row[row]
        change = self._overlap[row] * np.float32(-2)
        change += self._pe_overlap[pe]
        change += self._pe_overlap[:, row].take(self.pe_of_row)
        change += self._leaving
        for group, excess in enumerate(self._excess):
            squares = excess + np.float32(self._pe_loads[group, pe] - self._loads[group, row])
            squares *= self._loads32[group] - self._loads32[group, row]
            change += squares
        change[self._members[pe]] = np.inf
        partner = int(change.argmin())
        if not self._change(row, partner) < allowed:
            return False
        self._swap(row, partner)
        return True

    def _change(self, row: int, partner: int) -> float:
        """Half the change of the sum of squares by a swap, in double precision."""
        pe, other = self.pe_of_row[row], self.pe_of_row[partner]
        gain = self._loads[:, partner] - self._loads[:, row]
        squares = (gain * (self._pe_loads[:, pe] - self._pe_loads[:, other] + gain)).sum()
        overlap = (
            float(self._leaving[row])
            + float(self._leaving[partner])
            + float(self._pe_overlap[pe, partner])
            + float(self._pe_overlap[other, row])
            - 2 * float(self._overlap[row, partner])
        )
        return float(squares) + overlap

    def _swap(self, row: int, partner: int) -> None:
        pe, other = self.pe_of_row[row], self.pe_of_row[partner]
        difference = self._overlap[partner] - self._overlap[row]
        self._pe_overlap[pe] += difference
        self._pe_overlap[other] -= difference
        gain = self._loads[:, partner] - self._loads[:, row]
        self._pe_loads[:, pe] += gain
        self._pe_loads[:, other] -= gain
        self._members[pe, self._members[pe] == row] = partner
        self._members[other, self._members[other] == partner] = row
        self.pe_of_row[row], self.pe_of_row[partner] = other, pe
        self._refresh(pe)
        self._refresh(other)

    def _refresh(self, pe: int) -> None:
        members = self._members[pe]
        self._leaving[members] = self._self_overlap[members] - self._pe_overlap[pe, members]
        self._excess[:, members] = self._loads[:, members] - self._pe_loads[:, pe, None]
