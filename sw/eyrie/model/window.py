"""The window that a convolution or a pooling moves over feature maps."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from eyrie.errors import InputError
from eyrie.model.layer import Shape

MAX_PADDING = 1024
"""Rows or columns that may be added at one side, far more than any network needs: padding costs memory."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """Size, step and border of a window.

    Parameters
    ----------
    kernel : tuple of 2 int
        Rows and columns, 1 or more.
    stride : tuple of 2 int
        Rows and columns from one position to the next, 1 or more.
    padding : tuple of 4 int
        Rows and columns added at the top, left, bottom and right, 0 to `MAX_PADDING`.

    Raises
    ------
    InputError
        If a value is outside its range, or there are more or fewer.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int]

    def __post_init__(self) -> None:
        for field, values in (("kernel", self.kernel), ("stride", self.stride)):
            if len(values) != 2 or min(values) < 1:
                raise InputError(f"{field} must be two numbers (rows, columns), 1 or more, not {values}")
        if len(self.padding) != 4 or not 0 <= min(self.padding) <= max(self.padding) <= MAX_PADDING:
            raise InputError(
                f"padding must be four numbers (top, left, bottom, right) from 0 to {MAX_PADDING}, not {self.padding}"
            )

    def positions(self, rows: int, columns: int) -> tuple[int, int]:
        """Positions down and across a map of ``rows`` and ``columns``; what fills no whole step is left out.

        Raises
        ------
        InputError
            If the padded map is smaller than the window.
        """
        top, left, bottom, right = self.padding
        padded = rows + top + bottom, columns + left + right
        if padded[0] < self.kernel[0] or padded[1] < self.kernel[1]:
            raise InputError(
                f"a kernel of {self.kernel[0]} x {self.kernel[1]} does not fit maps of {rows} x {columns}, "
                f"with padding {padded[0]} x {padded[1]}"
            )
        return (
            (padded[0] - self.kernel[0]) // self.stride[0] + 1,
            (padded[1] - self.kernel[1]) // self.stride[1] + 1,
        )

    def taps(self, x: np.ndarray, fill: float) -> Iterator[np.ndarray]:
        """What stands under each place of the window, row by row, position by position.

        Parameters
        ----------
        x : float64 (samples, channels, rows, columns)
        fill : float
            What the padding holds.

        Yields
        ------
        values : float64 (samples, channels, positions down, positions across)
        """
        down, across = self.positions(*x.shape[2:])
        top, left, bottom, right = self.padding
        padded = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=fill)
        (row_step, column_step), (n_rows, n_columns) = self.stride, self.kernel
        for row in range(n_rows):
            rows = slice(row, row + (down - 1) * row_step + 1, row_step)
            for column in range(n_columns):
                columns = slice(column, column + (across - 1) * column_step + 1, column_step)
                yield padded[:, :, rows, columns]


def require_maps(layer: str, shape: Shape) -> tuple[int, int, int]:
    """Channels, rows and columns of samples that are feature maps.

    Raises
    ------
    InputError
        If they have another number of dimensions, or one is empty. The message names the layer.
    """
    if len(shape) != 3 or min(shape) < 1:
        raise InputError(f"layer {layer!r} takes samples of shape (channels, rows, columns), not {shape}")
    return shape[0], shape[1], shape[2]
