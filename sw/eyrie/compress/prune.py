"""Pruning by magnitude: the smallest weights become zero."""

import numpy as np

from eyrie.compress.checks import require_weights
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
    if not 0 <= density <= 1:
        raise InputError(f"density must be from 0 to 1, not {density}")
    require_weights(weight)
    n_kept = round(float(density) * weight.size)
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
