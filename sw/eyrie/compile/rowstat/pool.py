"""A pooling layer in integers: its shape, its numbers, and whether an engine can run it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eyrie.compile.rowstat.coding import PLAIN, Coding
from eyrie.compile.rowstat.layer import MAX_EXTENT
from eyrie.compile.rowstat.mapping import row_words
from eyrie.errors import InputError
from eyrie.golden.requantise import MAX_MULTIPLIER, MAX_SHIFT
from eyrie.golden.rowstat.run_length import slot_words
from eyrie.model.window import Window
from eyrie.rowstat.commands import POOL_SCALES
from eyrie.rowstat.config import MAX_CODING_LANES, RowstatConfig

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class PoolShape:
    """A window that moves over each map.

    Parameters
    ----------
    name : str
    batch : int
        Images that run together.
    channels, height, width : int
        Maps of one image.
    window : Window
        With less padding than it has rows and columns, so that it always holds a value of the map.

    Raises
    ------
    InputError
        If a number is out of its range, or the padded map is smaller than the window.
    """

    name: str
    batch: int = 1
    channels: int
    height: int
    width: int
    window: Window

    def __post_init__(self) -> None:
        for field in ("batch", "channels", "height", "width"):
            value = getattr(self, field)
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_EXTENT:
                raise InputError(f"layer {self.name}: {field} must be 1 to {MAX_EXTENT}, not {value!r}")
        try:
            self.window.positions(self.height, self.width)
        except InputError as error:
            raise InputError(f"layer {self.name}: {error}") from error
        if any(padding >= size for padding, size in zip(self.padding, self.kernel * 2, strict=True)):
            raise InputError(
                f"layer {self.name}: padding {self.padding} must be smaller than the kernel of "
                f"{self.kernel[0]} x {self.kernel[1]}, or a window holds no value"
            )

    @property
    def kernel(self) -> tuple[int, int]:
        """Rows and columns of the window."""
        return self.window.kernel

    @property
    def stride(self) -> tuple[int, int]:
        """Down and across."""
        return self.window.stride

    @property
    def padding(self) -> tuple[int, int, int, int]:
        """Rows and columns around the map at the top, left, bottom and right."""
        return self.window.padding

    @property
    def out_height(self) -> int:
        """Rows of an output map."""
        return self.window.positions(self.height, self.width)[0]

    @property
    def out_width(self) -> int:
        """Columns of an output map."""
        return self.window.positions(self.height, self.width)[1]

    @property
    def input_maps(self) -> tuple[int, int, int, int]:
        """Images, channels, rows and columns that go in."""
        return self.batch, self.channels, self.height, self.width

    @property
    def output_maps(self) -> tuple[int, int, int, int]:
        """Images, channels, rows and columns that come out."""
        return self.batch, self.channels, self.out_height, self.out_width


@dataclass(frozen=True, kw_only=True, eq=False)
class PoolLayer:
    """Maxima, or means: ``clamp(sum * multiplier + 2 ** (shift - 1) >> shift)``.

    Padding is never the largest value, and zero in a sum.

    Parameters
    ----------
    shape : PoolShape
    multiplier, shift : int64 (out_height, out_width), or None
        Of each position, since windows at the border may divide by fewer values; None for maxima.

    Raises
    ------
    InputError
        If they have another shape or are out of their range.
    """

    shape: PoolShape
    multiplier: IntArray | None = None
    shift: IntArray | None = None

    def __post_init__(self) -> None:
        if (self.multiplier is None) != (self.shift is None):
            raise InputError(f"layer {self.name}: multiplier and shift must both be there, or none of them")
        positions = (self.shape.out_height, self.shape.out_width)
        for field, low, high in (("multiplier", 1, MAX_MULTIPLIER), ("shift", 0, MAX_SHIFT)):
            array = getattr(self, field)
            if array is None:
                continue
            if array.shape != positions or not np.issubdtype(array.dtype, np.signedinteger):
                raise InputError(
                    f"layer {self.name}: {field} must be signed integers of shape {positions}, not {array.dtype} of "
                    f"shape {array.shape}"
                )
            if array.min() < low or array.max() > high:
                raise InputError(
                    f"layer {self.name}: {field} must be {low} to {high}, not {array.min()} to {array.max()}"
                )

    @property
    def name(self) -> str:
        """Name of the layer."""
        return self.shape.name

    @property
    def is_mean(self) -> bool:
        """Whether it sums up; otherwise it takes maxima."""
        return self.multiplier is not None


def require_pool(layer: PoolLayer, config: RowstatConfig, coding: Coding = PLAIN) -> None:
    """Check that an engine can run a pooling layer with maps of this coding, and that none of its sums can overflow.

    Raises
    ------
    InputError
        Naming the layer, the quantity and its limit.
    """
    shape = layer.shape
    rows, columns = min(shape.kernel[0], shape.height), shape.kernel[1]
    words = row_words(shape.width)
    input_row, output_row = (
        row_words(width) if share is None else slot_words(width)
        for width, share in ((shape.width, coding.inputs), (shape.out_width, coding.outputs))
    )
    limits = [
        ("rows of a window", rows, 1023),
        ("columns of a window", columns, 1023),
        ("the stride", max(shape.stride), 1023),
        ("columns of an input map", shape.width, 4092),
        ("rows of an input map", shape.height, 4095),
        ("rows and columns of an output map", max(shape.out_height, shape.out_width), 4095),
        ("words of an input map", shape.height * input_row, 65535),
        ("words of an output map", shape.out_height * output_row, 65535),
        ("words of the ifmap bank for the rows of a window", rows * words, config.ifmap_bank_words),
    ]
    if layer.is_mean:
        lowest = shape.kernel[0] * shape.kernel[1] << config.activation_width - 1
        limits.append(("bits of a window's sum", (lowest - 1).bit_length() + 1, config.accumulator_width))
    if coding.outputs is not None:
        limits += [
            ("drain_lanes for coded output maps", config.drain_lanes, MAX_CODING_LANES),
            ("multipliers side by side in a row of coded output maps", _most_scales(layer), POOL_SCALES),
        ]
    for what, value, high in limits:
        if value > high:
            raise InputError(f"layer {shape.name}: {what} must be at most {high} for this engine, not {value}")


def _most_scales(layer: PoolLayer) -> int:
    """Most multipliers and shifts of an output row, counted where they change."""
    if layer.multiplier is None or layer.shift is None:
        return 1
    changes = (np.diff(layer.multiplier, axis=1) != 0) | (np.diff(layer.shift, axis=1) != 0)
    return 1 + int(np.count_nonzero(changes, axis=1).max())


def is_pool(layer: PoolLayer, config: RowstatConfig) -> bool:
    """Whether `require_pool` accepts it."""
    try:
        require_pool(layer, config)
    except InputError:
        return False
    return True
