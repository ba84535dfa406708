"""Networks drawn at random, with an engine to run them: what tests of compiler, models and hardware compare on."""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from eyrie.compile.mapping import MappedNetwork, map_network
from eyrie.compile.quantised import QuantisedLayer, QuantisedNetwork
from eyrie.compile.sizing import SMALLEST_DEPTHS, Needs
from eyrie.compress.interleave import Placement
from eyrie.eie.config import EieConfig

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class RandomCase:
    """A network, an engine whose vector memories are small for it, and a place for each row.

    Parameters
    ----------
    seed : int
        What it was drawn from.
    network : QuantisedNetwork
        Its accumulators cannot overflow.
    config : EieConfig
        Memories for activations and accumulators are as drawn; the others are deep.
    placements : tuple of Placement, one a layer
    """

    seed: int
    network: QuantisedNetwork
    config: EieConfig
    placements: tuple[Placement, ...]

    def mapped(self) -> MappedNetwork:
        """The network in an engine whose deep memories are cut to what it needs, to the last element."""
        mapped = map_network(self.network, self.config, sized=False, placements=self.placements)
        needs = Needs.of(mapped.layers)
        depths = {memory: max(getattr(needs, memory), low) for memory, low in SMALLEST_DEPTHS.items()}
        return map_network(self.network, replace(self.config, **depths), sized=False, placements=self.placements)


def draw_config(rng: np.random.Generator, *, most_pes: int = 9) -> EieConfig:
    """Draw an engine: widths, PEs, flags and depths of queues and vector memories; the other memories are deep."""
    config = EieConfig(
        n_pes=int(rng.integers(1, most_pes + 1)),
        queue_depth=int(rng.integers(1, 9)),
        activation_width=int(rng.integers(8, 17)),
        weight_width=int(rng.integers(8, 17)),
        codebook_bits=int(rng.integers(1, 9)),
        index_bits=int(rng.integers(1, 9)),
        count_bits=int(rng.integers(1, 11, 2).min()),
        accumulator_width=int(rng.integers(24, 49)),
        entry_depth=1 << 13,
        table_depth=1 << 13,
        activation_depth=int(rng.integers(2, 17)),
        accumulator_depth=int(rng.integers(2, 17)),
        program_depth=1 << 14,
        skip_empty=bool(rng.integers(2)),
        multipliers=bool(rng.integers(3)),
        lut_ram=bool(rng.integers(2)),
    )
    return replace(config, column_groups=draw_column_groups(rng, config.n_pes))


def draw_column_groups(rng: np.random.Generator, n_pes: int) -> int:
    """Draw how many groups so many PEs form, from a stream of its own."""
    return int(rng.spawn(1)[0].choice([groups for groups in (1, 2, 4) if n_pes % groups == 0]))


def draw_case(
    seed: int, *, config: EieConfig | None = None, largest_side: int = 40, most_layers: int = 4, most_pes: int = 9
) -> RandomCase:
    """Draw shapes, sparsity, placements and, unless it is given, an engine.

    Parameters
    ----------
    seed : int
        The same seed draws the same case.
    config : EieConfig, optional
        The engine, whose memories for entries, table and program must be deep enough for what may come.
    largest_side : int
        Most rows and columns of a layer.
    most_layers, most_pes : int
    """
    rng = np.random.default_rng(seed)
    if config is None:
        config = draw_config(rng, most_pes=most_pes)
    sides = rng.integers(1, largest_side + 1, int(rng.integers(2, most_layers + 2)))
    scaled = config.multipliers and bool(rng.integers(2))
    layers = tuple(
        draw_layer(rng, config, rows=int(rows), columns=int(columns), scaled=scaled, name=f"layer_{index}")
        for index, (columns, rows) in enumerate(pairwise(sides))
    )
    network = QuantisedNetwork(
        name=f"random_{seed}",
        layers=layers,
        activation_width=config.activation_width,
        scales=(1.0,) * len(sides),
        clip=config.activation_range,
    )
    return RandomCase(
        seed=seed,
        network=network,
        config=config,
        placements=tuple(_draw_placement(rng, layer.rows, config) for layer in layers),
    )


def draw_layer(
    rng: np.random.Generator, config: EieConfig, *, rows: int, columns: int, scaled: bool, name: str
) -> QuantisedLayer:
    """Draw a layer that cannot overflow: half of the accumulator's range for the products, as much for the bias.

    Some rows and columns are zero, now and then all of them. Of the layers that are `scaled` some have multiplier 1
    throughout and only differ in their shifts.
    """
    quarter = 1 << config.accumulator_width - 2
    largest = min(config.weight_range[1], max(1, quarter // (columns << config.activation_width - 1)))
    n_codes = int(rng.integers(1, config.codebook_size + 1))
    codes = rng.integers(0, n_codes, (rows, columns), np.uint8)
    codes *= rng.random((rows, columns)) < rng.choice([0.02, 0.1, 0.3, 1.0])
    codes *= (rng.random((rows, 1)) < 0.9) & (rng.random((1, columns)) < 0.9)
    codebook = rng.integers(-largest, largest + 1, n_codes)
    codebook[0] = 0
    # Sums of random products grow with the root of their number; most outputs then lie inside the range.
    typical = largest * 2 ** (config.activation_width - 1) * (1 + 0.3 * columns**0.5)
    shift = max(0, int(np.log2(typical)) - config.activation_width + 1)
    multiplied = scaled and rng.random() < 0.8
    multiplier = rng.integers(1, config.max_multiplier + 1, rows) if multiplied else np.ones(rows, np.int64)
    grown = np.floor(np.log2(multiplier)).astype(np.int64)
    shifts = np.minimum(
        shift + grown + rng.integers(0, 2, rows if scaled else 1),
        config.max_shift if scaled else config.max_plain_shift,
    )
    return QuantisedLayer(
        name=name,
        codes=codes,
        codebook=codebook,
        weight_scale=1.0,
        bias=np.rint(rng.normal(0, 0.3, rows).clip(-1, 1) * min(typical, quarter - 1)).astype(np.int64),
        multiplier=multiplier,
        shift=shifts - shifts % (1 if scaled else config.shift_unit),
        relu=bool(rng.integers(2)),
    )


def draw_inputs(seed: int, network: QuantisedNetwork, n_random: int = 4) -> IntArray:
    """Samples within the network's clip range, int64 (n_random + 4, inputs).

    All at the lowest value, all at the highest, all zero, a single non-zero, and random ones of several densities.
    """
    rng = np.random.default_rng(seed)
    low, high = network.clip
    single = np.zeros(network.inputs, np.int64)
    single[rng.integers(network.inputs)] = high
    shape = (n_random, network.inputs)
    drawn = rng.integers(low, high + 1, shape) * (rng.random(shape) < rng.random((n_random, 1)))
    return np.stack([np.full_like(single, low), np.full_like(single, high), np.zeros_like(single), single, *drawn])


def _draw_placement(rng: np.random.Generator, rows: int, config: EieConfig) -> Placement:
    n_pes = config.n_pes
    # A pass has to have as many rows as there are groups.
    if min(config.accumulator_depth, config.max_count) >= config.column_groups > 1 and rng.integers(2):
        n_pes = config.group_pes
    if rng.integers(2):
        return Placement.interleaved(rows, n_pes)
    n_slots = rows + int(rng.integers(0, n_pes + 1))
    return Placement(n_pes=n_pes, slot_of_row=rng.permutation(n_slots)[:rows], n_slots=n_slots)
