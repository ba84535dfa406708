"""A network in integers: what quantisation makes and everything after it works on."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eyrie.errors import InputError

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class QuantisedLayer:
    """A fully connected layer in integers, ``requantise(weight @ x + bias, multiplier, shift)``.

    Parameters
    ----------
    name : str
    codes : uint8 (rows, columns)
        Index into the codebook; 0 is a weight of zero.
    codebook : int64 (n,)
        Integer weights; entry 0 is 0.
    weight_scale : float
        What one unit of a codebook entry stands for.
    bias : int64 (rows,)
        At the scale of the accumulators: weight scale times input scale.
    multiplier, shift : int64 (rows,)
        Of the requantisation.
    relu : bool

    Raises
    ------
    InputError
        If shapes do not fit, the layer is empty, a code lies beyond the codebook or entry 0 is not 0.
    """

    name: str
    codes: npt.NDArray[np.uint8]
    codebook: IntArray
    weight_scale: float
    bias: IntArray
    multiplier: IntArray
    shift: IntArray
    relu: bool

    def __post_init__(self) -> None:
        if self.codes.ndim != 2 or not self.codes.size:
            raise InputError(f"layer {self.name}: weights must be a matrix that is not empty, not {self.codes.shape}")
        for field in ("bias", "multiplier", "shift"):
            shape = getattr(self, field).shape
            if shape != (self.rows,):
                raise InputError(f"layer {self.name}: {field} must have {self.rows} elements, not shape {shape}")
        if self.codebook.ndim != 1 or not self.codebook.size or self.codebook[0]:
            raise InputError(f"layer {self.name}: a codebook must start with 0")
        if self.codes.max() >= self.codebook.size:
            raise InputError(f"layer {self.name}: code {self.codes.max()} of {self.codebook.size} codebook entries")

    @property
    def rows(self) -> int:
        """Outputs."""
        return self.codes.shape[0]

    @property
    def columns(self) -> int:
        """Inputs."""
        return self.codes.shape[1]

    @property
    def weight(self) -> IntArray:
        """The integer weights, int64 (rows, columns)."""
        return self.codebook[self.codes]

    @property
    def scaled(self) -> bool:
        """Whether rows need a multiplier and shift of their own; otherwise all have multiplier 1 and the same shift."""
        return bool((self.multiplier != 1).any() or (self.shift != self.shift[0]).any())


@dataclass(frozen=True, kw_only=True, eq=False)
class QuantisedNetwork:
    """Layers back to back, and how numbers enter and leave.

    Tensor 0 is the network's input, tensor t the output of layer t - 1.

    Parameters
    ----------
    name : str
    layers : tuple of QuantisedLayer
    activation_width : int
        Bits of a signed activation.
    scales : tuple of float, one a tensor
        What one unit of an activation stands for.
    clip : (int, int)
        Lowest and highest input activation; the host clips to it.
    host_operators : tuple of str
        What the host does with the outputs, in order.

    Raises
    ------
    InputError
        If there is no layer, or a layer does not take what the one before makes.
    """

    name: str
    layers: tuple[QuantisedLayer, ...]
    activation_width: int
    scales: tuple[float, ...]
    clip: tuple[int, int]
    host_operators: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.layers:
            raise InputError(f"network {self.name} has no layers")
        for before, after in zip(self.layers, self.layers[1:], strict=False):
            if before.rows != after.columns:
                raise InputError(f"layer {after.name} takes {after.columns} inputs, {before.name} makes {before.rows}")
        if len(self.scales) != len(self.layers) + 1:
            raise InputError(f"{len(self.layers)} layers have {len(self.layers) + 1} tensors, not {len(self.scales)}")

    @property
    def inputs(self) -> int:
        """Elements of the network's input."""
        return self.layers[0].columns

    @property
    def outputs(self) -> int:
        """Elements of the network's output."""
        return self.layers[-1].rows
