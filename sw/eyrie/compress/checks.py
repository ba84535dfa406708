"""Checks of arguments that several compression steps share."""

import operator

import numpy as np

from eyrie.errors import InputError

LARGEST_WEIGHT = float(np.finfo(np.float32).max)
"""Magnitudes beyond float32 are refused: no trained weight has them, and sums and squares of all others stay finite."""


def require_weights(weight: np.ndarray) -> None:
    """Check that ``weight`` is an array of real numbers, all finite and within the range of float32.

    Raises
    ------
    InputError
        Naming the type, or the first value that is not accepted and its index.
    """
    if not isinstance(weight, np.ndarray) or weight.dtype.kind not in "fiu" or weight.dtype.itemsize > 8:
        kind = weight.dtype if isinstance(weight, np.ndarray) else type(weight).__name__
        raise InputError(f"weights must be an array of real numbers of at most 64 bits, not {kind}")
    if weight.size == 0:
        return
    # Two reductions without a temporary array; a NaN fails either comparison.
    if float(weight.min()) >= -LARGEST_WEIGHT and float(weight.max()) <= LARGEST_WEIGHT:
        return
    accepted = np.abs(weight.astype(np.float64)) <= LARGEST_WEIGHT
    index = tuple(int(i) for i in np.unravel_index(int(np.argmin(accepted)), weight.shape))
    raise InputError(f"weight at index {index} is {weight[index]}; weights must be finite and fit in float32")


def require_integer(value: int, name: str, low: int, high: int) -> int:
    """Return ``value`` as a Python integer after checking ``low <= value <= high``.

    Raises
    ------
    InputError
        Naming the value and the range.
    """
    try:
        integer = operator.index(value)
    except TypeError:
        raise InputError(f"{name} must be an integer from {low} to {high}, not {value!r}") from None
    if not low <= integer <= high:
        raise InputError(f"{name} must be an integer from {low} to {high}, not {integer}")
    return integer
