"""What layers make of feature maps, by plain integers: no tape, no engine."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from eyrie.compile.rowstat.layer import ConvLayer
from eyrie.compile.rowstat.pool import PoolLayer
from eyrie.golden import convolution, pooling

IntArray = npt.NDArray[np.int64]

Layer = ConvLayer | PoolLayer
"""What a tape can hold."""


def forward(layers: Sequence[Layer], x: IntArray, *, activation_width: int) -> IntArray:
    """Outputs of the last layer, int64 (batch, channels, rows, columns), for those of the first one's inputs.

    Raises
    ------
    ValueError
        If shapes do not fit.
    """
    for layer in layers:
        if isinstance(layer, PoolLayer):
            x = pooling.forward(layer, x, activation_width=activation_width)
        else:
            x = convolution.forward([layer], x, activation_width=activation_width)
    return x
