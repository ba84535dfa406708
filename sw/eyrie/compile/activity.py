"""What the integer network does on calibration inputs, tensor by tensor."""

import numpy as np
import numpy.typing as npt

from eyrie.compile.quantised import QuantisedNetwork
from eyrie.compile.scaling import require_samples
from eyrie.golden.dense import forward

MAX_SAMPLES = 1000
"""Calibration inputs, from the first on, that are run at most."""

IntArray = npt.NDArray[np.int64]


def run_calibration(network: QuantisedNetwork, x: np.ndarray) -> tuple[IntArray, ...]:
    """Activations of all tensors: the network's inputs, then the outputs of each layer.

    Parameters
    ----------
    network : QuantisedNetwork
    x : real numbers (samples, inputs)
        The first `MAX_SAMPLES` are run.

    Returns
    -------
    tuple of int64 (samples, elements of the tensor)

    Raises
    ------
    InputError
        If the shape is another, there is no sample, or a value is not finite.
    """
    x = require_samples(x, network.inputs, "calibration inputs")[:MAX_SAMPLES]
    tensors = [np.clip(np.rint(x / network.scales[0]), *network.clip).astype(np.int64)]
    for layer in network.layers:
        tensors.append(forward([layer], tensors[-1], activation_width=network.activation_width))
    return tuple(tensors)


def activation_densities(tensors: tuple[IntArray, ...]) -> tuple[npt.NDArray[np.float64], ...]:
    """Share of the samples in which each input of each layer is not zero, one float64 (columns,) a layer.

    Parameters
    ----------
    tensors : tuple of int64 (samples, elements)
        What `run_calibration` returns; the outputs of the last layer are no layer's inputs.
    """
    return tuple(np.count_nonzero(tensor, axis=0) / len(tensor) for tensor in tensors[:-1])
