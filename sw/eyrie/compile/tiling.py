"""How layers are cut to fit the memories: passes over the rows, batches of the inputs, trips through the host."""

from collections.abc import Sequence
from dataclasses import dataclass

from eyrie.compress.interleave import Placement


@dataclass(frozen=True, kw_only=True)
class Tiling:
    """How one layer runs.

    Parameters
    ----------
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
    inputs: int, placements: Sequence[Placement], *, activation_depth: int, rows_per_pass: Sequence[int]
) -> tuple[Tiling, ...]:
    """Cut every layer.

    A hidden vector stays in the engine if a bank holds it and if its layer does not need several batches and several
    passes at once: loading the batches of the second pass would take the bank that holds the results of the first.

    Parameters
    ----------
    inputs : int
        Elements of the network's input.
    placements : sequence of Placement, one a layer
        All with the engine's number of PEs.
    activation_depth : int
        See `eyrie.eie.config.EieConfig`.
    rows_per_pass : sequence of int, one a layer
        Rows that one pass may compute on each PE, at most the depth of the accumulators.
    """
    tilings: list[Tiling] = []
    for index, (placement, most_rows) in enumerate(zip(placements, rows_per_pass, strict=True)):
        n_pes = placement.n_pes
        bank = n_pes * activation_depth
        streamed = index == 0 or tilings[-1].emitted
        # The host puts a vector's elements in order, so that those it sends need no idle slots.
        elements = placements[index - 1].rows if index else inputs
        n_columns = elements if streamed else placements[index - 1].n_slots
        in_batches = streamed and n_columns > bank
        in_passes = placement.local_rows > most_rows
        too_long = placement.local_rows > activation_depth
        emitted = index == len(placements) - 1 or too_long or (in_batches and in_passes)
        rows = min(most_rows, activation_depth) if emitted else most_rows
        tilings.append(
            Tiling(
                n_slots=placement.n_slots,
                n_columns=n_columns,
                slots_per_pass=n_pes * rows,
                columns_per_batch=bank if streamed else n_columns,
                streamed=streamed,
                emitted=emitted,
            )
        )
    return tuple(tilings)


def _cut(length: int, piece: int) -> tuple[range, ...]:
    return tuple(range(begin, min(begin + piece, length)) for begin in range(0, length, piece))
