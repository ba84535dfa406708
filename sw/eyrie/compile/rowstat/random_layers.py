"""Random engines, convolutions, mappings and inputs: edges far more often than in real networks."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from eyrie.compile.rowstat.layer import ConvLayer, ConvShape
from eyrie.compile.rowstat.mapper import mappings
from eyrie.compile.rowstat.mapping import Mapping, n_channel_groups
from eyrie.rowstat.config import RowstatConfig

IntArray = npt.NDArray[np.int64]


def draw_config(rng: np.random.Generator) -> RowstatConfig:
    """A small engine of any shape and widths, with memories that are just large enough at times."""
    activation_width, weight_width = int(rng.integers(8, 17)), int(rng.integers(8, 17))
    return RowstatConfig(
        rows=int(rng.integers(1, 9)),
        columns=int(rng.integers(1, 9)),
        activation_width=activation_width,
        weight_width=weight_width,
        accumulator_width=int(rng.integers(max(24, activation_width + weight_width), 43)),
        ifmap_depth=int(rng.integers(4, 20)),
        ifmap_ahead=int(rng.integers(0, 8)),
        filter_depth=int(rng.integers(16, 80)),
        psum_depth=int(rng.integers(1, 9)),
        ifmap_bank_words=int(rng.integers(60, 300)),
        psum_bank_words=2 * int(rng.integers(24, 80)),
        filter_fifo_words=1 << int(rng.integers(1, 7)),
        max_slots=int(rng.integers(1, 9)),
        command_depth=1 << int(rng.integers(2, 7)),
    )


def draw_layer(rng: np.random.Generator, shape: ConvShape, config: RowstatConfig) -> ConvLayer:
    """Numbers for a layer, of which no sum can overflow."""
    high = config.activation_range[1]
    largest = max(1, min(config.weight_range[1], (1 << config.accumulator_width - 3) // (high * 64)))
    weight = rng.integers(-largest, largest + 1, (shape.filters, shape.group_channels, *shape.kernel))
    multiplier = rng.integers(1, config.weight_range[1] + 1, shape.filters)
    size = int(np.abs(weight).sum(axis=(1, 2, 3)).max()) * int(multiplier.max())
    return ConvLayer(
        shape=shape,
        weight=weight,
        bias=rng.integers(-1000, 1001, shape.filters),
        multiplier=multiplier,
        shift=rng.integers(max(size.bit_length() - 4, 0), size.bit_length() + 1, shape.filters),
        relu=bool(rng.integers(2)),
    )


def draw_shape(rng: np.random.Generator, name: str, maps: tuple[int, int, int, int] | None = None) -> ConvShape:
    """A small layer; `maps` are images, channels, rows and columns that it must take."""
    groups = 1 if maps is not None else int(rng.choice([1, 1, 2, 3]))
    kernel = (int(rng.integers(1, 5)), int(rng.integers(1, 5)))
    padding = tuple(int(n) for n in rng.integers(0, 3, 4))
    batch, channels, height, width = maps or (
        int(rng.integers(1, 3)),
        groups * int(rng.integers(1, 5)),
        int(rng.integers(1, 12)),
        int(rng.integers(1, 12)),
    )
    return ConvShape(
        name=name,
        batch=batch,
        channels=channels,
        height=height,
        width=width,
        filters=groups * int(rng.integers(1, 9)),
        kernel=(min(kernel[0], height), min(kernel[1], width)),
        stride=(int(rng.integers(1, 6)), int(rng.integers(1, 6))),
        padding=(padding[0], padding[1], padding[2], padding[3]),
        groups=groups,
    )


def draw_mapping(rng: np.random.Generator, shape: ConvShape, config: RowstatConfig) -> Mapping:
    """Any of the mappings of a layer, with a smaller region and ring, or another turn, at times."""
    found = list(mappings(shape, config))
    mapping = found[int(rng.integers(len(found)))]
    if rng.integers(2):
        mapping = replace(
            mapping,
            region=int(rng.integers(shape.kernel[1], mapping.region + 1)),
            ring=int(rng.integers(mapping.slots, mapping.ring + 1)),
        )
    if mapping.rolling:
        mapping = replace(mapping, turn=int(rng.integers(n_channel_groups(shape, mapping) // 2 + 1)))
    return mapping


def draw_inputs(rng: np.random.Generator, shape: ConvShape, config: RowstatConfig) -> IntArray:
    """Activations over their whole range, some of them zero."""
    low, high = config.activation_range
    x = rng.integers(low, high + 1, shape.input_maps)
    return np.where(rng.random(x.shape) < 0.3, 0, x)
