"""The reference for pooling: integer maps, one window an output. It knows nothing of tapes and banks."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from eyrie.golden.requantise import requantise

IntArray = npt.NDArray[np.int64]


class PoolingShape(Protocol):
    """How a window moves over its map."""

    @property
    def kernel(self) -> tuple[int, int]:
        """Rows (y) and columns (x) of the window."""

    @property
    def stride(self) -> tuple[int, int]:
        """From an output to the next, along rows and columns."""

    @property
    def padding(self) -> tuple[int, int, int, int]:
        """Places around the map that windows may reach: top, left, bottom, right."""


class IntegerPooling(Protocol):
    """A pooling layer in integers."""

    @property
    def shape(self) -> PoolingShape:
        """How its window moves."""

    @property
    def multiplier(self) -> IntArray | None:
        """int64 (output rows, output columns), see `eyrie.golden.requantise.requantise`; None for maxima."""

    @property
    def shift(self) -> IntArray | None:
        """Likewise."""


def forward(layer: IntegerPooling, x: IntArray, *, activation_width: int) -> IntArray:
    """Maxima of what of a window lies on the map, or its sums, requantised.

    Parameters
    ----------
    layer : IntegerPooling
    x : int64 (batch, channels, rows, columns)
        Activations of ``activation_width`` bits.

    Returns
    -------
    int64 (batch, channels, output rows, output columns)

    Raises
    ------
    ValueError
        If a window holds no value of the map, or the multipliers are not those of its positions.
    """
    shape = layer.shape
    top, left, bottom, right = shape.padding
    ends = (x.shape[2] + top + bottom - shape.kernel[0], x.shape[3] + left + right - shape.kernel[1])
    positions = (ends[0] // shape.stride[0] + 1, ends[1] // shape.stride[1] + 1)
    result = np.zeros((*x.shape[:2], *positions), np.int64)
    for down, across in np.ndindex(*positions):
        y, begin = down * shape.stride[0] - top, across * shape.stride[1] - left
        window = x[:, :, max(y, 0) : max(y + shape.kernel[0], 0), max(begin, 0) : max(begin + shape.kernel[1], 0)]
        if not window.size:
            raise ValueError(f"the window at ({down}, {across}) holds no value of the map")
        pooled = window.max(axis=(2, 3)) if layer.multiplier is None else window.sum(axis=(2, 3))
        result[:, :, down, across] = pooled
    if layer.multiplier is None or layer.shift is None:
        return result
    if layer.multiplier.shape != positions or layer.shift.shape != positions:
        raise ValueError(f"multipliers {layer.multiplier.shape}, shifts {layer.shift.shape}, positions {positions}")
    return requantise(result, layer.multiplier, layer.shift, relu=False, activation_width=activation_width)
