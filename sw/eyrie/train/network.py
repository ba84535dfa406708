"""The trained network as arrays: what the stages hand on, what is measured and what is written."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from eyrie.errors import InputError
from eyrie.model.conv import ConvLayer
from eyrie.model.dense import DenseLayer
from eyrie.model.flatten import Flatten
from eyrie.model.layer import Layer as FloatLayer
from eyrie.model.layer import Shape
from eyrie.model.network import Network as FloatNetwork
from eyrie.model.pool import Pool
from eyrie.train.data import LabelledImages

CHUNK = 500
"""Images that are computed at a time, since the feature maps of all would not fit into memory."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Layer:
    """A fully connected layer, ``weight @ x + bias``, or a convolution with a maximum pooling behind it.

    Parameters
    ----------
    name : str
        As it is called in the exported model.
    weight : float32 (outputs, inputs), or (filters, channels, rows, columns) of a convolution
        All finite.
    bias : float32 (outputs,) or (filters,)
        All finite.
    pool : int
        Rows and columns of the windows of the pooling, which do not overlap; 1 is no pooling.

    Raises
    ------
    InputError
        If a type or shape is another one, or a value is not finite (training has diverged).
    """

    name: str
    weight: np.ndarray
    bias: np.ndarray
    pool: int = 1

    def __post_init__(self) -> None:
        if self.weight.dtype != np.float32 or self.weight.ndim not in (2, 4):
            raise InputError(
                f"weight of {self.name} must be float32 of two dimensions, or four for a convolution, "
                f"not {self.weight.dtype} {self.weight.shape}"
            )
        if self.bias.dtype != np.float32 or self.bias.shape != self.weight.shape[:1]:
            raise InputError(
                f"bias of {self.name} must be float32 {self.weight.shape[:1]}, not {self.bias.dtype} {self.bias.shape}"
            )
        if not (np.isfinite(self.weight).all() and np.isfinite(self.bias).all()):
            raise InputError(f"{self.name} has weights that are not finite; a lower learning rate may help")
        if self.pool < 1 or (self.pool > 1 and not self.is_convolution):
            raise InputError(f"pool of {self.name} must be 1, or more behind a convolution, not {self.pool}")

    @property
    def is_convolution(self) -> bool:
        return self.weight.ndim == 4

    @property
    def n_kept(self) -> int:
        """Weights that are not zero."""
        return int(np.count_nonzero(self.weight))

    @property
    def n_distinct(self) -> int:
        """Distinct values among the weights that are not zero."""
        return int(np.unique(self.weight[self.weight != 0]).size)


@dataclass(frozen=True, kw_only=True, eq=False)
class Network:
    """Convolutions, if any, then fully connected layers, with a ReLU between each two.

    Parameters
    ----------
    layers : tuple of Layer
    image_shape : tuple of int
        Channels, rows and columns of an image, if the first layer is a convolution; otherwise empty.

    Raises
    ------
    InputError
        If there is no layer, two have one name, or one does not take what the one before it gives.
    """

    layers: tuple[Layer, ...]
    image_shape: Shape = ()

    def __post_init__(self) -> None:
        if not self.layers:
            raise InputError("a network must have at least one layer")
        for before, after in pairwise(self.layers):
            if not (before.is_convolution or after.is_convolution) and len(before.weight) != after.weight.shape[1]:
                raise InputError(
                    f"{after.name} takes {after.weight.shape[1]} inputs but {before.name} has "
                    f"{before.weight.shape[0]} outputs"
                )
        self.as_float("network")

    def as_float(self, name: str) -> FloatNetwork[FloatLayer]:
        """The network as the compiler takes it, weights as they are."""
        layers: list[FloatLayer] = []
        for layer in self.layers:
            weight, bias = layer.weight.astype(np.float64), layer.bias.astype(np.float64)
            relu = layer is not self.layers[-1]
            if layer.is_convolution:
                layers.append(ConvLayer(name=layer.name, weight=weight, bias=bias, relu=relu))
                if layer.pool > 1:
                    window = (layer.pool, layer.pool)
                    layers.append(Pool(name=f"{layer.name}.pool", kind="max", kernel=window, stride=window))
            else:
                if layers and not isinstance(layers[-1], DenseLayer):
                    layers.append(Flatten(name="flatten"))
                layers.append(DenseLayer(name=layer.name, weight=weight, bias=bias, relu=relu))
        return FloatNetwork(name=name, layers=tuple(layers), input_shape=self.image_shape)

    def outputs(self, inputs: np.ndarray) -> np.ndarray:
        """Scores of the classes: float64 (n, classes) for float inputs (n, pixels).

        Computed in float64, so that the order of the additions decides about no class.
        """
        network = self.as_float("network")
        chunks = (inputs[start : start + CHUNK] for start in range(0, max(len(inputs), 1), CHUNK))
        return np.concatenate([network.forward(chunk.reshape(len(chunk), *network.input_shape)) for chunk in chunks])

    def count_right(self, images: LabelledImages) -> int:
        """Images whose class has the highest score."""
        return int(np.count_nonzero(self.outputs(images.inputs).argmax(axis=1) == images.labels))
