"""Columns of a layer split over groups of PEs where one broadcast for all would hold them up.

One broadcast sends one activation a cycle. Where a column has fewer non-zeros than there are PEs, PEs wait for it; as
many groups with a broadcast each send as many activations a cycle. In return PEs drain as many times more rows, since
partners in all groups hold a part of each sum.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eyrie.compile.quantised import QuantisedLayer
from eyrie.compress.balance import USUAL_DENSITY, balanced_placement
from eyrie.compress.interleave import Placement
from eyrie.eie.config import EieConfig

IntArray = npt.NDArray[np.int64]

SAMPLES = 16
"""Inputs that are drawn to predict cycles."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerInputs:
    """What is known of a layer's inputs.

    Parameters
    ----------
    slots : int64 (columns,)
        Where each lies in the engine, or comes to lie.
    density : float or float64 (columns,)
        Share of the runs in which it is not zero.
    """

    slots: IntArray
    density: float | npt.NDArray[np.floating] = USUAL_DENSITY


def place_in_groups(
    layer: QuantisedLayer, config: EieConfig, inputs: LayerInputs, *, balance: bool, sized: bool
) -> Placement:
    """Place the rows of a layer on all PEs, or if that is predicted to take fewer cycles, on those of a group.

    A layer on the PEs of a group has its columns split over the groups, see `eyrie.compile.mapping.map_network`. It
    keeps one broadcast if its busiest PE has more work than that has activations, and of equal predictions.

    Parameters
    ----------
    layer : QuantisedLayer
    config : EieConfig
    inputs : LayerInputs
    balance : bool
        Place rows for equal work (`eyrie.compress.balance`); otherwise interleave them.
    sized : bool
        The engine is going to be as deep as the network needs. Otherwise a layer can only be split if the
        accumulators, and the counts of a slice's entries, are for as many rows as there are groups.
    """

    def placed_on(size: int) -> Placement:
        if not balance:
            return Placement.interleaved(layer.rows, size)
        group = inputs.slots % config.n_pes // size
        return balanced_placement(layer.codes, size, activation_density=inputs.density, group_of_column=group)

    together = placed_on(config.n_pes)
    fits = sized or min(config.accumulator_depth, config.max_count) >= config.column_groups
    if config.column_groups == 1 or not fits:
        return together
    work, turns = predicted_broadcast(layer, config, inputs, together)
    if work >= turns:
        return together
    return min(
        together, placed_on(config.group_pes), key=lambda placement: predicted_cycles(layer, config, inputs, placement)
    )


def predicted_cycles(layer: QuantisedLayer, config: EieConfig, inputs: LayerInputs, placement: Placement) -> float:
    """Cycles below which no run goes far, of the broadcast and the drain of a single pass.

    Fillers, and waits for queues that are full or empty for a time, do not count.
    """
    broadcast = max(predicted_broadcast(layer, config, inputs, placement))
    return broadcast + placement.local_rows * (config.n_chunks if layer.scaled else 1)


def predicted_broadcast(
    layer: QuantisedLayer, config: EieConfig, inputs: LayerInputs, placement: Placement
) -> tuple[float, float]:
    """Non-zeros of the busiest PE, and cycles in which the PEs of a group have the turn, of the group with the most.

    Averages over `SAMPLES` inputs, each element drawn at random by itself.
    """
    size = placement.n_pes
    active = np.random.default_rng(0).random((SAMPLES, layer.columns)) < inputs.density
    rows, columns = np.nonzero(layer.codes)
    counts = np.bincount(columns * size + placement.pe_of_row[rows], minlength=layer.columns * size)
    counts = counts.reshape(layer.columns, size)
    pe = inputs.slots % config.n_pes
    work, turns = np.zeros(SAMPLES), np.zeros(SAMPLES)
    for first in range(0, config.n_pes, size):
        own = (first <= pe) & (pe < first + size)
        loads = active[:, own].astype(np.float64) @ counts[own]
        lists = np.stack([np.bincount(pe[own] - first, weights=sample, minlength=size) for sample in active[:, own]])
        work = np.maximum(work, loads.max(axis=1))
        turns = np.maximum(turns, np.maximum(lists, 1).sum(axis=1))
    return float(work.mean()), float(turns.mean())


def place_network(
    layers: tuple[QuantisedLayer, ...],
    config: EieConfig,
    densities: tuple[npt.NDArray[np.float64], ...] | None,
    *,
    balance: bool,
    sized: bool,
) -> tuple[Placement, ...]:
    """`place_in_groups` for layer after layer, each with its inputs where the one before leaves them.

    ``densities`` are those of each layer's columns; None takes inputs of the usual density.
    """
    slots = np.arange(layers[0].columns)
    placements: list[Placement] = []
    for index, layer in enumerate(layers):
        inputs = LayerInputs(slots=slots) if densities is None else LayerInputs(slots=slots, density=densities[index])
        placements.append(place_in_groups(layer, config, inputs, balance=balance, sized=sized))
        slots = placements[-1].slot_of_row
    return tuple(placements)
