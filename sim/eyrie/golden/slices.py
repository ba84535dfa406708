"""Matrix slices as the PEs read them: table words, relative indices and codes become a matrix."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from eyrie.eie.config import QUAD, EieConfig
from eyrie.eie.load_format import Memory
from eyrie.errors import InputError
from eyrie.golden.memories import UNWRITTEN, Memories

IntArray = npt.NDArray[np.int64]

_BLOCK = 1 << 22
"""Weights that are held as float64 at a time."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SliceMatrix:
    """Slices of consecutive columns on some neighbouring PEs: all of them, or those of a group.

    Parameters
    ----------
    weight : int16 (columns, rows * PEs)
        Row r of PE k, counted from the first of them, stands at ``r * PEs + k``.
    n_rows : int64 (columns,)
        Rows from the first to the last to which a column adds a product, on any of the PEs.
    n_entries : int64 (columns, PEs)
        Entries of each column on each PE.
    n_multiplies : int64 (columns,)
        Entries of each column over these PEs that are not fillers.
    """

    weight: npt.NDArray[np.int16]
    n_rows: IntArray
    n_entries: IntArray
    n_multiplies: IntArray

    @classmethod
    def decode(
        cls,
        config: EieConfig,
        memories: Memories,
        codebook: IntArray,
        column_base: int,
        n_columns: int,
        pes: range,
    ) -> Self:
        """Read the slices of columns ``column_base`` to ``column_base + n_columns - 1``.

        Parameters
        ----------
        codebook : int64 (codebook_size,)
            `UNWRITTEN` where nothing was copied yet.
        pes : range
            The PEs.

        Raises
        ------
        InputError
            If table words or entries were not loaded, a row lies past the accumulators, or a code has no codebook
            entry.
        """
        n_pes = len(pes)
        begins, counts = _read_columns(config, memories, column_base, n_columns, pes)
        per_slice = counts.ravel()
        slice_of_entry = np.repeat(np.arange(per_slice.size), per_slice)
        pe_of_entry, column_of_entry = np.divmod(slice_of_entry, max(n_columns, 1))
        first = np.cumsum(per_slice) - per_slice
        address = np.arange(len(slice_of_entry)) + (begins.ravel() - first)[slice_of_entry]
        address &= (1 << config.entry_address_width) - 1

        stored = memories.contents[Memory.ENTRY][pes.start : pes.stop]
        outside = address >= stored.shape[1]
        entries = np.full(len(address), UNWRITTEN, np.int64)
        entries[~outside] = stored[pe_of_entry[~outside], address[~outside]]
        if (entries == UNWRITTEN).any():
            worst = int(np.argmin(entries))
            raise InputError(
                f"column {column_base + column_of_entry[worst]} reads entry {address[worst]} of PE "
                f"{pes[pe_of_entry[worst]]}, which was not loaded"
            )

        codes, runs = entries & config.codebook_size - 1, entries >> config.codebook_bits
        steps = np.concatenate([[0], np.cumsum(runs + 1)])
        rows = steps[1:] - steps[first[slice_of_entry]] - 1
        if rows.max(initial=0) >= config.accumulator_depth:
            worst = int(np.argmax(rows))
            raise InputError(
                f"row {rows[worst]} of PE {pes[pe_of_entry[worst]]} in column {column_base + column_of_entry[worst]} "
                f"is past the {config.accumulator_depth} accumulators"
            )
        useful = codes != 0
        weights = codebook[codes[useful]]
        if (weights == UNWRITTEN).any():
            raise InputError(f"code {codes[useful][np.argmin(weights)]} has no codebook entry")

        n_rows = np.zeros(n_columns, np.int64)
        np.maximum.at(n_rows, column_of_entry[useful], rows[useful] + 1)
        dense = np.zeros((n_columns, int(n_rows.max(initial=0)) * n_pes), np.int16)
        dense[column_of_entry[useful], rows[useful] * n_pes + pe_of_entry[useful]] = weights
        return cls(
            weight=dense,
            n_rows=n_rows,
            n_entries=counts.T,
            n_multiplies=np.bincount(column_of_entry[useful], minlength=n_columns),
        )

    def products(self, activations: IntArray) -> IntArray:
        """Sums of products, exact: int64 (samples, rows * PEs) from int64 (samples, columns).

        Activations and weights have at most 16 bits and the table describes at most 2**18 columns, so that every
        partial sum stays within 2**48, and float64 holds integers up to 2**53: the fast product is exact in any order.
        """
        samples, n_columns = activations.shape
        sums = np.empty((samples, self.weight.shape[1]), np.int64)
        operand = activations.astype(np.float64)
        width = max(1, _BLOCK // max(n_columns, 1))
        for begin in range(0, sums.shape[1], width):
            block = self.weight[:, begin : begin + width].astype(np.float64)
            sums[:, begin : begin + width] = operand @ block
        return sums


def _read_columns(
    config: EieConfig, memories: Memories, column_base: int, n_columns: int, pes: range
) -> tuple[IntArray, IntArray]:
    """Address of the first entry, not yet reduced to its range, and number of entries, int64 (PEs, n_columns) each.

    A word holds the address at which the third of four columns begins; the others follow by their lengths.
    """
    end = column_base + n_columns
    words = memories.read(Memory.TABLE, column_base // QUAD, -(-end // QUAD), pes)
    address = words & (1 << config.entry_address_width) - 1
    places = config.entry_address_width + config.count_bits * np.arange(QUAD)
    counts = words[:, :, None] >> places & config.max_count
    first, second, third, _ = np.moveaxis(counts, 2, 0)
    begins = np.stack([address - second - first, address - second, address, address + third], axis=2)
    own = slice(column_base % QUAD, column_base % QUAD + n_columns)
    return begins.reshape(len(pes), -1)[:, own], counts.reshape(len(pes), -1)[:, own]
