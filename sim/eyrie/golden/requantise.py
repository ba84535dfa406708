"""Requantisation: from accumulators to activations, once a layer."""

import numpy as np
import numpy.typing as npt

ACCUMULATOR_RANGE = (-(1 << 47), (1 << 47) - 1)
"""Of the widest accumulators that an engine can have."""
MAX_MULTIPLIER = (1 << 15) - 1
MAX_SHIFT = 63

IntArray = npt.NDArray[np.int64]


def requantise(
    accumulators: IntArray, multiplier: IntArray, shift: IntArray, *, relu: bool, activation_width: int
) -> IntArray:
    """``clamp(accumulators * multiplier + 2 ** (shift - 1) >> shift)``, then ReLU if asked for.

    Rounds half up; a shift of 0 adds nothing. Exact: product and half a unit of the last place fit 63 bits and a sign.

    Parameters
    ----------
    accumulators : int64 (..., rows)
        Signed, up to 48 bits, the bias included.
    multiplier : int64 (rows,)
        1 to `MAX_MULTIPLIER`.
    shift : int64 (rows,)
        0 to `MAX_SHIFT`.
    relu : bool
        Replace negative results by zero.
    activation_width : int
        Bits of a result, at least 2.

    Returns
    -------
    int64 (..., rows)
        Activations.

    Raises
    ------
    ValueError
        If a value is out of its range.
    """
    _require_range("multiplier", multiplier, 1, MAX_MULTIPLIER)
    _require_range("shift", shift, 0, MAX_SHIFT)
    _require_range("accumulator", accumulators, *ACCUMULATOR_RANGE)
    half = np.where(shift > 0, np.int64(1) << np.maximum(shift - 1, 0), 0)
    lowest, highest = -(1 << activation_width - 1), (1 << activation_width - 1) - 1
    return np.clip(accumulators * multiplier + half >> shift, 0 if relu else lowest, highest)


def _require_range(name: str, values: IntArray, low: int, high: int) -> None:
    if values.size and not low <= values.min() <= values.max() <= high:
        raise ValueError(f"{name} must be from {low} to {high}, not {values.min()} to {values.max()}")
