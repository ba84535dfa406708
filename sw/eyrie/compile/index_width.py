"""The width of zero runs: wide ones save fillers, narrow ones save bits of every entry."""

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from eyrie.compile.place import PlacedLayer
from eyrie.compress.sparse_columns import SparseColumns
from eyrie.errors import InputError

IndexAim = Literal["cycles", "bits"]
"""What the width is chosen for. ``"cycles"``: the narrowest with at most one filler for `USEFUL_PER_FILLER` useful
entries, or else the one with the fewest. ``"bits"``: the one whose entries take the fewest bits in all."""
USEFUL_PER_FILLER = 50
"""Useful entries for one filler: a multiplier that loses 2 % of its cycles."""

_WIDTHS = np.arange(1, 9)

IntArray = npt.NDArray[np.int64]


def choose_index_bits(layers: Sequence[PlacedLayer], codebook_bits: int, aim: IndexAim) -> int:
    """The width, 1 to 8, that suits a network best; of equal ones the narrowest.

    Parameters
    ----------
    layers : sequence of PlacedLayer
        Encoded with runs of any width.
    codebook_bits : int
        Bits of a code.
    aim : "cycles" or "bits"

    Raises
    ------
    InputError
        If it is neither.
    """
    if aim not in get_args(IndexAim):
        raise InputError(f"index_bits must be an integer or one of {get_args(IndexAim)}, not {aim!r}")
    parts = [part for placed in layers for parts in placed.tiles for part in parts]
    useful = sum(int(np.count_nonzero(part.codes)) for part in parts)
    fillers = np.sum([_fillers(part) for part in parts], axis=0)
    if aim == "bits":
        return int(_WIDTHS[np.argmin((useful + fillers) * (codebook_bits + _WIDTHS))])
    few = USEFUL_PER_FILLER * fillers <= useful
    return int(_WIDTHS[np.argmax(few) if few.any() else np.argmin(fillers)])


def _fillers(part: SparseColumns) -> IntArray:
    """Fillers that the slices of one PE would need with runs of each width, int64 (8,).

    Every slice ends with a useful entry, so that zeros between two of them never reach over the end of one.
    """
    ends = np.cumsum(part.runs + np.int64(1))[part.codes != 0]
    zeros = np.diff(ends, prepend=0) - 1
    return np.array([(zeros >> width).sum() for width in _WIDTHS.tolist()])
