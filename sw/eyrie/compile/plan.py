"""The program: steps, codebooks and the host's part, for layers that are placed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from eyrie.compile.place import PlacedLayer
from eyrie.compile.schedule import HostSchedule, Receive, Send
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

    Tables follow each other in the pointer memory without gaps, each closing pointer being the opening one of the next
    table; rows of all layers follow each other in the bias and scale memories.
    """
    steps: list[Step] = []
    transfers: list[Send | Receive] = []
    codebooks: list[tuple[int, ...]] = []
    codebook_of_step: list[int | None] = []
    column_base = row_base = 0
    for index, placed in enumerate(layers):
        codebook = tuple(placed.layer.codebook.tolist())
        changed = not index or codebook != tuple(layers[index - 1].layer.codebook.tolist())
        if codebook not in codebooks:
            codebooks.append(codebook)
        layer_steps, layer_transfers = _plan_layer(placed, index, column_base, row_base)
        steps += layer_steps
        transfers += layer_transfers
        codebook_of_step += [codebooks.index(codebook) if changed else None] + [None] * (len(layer_steps) - 1)
        column_base += placed.n_columns
        row_base += placed.placement.local_rows

    words: list[int] = []
    bases = []
    for codebook in codebooks:
        bases.append(STEP_WORDS * len(steps) + len(words))
        words += [entry & 0xFFFFFFFF for entry in codebook]
    for number, which in enumerate(codebook_of_step):
        if which is not None:
            steps[number] = replace(steps[number], codebook_base=bases[which], codebook_count=len(codebooks[which]))
    steps[-1] = replace(steps[-1], last=True)
    sizes = (layers[0].layer.columns, *(placed.layer.rows for placed in layers))
    return Program(
        steps=tuple(steps),
        words=(*(word for step in steps for word in step.pack()), *words),
        schedule=HostSchedule(sizes=sizes, transfers=tuple(transfers)),
    )


def _plan_layer(
    placed: PlacedLayer, tensor: int, column_base: int, row_base: int
) -> tuple[list[Step], list[Send | Receive]]:
    """Steps and transfers of one layer, whose input is ``tensor``; no step copies a codebook yet."""
    tiling, n_pes = placed.tiling, placed.placement.n_pes
    row_of_slot = placed.placement.row_of_slot
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
            steps.append(Step(load=load, count=len(batch) if load else 0, column_base=column_base))
            column_base += len(batch)
        steps[-1] = replace(
            steps[-1],
            drain=True,
            n_rows=-(-len(slots) // n_pes),
            row_base=row_base + first_row,
            local_base=0 if tiling.emitted else first_row,
            relu=placed.layer.relu,
            scaled=placed.layer.scaled,
            open=tiling.emitted or first_pass,
            emit=tiling.emitted,
            emit_count=len(slots) if tiling.emitted else 0,
            swap=last_pass and not tiling.emitted,
        )
        if tiling.emitted:
            elements: np.ndarray = row_of_slot[slots.start : slots.stop]
            transfers.append(Receive(tensor=tensor + 1, elements=elements))
    return steps, transfers
