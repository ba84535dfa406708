"""The pooling layer."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from eyrie.errors import InputError
from eyrie.model.layer import Layer, Shape
from eyrie.model.window import Window, require_maps

PoolKind = Literal["max", "average"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Pool(Layer):
    """Largest value or mean of a window that moves over each feature map. Over the whole map: global pooling.

    Parameters
    ----------
    name : str
        What reports and errors call the layer.
    kind : "max" or "average"
    kernel : tuple of 2 int
        Rows and columns of the window, 1 or more.
    stride : tuple of 2 int
        Down and across, 1 or more.
    padding : tuple of 4 int
        Rows and columns at the top, left, bottom and right, fewer than the kernel has, so that a window always holds a
        value of the map. They never are the largest value.
    count_include_pad : bool
        Whether a mean divides by all places of the window, those of the padding being zero, rather than by the places
        that lie on the map.

    Raises
    ------
    InputError
        If a value is not one of those. The message names the layer.
    """

    kind: PoolKind
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    count_include_pad: bool = False

    def __post_init__(self) -> None:
        if self.kind not in get_args(PoolKind):
            raise InputError(f"layer {self.name!r}: kind must be one of {get_args(PoolKind)}, not {self.kind!r}")
        try:
            self.window  # noqa: B018 - checks kernel, stride and padding
        except InputError as error:
            raise InputError(f"layer {self.name!r}: {error}") from error
        if any(padding >= size for padding, size in zip(self.padding, self.kernel * 2, strict=True)):
            raise InputError(
                f"layer {self.name!r}: padding {self.padding} must be smaller than the kernel of "
                f"{self.kernel[0]} x {self.kernel[1]}, or a window holds no value"
            )
        if self.count_include_pad and self.kind != "average":
            raise InputError(f"layer {self.name!r}: only a mean can count the padding")

    @property
    def window(self) -> Window:
        """Kernel, stride and padding."""
        return Window(kernel=self.kernel, stride=self.stride, padding=self.padding)

    def output_shape(self, shape: Shape) -> Shape:
        """``(channels, rows, columns)``, for maps of ``shape``.

        Raises
        ------
        InputError
            If these are no maps, or are smaller than the window.
        """
        channels, rows, columns = require_maps(self.name, shape)
        try:
            return (channels, *self.window.positions(rows, columns))
        except InputError as error:
            raise InputError(f"layer {self.name!r}: {error}") from error

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Pooled maps in float64, for float64 (samples, channels, rows, columns)."""
        shape = (len(x), *self.output_shape(x.shape[1:]))
        if self.kind == "max":
            y = np.full(shape, -np.inf)
            for values in self.window.taps(x, -np.inf):
                np.maximum(y, values, out=y)
            return y
        y = np.zeros(shape)
        for values in self.window.taps(x, 0.0):
            y += values
        return y / self.counts(x.shape[1:])

    def counts(self, shape: Shape) -> np.ndarray:
        """Values that each mean divides by, int64 (rows, columns) of the pooled maps, for maps of ``shape``."""
        _, down, across = self.output_shape(shape)
        if self.count_include_pad:
            return np.full((down, across), self.kernel[0] * self.kernel[1], dtype=np.int64)
        on_map = np.ones((1, 1, *shape[1:]))
        counts = np.zeros((down, across), dtype=np.int64)
        for values in self.window.taps(on_map, 0.0):
            counts += values[0, 0].astype(np.int64)
        return counts
