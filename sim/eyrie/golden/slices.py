"""Matrix slices as the PEs read them: pointers, relative indices and codes become a matrix."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from eyrie.eie.config import EieConfig
from eyrie.eie.load_format import Memory
from eyrie.errors import InputError
from eyrie.golden.memories import UNWRITTEN, Memories

IntArray = npt.NDArray[np.int64]

_BLOCK = 1 << 22
"""Weights that are held as float64 at a time."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SliceMatrix:
    """Slices of consecutive columns on all PEs.

    Parameters
    ----------
    weight : int16 (columns, rows * n_pes)
        Row r of PE k stands at ``r * n_pes + k``.
    n_entries, n_multiplies : int64 (columns,)
        Entries of each column over all PEs, and those that are not fillers.
    """

    weight: npt.NDArray[np.int16]
    n_entries: IntArray
    n_multiplies: IntArray

    @classmethod
    def decode(
        cls, config: EieConfig, memories: Memories, codebook: IntArray, column_base: int, n_columns: int
    ) -> Self:
        """Read the slices of columns ``column_base`` to ``column_base + n_columns - 1``.

        Parameters
        ----------
        codebook : int64 (codebook_size,)
            `UNWRITTEN` where nothing was copied yet.

        Raises
        ------
        InputError
            If pointers descend or lead out of what was loaded, a row lies past the accumulators, or a code has no
            codebook entry.
        """
        n_pes = config.n_pes
        pointers = memories.read(Memory.POINTER, column_base, column_base + n_columns + 1)
        counts = np.diff(pointers, axis=1)
        if (counts < 0).any():
            pe, column = np.argwhere(counts < 0)[0]
            raise InputError(f"pointers of PE {pe} descend at address {column_base + column}")
        stored = memories.contents[Memory.ENTRY]
        if pointers.max(initial=0) > stored.shape[1]:
            raise InputError(f"a slice ends at entry {pointers.max()}, past the {stored.shape[1]} that were loaded")

        per_slice = counts.ravel()
        n_entries = int(per_slice.sum())
        slice_of_entry = np.repeat(np.arange(per_slice.size), per_slice)
        pe_of_entry, column_of_entry = np.divmod(slice_of_entry, max(n_columns, 1))
        first = np.cumsum(per_slice) - per_slice
        address = np.arange(n_entries) + (pointers[:, :-1].ravel() - first)[slice_of_entry]
        entries = stored[pe_of_entry, address]
        if (entries == UNWRITTEN).any():
            raise InputError(f"a slice reads entry {address[np.argmin(entries)]}, which was not loaded")

        codes, runs = entries & config.codebook_size - 1, entries >> config.codebook_bits
        steps = np.concatenate([[0], np.cumsum(runs + 1)])
        rows = steps[1:] - steps[first[slice_of_entry]] - 1
        if rows.max(initial=0) >= config.accumulator_depth:
            worst = int(np.argmax(rows))
            raise InputError(
                f"row {rows[worst]} of PE {pe_of_entry[worst]} at pointer address "
                f"{column_base + column_of_entry[worst]} is past the {config.accumulator_depth} accumulators"
            )
        useful = codes != 0
        weights = codebook[codes[useful]]
        if (weights == UNWRITTEN).any():
            raise InputError(f"code {codes[useful][np.argmin(weights)]} has no codebook entry")

        n_rows = int(rows.max(initial=-1)) + 1
        dense = np.zeros((n_columns, n_rows * n_pes), np.int16)
        dense[column_of_entry[useful], rows[useful] * n_pes + pe_of_entry[useful]] = weights
        return cls(
            weight=dense,
            n_entries=counts.sum(axis=0),
            n_multiplies=np.bincount(column_of_entry[useful], minlength=n_columns),
        )

    def products(self, activations: IntArray) -> IntArray:
        """Sums of products, exact: int64 (samples, rows * n_pes) from int64 (samples, columns).

        Activations and weights have at most 16 bits and the pointer memory at most 2**16 columns, so that every partial
        sum stays below 2**46, and float64 holds integers up to 2**53: the fast product is exact in any order.
        """
        samples, n_columns = activations.shape
        sums = np.empty((samples, self.weight.shape[1]), np.int64)
        operand = activations.astype(np.float64)
        width = max(1, _BLOCK // max(n_columns, 1))
        for begin in range(0, sums.shape[1], width):
            block = self.weight[:, begin : begin + width].astype(np.float64)
            sums[:, begin : begin + width] = operand @ block
        return sums
