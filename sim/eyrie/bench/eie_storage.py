"""Bits that EIE's benchmark layers take, in our format and in the paper's, and the fillers of every index width."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from eyrie.anchors.eie import published_design
from eyrie.compile.place import PlacedLayer
from eyrie.compress.interleave import Placement
from eyrie.eie.config import QUAD, EieConfig

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class ZeroRuns:
    """Zeros in front of the non-zeros of a placed matrix, within their slices.

    Parameters
    ----------
    counts : int64 (n,)
        How many non-zeros have 0, 1, 2 ... zeros in front of them.
    """

    counts: IntArray

    @classmethod
    def of(cls, codes: npt.NDArray[np.uint8], placement: Placement) -> Self:
        """Count the runs of a matrix of codes, uint8 (rows, columns), on the PEs of a placement."""
        rows, columns = np.nonzero(codes)
        local_rows = max(placement.local_rows, 1)
        # One number a non-zero orders slice by slice, and by local row within.
        slices = placement.pe_of_row[rows] * codes.shape[1] + columns
        keys = np.sort(slices * local_rows + placement.local_row_of_row[rows])
        gaps = np.diff(keys, prepend=-1) - 1
        slices, local = np.divmod(keys, local_rows)
        first = np.diff(slices, prepend=-1) != 0
        gaps[first] = local[first]
        return cls(counts=np.bincount(gaps))

    @property
    def n_nonzeros(self) -> int:
        """Entries that are not fillers."""
        return int(self.counts.sum())

    def n_fillers(self, index_bits: int) -> int:
        """Entries that runs too long for ``index_bits`` take in addition."""
        return int(self.counts @ (np.arange(self.counts.size) >> index_bits))


def stored_bits(placed: PlacedLayer, config: EieConfig) -> int:
    """Bits of all entries, fillers included, and of the words of the table that find them, on all PEs."""
    return int(placed.entries.sum()) * config.entry_width + placed.n_columns // QUAD * config.quad_width * config.n_pes


def paper_entries(codes: npt.NDArray[np.uint8], n_pes: int) -> int:
    """Entries of a matrix in the paper's format: rows interleaved, 4-bit runs, fillers included."""
    runs = ZeroRuns.of(codes, Placement.interleaved(codes.shape[0], n_pes))
    return runs.n_nonzeros + runs.n_fillers(published_design().index_bits)


def paper_bits(codes: npt.NDArray[np.uint8], n_pes: int) -> int:
    """Bits of a matrix in the paper's format: a 4-bit code and run an entry, a 16-bit pointer a column and PE."""
    design = published_design()
    n_pointers = int(codes.shape[1]) * n_pes
    return paper_entries(codes, n_pes) * (design.code_bits + design.index_bits) + n_pointers * design.pointer_bits
