"""The accumulator certificate: no order of additions, and no input, can overflow."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eyrie.compile.quantised import QuantisedLayer, QuantisedNetwork
from eyrie.errors import InputError
from eyrie.golden.requantise import requantise

IntArray = npt.NDArray[np.int64]

_BLOCK = 1 << 22
"""Weights that are expanded at a time."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Interval:
    """Lowest and highest value of each element of a vector, int64 (n,) each."""

    low: IntArray
    high: IntArray


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """Worst case of a layer's accumulators.

    Parameters
    ----------
    layer : str
    row : int
        Row that comes closest to overflow, or goes farthest beyond.
    lowest, highest : int
        Least and greatest value that the accumulator of that row can take, from the bias, where it starts, to the whole
        sum, in any order of additions and for any input. Both are reached.
    accumulator_width : int
        Bits of a signed accumulator.
    """

    layer: str
    row: int
    lowest: int
    highest: int
    accumulator_width: int

    @property
    def limit(self) -> int:
        """One more than the greatest value of an accumulator."""
        return 1 << self.accumulator_width - 1

    @property
    def bits(self) -> int:
        """Bits that a signed accumulator needs."""
        return max(self.highest, -1 - self.lowest, 0).bit_length() + 1

    @property
    def holds(self) -> bool:
        """Whether nothing can overflow."""
        return self.bits <= self.accumulator_width

    def require(self) -> None:
        """Check that it holds.

        Raises
        ------
        InputError
            With layer, row and numbers.
        """
        if not self.holds:
            raise InputError(
                f"layer {self.layer}: sums of row {self.row} range from {self.lowest} to {self.highest} and need "
                f"{self.bits} bits, but accumulators have {self.accumulator_width}"
            )


def certify_layer(layer: QuantisedLayer, inputs: Interval, accumulator_width: int) -> Certificate:
    """Bound every row from its actual weights and the range of each input.

    An accumulator starts at the bias, and the additions may come in any order: beside the bias it can hold any subset
    of the products, as if every input could also be zero.
    """
    partial = _sum_interval(layer, Interval(low=np.minimum(inputs.low, 0), high=np.maximum(inputs.high, 0)))
    lowest, highest = partial.low, partial.high
    row = int(np.argmax(np.maximum(highest, -1 - lowest)))
    return Certificate(
        layer=layer.name,
        row=row,
        lowest=int(lowest[row]),
        highest=int(highest[row]),
        accumulator_width=accumulator_width,
    )


def output_interval(layer: QuantisedLayer, inputs: Interval, activation_width: int) -> Interval:
    """Range of each output of a layer whose certificate holds, int64 (rows,) each; requantisation is monotone."""
    whole = _sum_interval(layer, inputs)
    low, high = (
        requantise(sums, layer.multiplier, layer.shift, relu=layer.relu, activation_width=activation_width)
        for sums in (whole.low, whole.high)
    )
    return Interval(low=low, high=high)


def certify_network(network: QuantisedNetwork, accumulator_width: int) -> tuple[Certificate, ...]:
    """Certify layer after layer, from the range to which the host clips the inputs.

    Raises
    ------
    InputError
        At the first layer that could overflow.
    """
    interval = Interval(
        low=np.full(network.inputs, network.clip[0], np.int64), high=np.full(network.inputs, network.clip[1], np.int64)
    )
    certificates = []
    for layer in network.layers:
        certificate = certify_layer(layer, interval, accumulator_width)
        certificate.require()
        certificates.append(certificate)
        interval = output_interval(layer, interval, network.activation_width)
    return tuple(certificates)


def _sum_interval(layer: QuantisedLayer, inputs: Interval) -> Interval:
    """Range of the sum of bias and products of each row."""
    low = np.empty(layer.rows, np.int64)
    high = np.empty(layer.rows, np.int64)
    step = max(1, _BLOCK // layer.columns)
    for begin in range(0, layer.rows, step):
        weight = layer.codebook[layer.codes[begin : begin + step]]
        positive, negative = np.maximum(weight, 0), np.minimum(weight, 0)
        low[begin : begin + step] = positive @ inputs.low + negative @ inputs.high
        high[begin : begin + step] = positive @ inputs.high + negative @ inputs.low
    return Interval(low=low + layer.bias, high=high + layer.bias)
