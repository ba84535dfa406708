"""The convolutions of Eyeriss's benchmark, drawn at random with the published shapes and share of zeros."""

from dataclasses import dataclass
from math import log2, sqrt

import numpy as np
import numpy.typing as npt

from eyrie.anchors.eyeriss import PublishedConvolution
from eyrie.compile.rowstat.layer import ConvLayer, ConvShape
from eyrie.golden.convolution import forward
from eyrie.rowstat.config import RowstatConfig

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class BenchConvolution:
    """One layer and its input maps.

    Parameters
    ----------
    published : PublishedConvolution
        Shape and share of zeros that it was drawn with.
    seed : int
    layer : ConvLayer
        Its psums cannot overflow.
    x : int64 (batch, channels, height, width)
        Activations.
    """

    published: PublishedConvolution
    seed: int
    layer: ConvLayer
    x: IntArray

    @property
    def name(self) -> str:
        """Of the layer."""
        return self.published.layer

    def outputs(self, activation_width: int) -> IntArray:
        """What plain integer convolution makes of it, int64 (batch, filters, height, width)."""
        return forward([self.layer], self.x, activation_width=activation_width)


def shape_of(published: PublishedConvolution, batch: int) -> ConvShape:
    """The layer's shape for so many images."""
    return ConvShape(
        name=published.layer,
        batch=batch,
        channels=published.channels,
        height=published.size,
        width=published.size,
        filters=published.filters,
        kernel=(published.kernel, published.kernel),
        stride=(published.stride, published.stride),
        padding=(published.padding,) * 4,
        groups=published.groups,
    )


def draw_convolution(
    published: PublishedConvolution, config: RowstatConfig, *, batch: int, seed: int
) -> BenchConvolution:
    """Draw weights, requantisation and input maps.

    Activations are drawn over their whole range, but for the published share of zeros; weights over all that no input
    can bring to overflow; shifts so that the outputs spread over the range of activations.

    Parameters
    ----------
    published : PublishedConvolution
    config : RowstatConfig
        Widths.
    batch : int
        Images.
    seed : int
    """
    shape = shape_of(published, batch)
    rng = np.random.default_rng([seed, *published.layer.encode(), *published.network.encode()])
    low, high = config.activation_range
    taps = shape.pairs * shape.kernel[1]
    largest_bias = 1 << config.accumulator_width - 8
    room = (1 << config.accumulator_width - 1) - largest_bias
    largest = min(config.weight_range[1], room // -low // taps)
    if not largest:
        raise ValueError(f"layer {shape.name}: {taps} products do not fit {config.accumulator_width} bits")
    x = rng.integers(low, high + 1, shape.input_maps)
    x[rng.random(shape.input_maps) < published.ifmap_zero_fraction] = 0
    multiplier = rng.integers(config.weight_range[1] // 2, config.weight_range[1] + 1, shape.filters)
    spread = sqrt(taps * (1 - published.ifmap_zero_fraction) / 9) * largest * high
    shift = np.full(shape.filters, max(0, round(log2(spread * config.weight_range[1] / (high / 2)))))
    layer = ConvLayer(
        shape=shape,
        weight=rng.integers(-largest, largest + 1, (shape.filters, shape.group_channels, *shape.kernel)),
        bias=rng.integers(-largest_bias, largest_bias, shape.filters),
        multiplier=multiplier,
        shift=shift.astype(np.int64),
        relu=True,
    )
    return BenchConvolution(published=published, seed=seed, layer=layer, x=x)
