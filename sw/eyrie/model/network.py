"""The network graph: a chain of fully connected layers in floating point."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from eyrie.errors import InputError


@dataclass(frozen=True, kw_only=True, eq=False)
class DenseLayer:
    """``y = weight @ x + bias``, then ReLU or nothing.

    Parameters
    ----------
    name : str
        What reports and errors call the layer.
    weight : float64 array, shape (outputs, inputs)
        Finite.
    bias : float64 array, shape (outputs,)
        Finite; zeros where the model has none.
    relu : bool
        Whether negative sums become zero.

    Raises
    ------
    InputError
        If a shape or type is another, a side is empty, or a value is not finite. The message names the layer.
    """

    name: str
    weight: np.ndarray
    bias: np.ndarray
    relu: bool

    def __post_init__(self) -> None:
        for field, array, rank in (("weight", self.weight, 2), ("bias", self.bias, 1)):
            if not isinstance(array, np.ndarray) or array.dtype != np.float64:
                kind = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
                raise InputError(f"layer {self.name!r}: {field} must be an array of float64, not {kind}")
            if array.ndim != rank or array.size == 0:
                wanted = "(outputs, inputs)" if rank == 2 else "(outputs,)"
                raise InputError(
                    f"layer {self.name!r}: {field} must have shape {wanted} with no size 0, not {array.shape}"
                )
            if not np.isfinite(array).all():
                index = _first_not_finite(array)
                raise InputError(f"layer {self.name!r}: {field}{list(index)} is {array[index]}, it must be finite")
        if self.bias.shape != (self.outputs,):
            raise InputError(
                f"layer {self.name!r}: bias must have one value for each of the {self.outputs} outputs, "
                f"not {self.bias.size}"
            )

    @property
    def inputs(self) -> int:
        """Number of inputs."""
        return int(self.weight.shape[1])

    @property
    def outputs(self) -> int:
        """Number of outputs."""
        return int(self.weight.shape[0])


@dataclass(frozen=True, kw_only=True, eq=False)
class Network:
    """Fully connected layers in the order in which they run, at least one.

    Parameters
    ----------
    name : str
        What reports call the network.
    layers : tuple of DenseLayer
        Each takes as many inputs as the one before it has outputs; names are unique.
    host_operators : tuple of str
        Operators of the model that follow the last layer and are left to the host, such as ``("Softmax",)``.
        :meth:`forward` ends before them.

    Raises
    ------
    InputError
        If there is no layer, two share a name, or sizes do not chain.
    """

    name: str
    layers: tuple[DenseLayer, ...]
    host_operators: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.layers:
            raise InputError(f"network {self.name!r} has no layer; at least one fully connected layer is needed")
        seen: set[str] = set()
        for layer in self.layers:
            if layer.name in seen:
                raise InputError(f"network {self.name!r} has two layers named {layer.name!r}; names must be unique")
            seen.add(layer.name)
        for before, after in zip(self.layers, self.layers[1:], strict=False):
            if before.outputs != after.inputs:
                raise InputError(
                    f"layer {after.name!r} takes {after.inputs} inputs, but layer {before.name!r} before it "
                    f"has {before.outputs} outputs"
                )

    @property
    def inputs(self) -> int:
        """Number of inputs of the first layer."""
        return self.layers[0].inputs

    @property
    def outputs(self) -> int:
        """Number of outputs of the last layer."""
        return self.layers[-1].outputs

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Outputs of the last layer in float64, shape (samples, outputs), for ``x`` of shape (samples, inputs).

        Raises
        ------
        InputError
            If ``x`` has another shape, is not numeric, or holds a value that is not finite.
        """
        return deque(self._walk(x), maxlen=1).pop()

    def activations(self, x: np.ndarray) -> list[np.ndarray]:
        """Outputs of every layer after its ReLU, float64, each of shape (samples, outputs of the layer).

        Raises
        ------
        InputError
            As :meth:`forward`.
        """
        return list(self._walk(x))

    def _walk(self, x: np.ndarray) -> Iterator[np.ndarray]:
        if x.ndim != 2 or x.shape[1] != self.inputs:
            raise InputError(f"network {self.name!r} takes inputs of shape (samples, {self.inputs}), not {x.shape}")
        if x.dtype.kind not in "fiub":
            raise InputError(f"network {self.name!r} takes numbers, not {x.dtype}")
        activation = x.astype(np.float64)
        if not np.isfinite(activation).all():
            index = _first_not_finite(activation)
            raise InputError(f"input{list(index)} of network {self.name!r} is {activation[index]}, it must be finite")
        for layer in self.layers:
            activation = activation @ layer.weight.T + layer.bias
            if layer.relu:
                activation = np.maximum(activation, 0.0)
            yield activation


def _first_not_finite(array: np.ndarray) -> tuple[int, ...]:
    position = int(np.argmin(np.isfinite(array)))
    return tuple(int(i) for i in np.unravel_index(position, array.shape))
