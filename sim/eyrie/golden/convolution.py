"""The reference for convolutions: integer tensors, one sum of products an output. It knows nothing of tapes and PEs."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from eyrie.golden.requantise import requantise

IntArray = npt.NDArray[np.int64]

_EXACT = 1 << 53
"""Up to here float64 holds every integer."""

_BLOCK = 1 << 23
"""Operands that are laid out for a product at a time."""


class ConvolutionShape(Protocol):
    """How a kernel moves over its map."""

    @property
    def stride(self) -> tuple[int, int]:
        """From an output to the next, along rows (y) and columns (x)."""

    @property
    def padding(self) -> tuple[int, int, int, int]:
        """Zeros around the map: top, left, bottom, right."""

    @property
    def groups(self) -> int:
        """Parts into which channels and filters are divided; a filter sees the channels of its own part."""


class IntegerConvolution(Protocol):
    """A convolutional layer in integers. A fully connected layer is one whose kernel is as large as its map."""

    @property
    def shape(self) -> ConvolutionShape:
        """How its kernels move."""

    @property
    def weight(self) -> IntArray:
        """int64 (filters, channels / groups, kernel rows, kernel columns)."""

    @property
    def bias(self) -> IntArray:
        """int64 (filters,), at the scale of the psums."""

    @property
    def multiplier(self) -> IntArray:
        """int64 (filters,), see `requantise`."""

    @property
    def shift(self) -> IntArray:
        """int64 (filters,), see `requantise`."""

    @property
    def relu(self) -> bool:
        """Whether negative results become zero."""


def forward(layers: Sequence[IntegerConvolution], x: IntArray, *, activation_width: int) -> IntArray:
    """Outputs of the last layer.

    Parameters
    ----------
    layers : sequence of IntegerConvolution
        Each takes the outputs of the one before.
    x : int64 (batch, channels, rows, columns)
        Activations of ``activation_width`` bits.

    Returns
    -------
    int64 (batch, filters, output rows, output columns)

    Raises
    ------
    ValueError
        If shapes do not fit.
    """
    for layer in layers:
        shape = layer.shape
        sums = convolve(x, layer.weight, stride=shape.stride, padding=shape.padding, groups=shape.groups)
        results = requantise(
            np.moveaxis(sums, 1, -1) + layer.bias,
            layer.multiplier,
            layer.shift,
            relu=layer.relu,
            activation_width=activation_width,
        )
        x = np.ascontiguousarray(np.moveaxis(results, -1, 1))
    return x


def convolve(
    x: IntArray,
    weight: IntArray,
    *,
    stride: tuple[int, int] = (1, 1),
    padding: tuple[int, int, int, int] = (0, 0, 0, 0),
    groups: int = 1,
) -> IntArray:
    """Sums of products, exact.

    Parameters
    ----------
    x : integers (batch, channels, rows, columns)
    weight : integers (filters, channels / groups, kernel rows, kernel columns)
    stride : (int, int)
        Along rows and columns.
    padding : (int, int, int, int)
        Rows and columns of zeros at the top, on the left, at the bottom, on the right.
    groups : int
        Filter m sees channels of group ``m // (filters / groups)``.

    Returns
    -------
    int64 (batch, filters, output rows, output columns)

    Raises
    ------
    ValueError
        If shapes do not fit, or the kernel is larger than the padded map.
    """
    _require_shapes(x, weight, stride, padding, groups)
    batch = len(x)
    filters, own_channels, kernel_rows, kernel_columns = weight.shape
    top, left, bottom, right = padding
    bound = max(abs(int(x.max(initial=0))), abs(int(x.min(initial=0)))) * _largest_sum(weight)
    number = np.dtype(np.float64 if bound <= _EXACT else np.int64)
    padded = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right))).astype(number)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (kernel_rows, kernel_columns), (2, 3))
    windows = windows[:, :, :: stride[0], :: stride[1]]
    rows, columns = windows.shape[2:4]
    operands = own_channels * kernel_rows * kernel_columns
    matrices = weight.reshape(groups, filters // groups, operands).astype(number)
    sums = np.empty((batch, filters, rows, columns), np.int64)
    step = max(1, _BLOCK // (operands * columns))
    for sample in range(batch):
        for group in range(groups):
            inputs = slice(group * own_channels, (group + 1) * own_channels)
            outputs = slice(group * filters // groups, (group + 1) * filters // groups)
            for begin in range(0, rows, step):
                block = windows[sample, inputs, begin : begin + step]
                operand = block.transpose(0, 3, 4, 1, 2).reshape(operands, -1)
                product = matrices[group] @ operand
                sums[sample, outputs, begin : begin + step] = product.reshape(-1, block.shape[1], columns)
    return sums


def _largest_sum(weight: IntArray) -> int:
    """Largest sum of a filter's magnitudes: no partial sum, in any order, is larger than that times the inputs."""
    return int(np.abs(weight.astype(np.int64)).reshape(len(weight), -1).sum(axis=1).max(initial=0))


def _require_shapes(
    x: IntArray, weight: IntArray, stride: tuple[int, int], padding: tuple[int, int, int, int], groups: int
) -> None:
    if x.ndim != 4 or weight.ndim != 4:
        raise ValueError(f"maps and weights must have 4 dimensions, not {x.shape} and {weight.shape}")
    if min(stride) < 1 or min(padding) < 0 or groups < 1:
        raise ValueError(
            f"strides and groups must be at least 1 and padding at least 0, not {stride}, {groups} and {padding}"
        )
    if len(weight) % groups or weight.shape[1] * groups != x.shape[1]:
        raise ValueError(f"weights {weight.shape} in {groups} groups do not fit a map of {x.shape[1]} channels")
    height, width = x.shape[2] + padding[0] + padding[2], x.shape[3] + padding[1] + padding[3]
    if weight.shape[2] > height or weight.shape[3] > width:
        raise ValueError(f"a kernel of {weight.shape[2:]} is larger than the padded map of ({height}, {width})")
