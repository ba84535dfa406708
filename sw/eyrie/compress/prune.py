"""Pruning by magnitude: the smallest weights become zero, of the whole layer or of each PE's part of it."""

import numpy as np

from eyrie.compress.checks import require_integer, require_weights
from eyrie.compress.interleave import MAX_PES
from eyrie.errors import InputError


def prune_by_magnitude(weight: np.ndarray, density: float) -> np.ndarray:
    """Copy ``weight`` and set all but its largest entries to zero.

    Exactly ``round(density * weight.size)`` entries of largest magnitude are kept (Python's ``round``, so halves go to
    the even number). Among equal magnitudes the lower flat index (row-major) is kept, so that the result depends on
    the values alone. Kept entries that are already zero stay zero and count as kept.

    Parameters
    ----------
    weight : array of real numbers, any shape
        Finite and within the range of float32.
    density : float
        Fraction to keep, 0 to 1.

    Returns
    -------
    array of the same shape and type

    Raises
    ------
    InputError
        If ``density`` is outside 0 to 1, or ``weight`` holds a NaN, an infinity or something that is not a number.
    """
    return _keep_largest(weight, _n_kept(weight, density))


def prune_balanced(weight: np.ndarray, density: float, n_pes: int) -> np.ndarray:
    """Copy ``weight`` and set to zero what leaves every PE with as many weights, rows interleaved over the PEs.

    Load-balance-aware pruning (ESE; Han et al., FPGA 2017): each PE's part, rows ``pe``, ``pe + n_pes`` and so on, is
    pruned by magnitude on its own. Over the layer exactly as many entries are kept as by `prune_by_magnitude`. They are
    dealt out evenly: no two PEs differ by more than one entry, the lower having more, unless a part has fewer entries
    than its share; it is then kept whole and the others share the rest. At a lower density no PE keeps more, so that
    what is pruned stays pruned while the density falls.

    Parameters
    ----------
    weight : real numbers (rows, columns)
        Finite and within the range of float32.
    density : float
        Fraction to keep, 0 to 1.
    n_pes : int
        Number of PEs, 1 to ``MAX_PES``.

    Returns
    -------
    array of the same shape and type

    Raises
    ------
    InputError
        As `prune_by_magnitude`, and if ``weight`` is not a matrix or ``n_pes`` is out of range.
    """
    n_pes = require_integer(n_pes, "n_pes", 1, MAX_PES)
    n_kept = _n_kept(weight, density)
    if weight.ndim != 2:
        raise InputError(f"weights to be balanced must be a matrix of (rows, columns), not {weight.shape}")
    pruned = np.empty(weight.shape, dtype=weight.dtype)
    for pe, share in enumerate(_even_shares(n_kept, weight.shape, n_pes)):
        pruned[pe::n_pes] = _keep_largest(weight[pe::n_pes], share)
    return pruned


def _n_kept(weight: np.ndarray, density: float) -> int:
    if not 0 <= density <= 1:
        raise InputError(f"density must be from 0 to 1, not {density}")
    require_weights(weight)
    return round(float(density) * weight.size)


def _even_shares(n_kept: int, shape: tuple[int, int], n_pes: int) -> list[int]:
    """Entries to keep on each PE."""
    n_rows, n_columns = shape
    # The first PEs may have a row more than the others, which may then be full before them.
    smallest = n_rows // n_pes * n_columns
    n_sharing, full = (n_pes, 0) if n_kept <= smallest * n_pes else (n_rows % n_pes, smallest)
    share, n_more = divmod(n_kept - full * (n_pes - n_sharing), n_sharing)
    return [share + (pe < n_more) for pe in range(n_sharing)] + [full] * (n_pes - n_sharing)


def _keep_largest(weight: np.ndarray, n_kept: int) -> np.ndarray:
    """Set all but the ``n_kept`` entries of largest magnitude to zero, among equals the lower flat index first."""
    pruned = np.zeros(weight.shape, dtype=weight.dtype)
    if n_kept == 0:
        return pruned
    values = weight.reshape(-1)
    # The magnitude of the most negative integer does not fit its own type.
    magnitude = np.abs(values if values.dtype.kind == "f" else values.astype(np.float64))
    first_kept = values.size - n_kept
    threshold = np.partition(magnitude, first_kept)[first_kept]
    kept = magnitude > threshold
    tied = np.flatnonzero(magnitude == threshold)
    kept[tied[: n_kept - np.count_nonzero(kept)]] = True
    pruned.reshape(-1)[kept] = values[kept]
    return pruned
