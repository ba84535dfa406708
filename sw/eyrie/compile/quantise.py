"""Quantisation: a float network becomes integers for which the accumulators are certified."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from eyrie.compile.calibrate import Ranges
from eyrie.compile.certify import Certificate, Interval, certify_layer, output_interval
from eyrie.compile.quantised import QuantisedLayer, QuantisedNetwork
from eyrie.compress.share import SharedWeights, SharingError, share_weights, sharing_error
from eyrie.eie.config import EieConfig
from eyrie.errors import InputError
from eyrie.model.network import DenseLayer, Network

Requantise = Literal["shift", "multiplier"]
"""How accumulators become activations. ``"shift"``: multiplier 1, so that all scales are powers of two.
``"multiplier"``: one multiplier a layer, so that activations use all of their range whatever their scale."""

FEWEST_WEIGHT_BITS = 4
"""Bits, sign included, that the largest codebook entry must keep when the scale is lowered."""

_MOST_FRACTION_BITS = 256

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Quantisation:
    """A quantised network and what is to be known of it, layer by layer.

    Parameters
    ----------
    network : QuantisedNetwork
    shared : tuple of SharedWeights
        The weights after sharing, still in floating point.
    sharing : tuple of SharingError
        What sharing cost.
    certificates : tuple of Certificate
        All of them hold.
    """

    network: QuantisedNetwork
    shared: tuple[SharedWeights, ...]
    sharing: tuple[SharingError, ...]
    certificates: tuple[Certificate, ...]


def quantise_network(
    network: Network, ranges: Ranges, config: EieConfig, *, requantise: Requantise = "shift"
) -> Quantisation:
    """Share weights, choose scales and round, layer after layer.

    A tensor's scale is the smallest, as a power of two with ``"shift"``, at which its range fits the activations. A
    layer's weight scale is the smallest power of two at which its codebook fits the weight width and its shift the
    scale word, and at which the accumulator certificate holds.

    Parameters
    ----------
    network : Network
    ranges : Ranges
        Of all tensors; the network's input is clipped to its range.
    config : EieConfig
        Widths; the depths do not matter.
    requantise : "shift" or "multiplier"

    Raises
    ------
    InputError
        If a weight is beyond float32, or so little precision would be left to a layer that it makes no sense; with
        layer and numbers.
    """
    if requantise not in get_args(Requantise):
        raise InputError(f"requantise must be one of {get_args(Requantise)}, not {requantise!r}")
    if requantise == "multiplier" and not config.multipliers:
        raise InputError("requantisation with multipliers needs an engine that has them")
    scales = [_activation_scale(ranges.bounds[0], config, requantise)]
    clip = input_clip(ranges, scales[0], config.activation_width)
    interval = Interval(low=np.full(network.inputs, clip[0], np.int64), high=np.full(network.inputs, clip[1], np.int64))
    layers, certificates, shared_weights = [], [], []
    for layer, bounds in zip(network.layers, ranges.bounds[1:], strict=True):
        shared = _share(layer, config.codebook_bits)
        output_scale = _activation_scale(bounds, config, requantise)
        fit = _LayerFit(layer, shared, interval, scales[-1], output_scale, config, requantise)
        quantised, certificate, output_scale = fit.certified()
        interval = output_interval(quantised, interval, config.activation_width)
        layers.append(quantised)
        certificates.append(certificate)
        shared_weights.append(shared)
        scales.append(output_scale)
    return Quantisation(
        network=QuantisedNetwork(
            name=network.name,
            layers=tuple(layers),
            activation_width=config.activation_width,
            scales=tuple(scales),
            clip=clip,
            host_operators=network.host_operators,
        ),
        shared=tuple(shared_weights),
        sharing=tuple(
            sharing_error(layer.weight, shared) for layer, shared in zip(network.layers, shared_weights, strict=True)
        ),
        certificates=tuple(certificates),
    )


def _share(layer: DenseLayer, codebook_bits: int) -> SharedWeights:
    try:
        return share_weights(layer.weight, codebook_bits)
    except InputError as error:
        raise InputError(f"layer {layer.name}: {error}") from error


def input_clip(ranges: Ranges, scale: float, activation_width: int) -> tuple[int, int]:
    """Lowest and highest activation of a network's input, whose unit stands for ``scale``."""
    limit = 1 << activation_width - 1
    low, high = (int(np.clip(np.rint(bound / scale), -limit, limit - 1)) for bound in ranges.bounds[0])
    return low, high


def raised_bias(
    bias: np.ndarray, weight: np.ndarray, low: IntArray, high: IntArray, input_scale: float
) -> npt.NDArray[np.float64]:
    """Biases before a ReLU, but none so low that it needs a wide accumulator only to make a dead row deader.

    A row that ReLU holds at zero for every input stays so if its bias is twice what its products can reach, even where
    rounding doubles a weight.

    Parameters
    ----------
    bias : float64 (rows,)
    weight : float64 (rows, columns)
    low, high : int64 (columns,)
        Range of each input.
    input_scale : float
        What one unit of an input stands for.
    """
    reach = np.maximum(weight, 0) @ high + np.minimum(weight, 0) @ low
    return np.maximum(bias, -2 * input_scale * np.maximum(reach, 0))


def fraction_bits(magnitude: float, width: int) -> int:
    """Most fraction bits with which a magnitude fits a signed integer; negative for large ones, 0 for zero."""
    if not magnitude:
        return 0
    bits = width - 1
    fraction = bits - math.frexp(magnitude)[1]
    if round(math.ldexp(magnitude, fraction)) >= 1 << bits:
        fraction -= 1
    return min(fraction, _MOST_FRACTION_BITS)


