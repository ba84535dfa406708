"""From a quantised network to memory contents: tile, place, size, plan, fill the memories."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from eyrie.compile.compiled import CompiledNetwork, LayerInfo
from eyrie.compile.place import PlacedLayer, place_layer
from eyrie.compile.plan import plan_program
from eyrie.compile.quantised import QuantisedNetwork
from eyrie.compile.sizing import Needs, choose_memory_depths, choose_vector_depths
from eyrie.compile.tiling import tile_network
from eyrie.compress.interleave import Placement
from eyrie.eie.config import EieConfig
from eyrie.errors import InputError


@dataclass(frozen=True, kw_only=True, eq=False)
class MappedNetwork:
    """The memories, and the layers as they lie in them."""

    compiled: CompiledNetwork
    layers: tuple[PlacedLayer, ...]


def map_network(
    network: QuantisedNetwork,
    base: EieConfig,
    *,
    sized: bool = True,
    placements: Sequence[Placement] | None = None,
) -> MappedNetwork:
    """Lay a quantised network out in the engine's memories.

    Parameters
    ----------
    network : QuantisedNetwork
    base : EieConfig
        Number of PEs and widths.
    sized : bool
        Replace the depths of `base` by such as fit the network, powers of two. Otherwise the network must fit `base`
        as it is.
    placements : sequence of Placement, one a layer, or None
        Where the rows go; None interleaves them.

    Raises
    ------
    InputError
        If the network does not fit: a memory (with need and capacity), a codebook, a width or a placement.
    """
    if placements is None:
        placements = [Placement.interleaved(layer.rows, base.n_pes) for layer in network.layers]
    _require_fit(network, base, placements)
    if sized:
        activation_depth, accumulator_depth = choose_vector_depths(network.inputs, placements)
    else:
        activation_depth, accumulator_depth = base.activation_depth, base.accumulator_depth
    tilings = tile_network(
        network.inputs, placements, activation_depth=activation_depth, accumulator_depth=accumulator_depth
    )
    layers = tuple(
        place_layer(layer, placement, tiling, None if tiling.streamed else source, base.index_bits)
        for layer, placement, tiling, source in zip(
            network.layers, placements, tilings, [None, *placements[:-1]], strict=True
        )
    )
    needs = Needs.of(layers)
    config = base
    if sized:
        config = replace(
            base, activation_depth=activation_depth, accumulator_depth=accumulator_depth, **choose_memory_depths(needs)
        )
    needs.require_config(config)
    return MappedNetwork(compiled=_fill(network, layers, config), layers=layers)


def _require_fit(network: QuantisedNetwork, config: EieConfig, placements: Sequence[Placement]) -> None:
    if network.activation_width != config.activation_width:
        raise InputError(
            f"the network has activations of {network.activation_width} bits, the configuration of "
            f"{config.activation_width}"
        )
    if len(placements) != len(network.layers):
        raise InputError(f"{len(network.layers)} layers need as many placements, not {len(placements)}")
    limits = (
        ("codebook", config.weight_range),
        ("bias", config.accumulator_range),
        ("multiplier", (1, config.max_multiplier)),
        ("shift", (0, config.max_shift)),
    )
    for layer, placement in zip(network.layers, placements, strict=True):
        if placement.n_pes != config.n_pes or placement.rows != layer.rows:
            raise InputError(
                f"layer {layer.name}: a placement of {placement.rows} rows on {placement.n_pes} PEs does not fit "
                f"{layer.rows} rows on {config.n_pes}"
            )
        if layer.codebook.size > config.codebook_size:
            raise InputError(
                f"layer {layer.name} has {layer.codebook.size} codebook entries, the configuration only "
                f"{config.codebook_size}"
            )
        for field, (low, high) in limits:
            values = getattr(layer, field)
            if values.min() < low or values.max() > high:
                raise InputError(
                    f"layer {layer.name}: {field} must be {low} to {high}, not {values.min()} to {values.max()}"
                )


def _fill(network: QuantisedNetwork, layers: tuple[PlacedLayer, ...], config: EieConfig) -> CompiledNetwork:
    program = plan_program(layers)
    parts = [[parts[pe] for placed in layers for parts in placed.tables] for pe in range(config.n_pes)]
    infos = []
    column_base = 0
    for placed, output_scale in zip(layers, network.scales[1:], strict=True):
        layer = placed.layer
        infos.append(
            LayerInfo(
                name=layer.name,
                rows=layer.rows,
                columns=layer.columns,
                relu=layer.relu,
                weight_scale=layer.weight_scale,
                output_scale=output_scale,
                column_base=column_base,
                slot_of_row=tuple(placed.placement.slot_of_row.tolist()),
                n_slots=placed.placement.n_slots,
            )
        )
        column_base += placed.n_columns
    scales = [
        placed.by_slot(placed.layer.multiplier | placed.layer.shift << config.multiplier_width, 1) for placed in layers
    ]
    return CompiledNetwork(
        config=config,
        name=network.name,
        layers=tuple(infos),
        schedule=program.schedule,
        program=np.array(program.words, np.int64),
        pointers=np.stack([_joined_pointers([part.pointers for part in own]) for own in parts]),
        entries=tuple(
            np.concatenate([part.codes | part.runs.astype(np.uint16) << config.codebook_bits for part in own])
            for own in parts
        ),
        bias=np.concatenate([placed.by_slot(placed.layer.bias, 0) for placed in layers], axis=1),
        scale=np.concatenate(scales, axis=1),
        input_scale=network.scales[0],
        output_scale=network.scales[-1],
        clip=network.clip,
        host_operators=network.host_operators,
    )


def _joined_pointers(tables: list[np.ndarray]) -> np.ndarray:
    """Pointers of tables whose entries follow each other; each closing one is the next table's first."""
    counts = np.concatenate([np.diff(pointers) for pointers in tables])
    return np.concatenate([[0], np.cumsum(counts)])
