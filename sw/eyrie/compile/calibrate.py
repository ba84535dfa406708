"""Ranges of all tensors: measured on calibration inputs, or bounded by interval arithmetic."""

import math
from dataclasses import dataclass, replace

import numpy as np

from eyrie.compile.scaling import require_samples
from eyrie.compress.checks import LARGEST_WEIGHT
from eyrie.errors import InputError
from eyrie.model.conv import ConvLayer
from eyrie.model.dense import DenseLayer
from eyrie.model.layer import Layer
from eyrie.model.network import Network

HEADROOM = 1.25
"""How far beyond what was measured a range reaches, since other inputs go farther than those of the calibration.

A value beyond its range saturates, an error without limit; a quarter more range costs a third of a bit of rounding.
"""

_MAX_VALUES = 1 << 24
"""Values of all tensors that are computed at a time; those of one sample if they are more."""


@dataclass(frozen=True, kw_only=True)
class Ranges:
    """Lowest and highest value of every tensor; each range includes 0.

    Parameters
    ----------
    bounds : tuple of (float, float)
        Tensor 0 is the network's input, tensor t the output of layer t - 1 after its ReLU.
    n_samples : int
        Calibration inputs that they were measured on; 0 if they were bounded without any.
    """

    bounds: tuple[tuple[float, float], ...]
    n_samples: int

    @property
    def source(self) -> str:
        """Where the ranges come from, in words."""
        if self.n_samples:
            return f"measured on {self.n_samples} calibration inputs"
        low, high = self.bounds[0]
        return f"bounded by interval arithmetic for inputs from {low:g} to {high:g}"


def measure_ranges(network: Network, x: np.ndarray) -> Ranges:
    """Run the network on calibration inputs and note the extremes.

    The input's range is just what was measured; the host clips to it. The others reach `HEADROOM` times as far, but not
    beyond their bounds for inputs of that range. A tensor that stays zero on all inputs takes its bounds, since others
    may wake it up.

    Parameters
    ----------
    network : Network
    x : real numbers (samples, *input shape)

    Raises
    ------
    InputError
        If the shape is another, there is no sample, a value is not finite, all inputs are zero, or values can leave
        the range of float32.
    """
    x = require_samples(x, network.input_shape, "calibration inputs")
    inputs = _extremes(x)
    if inputs == (0.0, 0.0):
        raise InputError("all calibration inputs are zero; they must cover the range of real inputs")
    bounded = bound_ranges(network, inputs).bounds
    measured = [inputs, *([(0.0, 0.0)] * len(network.layers))]
    step = max(1, _MAX_VALUES // sum(map(math.prod, network.shapes)))
    for begin in range(0, len(x), step):
        for number, tensor in enumerate(network.activations(x[begin : begin + step]), 1):
            (low, high), (lowest, highest) = _extremes(tensor), measured[number]
            measured[number] = min(low, lowest), max(high, highest)
    return Ranges(bounds=tuple(map(_with_headroom, measured, bounded)), n_samples=len(x))


def bound_ranges(network: Network, inputs: tuple[float, float] = (-1.0, 1.0)) -> Ranges:
    """Bound all tensors for inputs that lie anywhere in a range.

    No input of the range can leave these bounds, so that nothing saturates; real inputs use a part of them only, which
    costs precision.

    Raises
    ------
    InputError
        If a bound is beyond float32.
    """
    if not -LARGEST_WEIGHT <= inputs[0] <= inputs[1] <= LARGEST_WEIGHT:
        raise InputError(f"inputs from {inputs[0]:g} to {inputs[1]:g} leave the range of float32")
    low, high = (np.full((1, *network.input_shape), bound) for bound in inputs)
    bounds = [inputs]
    for layer in network.layers:
        with np.errstate(over="ignore", invalid="ignore"):
            low, high = _bound_sums(layer, low, high)
        if not (low.min() >= -LARGEST_WEIGHT and high.max() <= LARGEST_WEIGHT):
            raise InputError(f"layer {layer.name}: its outputs can leave the range of float32")
        if isinstance(layer, DenseLayer | ConvLayer) and layer.relu:
            clip = layer.clip if isinstance(layer, ConvLayer) else None
            low, high = np.clip(low, 0, clip), np.clip(high, 0, clip)
        bounds.append((min(float(low.min()), 0.0), max(float(high.max()), 0.0)))
    return Ranges(bounds=tuple(bounds), n_samples=0)


def _bound_sums(layer: Layer, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest output at every place before a ReLU, float64 (1, *shape), from those of the inputs."""
    if isinstance(layer, DenseLayer):
        positive, negative = np.maximum(layer.weight, 0), np.minimum(layer.weight, 0)
        return (
            (positive @ low[0] + negative @ high[0] + layer.bias)[None],
            (positive @ high[0] + negative @ low[0] + layer.bias)[None],
        )
    if isinstance(layer, ConvLayer):
        plain = replace(layer, bias=np.zeros_like(layer.bias), relu=False, clip=None)
        rising = replace(plain, weight=np.maximum(layer.weight, 0))
        falling = replace(plain, weight=np.minimum(layer.weight, 0))
        bias = layer.bias[:, None, None]
        return (
            rising.forward(low) + falling.forward(high) + bias,
            rising.forward(high) + falling.forward(low) + bias,
        )
    # Pooling and flattening: no output falls when an input rises.
    return layer.forward(low), layer.forward(high)


def _with_headroom(measured: tuple[float, float], bounds: tuple[float, float]) -> tuple[float, float]:
    if measured == (0.0, 0.0):
        return bounds
    return max(HEADROOM * measured[0], bounds[0]), min(HEADROOM * measured[1], bounds[1])


def _extremes(tensor: np.ndarray) -> tuple[float, float]:
    return min(float(tensor.min()), 0.0), max(float(tensor.max()), 0.0)
