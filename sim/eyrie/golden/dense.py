"""The reference: integer matrices, one product a layer. It knows nothing of PEs, tables, codes or steps."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from eyrie.golden.requantise import requantise

IntArray = npt.NDArray[np.int64]


class IntegerLayer(Protocol):
    """A fully connected layer in integers."""

    @property
    def weight(self) -> IntArray:
        """int64 (rows, columns)."""

    @property
    def bias(self) -> IntArray:
        """int64 (rows,), at the scale of the accumulators."""

    @property
    def multiplier(self) -> IntArray:
        """int64 (rows,), see `requantise`."""

    @property
    def shift(self) -> IntArray:
        """int64 (rows,), see `requantise`."""

    @property
    def relu(self) -> bool:
        """Whether negative results become zero."""


def forward(layers: Sequence[IntegerLayer], x: IntArray, *, activation_width: int) -> IntArray:
    """Outputs of the last layer.

    Parameters
    ----------
    layers : sequence of IntegerLayer
        Each takes the outputs of the one before.
    x : int64 (samples, inputs)
        Activations of ``activation_width`` bits.

    Returns
    -------
    int64 (samples, outputs)

    Raises
    ------
    ValueError
        If shapes do not fit.
    """
    for layer in layers:
        x = requantise(
            x @ layer.weight.T + layer.bias,
            layer.multiplier,
            layer.shift,
            relu=layer.relu,
            activation_width=activation_width,
        )
    return x
