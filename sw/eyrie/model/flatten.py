"""From feature maps to the inputs of a fully connected layer."""

import math
from dataclasses import dataclass

import numpy as np

from eyrie.model.layer import Layer, Shape
from eyrie.model.window import require_maps


@dataclass(frozen=True, kw_only=True, eq=False)
class Flatten(Layer):
    """Feature maps as one row of values, ordered by channel, then row, then column.

    Parameters
    ----------
    name : str
        What reports and errors call the layer.
    """

    def output_shape(self, shape: Shape) -> Shape:
        """``(channels * rows * columns,)``, for maps of ``shape``.

        Raises
        ------
        InputError
            If these are no maps.
        """
        return (math.prod(require_maps(self.name, shape)),)

    def forward(self, x: np.ndarray) -> np.ndarray:
        """The same values, float64 (samples, channels * rows * columns), for (samples, channels, rows, columns)."""
        return x.reshape(len(x), math.prod(x.shape[1:]))
