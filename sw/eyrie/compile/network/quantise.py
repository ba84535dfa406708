"""Quantisation of a network of convolutions, pooling and fully connected layers."""

import math
from dataclasses import dataclass, replace

from eyrie.compile.calibrate import Ranges
from eyrie.compile.network.convolution import QuantisedConvolution, convolution_scale, quantise_convolution
from eyrie.compile.network.integers import Convolutions, FullyConnected, IntegerNetwork, Interface, Stage
from eyrie.compile.network.pooling import quantise_pool
from eyrie.compile.quantise import Quantisation, fraction_bits, input_clip, quantise_network
from eyrie.eie.config import EieConfig
from eyrie.errors import InputError
from eyrie.model.conv import ConvLayer
from eyrie.model.dense import DenseLayer
from eyrie.model.flatten import Flatten
from eyrie.model.network import Network
from eyrie.model.pool import Pool
from eyrie.rowstat.config import RowstatConfig


@dataclass(frozen=True, kw_only=True, eq=False)
class NetworkQuantisation:
    """A network in integers and what is to be known of it.

    Parameters
    ----------
    integers : IntegerNetwork
    convolutions : tuple of QuantisedConvolution
    dense : Quantisation or None
        Of the fully connected layers at the end, if there are any; the first one's weights are those of the model times
        the scale of what it takes, so that its inputs are integers.
    dense_ranges : Ranges or None
        Of the tensors of those layers, likewise.
    """

    integers: IntegerNetwork
    convolutions: tuple[QuantisedConvolution, ...]
    dense: Quantisation | None
    dense_ranges: Ranges | None


def quantise_stages(
    network: Network, ranges: Ranges, rowstat: RowstatConfig, eie: EieConfig, *, batch: int = 1
) -> NetworkQuantisation:
    """Choose scales and round, layer after layer.

    A tensor's scale is the smallest power of two at which its range fits the activations. Maxima keep the scale of what
    they are taken of; so do means, or have one that is finer by a power of two. After a ReLU with an upper limit the
    largest activation may stand for the limit, see `convolution_scale`.

    Parameters
    ----------
    network : Network
        Convolutions and pooling, then fully connected layers, or none of these.
    ranges : Ranges
        Of all tensors; the network's input is clipped to its range.
    rowstat : RowstatConfig
        Widths for the convolutions.
    eie : EieConfig
        Widths for the fully connected layers.
    batch : int
        Images that run together on the row-stationary engine.

    Raises
    ------
    InputError
        If the engines' activations have different widths, there is a layer of another kind, or a layer does not fit;
        with layer and numbers.
    """
    width = rowstat.activation_width
    if eie.activation_width != width:
        raise InputError(
            f"both engines must have activations of the same width, not {width} bits (row-stationary) and "
            f"{eie.activation_width} bits (EIE)"
        )
    input_scale = scale = math.ldexp(1, -fraction_bits(max(-ranges.bounds[0][0], ranges.bounds[0][1]), width))
    signed = ranges.bounds[0][0] < 0
    stages: list[Stage] = []
    convolutions: list[QuantisedConvolution] = []
    dense: list[DenseLayer] = []
    for number, layer in enumerate(network.layers):
        shape, bounds = network.shapes[number], ranges.bounds[number + 1]
        if isinstance(layer, ConvLayer):
            output_scale = convolution_scale(bounds, layer.clip, width)
            quantised = quantise_convolution(layer, shape, scale, output_scale, rowstat, batch=batch)
            convolutions.append(quantised)
            if stages and isinstance(before := stages[-1], Convolutions):
                stages[-1] = Convolutions(layers=(*before.layers, quantised.layer))
            else:
                stages.append(Convolutions(layers=(quantised.layer,)))
            scale, signed = output_scale, not layer.relu
        elif isinstance(layer, Pool):
            pooling, scale = quantise_pool(layer, shape, scale, bounds, width)
            stages.append(pooling)
        elif isinstance(layer, DenseLayer):
            dense.append(layer)
        elif not isinstance(layer, Flatten):
            raise InputError(f"layer {layer.name!r} is a {type(layer).__name__}, which no engine runs")
    quantisation = dense_ranges = None
    if dense:
        begin = len(network.layers) - len(dense)
        dense_ranges = _dense_ranges(ranges, begin, width, signed=signed)
        first = replace(dense[0], weight=dense[0].weight * scale)
        tail = Network(name=network.name, layers=(first, *dense[1:]), host_operators=network.host_operators)
        quantisation = quantise_network(tail, dense_ranges, eie)
        stages.append(FullyConnected(network=quantisation.network))
        scale = quantisation.network.scales[-1]
    interface = Interface(
        name=network.name,
        input_shape=network.input_shape,
        output_shape=network.output_shape,
        activation_width=width,
        input_scale=input_scale,
        output_scale=scale,
        clip=input_clip(ranges, input_scale, width),
        host_operators=network.host_operators,
    )
    return NetworkQuantisation(
        integers=IntegerNetwork(interface=interface, stages=tuple(stages)),
        convolutions=tuple(convolutions),
        dense=quantisation,
        dense_ranges=dense_ranges,
    )


def _dense_ranges(ranges: Ranges, begin: int, activation_width: int, *, signed: bool) -> Ranges:
    """Ranges of the layers from number ``begin`` on, with the first tensor in units of activations, all of them.

    The largest activation has as many bits as fit, so that the scale will be 1. The lowest one of two's complement is
    left out, and all that are negative if none can be.
    """
    highest = float((1 << activation_width - 1) - 1)
    return Ranges(
        bounds=((-highest if signed else 0.0, highest), *ranges.bounds[begin + 1 :]), n_samples=ranges.n_samples
    )
