"""A convolution becomes integers for which the psum certificate holds."""

import math
from dataclasses import dataclass, replace

import numpy as np

from eyrie.compile.quantise import FEWEST_WEIGHT_BITS, fraction_bits, raised_bias
from eyrie.compile.rowstat.certificate import PsumCertificate, certify_filters
from eyrie.compile.rowstat.codebook import codebook_of
from eyrie.compile.rowstat.layer import ConvLayer, ConvShape
from eyrie.errors import InputError
from eyrie.golden.requantise import MAX_SHIFT
from eyrie.model import conv
from eyrie.model.layer import Shape
from eyrie.model.window import require_maps
from eyrie.rowstat.config import RowstatConfig


@dataclass(frozen=True, kw_only=True, eq=False)
class QuantisedConvolution:
    """A convolution in integers and what is to be known of it.

    Parameters
    ----------
    layer : ConvLayer
    input_scale, weight_scale, output_scale : float
        What one unit of an input, a weight and an output stands for.
    certificate : PsumCertificate
        It holds.
    weight_bits : int
        Bits, sign included, of the largest weight.
    bits_given_up : int
        By how many bits the weights are coarser than the weight width allows, for the sake of the psums.
    """

    layer: ConvLayer
    input_scale: float
    weight_scale: float
    output_scale: float
    certificate: PsumCertificate
    weight_bits: int
    bits_given_up: int

    def __str__(self) -> str:
        given_up = f", {self.bits_given_up} fewer than would fit, so that no psum overflows" * bool(self.bits_given_up)
        codebook = self.layer.codebook
        codes = "" if codebook is None else f", as codes of a codebook of {len(codebook)}"
        return (
            f"layer {self.layer.name}: weights of {self.weight_bits} bits{given_up}{codes}; psums need "
            f"{self.certificate.bits} of {self.certificate.accumulator_width} bits"
        )


def convolution_scale(bounds: tuple[float, float], clip: float | None, activation_width: int) -> float:
    """What one unit of a convolution's output stands for.

    The smallest power of two at which the range fits. A layer with an upper limit that this scale would reach beyond
    saturates there instead: the largest activation stands for the limit itself, and the scale is no power of two.

    Parameters
    ----------
    bounds : (float, float)
        Range of the outputs.
    clip : float or None
        Upper limit, as 6 in ReLU6.
    activation_width : int
        Bits of an activation.
    """
    highest = (1 << activation_width - 1) - 1
    scale = math.ldexp(1, -fraction_bits(max(-bounds[0], bounds[1]), activation_width))
    return clip / highest if clip is not None and clip < highest * scale else scale


def quantise_convolution(
    layer: conv.ConvLayer,
    shape: Shape,
    input_scale: float,
    output_scale: float,
    config: RowstatConfig,
    *,
    batch: int = 1,
) -> QuantisedConvolution:
    """Choose a weight scale and round.

    Psums differ from outputs by a power of two, so that a plain shift requantises them exactly; the weights have one
    scale, the smallest at which they fit the weight width, the biases fit psums, and the certificate holds. Equal
    weights stay equal, and go to the engine as codes of a codebook where `codebook_of` makes one.

    Parameters
    ----------
    layer : eyrie.model.conv.ConvLayer
    shape : tuple of int
        Channels, rows and columns that it takes.
    input_scale, output_scale : float
    config : RowstatConfig
        Widths; the array does not matter.
    batch : int
        Images that run together.

    Raises
    ------
    InputError
        If weights are left with fewer than `FEWEST_WEIGHT_BITS` bits or none of the shifts that there are fits; with
        layer and numbers.
    """
    search = _Search(layer, _conv_shape(layer, shape, batch), input_scale, output_scale, config)
    finest = fraction = search.finest()
    while True:
        integers, weight_bits = search.at(fraction)
        certificate = certify_filters(integers, config)
        if certificate.holds:
            return QuantisedConvolution(
                layer=replace(integers, codebook=codebook_of(integers.weight, config.codebook_entries)),
                input_scale=input_scale,
                weight_scale=math.ldexp(output_scale / input_scale, -fraction),
                output_scale=output_scale,
                certificate=certificate,
                weight_bits=weight_bits,
                bits_given_up=finest - fraction,
            )
        fraction -= certificate.bits - config.accumulator_width


def _conv_shape(layer: conv.ConvLayer, shape: Shape, batch: int) -> ConvShape:
    channels, height, width = require_maps(layer.name, shape)
    return ConvShape(
        name=layer.name,
        batch=batch,
        channels=channels,
        height=height,
        width=width,
        filters=layer.filters,
        kernel=layer.kernel,
        stride=layer.stride,
        padding=layer.padding,
        groups=layer.groups,
    )


class _Search:
    """The layer at any number of bits by which psums are finer than outputs."""

    def __init__(
        self, layer: conv.ConvLayer, shape: ConvShape, input_scale: float, output_scale: float, config: RowstatConfig
    ) -> None:
        self.layer, self.shape, self.config = layer, shape, config
        # Both in units of outputs; powers of two change no digit.
        self.weight = layer.weight * (input_scale / output_scale)
        self.bias = layer.bias / output_scale
        if layer.relu:
            flat = self.weight.reshape(layer.filters, -1)
            low, high = (np.full(flat.shape[1], bound, np.int64) for bound in config.activation_range)
            self.bias = raised_bias(self.bias, flat, low, high, 1.0)

    def finest(self) -> int:
        """Most bits with which weights and biases fit their widths, and the shift its range."""
        fraction = MAX_SHIFT
        for values, width in ((self.weight, self.config.weight_width), (self.bias, self.config.accumulator_width)):
            if largest := float(np.abs(values).max()):
                fraction = min(fraction, fraction_bits(largest, width))
        return fraction

    def at(self, fraction: int) -> tuple[ConvLayer, int]:
        """The layer, and bits of its largest weight; refused if too little would be left of it."""
        weight = np.rint(np.ldexp(self.weight, fraction)).astype(np.int64)
        weight_bits = int(np.abs(weight).max()).bit_length() + 1
        name, config = self.shape.name, self.config
        if self.weight.any() and weight_bits < FEWEST_WEIGHT_BITS:
            raise InputError(
                f"layer {name}: psums of {config.accumulator_width} bits leave {weight_bits} bits to weights of up to "
                f"{np.abs(self.layer.weight).max():g} beside biases of up to {np.abs(self.layer.bias).max():g}, fewer "
                f"than {FEWEST_WEIGHT_BITS}; wider psums or narrower activations are needed"
            )
        if fraction < -(config.weight_width - 2):
            raise InputError(
                f"layer {name}: a multiplier of 2**{-fraction} would bring its psums to the scale of its outputs, "
                f"beyond the {config.weight_width - 1} bits of a multiplier"
            )
        filters = self.shape.filters
        integers = ConvLayer(
            shape=self.shape,
            weight=weight,
            bias=np.rint(np.ldexp(self.bias, fraction)).astype(np.int64),
            multiplier=np.full(filters, 1 << max(-fraction, 0), np.int64),
            shift=np.full(filters, max(fraction, 0), np.int64),
            relu=self.layer.relu,
        )
        return integers, weight_bits
