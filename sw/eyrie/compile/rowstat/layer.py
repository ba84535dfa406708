"""A convolutional layer in integers: its shape, and its numbers."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eyrie.errors import InputError

IntArray = npt.NDArray[np.int64]

MAX_EXTENT = 1 << 16
"""Most channels, filters, images, rows or columns of a layer."""

MAX_ENTRIES = 256
"""Most weights of a codebook."""


@dataclass(frozen=True, kw_only=True)
class ConvShape:
    """Shape of a convolution; a fully connected layer is one whose kernel covers its map.

    Output map m at (y, x) sums ``weight[m, c, i, w] * ifmap[c, y * stride[0] + i - top, x * stride[1] + w - left]``
    over the channels of m's group; what lies outside of the ifmap is zero.

    Parameters
    ----------
    name : str
    batch : int
        Images that run together.
    channels, height, width : int
        Input maps of one image, all groups together.
    filters : int
        Output maps of one image, all groups together.
    kernel : (int, int)
        Rows R and columns S.
    stride : (int, int)
        Down and across.
    padding : (int, int, int, int)
        Rows and columns of zeros at the top, left, bottom and right.
    groups : int
        Parts into which channels and filters are divided alike.

    Raises
    ------
    InputError
        If a number is out of its range, the groups do not divide channels and filters, or the padded map is smaller
        than the kernel.
    """

    name: str
    batch: int = 1
    channels: int
    height: int
    width: int
    filters: int
    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    groups: int = 1

    def __post_init__(self) -> None:
        for field, values, count, low in (
            ("batch", (self.batch,), 1, 1),
            ("channels", (self.channels,), 1, 1),
            ("height", (self.height,), 1, 1),
            ("width", (self.width,), 1, 1),
            ("filters", (self.filters,), 1, 1),
            ("kernel", self.kernel, 2, 1),
            ("stride", self.stride, 2, 1),
            ("padding", self.padding, 4, 0),
            ("groups", (self.groups,), 1, 1),
        ):
            if len(values) != count:
                raise InputError(f"layer {self.name}: {field} has {count} numbers, not {len(values)}")
            for value in values:
                if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= MAX_EXTENT:
                    raise InputError(f"layer {self.name}: {field} must be {low} to {MAX_EXTENT}, not {value!r}")
        for field, size in (("channels", self.channels), ("filters", self.filters)):
            if size % self.groups:
                raise InputError(f"layer {self.name}: {size} {field} cannot be divided into {self.groups} groups")
        if self.out_height < 1 or self.out_width < 1:
            raise InputError(
                f"layer {self.name}: a kernel of {self.kernel[0]} x {self.kernel[1]} does not fit maps of "
                f"{self.height} x {self.width} with padding {self.padding}"
            )

    @property
    def out_height(self) -> int:
        """Rows of an output map."""
        return (self.height + self.padding[0] + self.padding[2] - self.kernel[0]) // self.stride[0] + 1

    @property
    def out_width(self) -> int:
        """Columns of an output map."""
        return (self.width + self.padding[1] + self.padding[3] - self.kernel[1]) // self.stride[1] + 1

    @property
    def group_channels(self) -> int:
        """Channels of one group."""
        return self.channels // self.groups

    @property
    def group_filters(self) -> int:
        """Filters of one group."""
        return self.filters // self.groups

    @property
    def pairs(self) -> int:
        """Pairs of a channel and a filter row that one output sums up."""
        return self.group_channels * self.kernel[0]

    @property
    def advance(self) -> int:
        """Values of a row that are new from one window to the next, at most a window."""
        return min(self.stride[1], self.kernel[1])

    @property
    def outputs(self) -> int:
        """Output values of the whole batch."""
        return self.batch * self.filters * self.out_height * self.out_width

    @property
    def macs(self) -> int:
        """Multiplications of the whole batch, those with padding included."""
        return self.outputs * self.pairs * self.kernel[1]

    @property
    def weights(self) -> int:
        """Weights of all filters."""
        return self.filters * self.pairs * self.kernel[1]

    @property
    def input_maps(self) -> tuple[int, int, int, int]:
        """Images, channels, rows and columns that go in."""
        return self.batch, self.channels, self.height, self.width

    @property
    def output_maps(self) -> tuple[int, int, int, int]:
        """Images, channels, rows and columns that come out."""
        return self.batch, self.filters, self.out_height, self.out_width


@dataclass(frozen=True, kw_only=True, eq=False)
class ConvLayer:
    """A convolution in integers: ``clamp((sum + bias) * multiplier + 2 ** (shift - 1) >> shift)``, then ReLU or none.

    Parameters
    ----------
    shape : ConvShape
    weight : int64 (filters, channels of a group, R, S)
    bias, multiplier, shift : int64 (filters,)
    relu : bool
    codebook : int64 (n,), 1 <= n <= 256, or None
        Weights that codes stand for, of which the first is zero; with it the weights go to the engine as codes.

    Raises
    ------
    InputError
        If an array is not one of integers or its shape is another, or a weight is not in the codebook.
    """

    shape: ConvShape
    weight: IntArray
    bias: IntArray
    multiplier: IntArray
    shift: IntArray
    relu: bool
    codebook: IntArray | None = None

    def __post_init__(self) -> None:
        shape = self.shape
        expected: dict[str, tuple[int, ...]] = {
            "weight": (shape.filters, shape.group_channels, *shape.kernel),
            "bias": (shape.filters,),
            "multiplier": (shape.filters,),
            "shift": (shape.filters,),
        }
        for field, size in expected.items():
            array = getattr(self, field)
            if array.shape != size:
                raise InputError(f"layer {self.name}: {field} must have shape {size}, not {array.shape}")
            if not np.issubdtype(array.dtype, np.signedinteger):
                raise InputError(f"layer {self.name}: {field} must be signed integers, not {array.dtype}")
        if self.codebook is not None:
            _require_codebook(self.name, self.codebook)
            if len(strange := np.setdiff1d(self.weight, self.codebook)):
                raise InputError(f"layer {self.name}: weight {strange[0]} is not in its codebook")

    @property
    def name(self) -> str:
        """Name of the layer."""
        return self.shape.name

    @property
    def codes(self) -> npt.NDArray[np.uint8] | None:
        """Index of every weight in the codebook, the shape of the weights; None without a codebook."""
        if self.codebook is None:
            return None
        order = np.argsort(self.codebook, kind="stable")
        return order[np.searchsorted(self.codebook, self.weight, sorter=order)].astype(np.uint8)

    @property
    def stride(self) -> tuple[int, int]:
        """Down and across."""
        return self.shape.stride

    @property
    def padding(self) -> tuple[int, int, int, int]:
        """Rows and columns of zeros at the top, left, bottom and right."""
        return self.shape.padding

    @property
    def groups(self) -> int:
        """Parts into which channels and filters are divided."""
        return self.shape.groups


def _require_codebook(name: str, codebook: IntArray) -> None:
    if codebook.ndim != 1 or not 1 <= codebook.size <= MAX_ENTRIES:
        raise InputError(f"layer {name}: a codebook has 1 to {MAX_ENTRIES} weights, not the shape {codebook.shape}")
    if not np.issubdtype(codebook.dtype, np.signedinteger):
        raise InputError(f"layer {name}: a codebook must be signed integers, not {codebook.dtype}")
    if codebook[0] != 0:
        raise InputError(f"layer {name}: a codebook must start with 0, not {codebook[0]}")