def _activation_scale(bounds: tuple[float, float], config: EieConfig, requantise: Requantise) -> float:
    magnitude = max(-bounds[0], bounds[1])
    if requantise == "multiplier" and magnitude:
        return max(magnitude / config.activation_range[1], math.ldexp(1, -_MOST_FRACTION_BITS))
    return math.ldexp(1, -fraction_bits(magnitude, config.activation_width))


class _LayerFit:
    """The search for one layer's weight scale."""

    def __init__(
        self,
        layer: DenseLayer,
        shared: SharedWeights,
        inputs: Interval,
        input_scale: float,
        output_scale: float,
        config: EieConfig,
        requantise: Requantise,
    ) -> None:
        self.layer, self.shared, self.inputs, self.config = layer, shared, inputs, config
        self.input_scale, self.output_scale = input_scale, output_scale
        self.requantise = requantise
        self.largest = float(np.abs(shared.codebook).max())
        self.bias = layer.bias
        if layer.relu:
            self.bias = raised_bias(layer.bias, shared.weight, inputs.low, inputs.high, input_scale)

    def certified(self) -> tuple[QuantisedLayer, Certificate, float]:
        """The layer at the finest scale that holds, its certificate, and its output scale."""
        fraction = self._finest_fraction()
        while True:
            fraction -= self._excess(fraction)
            self._require_precision(fraction)
            layer, output_scale = self._at(fraction)
            certificate = certify_layer(layer, self.inputs, self.config.accumulator_width)
            if certificate.holds:
                return layer, certificate, output_scale
            fraction -= certificate.bits - self.config.accumulator_width

    def _finest_fraction(self) -> int:
        """Where the codebook fits the weight width and the shift its word.

        Two bits of shift less than there are keep the bias within 63 bits until the certificate speaks of it: what it
        adds to an output of 16 bits, or to its products, is no wider.
        """
        input_exponent = math.frexp(self.input_scale)[1] - 1
        output_exponent = math.frexp(self.output_scale)[1] - 1
        widest_shift = self.config.max_shift - self.config.multiplier_width - 2
        finest = widest_shift + input_exponent - output_exponent
        if self.largest:
            finest = min(finest, fraction_bits(self.largest, self.config.weight_width))
        return finest

    def _excess(self, fraction: int) -> int:
        """Bits by which the weights must be coarser for a shift that the engine has."""
        if self.config.multipliers:
            return 0
        _, shift = self._rescaling(math.ldexp(1, -fraction) * self.input_scale)
        beyond = max(shift - self.config.max_plain_shift, 0)
        return beyond + (shift - beyond) % self.config.shift_unit

    def _require_precision(self, fraction: int) -> None:
        if not self.largest:
            return
        bits = max(round(math.ldexp(self.largest, fraction)), 0).bit_length() + 1
        if bits < FEWEST_WEIGHT_BITS:
            raise InputError(
                f"layer {self.layer.name}: accumulators of {self.config.accumulator_width} bits leave {bits} bits to "
                f"weights of up to {self.largest:g} beside biases of up to {np.abs(self.bias).max():g}, fewer "
                f"than {FEWEST_WEIGHT_BITS}; wider accumulators or narrower activations are needed"
            )

    def _at(self, fraction: int) -> tuple[QuantisedLayer, float]:
        weight_scale = math.ldexp(1, -fraction)
        accumulator_scale = weight_scale * self.input_scale
        multiplier, shift = self._rescaling(accumulator_scale)
        codebook, code_of_code = _rounded_codebook(self.shared.codebook, fraction)
        rows = self.layer.outputs
        layer = QuantisedLayer(
            name=self.layer.name,
            codes=code_of_code[self.shared.codes],
            codebook=codebook,
            weight_scale=weight_scale,
            bias=np.rint(self.bias / accumulator_scale).astype(np.int64),
            multiplier=np.full(rows, multiplier, np.int64),
            shift=np.full(rows, shift, np.int64),
            relu=self.layer.relu,
        )
        return layer, accumulator_scale * 2.0**shift / multiplier

    def _rescaling(self, accumulator_scale: float) -> tuple[int, int]:
        """Multiplier and shift that come closest to the output scale without going below it."""
        ratio = accumulator_scale / self.output_scale
        if self.requantise == "shift":
            # An accumulator that is coarser than the outputs could be has no bits to give away.
            return 1, max(0, 1 - math.frexp(ratio)[1])
        widest = self.config.multiplier_width
        shift = min(max(widest - math.frexp(ratio)[1], 0), self.config.max_shift)
        multiplier = math.floor(math.ldexp(ratio, shift))
        return min(max(multiplier, 1), self.config.max_multiplier), shift


def _rounded_codebook(codebook: np.ndarray, fraction: int) -> tuple[IntArray, npt.NDArray[np.uint8]]:
    """Integer codebook without repetitions, 0 first, and the new code of each old one.

    Entries that round to zero give up their code: their weights need no entry in the sparse matrix.
    """
    rounded = np.rint(np.ldexp(codebook, fraction)).astype(np.int64)
    values = np.unique(rounded[rounded != 0])
    code_of_code = np.where(rounded == 0, 0, np.searchsorted(values, rounded) + 1)
    return np.concatenate([[0], values]), code_of_code.astype(np.uint8)
