"""The convolutions of Eyeriss's benchmark, drawn at random with the published shapes and shares of zeros."""

from dataclasses import dataclass
from math import log2, sqrt
from statistics import NormalDist
from typing import Final, Literal, get_args

import numpy as np
import numpy.typing as npt

from eyrie.anchors.eyeriss import PublishedConvolution
from eyrie.compile.rowstat.layer import ConvLayer, ConvShape
from eyrie.errors import InputError
from eyrie.golden.convolution import forward
from eyrie.rowstat.config import RowstatConfig

IntArray = npt.NDArray[np.int64]

WeightKind = Literal["shared", "plain"]
WEIGHT_KINDS: tuple[WeightKind, ...] = get_args(WeightKind)

_LEVELS_OVER_MEAN: Final = 16
"""Magnitudes of a codebook over the mean one of the weights drawn from it: small ones are drawn more often, as they are
in trained layers."""


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
    published: PublishedConvolution, config: RowstatConfig, *, batch: int, seed: int, weights: WeightKind = "shared"
) -> BenchConvolution:
    """Draw weights, requantisation and input maps.

    Activations are drawn over their whole range, but for the published share of zeros. Weights are as large as no input
    can bring to overflow: plain ones each over the same range, shared ones from a codebook as large as the engine's.
    Biases are such that the wanted share of the outputs is zero, and shifts such that the others spread over the range
    of activations.

    Parameters
    ----------
    published : PublishedConvolution
    config : RowstatConfig
        Widths.
    batch : int
        Images.
    seed : int
    weights : "shared" or "plain"

    Raises
    ------
    InputError
        If weights are to be shared and the engine has no room for a codebook.
    ValueError
        If the psums are too narrow for weights that are not all zero.
    """
    shape = shape_of(published, batch)
    rng = np.random.default_rng([seed, *published.layer.encode(), *published.network.encode()])
    low, high = config.activation_range
    taps = shape.pairs * shape.kernel[1]
    largest_bias = 1 << config.accumulator_width - 5
    room = ((1 << config.accumulator_width - 1) - largest_bias) // -low
    if room < taps:
        raise ValueError(f"layer {shape.name}: {taps} products do not fit {config.accumulator_width} bits")
    x = rng.integers(low, high + 1, shape.input_maps)
    x[rng.random(shape.input_maps) < published.ifmap_zero_fraction] = 0
    size = (shape.filters, shape.group_channels, *shape.kernel)
    codebook = None
    if weights == "shared":
        codebook, weight = _draw_shared(rng, size, room, config)
    else:
        largest = min(config.weight_range[1], room // taps)
        weight = rng.integers(-largest, largest + 1, size)
    deviation = np.sqrt((weight.astype(np.float64) ** 2).sum(axis=(1, 2, 3)))
    deviation *= high * sqrt((1 - published.ifmap_zero_fraction) / 3)
    centre = _centre(shape, published.output_zero_fraction) + 0.1 * rng.standard_normal(shape.filters)
    multiplier = rng.integers(config.weight_range[1] // 2, config.weight_range[1] + 1, shape.filters)
    spread = float(deviation.mean()) * config.weight_range[1]
    shift = np.full(shape.filters, max(0, round(log2(max(1.0, spread / (high / 2))))))
    layer = ConvLayer(
        shape=shape,
        weight=weight,
        bias=np.clip(np.rint(centre * deviation), 1 - largest_bias, largest_bias - 1).astype(np.int64),
        multiplier=multiplier,
        shift=shift.astype(np.int64),
        relu=True,
        codebook=codebook,
    )
    return BenchConvolution(published=published, seed=seed, layer=layer, x=x)


def _centre(shape: ConvShape, zeros: float) -> float:
    """Mean of normal sums of which such a share is below zero, in their standard deviations; sums at the borders of the
    map, with fewer products, spread less."""
    covers = []
    for extent, outputs, axis in ((shape.height, shape.out_height, 0), (shape.width, shape.out_width, 1)):
        begin = np.arange(outputs) * shape.stride[axis] - shape.padding[axis]
        inside = np.minimum(begin + shape.kernel[axis], extent) - np.maximum(begin, 0)
        covers.append(np.maximum(inside, 0) / shape.kernel[axis])
    cover, counts = np.unique(np.outer(*covers), return_counts=True)
    low, high = -8.0, 8.0
    while high - low > 1e-6:
        centre = (low + high) / 2
        below = [NormalDist().cdf(-centre / sqrt(part)) if part else centre < 0 for part in cover.tolist()]
        if np.average(below, weights=counts) > zeros:
            low = centre
        else:
            high = centre
    return high


def _draw_shared(
    rng: np.random.Generator, size: tuple[int, int, int, int], room: int, config: RowstatConfig
) -> tuple[IntArray, IntArray]:
    """A codebook, and weights from it whose magnitudes add up to `room` at most in every filter.

    Levels of magnitude are drawn from a geometric distribution. Where a filter would have too much, what comes last in
    it is zero.
    """
    taps = size[1] * size[2] * size[3]
    count = (config.codebook_entries - 1) // 2  # of levels, each with both signs, beside zero
    if count < 1:
        raise InputError(f"shared weights need a codebook, and the engine's has {config.codebook_entries} entries")
    mean = 0.8 * room / taps
    step = max(1.0, mean * _LEVELS_OVER_MEAN / (count + 1))
    largest = config.weight_range[1]
    magnitudes = np.minimum(np.rint(step * np.arange(count + 1)), largest).astype(np.int64)
    levels = np.minimum(rng.geometric(1 / (1 + mean / step), (size[0], taps)) - 1, count)
    weight = magnitudes[levels] * rng.choice([-1, 1], levels.shape)
    weight[np.abs(weight).cumsum(axis=1) > room] = 0
    codebook = np.array([0, *magnitudes[1:], *-magnitudes[1:]], np.int64)
    return codebook[np.sort(np.unique(codebook, return_index=True)[1])], weight.reshape(size)
