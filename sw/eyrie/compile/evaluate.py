"""What compression and quantisation cost, at the outputs."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eyrie.compile.quantise import Quantisation
from eyrie.compile.scaling import require_samples
from eyrie.golden.dense import forward
from eyrie.model.network import DenseLayer, Network

MAX_SAMPLES = 1000
"""Calibration inputs, from the first on, that an evaluation takes at most."""


@dataclass(frozen=True, kw_only=True)
class Deviation:
    """Difference of outputs from those of the network as it was given.

    Parameters
    ----------
    n_samples : int
    max_absolute, rms : float
        Of the difference, over all samples and outputs.
    reference_rms : float
        Of the outputs themselves, to compare with.
    agreement : float
        Fraction of samples whose largest output is the same.
    """

    n_samples: int
    max_absolute: float
    rms: float
    reference_rms: float
    agreement: float


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Deviation after sharing weights alone, and after quantisation too."""

    sharing: Deviation
    quantisation: Deviation


def evaluate_cost(network: Network, quantisation: Quantisation, x: np.ndarray) -> Cost:
    """Run the network as given, with shared weights, and in integers.

    Parameters
    ----------
    network : Network
        As it was quantised.
    quantisation : Quantisation
    x : real numbers (samples, inputs)
        The first `MAX_SAMPLES` are used.
    """
    x = require_samples(x, network.inputs, "calibration inputs")[:MAX_SAMPLES]
    shared = Network(
        name=network.name,
        layers=tuple(
            DenseLayer(name=layer.name, weight=weights.weight, bias=layer.bias, relu=layer.relu)
            for layer, weights in zip(network.layers, quantisation.shared, strict=True)
        ),
    )
    integers = quantisation.network
    activations = np.clip(np.rint(x / integers.scales[0]), *integers.clip).astype(np.int64)
    y = forward(integers.layers, activations, activation_width=integers.activation_width)
    reference = network.forward(x)
    return Cost(
        sharing=_deviation(reference, shared.forward(x)),
        quantisation=_deviation(reference, y.astype(np.float64) * integers.scales[-1]),
    )


def _deviation(reference: npt.NDArray[np.float64], actual: npt.NDArray[np.float64]) -> Deviation:
    difference = np.abs(actual - reference)
    return Deviation(
        n_samples=len(reference),
        max_absolute=float(difference.max()),
        rms=float(np.sqrt(np.mean(difference**2))),
        reference_rms=float(np.sqrt(np.mean(reference**2))),
        agreement=float(np.mean(reference.argmax(axis=1) == actual.argmax(axis=1))),
    )
