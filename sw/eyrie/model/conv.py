"""The convolutional layer."""

from dataclasses import dataclass

import numpy as np

from eyrie.errors import InputError
from eyrie.model.layer import Layer, Shape, require_finite
from eyrie.model.window import Window, require_maps

MAX_COLUMNS = 2**20
"""Values that the windows of the samples computed at a time cover together; more than one sample if so many fit."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ConvLayer(Layer):
    """Convolution of feature maps with filters, as ONNX and PyTorch define it (the filters are not mirrored).

    Output map ``f`` at (i, j) is ``bias[f]`` plus the sum over channels c of the filter's group and over (r, s) of
    ``weight[f, c, r, s] * x[c, i * stride[0] + r - top, j * stride[1] + s - left]``, where what lies outside of ``x``
    is zero; then ReLU, or ReLU with an upper limit, or nothing.

    Parameters
    ----------
    name : str
        What reports and errors call the layer.
    weight : float64 array, shape (filters, channels_per_group, R, S)
        Finite; R rows, S columns.
    bias : float64 array, shape (filters,)
        Finite; zeros where the model has none.
    stride : tuple of 2 int
        Down and across, 1 or more.
    padding : tuple of 4 int
        Rows and columns of zeros at the top, left, bottom and right, see `eyrie.model.window.Window`.
    groups : int
        Parts into which channels and filters are divided alike, in order; each filter sees the channels of its part
        alone. As many as channels in a depthwise convolution.
    relu : bool
        Whether negative sums become zero.
    clip : float or None
        Sums above it become it, as 6 in ReLU6; only with ``relu``.

    Raises
    ------
    InputError
        If a shape, type or number is not one of those, or the groups do not divide the filters. The message names the
        layer.
    """

    weight: np.ndarray
    bias: np.ndarray
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    groups: int = 1
    relu: bool
    clip: float | None = None

    def __post_init__(self) -> None:
        require_finite(self.name, "weight", self.weight, ("filters", "channels_per_group", "R", "S"))
        require_finite(self.name, "bias", self.bias, ("filters",))
        if self.bias.shape != (self.filters,):
            raise InputError(
                f"layer {self.name!r}: bias must have one value for each of the {self.filters} filters, "
                f"not {self.bias.size}"
            )
        try:
            self.window  # noqa: B018 - checks kernel, stride and padding
        except InputError as error:
            raise InputError(f"layer {self.name!r}: {error}") from error
        if self.groups < 1 or self.filters % self.groups:
            raise InputError(f"layer {self.name!r}: {self.filters} filters cannot be divided into {self.groups} groups")
        if self.clip is not None and not (self.relu and 0 < self.clip < np.inf):
            raise InputError(f"layer {self.name!r}: clip must be above 0, finite and with ReLU, not {self.clip}")

    @property
    def filters(self) -> int:
        """Number of filters, which is that of output channels."""
        return int(self.weight.shape[0])

    @property
    def channels(self) -> int:
        """Number of input channels of all groups together."""
        return int(self.weight.shape[1]) * self.groups

    @property
    def kernel(self) -> tuple[int, int]:
        """Rows and columns of a filter."""
        return int(self.weight.shape[2]), int(self.weight.shape[3])

    @property
    def window(self) -> Window:
        """Kernel, stride and padding."""
        return Window(kernel=self.kernel, stride=self.stride, padding=self.padding)

    def output_shape(self, shape: Shape) -> Shape:
        """``(filters, rows, columns)``, for maps of ``shape``.

        Raises
        ------
        InputError
            If these are no maps, have another number of channels, or are smaller than a filter.
        """
        channels, rows, columns = require_maps(self.name, shape)
        if channels != self.channels:
            raise InputError(f"layer {self.name!r} takes {self.channels} channels, not samples of shape {shape}")
        try:
            return (self.filters, *self.window.positions(rows, columns))
        except InputError as error:
            raise InputError(f"layer {self.name!r}: {error}") from error

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Output maps in float64, (samples, filters, rows, columns), for float64 (samples, channels, rows, columns)."""
        filters, down, across = self.output_shape(x.shape[1:])
        y = np.empty((len(x), filters, down, across))
        step = max(1, MAX_COLUMNS // (self.weight[0].size * self.groups * down * across))
        for start in range(0, len(x), step):
            y[start : start + step] = self._sums(x[start : start + step], down, across)
        y += self.bias[:, np.newaxis, np.newaxis]
        return np.clip(y, 0.0, self.clip, out=y) if self.relu else y

    def _sums(self, x: np.ndarray, down: int, across: int) -> np.ndarray:
        """One matrix product for each sample and group, on columns that hold what each window covers."""
        per_filter, positions = self.weight[0].size, down * across
        columns = np.empty((len(x), self.channels, self.kernel[0] * self.kernel[1], positions))
        for place, values in enumerate(self.window.taps(x, 0.0)):
            columns[:, :, place] = values.reshape(len(x), self.channels, positions)
        weight = self.weight.reshape(self.groups, self.filters // self.groups, per_filter)
        sums = weight @ columns.reshape(len(x), self.groups, per_filter, positions)
        return sums.reshape(len(x), self.filters, down, across)
