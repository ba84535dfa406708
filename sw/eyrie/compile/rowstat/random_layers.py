"""Random engines, convolutions, pools, mappings and inputs: edges far more often than in real networks."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from eyrie.compile.rowstat.coding import PLAIN, Coding
from eyrie.compile.rowstat.layer import ConvLayer, ConvShape
from eyrie.compile.rowstat.mapper import mappings
from eyrie.compile.rowstat.mapping import Mapping, is_mapping, n_channel_groups
from eyrie.compile.rowstat.pool import PoolLayer, PoolShape
from eyrie.compile.rowstat.reference import Layer
from eyrie.errors import InputError
from eyrie.golden.requantise import MAX_MULTIPLIER
from eyrie.model.window import Window
from eyrie.rowstat.config import RowstatConfig

IntArray = npt.NDArray[np.int64]


def draw_config(rng: np.random.Generator) -> RowstatConfig:
    """A small engine of any shape and widths, with memories that are just large enough at times, and psums that are
    narrower than a product."""
    activation_width, weight_width = int(rng.integers(8, 17)), int(rng.integers(8, 17))
    columns = int(rng.integers(1, 9))
    return RowstatConfig(
        rows=int(rng.integers(1, 9)),
        columns=columns,
        activation_width=activation_width,
        weight_width=weight_width,
        accumulator_width=int(rng.integers(24, 43)),
        ifmap_depth=int(rng.integers(4, 20)),
        ifmap_ahead=int(rng.integers(0, 8)),
        filter_depth=int(rng.integers(16, 80)),
        filter_columns=int(rng.choice([sharing for sharing in range(1, columns + 1) if columns % sharing == 0])),
        psum_depth=int(rng.integers(1, 9)),
        ifmap_bank_words=int(rng.integers(60, 300)),
        psum_bank_words=2 * int(rng.integers(24, 80)),
        filter_fifo_words=1 << int(rng.integers(1, 7)),
        max_slots=int(rng.integers(1, 9)),
        command_depth=1 << int(rng.integers(2, 7)),
        codebook_entries=int(rng.choice([0, 1, 2, 16, 256])),
        drain_lanes=int(rng.choice([1, 2, 2, 4])),
    )


def draw_layer(rng: np.random.Generator, shape: ConvShape, config: RowstatConfig) -> ConvLayer:
    """Numbers for a layer, of which no sum can overflow, and sums close to that where psums are narrow."""
    largest, biases = config.weight_range[1], 1000
    weight = rng.integers(-largest, largest + 1, (shape.filters, shape.group_channels, *shape.kernel))
    budget = (1 << config.accumulator_width - 1) - 1 - biases >> config.activation_width - 1
    if np.abs(weight).sum(axis=(1, 2, 3)).max() > budget:
        weight = _within(rng, weight >> rng.integers(0, config.weight_width, weight.shape), budget)
    multiplier = rng.integers(1, config.weight_range[1] + 1, shape.filters)
    size = int(np.abs(weight).sum(axis=(1, 2, 3)).max()) * int(multiplier.max())
    return ConvLayer(
        shape=shape,
        weight=weight,
        bias=rng.integers(-biases, biases + 1, shape.filters),
        multiplier=multiplier,
        shift=rng.integers(max(size.bit_length() - 4, 0), size.bit_length() + 1, shape.filters),
        relu=bool(rng.integers(2)),
    )


def _within(rng: np.random.Generator, weight: IntArray, budget: int) -> IntArray:
    """The weights, but for some that are 0, so that the magnitudes of no filter sum up to more than the budget."""
    filters = weight.reshape(len(weight), -1)
    order = rng.permuted(np.broadcast_to(np.arange(filters.shape[1]), filters.shape), axis=1)
    drawn = np.take_along_axis(filters, order, axis=1)
    kept = np.zeros_like(filters)
    np.put_along_axis(kept, order, np.where(np.abs(drawn).cumsum(axis=1) <= budget, drawn, 0), axis=1)
    return kept.reshape(weight.shape)


def share_weights(rng: np.random.Generator, layer: ConvLayer, entries: int) -> ConvLayer:
    """The same layer with weights drawn from a random codebook, none larger than its own largest, and in no filter more
    of them than in that of its own with most.

    Parameters
    ----------
    rng : Generator
    layer : ConvLayer
    entries : int
        Of the codebook; the first is zero, and others may be equal.
    """
    magnitudes = np.abs(layer.weight)
    largest, budget = int(magnitudes.max()), int(magnitudes.sum(axis=(1, 2, 3)).max())
    codebook = np.array([0, *rng.integers(-largest, largest + 1, entries - 1)], np.int64)
    weight = _within(rng, codebook[rng.integers(entries, size=layer.weight.shape)], budget)
    return replace(layer, weight=weight, codebook=codebook)


def draw_shape(rng: np.random.Generator, name: str, maps: tuple[int, int, int, int] | None = None) -> ConvShape:
    """A small layer; `maps` are images, channels, rows and columns that it must take."""
    groups = 1 if maps is not None else int(rng.choice([1, 1, 2, 3]))
    kernel = (int(rng.integers(1, 5)), int(rng.integers(1, 5)))
    padding = tuple(int(n) for n in rng.integers(0, 3, 4))
    batch, channels, height, width = maps or (
        int(rng.integers(1, 3)),
        groups * int(rng.integers(1, 5)),
        int(rng.integers(1, 12)),
        int(rng.integers(1, 12) if rng.integers(5) else rng.integers(32, 100)),
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


def draw_pool(rng: np.random.Generator, name: str, maps: tuple[int, int, int, int]) -> PoolLayer:
    """Windows of any size over such maps: maxima, or means whose multipliers change from column to column at times."""
    batch, channels, height, width = maps
    kernel = (int(rng.integers(1, min(height, 4) + 1)), int(rng.integers(1, min(width, 6) + 1)))
    top, left, bottom, right = (int(rng.integers(size)) for size in kernel * 2)
    shape = PoolShape(
        name=name,
        batch=batch,
        channels=channels,
        height=height,
        width=width,
        window=Window(
            kernel=kernel,
            stride=(int(rng.integers(1, 4)), int(rng.integers(1, 4))),
            padding=(top, left, bottom, right),
        ),
    )
    if rng.integers(2):
        return PoolLayer(shape=shape)
    positions = (shape.out_height, shape.out_width)
    changing = rng.random(positions) < rng.choice([0, 0.3, 1])
    multiplier = np.where(changing, rng.integers(1, MAX_MULTIPLIER + 1, positions), MAX_MULTIPLIER // 2)
    shift = (kernel[0] * kernel[1]).bit_length() + 13 + rng.integers(-2, 3, (positions[0], 1))
    return PoolLayer(shape=shape, multiplier=multiplier, shift=np.broadcast_to(shift, positions).copy())


def draw_layers(rng: np.random.Generator, config: RowstatConfig) -> list[Layer]:
    """One layer to three that take each other's outputs: convolutions, and half of those behind the first are pools.

    Raises
    ------
    InputError
        If a layer is none for this engine.
    """
    layers: list[Layer] = [_draw_coded(rng, draw_shape(rng, "layer 1"), config)]
    for number in range(2, int(rng.integers(2, 5))):
        maps = layers[-1].shape.output_maps
        if rng.integers(2):
            layers.append(draw_pool(rng, f"layer {number}", maps))
        else:
            layers.append(_draw_coded(rng, draw_shape(rng, f"layer {number}", maps), config))
    return layers


def _draw_coded(rng: np.random.Generator, shape: ConvShape, config: RowstatConfig) -> ConvLayer:
    """A convolution; every second one has a codebook, if the engine has room for one."""
    layer = draw_layer(rng, shape, config)
    if config.codebook_entries and rng.integers(2):
        return share_weights(rng, layer, int(rng.integers(1, config.codebook_entries + 1)))
    return layer


def draw_coded_maps(rng: np.random.Generator, layers: int) -> list[float | None]:
    """Which of the maps of so many layers are run-length coded, as `compile_layers` takes it: none, all, or any."""
    likely = rng.choice([0.0, 0.5, 1.0])
    return [0.5 if rng.random() < likely else None for _ in range(layers + 1)]


def draw_mapping(rng: np.random.Generator, shape: ConvShape, config: RowstatConfig, coding: Coding = PLAIN) -> Mapping:
    """Any of the mappings of a layer, with a smaller region and ring, or another turn, at times.

    Raises
    ------
    InputError
        If none is there for its coding.
    """
    found = [mapping for mapping in mappings(shape, config) if is_mapping(shape, config, mapping, coding)]
    if not found:
        raise InputError(f"layer {shape.name}: no mapping has whole rows")
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


def draw_inputs(rng: np.random.Generator, shape: ConvShape | PoolShape, config: RowstatConfig) -> IntArray:
    """Activations over their whole range, some, most or all of them zero."""
    low, high = config.activation_range
    x = rng.integers(low, high + 1, shape.input_maps)
    return np.where(rng.random(x.shape) < rng.choice([0.1, 0.3, 0.6, 0.97, 1.0]), 0, x)
