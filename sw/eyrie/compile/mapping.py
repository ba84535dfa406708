"""From a quantised network to memory contents: tile, place, size, plan, fill the memories."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from eyrie.compile.compiled import CompiledNetwork, LayerInfo
from eyrie.compile.index_width import IndexAim, choose_index_bits
from eyrie.compile.place import PlacedLayer, place_layer
from eyrie.compile.plan import plan_program
from eyrie.compile.quantised import QuantisedNetwork
from eyrie.compile.sizing import MAX_COUNT_BITS, Needs, choose_vector_depths, fit_memories
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
    index_aim: IndexAim | None = None,
) -> MappedNetwork:
    """Lay a quantised network out in the engine's memories.

    Parameters
    ----------
    network : QuantisedNetwork
    base : EieConfig
        Number of PEs and widths.
    sized : bool
        Replace the depths of `base` by such as fit the network, powers of two, and `count_bits` by the fewest that do.
        Otherwise the network must fit `base` as it is.
    placements : sequence of Placement, one a layer, or None
        Where the rows go; None interleaves them. One on the PEs of a group (`EieConfig.group_pes`) splits the columns
        of its layer over the groups.
    index_aim : "cycles", "bits" or None
        Replace `index_bits` of `base` too, by what suits the network, see `eyrie.compile.index_width`. Only if `sized`.

    Raises
    ------
    InputError
        If the network does not fit: a memory (with need and capacity), a codebook, a width or a placement; or if
        `index_aim` is none of the above.
    """
    if placements is None:
        placements = [Placement.interleaved(layer.rows, base.n_pes) for layer in network.layers]
    _require_fit(network, base, placements)
    if not sized:
        if index_aim is not None:
            raise InputError(f"index_bits are those of the configuration, {base.index_bits}, and not to be chosen")
        layers = _place(network, placements, base)
        Needs.of(layers).require_config(base)
        return MappedNetwork(compiled=_fill(network, layers, base), layers=layers)
    activation_depth, accumulator_depth = choose_vector_depths(network.inputs, placements, base.n_pes)
    roomy = replace(
        base, activation_depth=activation_depth, accumulator_depth=accumulator_depth, count_bits=MAX_COUNT_BITS
    )
    layers = _place(network, placements, roomy)
    if index_aim is not None:
        roomy = replace(roomy, index_bits=choose_index_bits(layers, base.codebook_bits, index_aim))
        layers = _place(network, placements, roomy)
    config = fit_memories(roomy, Needs.of(layers))
    return MappedNetwork(compiled=_fill(network, layers, config), layers=layers)


def _place(network: QuantisedNetwork, placements: Sequence[Placement], config: EieConfig) -> tuple[PlacedLayer, ...]:
    """Tile and encode all layers; one with a slice that is too long to be counted takes passes of fewer rows.

    As many fewer as the slice is too long, and then again: the fullest part of a column is fuller than the whole. That
    ends where a pass has as many rows as can be counted, at the latest: a slice has no more entries than rows.
    """
    rows_per_pass = [config.accumulator_depth] * len(network.layers)
    while True:
        tilings = tile_network(
            network.inputs,
            placements,
            n_pes=config.n_pes,
            activation_depth=config.activation_depth,
            rows_per_pass=rows_per_pass,
        )
        layers = tuple(
            place_layer(layer, placement, tiling, None if tiling.streamed else source, config.index_bits)
            for layer, placement, tiling, source in zip(
                network.layers, placements, tilings, [None, *placements[:-1]], strict=True
            )
        )
        too_long = [index for index, placed in enumerate(layers) if placed.fullest_slice > config.max_count]
        if not too_long:
            return layers
        for index in too_long:
            placed = layers[index]
            rows_per_pass[index] = placed.rows_of_longest_pass * config.max_count // placed.fullest_slice


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
        if placement.n_pes not in (config.n_pes, config.group_pes) or placement.rows != layer.rows:
            raise InputError(
                f"layer {layer.name}: a placement of {placement.rows} rows on {placement.n_pes} PEs does not fit "
                f"{layer.rows} rows on {config.n_pes}"
            )
        if layer.codebook.size > config.codebook_size:
            raise InputError(
                f"layer {layer.name} has {layer.codebook.size} codebook entries, the configuration only "
                f"{config.codebook_size}"
            )
        if layer.scaled and not config.multipliers:
            raise InputError(
                f"layer {layer.name} has requantisation multipliers, or shifts that differ from row to row; the "
                f"configuration only has one shift for all rows"
            )
        if not layer.scaled:
            try:
                config.require_plain_shift(int(layer.shift[0]))
            except ValueError as error:
                raise InputError(f"layer {layer.name}: {error}") from error
        for field, (low, high) in limits:
            values = getattr(layer, field)
            if values.min() < low or values.max() > high:
                raise InputError(
                    f"layer {layer.name}: {field} must be {low} to {high}, not {values.min()} to {values.max()}"
                )


def _fill(network: QuantisedNetwork, layers: tuple[PlacedLayer, ...], config: EieConfig) -> CompiledNetwork:
    program = plan_program(layers)
    parts = [[parts[pe] for placed in layers for parts in placed.tiles] for pe in range(config.n_pes)]
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
                apart=placed.apart,
            )
        )
        column_base += placed.n_columns
    scales = [
        placed.by_slot(placed.layer.multiplier | placed.layer.shift << config.multiplier_width, 1)
        for placed in layers
        if placed.layer.scaled
    ]
    return CompiledNetwork(
        config=config,
        name=network.name,
        layers=tuple(infos),
        schedule=program.schedule,
        program=np.array(program.words, np.int64),
        counts=np.stack([np.concatenate([np.diff(part.pointers) for part in own]) for own in parts]).astype(np.uint16),
        entries=tuple(
            np.concatenate([part.codes | part.runs.astype(np.uint16) << config.codebook_bits for part in own])
            for own in parts
        ),
        bias=np.concatenate([placed.by_slot(placed.layer.bias, 0) for placed in layers], axis=1),
        scale=np.concatenate([np.zeros((config.n_pes, 0), np.int64), *scales], axis=1),
        input_scale=network.scales[0],
        output_scale=network.scales[-1],
        clip=network.clip,
        host_operators=network.host_operators,
    )
