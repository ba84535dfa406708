"""The trained network as arrays: what the stages hand on, what is measured and what is written."""

from dataclasses import dataclass
from functools import reduce
from itertools import pairwise

import numpy as np

from eyrie.errors import InputError
from eyrie.train.data import LabelledImages


@dataclass(frozen=True, kw_only=True, eq=False)
class Layer:
    """A fully connected layer, ``weight @ x + bias``.

    Parameters
    ----------
    name : str
        As it is called in the exported model.
    weight : float32 (outputs, inputs)
        All finite.
    bias : float32 (outputs,)
        All finite.

    Raises
    ------
    InputError
        If a type or shape is another one, or a value is not finite (training has diverged).
    """

    name: str
    weight: np.ndarray
    bias: np.ndarray

    def __post_init__(self) -> None:
        if self.weight.dtype != np.float32 or self.weight.ndim != 2:
            raise InputError(
                f"weight of {self.name} must be a float32 matrix, not {self.weight.dtype} {self.weight.shape}"
            )
        if self.bias.dtype != np.float32 or self.bias.shape != self.weight.shape[:1]:
            raise InputError(
                f"bias of {self.name} must be float32 {self.weight.shape[:1]}, not {self.bias.dtype} {self.bias.shape}"
            )
        if not (np.isfinite(self.weight).all() and np.isfinite(self.bias).all()):
            raise InputError(f"{self.name} has weights that are not finite; a lower learning rate may help")

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
    """Fully connected layers with a ReLU between each two.

    Raises
    ------
    InputError
        If there is no layer, or one does not take as many inputs as the one before it has outputs.
    """

    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        if not self.layers:
            raise InputError("a network must have at least one layer")
        for before, after in pairwise(self.layers):
            if before.weight.shape[0] != after.weight.shape[1]:
                raise InputError(
                    f"{after.name} takes {after.weight.shape[1]} inputs but {before.name} has "
                    f"{before.weight.shape[0]} outputs"
                )

    def outputs(self, inputs: np.ndarray) -> np.ndarray:
        """Scores of the classes: float64 (n, classes) for float inputs (n, pixels).

        Computed in float64, so that the order of the additions decides about no class.
        """
        first, *others = self.layers
        return reduce(lambda x, layer: _affine(np.maximum(x, 0), layer), others, _affine(inputs, first))

    def count_right(self, images: LabelledImages) -> int:
        """Images whose class has the highest score."""
        return int(np.count_nonzero(self.outputs(images.inputs).argmax(axis=1) == images.labels))


def _affine(x: np.ndarray, layer: Layer) -> np.ndarray:
    return x.astype(np.float64) @ layer.weight.T.astype(np.float64) + layer.bias
