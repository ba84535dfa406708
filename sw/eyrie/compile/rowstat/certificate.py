"""The psum certificate of a convolutional layer: no order of additions, and no input, can overflow."""

from dataclasses import dataclass

import numpy as np

from eyrie.compile.rowstat.layer import ConvLayer
from eyrie.errors import InputError
from eyrie.golden.requantise import MAX_SHIFT
from eyrie.rowstat.config import RowstatConfig


@dataclass(frozen=True, kw_only=True)
class PsumCertificate:
    """Worst case of a layer's psums.

    Parameters
    ----------
    layer : str
    filter : int
        Filter that comes closest to overflow, or goes farthest beyond.
    lowest, highest : int
        Least and greatest sum of its bias and any subset of its products, for activations over their whole range.
    accumulator_width : int
        Bits of a signed psum.
    """

    layer: str
    filter: int
    lowest: int
    highest: int
    accumulator_width: int

    @property
    def bits(self) -> int:
        """Bits that a signed psum needs."""
        return max(self.highest, -1 - self.lowest, 0).bit_length() + 1

    @property
    def holds(self) -> bool:
        """Whether nothing can overflow."""
        return self.bits <= self.accumulator_width


def certify_filters(layer: ConvLayer, config: RowstatConfig) -> PsumCertificate:
    """Bound the sums of every filter from its actual weights and the range of activations."""
    weight = layer.weight.reshape(layer.shape.filters, -1)
    positive, negative = np.maximum(weight, 0).sum(axis=1), np.minimum(weight, 0).sum(axis=1)
    low, high = config.activation_range
    highest = positive * high + negative * low + np.maximum(layer.bias, 0)
    lowest = positive * low + negative * high + np.minimum(layer.bias, 0)
    worst = int(np.argmax(np.maximum(highest, -1 - lowest)))
    return PsumCertificate(
        layer=layer.name,
        filter=worst,
        lowest=int(lowest[worst]),
        highest=int(highest[worst]),
        accumulator_width=config.accumulator_width,
    )


def require_numbers(layer: ConvLayer, config: RowstatConfig) -> PsumCertificate:
    """Check that an engine can hold all numbers of a layer, and that none of its sums can overflow.

    Raises
    ------
    InputError
        Naming the layer, the number or filter, and the limit.
    """
    if layer.codebook is not None and len(layer.codebook) > config.codebook_entries:
        raise InputError(
            f"layer {layer.name}: a codebook of {len(layer.codebook)} weights, the engine's holds "
            f"{config.codebook_entries}"
        )
    limits = (
        ("weight", config.weight_range),
        *((("codebook", config.weight_range),) if layer.codebook is not None else ()),
        ("bias", (-(1 << config.accumulator_width - 1), (1 << config.accumulator_width - 1) - 1)),
        ("multiplier", (1, config.weight_range[1])),
        ("shift", (0, MAX_SHIFT)),
    )
    for field, (low, high) in limits:
        values = getattr(layer, field)
        if values.min() < low or values.max() > high:
            raise InputError(
                f"layer {layer.name}: {field} must be {low} to {high}, not {values.min()} to {values.max()}"
            )
    certificate = certify_filters(layer, config)
    if not certificate.holds:
        raise InputError(
            f"layer {layer.name}: sums of filter {certificate.filter} range from {certificate.lowest} to "
            f"{certificate.highest} and need {certificate.bits} bits, but psums have {certificate.accumulator_width}"
        )
    return certificate
