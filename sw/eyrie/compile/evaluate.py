"""What compression and quantisation cost, at the outputs."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eyrie.compile.activity import MAX_SAMPLES
from eyrie.compile.quantise import Quantisation
from eyrie.compile.scaling import require_samples
from eyrie.model.network import DenseLayer, Network


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


def evaluate_cost(network: Network, quantisation: Quantisation, x: np.ndarray, y: npt.NDArray[np.int64]) -> Cost:
    """Run the network as given and with shared weights, and compare with the integers.

    Parameters
    ----------
    network : Network
        As it was quantised.
    quantisation : Quantisation
    x : real numbers (samples, inputs)
        The first `MAX_SAMPLES` are used.
    y : int64 (samples, outputs)
        What the integer network makes of them, see `eyrie.compile.activity.run_calibration`.
    """
    x = require_samples(x, network.inputs, "calibration inputs")[:MAX_SAMPLES]
    shared = Network(
        name=network.name,
        layers=tuple(
            DenseLayer(name=layer.name, weight=weights.weight, bias=layer.bias, relu=layer.relu)
            for layer, weights in zip(network.layers, quantisation.shared, strict=True)
        ),
    )
    reference = network.forward(x)
    return Cost(
        sharing=_deviation(reference, shared.forward(x)),
        quantisation=_deviation(reference, y.astype(np.float64) * quantisation.network.scales[-1]),
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
