"""The network graph: a chain of layers in floating point."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar, cast

import numpy as np

from eyrie.errors import InputError
from eyrie.model.dense import DenseLayer
from eyrie.model.layer import Layer, Shape, first_not_finite

AnyLayer = TypeVar("AnyLayer", bound=Layer, covariant=True)


@dataclass(frozen=True, kw_only=True, eq=False)
class Network(Generic[AnyLayer]):
    """Layers in the order in which they run, at least one: convolutional, pooling, flatten and fully connected ones.

    ``Network[DenseLayer]`` has fully connected layers alone.

    Parameters
    ----------
    name : str
        What reports call the network.
    layers : tuple of Layer
        Each takes what the one before it gives; names are unique.
    input_shape : tuple of int
        Shape of one sample, such as ``(channels, rows, columns)``. May be left out where the first layer is fully
        connected: ``(inputs,)``.
    host_operators : tuple of str
        Operators of the model that follow the last layer and are left to the host, such as ``("Softmax",)``.
        :meth:`forward` ends before them.

    Attributes
    ----------
    shapes : tuple of tuple of int
        Of one sample: before the first layer, then after each.

    Raises
    ------
    InputError
        If there is no layer, two share a name, or shapes do not chain.
    """

    name: str
    layers: tuple[AnyLayer, ...]
    input_shape: Shape = ()
    host_operators: tuple[str, ...] = ()
    shapes: tuple[Shape, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.layers:
            raise InputError(f"network {self.name!r} has no layer; at least one is needed")
        seen: set[str] = set()
        for layer in self.layers:
            if layer.name in seen:
                raise InputError(f"network {self.name!r} has two layers named {layer.name!r}; names must be unique")
            seen.add(layer.name)
        first = self.layers[0]
        if not self.input_shape:
            if not isinstance(first, DenseLayer):
                raise InputError(f"network {self.name!r} needs an input shape, for layer {first.name!r} has none")
            # The class is frozen; this fills in what may be left out.
            object.__setattr__(self, "input_shape", (first.inputs,))
        shapes = [self.input_shape]
        for layer in self.layers:
            try:
                shapes.append(layer.output_shape(shapes[-1]))
            except InputError as error:
                before = self.layers[len(shapes) - 2]
                source = "as they come in" if layer is first else f"as layer {before.name!r} before it gives them"
                raise InputError(f"{error}, {source}") from error
        object.__setattr__(self, "shapes", tuple(shapes))

    @property
    def output_shape(self) -> Shape:
        """Shape of one sample after the last layer."""
        return self.shapes[-1]

    @property
    def inputs(self) -> int:
        """Number of inputs of a network of fully connected layers.

        Raises
        ------
        InputError
            As :meth:`dense`.
        """
        return self.dense().layers[0].inputs

    @property
    def outputs(self) -> int:
        """Number of outputs of a network of fully connected layers.

        Raises
        ------
        InputError
            As :meth:`dense`.
        """
        return self.dense().layers[-1].outputs

    def dense(self) -> "Network[DenseLayer]":
        """This network, known to have fully connected layers alone.

        Raises
        ------
        InputError
            If there is another layer, which is named.
        """
        for layer in self.layers:
            if not isinstance(layer, DenseLayer):
                raise InputError(
                    f"network {self.name!r}: layer {layer.name!r} is a {type(layer).__name__}; "
                    f"only networks of fully connected layers alone fit here"
                )
        return cast("Network[DenseLayer]", self)

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Outputs of the last layer in float64, shape (samples, *output_shape), for ``x`` (samples, *input_shape).

        Raises
        ------
        InputError
            If ``x`` has another shape, is not numeric, or holds a value that is not finite.
        """
        return deque(self._walk(x), maxlen=1).pop()

    def activations(self, x: np.ndarray) -> list[np.ndarray]:
        """Outputs of every layer after its ReLU, float64, each of shape (samples, *shape after the layer).

        Raises
        ------
        InputError
            As :meth:`forward`.
        """
        return list(self._walk(x))

    def _walk(self, x: np.ndarray) -> Iterator[np.ndarray]:
        if x.shape[1:] != self.input_shape:
            wanted = ", ".join(map(str, ("samples", *self.input_shape)))
            raise InputError(f"network {self.name!r} takes inputs of shape ({wanted}), not {x.shape}")
        if x.dtype.kind not in "fiub":
            raise InputError(f"network {self.name!r} takes numbers, not {x.dtype}")
        activation = x.astype(np.float64)
        if not np.isfinite(activation).all():
            index = first_not_finite(activation)
            raise InputError(f"input{list(index)} of network {self.name!r} is {activation[index]}, it must be finite")
        for layer in self.layers:
            activation = layer.forward(activation)
            yield activation
