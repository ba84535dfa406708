"""The program: steps, codebooks and the host's part, for layers that are placed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from eyrie.compile.place import PlacedLayer
from eyrie.compile.schedule import HostSchedule, Receive, Send
from eyrie.compile.table import TableLayout
from eyrie.eie.program import STEP_WORDS, Step


@dataclass(frozen=True, kw_only=True, eq=False)
class Program:
    """What the central control executes.

    Parameters
    ----------
    steps : tuple of Step
    words : tuple of int
        The program memory: steps, then codebooks. A codebook entry is a word, its two's complement in the low bits.
    schedule : HostSchedule
    """

    steps: tuple[Step, ...]
    words: tuple[int, ...]
    schedule: HostSchedule


def plan_program(layers: Sequence[PlacedLayer]) -> Program:
    """Lay out a network's steps.

    A first step sets the accumulators to the biases of the first pass, every drain to those of the pass after it.
    Columns of all tiles follow each other in the table, as do the biases of all layers, and the scales of those that
    are scaled.
    """
    table = TableLayout.of(layers)
    steps = [Step(broadcast=False)]
    transfers: list[Send | Receive] = []
    codebooks: list[tuple[int, ...]] = []
    copies: dict[int, int] = {}  # step: codebook
    column_base, scale_base = 0, table.scale_base
    for index, placed in enumerate(layers):
        codebook = tuple(placed.layer.codebook.tolist())
        if codebook not in codebooks:
            codebooks.append(codebook)
        if not index or codebook != tuple(layers[index - 1].layer.codebook.tolist()):
            copies[len(steps) if index else 0] = codebooks.index(codebook)
        layer_steps, layer_transfers = _plan_layer(placed, index, column_base, scale_base)
        steps += layer_steps
        transfers += layer_transfers
        column_base += placed.n_columns
        scale_base += placed.placement.local_rows if placed.layer.scaled else 0

    _add_biases(steps, table.bias_base)
    words: list[int] = []
    bases = []
    for codebook in codebooks:
        bases.append(STEP_WORDS * len(steps) + len(words))
        words += [entry & 0xFFFFFFFF for entry in codebook]
    for number, which in copies.items():
        steps[number] = replace(steps[number], codebook_base=bases[which], codebook_count=len(codebooks[which]))
    steps[-1] = replace(steps[-1], last=True)
    sizes = (layers[0].layer.columns, *(placed.layer.rows for placed in layers))
    return Program(
        steps=tuple(steps),
        words=(*(word for step in steps for word in step.pack()), *words),
        schedule=HostSchedule(sizes=sizes, transfers=tuple(transfers)),
    )


def _plan_layer(
    placed: PlacedLayer, tensor: int, column_base: int, scale_base: int
) -> tuple[list[Step], list[Send | Receive]]:
    """Steps and transfers of one layer, whose input is ``tensor``; no step copies a codebook or sets biases yet."""
    tiling, layer, n_pes, apart = placed.tiling, placed.layer, placed.placement.n_pes, placed.apart
    row_of_slot = placed.placement.row_of_slot
    tiles = iter(placed.tiles)
    steps: list[Step] = []
    transfers: list[Send | Receive] = []
    for slots in tiling.passes:
        first_pass, last_pass = slots.start == 0, slots.stop == tiling.n_slots
        first_row = slots.start // n_pes
        for batch in tiling.batches:
            # A single batch stays in the source bank for all passes.
            load = tiling.streamed and (first_pass or len(tiling.batches) > 1)
            if load:
                transfers.append(Send(tensor=tensor, start=batch.start, count=len(batch)))
            steps.append(Step(load=load, count=len(batch) if load else 0, column_base=column_base, apart=apart))
            column_base += next(tiles)[0].n_columns
        steps[-1] = replace(
            steps[-1],
            drain=True,
            n_rows=-(-len(slots) // n_pes),
            local_base=0 if tiling.emitted else first_row // placed.n_groups,
            relu=layer.relu,
            scaled=layer.scaled,
            scale_base=scale_base + first_row if layer.scaled else 0,
            shift=0 if layer.scaled else int(layer.shift[0]),
            open=tiling.emitted or first_pass,
            emit=tiling.emitted,
            emit_count=len(slots) if tiling.emitted else 0,
            swap=last_pass and not tiling.emitted,
        )
        if tiling.emitted:
            elements: np.ndarray = row_of_slot[slots.start : slots.stop]
            transfers.append(Receive(tensor=tensor + 1, elements=elements))
    return steps, transfers


def _add_biases(steps: list[Step], bias_base: int) -> None:
    """Give the first step, and each that drains, the biases of the next drain's rows, which follow each other."""
    drains = [number for number, step in enumerate(steps) if step.drain]
    for before, drain in pairwise([0, *drains]):
        n_rows = steps[drain].n_rows
        steps[before] = replace(steps[before], bias_base=bias_base, bias_rows=n_rows)
        bias_base += n_rows
