"""The fully connected layer."""

from dataclasses import dataclass

import numpy as np

from eyrie.errors import InputError
from eyrie.model.layer import Layer, Shape, require_finite


@dataclass(frozen=True, kw_only=True, eq=False)
class DenseLayer(Layer):
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

    weight: np.ndarray
    bias: np.ndarray
    relu: bool

    def __post_init__(self) -> None:
        require_finite(self.name, "weight", self.weight, ("outputs", "inputs"))
        require_finite(self.name, "bias", self.bias, ("outputs",))
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

    def output_shape(self, shape: Shape) -> Shape:
        """``(outputs,)``, for samples of shape ``(inputs,)``.

        Raises
        ------
        InputError
            If the samples have another shape.
        """
        if shape != (self.inputs,):
            raise InputError(f"layer {self.name!r} takes samples of shape ({self.inputs},), not {shape}")
        return (self.outputs,)

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Outputs in float64, shape (samples, outputs), for float64 ``x`` of shape (samples, inputs)."""
        y = x @ self.weight.T + self.bias
        return np.maximum(y, 0.0) if self.relu else y
