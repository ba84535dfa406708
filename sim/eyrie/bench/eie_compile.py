"""A benchmark layer in the memories of an engine that is as large as the layer needs."""

from dataclasses import dataclass, replace

import numpy as np

from eyrie.anchors.eie import published_design
from eyrie.bench.eie_layers import ACCUMULATOR_WIDTH, ACTIVATION_WIDTH, BenchLayer
from eyrie.bench.eie_levers import Levers
from eyrie.compile.column_groups import LayerInputs, place_in_groups
from eyrie.compile.compiled import CompiledNetwork
from eyrie.compile.mapping import map_network
from eyrie.compile.place import PlacedLayer
from eyrie.compress.interleave import Placement
from eyrie.eie.config import EieConfig


@dataclass(frozen=True, kw_only=True, eq=False)
class CompiledLayer:
    """A layer and the memories that hold it.

    Parameters
    ----------
    layer : BenchLayer
    placed : PlacedLayer
    compiled : CompiledNetwork
    """

    layer: BenchLayer
    placed: PlacedLayer
    compiled: CompiledNetwork

    @property
    def config(self) -> EieConfig:
        """The engine."""
        return self.compiled.config

    def config_with(self, levers: Levers) -> EieConfig:
        """The engine with the queues of these levers; what lies in the memories stays the same."""
        return replace(self.config, queue_depth=levers.queue_depth, skip_empty=levers.skip_empty)


def place_rows(layer: BenchLayer, n_pes: int, levers: Levers) -> Placement:
    """Rows in balance over the PEs, or interleaved; on those of a group, if the columns are better split over several.

    PEs that cannot form so many groups form none.
    """
    groups = levers.column_groups if n_pes % levers.column_groups == 0 else 1
    inputs = LayerInputs(slots=np.arange(layer.published.inputs), density=layer.published.activation_density)
    return place_in_groups(
        layer.network.layers[0],
        EieConfig(n_pes=n_pes, column_groups=groups),
        inputs,
        balance=levers.balance,
        sized=True,
    )


def compile_layer(layer: BenchLayer, placement: Placement, levers: Levers, *, n_pes: int) -> CompiledLayer:
    """Encode a layer for an engine of its own, whose memories are the smallest powers of two that hold it.

    Of ``n_pes`` PEs, in groups if the placement is for fewer.

    Raises
    ------
    InputError
        If no engine with so many PEs holds it.
    """
    design = published_design()
    choice = levers.index_bits
    base = EieConfig(
        n_pes=n_pes,
        column_groups=n_pes // placement.n_pes,
        queue_depth=levers.queue_depth,
        activation_width=ACTIVATION_WIDTH,
        codebook_bits=design.code_bits,
        index_bits=choice if isinstance(choice, int) else design.index_bits,
        accumulator_width=ACCUMULATOR_WIDTH,
        skip_empty=levers.skip_empty,
    )
    mapped = map_network(
        layer.network,
        base,
        placements=[placement],
        index_aim=None if isinstance(choice, int) else choice,
    )
    return CompiledLayer(layer=layer, placed=mapped.layers[0], compiled=mapped.compiled)


def compile_layer_for(layer: BenchLayer, placement: Placement, config: EieConfig) -> CompiledLayer:
    """Encode a layer for an engine that is there.

    Raises
    ------
    InputError
        If it does not fit.
    """
    mapped = map_network(layer.network, config, sized=False, placements=[placement])
    return CompiledLayer(layer=layer, placed=mapped.layers[0], compiled=mapped.compiled)
