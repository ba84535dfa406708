"""Rows and columns go to their slots, and every tile becomes sparse columns on every PE."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eyrie.compile.quantised import QuantisedLayer
from eyrie.compile.tiling import Tiling
from eyrie.compress.interleave import Placement
from eyrie.compress.relative_index import encode_array_coordinates
from eyrie.compress.sparse_columns import SparseColumns
from eyrie.eie.config import QUAD

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class PlacedLayer:
    """A layer as the PEs hold it.

    Parameters
    ----------
    layer : QuantisedLayer
    placement : Placement
        Of its rows: on all PEs, or on those of a group, where the columns are split over several.
    tiling : Tiling
    tiles : tuple of tuple of SparseColumns
        For each tile, pass by pass and batch by batch within, the slices on each PE. Empty columns at its end make a
        tile's number of them a multiple of `QUAD`, and the same on all PEs.
    """

    layer: QuantisedLayer
    placement: Placement
    tiling: Tiling
    tiles: tuple[tuple[SparseColumns, ...], ...]

    @property
    def n_groups(self) -> int:
        """Groups of PEs that work apart; 1 if all work together."""
        return self.tiling.n_pes // self.placement.n_pes

    @property
    def apart(self) -> bool:
        """Whether the columns are split over groups of PEs."""
        return self.n_groups > 1

    @property
    def entries(self) -> IntArray:
        """Entries on each PE, fillers included, int64 (n_pes,)."""
        return np.sum([[part.n_entries for part in parts] for parts in self.tiles], axis=0, dtype=np.int64)

    @property
    def n_fillers(self) -> int:
        """Fillers over all PEs."""
        return sum(part.n_fillers for parts in self.tiles for part in parts)

    @property
    def fullest_slice(self) -> int:
        """Most entries of a column of a tile on a PE."""
        return max(int(np.diff(part.pointers).max()) for parts in self.tiles for part in parts)

    @property
    def rows_of_longest_pass(self) -> int:
        """Rows that each PE computes in the first pass; no other has more."""
        return -(-len(self.tiling.passes[0]) // self.placement.n_pes)

    @property
    def n_columns(self) -> int:
        """Columns of all tiles together."""
        return sum(parts[0].n_columns for parts in self.tiles)

    def by_slot(self, values: IntArray, idle: int) -> IntArray:
        """Values of the rows, int64 (rows,), in the order of a PE's table: int64 (n_pes, local_rows).

        Of partners, only the one that stores a row has its value.
        """
        local_rows, n_groups, size = self.placement.local_rows, self.n_groups, self.placement.n_pes
        by_slot = np.full(local_rows * size, idle, np.int64)
        by_slot[self.placement.slot_of_row] = values
        on_pes = np.full((local_rows, n_groups, size), idle, np.int64)
        rows = np.arange(local_rows)
        on_pes[rows, rows % n_groups] = by_slot.reshape(local_rows, size)
        return on_pes.reshape(local_rows, n_groups * size).T


def place_layer(
    layer: QuantisedLayer, placement: Placement, tiling: Tiling, source: Placement | None, index_bits: int
) -> PlacedLayer:
    """Encode the tiles of one layer.

    Parameters
    ----------
    layer : QuantisedLayer
    placement : Placement
        Of its rows.
    tiling : Tiling
    source : Placement or None
        Of the layer before, if its outputs stay in the engine: element j is then found in slot
        ``source.slot_of_row[j]``. None if the host sends the inputs in order.
    index_bits : int
        Bits of a zero run.
    """
    row_of_slot = placement.row_of_slot[: placement.n_slots]
    codes = np.zeros((tiling.n_slots, tiling.n_columns), np.uint8)
    columns = np.arange(layer.columns) if source is None else source.slot_of_row
    used = np.flatnonzero(row_of_slot >= 0)
    codes[np.ix_(used, columns)] = layer.codes[row_of_slot[used]]
    tiles = tuple(
        _encode_tile(codes[slots.start : slots.stop, batch.start : batch.stop], placement.n_pes, tiling, index_bits)
        for slots in tiling.passes
        for batch in tiling.batches
    )
    return PlacedLayer(layer=layer, placement=placement, tiling=tiling, tiles=tiles)


def _encode_tile(codes: npt.NDArray[np.uint8], size: int, tiling: Tiling, index_bits: int) -> tuple[SparseColumns, ...]:
    """The parts of all PEs, of which each group, of this size, has the columns of its own slots."""
    group = np.arange(codes.shape[1]) % tiling.n_pes // size
    most = int(np.count_nonzero(group == 0))
    n_groups = tiling.n_pes // size
    return tuple(
        part for number in range(n_groups) for part in _encode_group(codes[:, group == number], most, size, index_bits)
    )


def _encode_group(
    codes: npt.NDArray[np.uint8], n_columns: int, n_pes: int, index_bits: int
) -> tuple[SparseColumns, ...]:
    n_slots = len(codes)
    slots, columns = np.nonzero(codes)
    return encode_array_coordinates(
        slots,
        columns,
        codes[slots, columns],
        (n_slots, -(-n_columns // QUAD) * QUAD),
        Placement.interleaved(n_slots, n_pes),
        index_bits,
    )
