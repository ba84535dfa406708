"""How layers are cut to fit the memories: passes over the rows, batches of the inputs, trips through the host."""

from collections.abc import Sequence
from dataclasses import dataclass

from eyrie.compress.interleave import Placement
from eyrie.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Tiling:
    """How one layer runs.

    Parameters
    ----------
    n_pes : int
        Of the engine.
    n_slots : int
        Slots of the layer's rows, idle ones included.
    n_columns : int
        Slots of its input vector.
    slots_per_pass : int
        Slots that one pass computes; the last may have fewer.
    columns_per_batch : int
        Input slots that one batch holds; the last may have fewer.
    streamed : bool
        The inputs come from the host; otherwise they stand in the source bank.
    emitted : bool
        The outputs go to the host pass by pass; otherwise they stay in the destination bank.
    """

    n_pes: int
    n_slots: int
    n_columns: int
    slots_per_pass: int
    columns_per_batch: int
    streamed: bool
    emitted: bool

    @property
    def passes(self) -> tuple[range, ...]:
        """Slots of each pass."""
        return _cut(self.n_slots, self.slots_per_pass)

    @property
    def batches(self) -> tuple[range, ...]:
        """Input slots of each batch."""
        return _cut(self.n_columns, self.columns_per_batch)


def tile_network(
    inputs: int, placements: Sequence[Placement], *, n_pes: int, activation_depth: int, rows_per_pass: Sequence[int]
) -> tuple[Tiling, ...]:
    """Cut every layer.

    A hidden vector stays in the engine if a bank holds it and if its layer does not need several batches and several
    passes at once: loading the batches of the second pass would take the bank that holds the results of the first.

    Parameters
    ----------
    inputs : int
        Elements of the network's input.
    placements : sequence of Placement, one a layer
        On the engine's PEs, or on those of a group if the layer's columns are split over the groups.
    n_pes : int
        Of the engine.
    activation_depth : int
        See `eyrie.eie.config.EieConfig`.
    rows_per_pass : sequence of int, one a layer
        Rows that one pass may compute on each PE, at most the depth of the accumulators. Partners store them in turn,
        so that a pass that is not the last takes a multiple of their number.

    Raises
    ------
    InputError
        If a layer whose columns are split takes passes of fewer rows than there are groups.
    """
    tilings: list[Tiling] = []
    bank = n_pes * activation_depth
    for index, (placement, most_rows) in enumerate(zip(placements, rows_per_pass, strict=True)):
        n_groups = n_pes // placement.n_pes
        streamed = index == 0 or tilings[-1].emitted
        # The host puts a vector's elements in order, so that those it sends need no idle slots.
        elements = placements[index - 1].rows if index else inputs
        n_columns = elements if streamed else placements[index - 1].n_slots
        in_batches = streamed and n_columns > bank
        in_passes = placement.local_rows > most_rows
        too_long = placement.n_slots > bank
        emitted = index == len(placements) - 1 or too_long or (in_batches and in_passes)
        rows = min(most_rows, n_groups * activation_depth) if emitted else most_rows
        if rows < placement.local_rows:
            rows -= rows % n_groups
        if not rows:
            raise InputError(
                f"layer {index}: its columns cannot be split over {n_groups} groups of PEs, since a pass takes no more "
                f"than {most_rows} rows of a PE; with as many rows as groups it could"
            )
        tilings.append(
            Tiling(
                n_pes=n_pes,
                n_slots=placement.n_slots,
                n_columns=n_columns,
                slots_per_pass=placement.n_pes * rows,
                columns_per_batch=bank if streamed else n_columns,
                streamed=streamed,
                emitted=emitted,
            )
        )
    return tuple(tilings)


def _cut(length: int, piece: int) -> tuple[range, ...]:
    return tuple(range(begin, min(begin + piece, length)) for begin in range(0, length, piece))
