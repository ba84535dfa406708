"""The filter stream as the PEs' filter scratch pads see it: blocks of weights, for each set of columns.

Where a layer is coded, a word has eight codes, the low four for the first of two words of the filter bus.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eyrie.errors import InputError
from eyrie.golden.memories import sign_extended
from eyrie.golden.rowstat.contract import Pass
from eyrie.golden.rowstat.counts import Counts
from eyrie.golden.rowstat.tape import Command
from eyrie.rowstat.commands import FIELDS
from eyrie.rowstat.config import BUS_WORDS, RowstatConfig

IntArray = npt.NDArray[np.int64]

_SET_BITS = next(width for name, width in FIELDS["load_layer"][0] if name == "sets")


@dataclass(frozen=True, kw_only=True, eq=False)
class PassFilters:
    """What a pass finds in the filter scratch pads.

    Parameters
    ----------
    columns : int64 (sets, most columns of a set)
        Columns of each set; a set with fewer columns than another is filled up with column 0.
    is_own : bool, of the same shape
        Whether the column belongs to the set.
    weights : float64 (sets, slots * rows * window, filters)
    wanted : float64 (sets, slots * rows, filters)
        1 where a place has weights that are not 0.
    """

    columns: IntArray
    is_own: npt.NDArray[np.bool_]
    weights: npt.NDArray[np.float64]
    wanted: npt.NDArray[np.float64]


class Filters:
    """The stream of filters, the codebook, the columns' set numbers and the blocks that were loaded.

    Parameters
    ----------
    config : RowstatConfig
    words : uint64 (words,)
        The stream.
    counts : Counts
        Where accesses are counted.
    """

    def __init__(self, config: RowstatConfig, words: npt.NDArray[np.uint64], counts: Counts) -> None:
        self._config, self._words, self._counts = config, words, counts
        self._taken = 0
        self._set_of_column: IntArray | None = None
        self._codebook = np.zeros(0, np.int16)
        self._layers: list[tuple[IntArray, npt.NDArray[np.bool_], npt.NDArray[np.int16]]] = []
        self._unpacked: tuple[tuple[int, int], PassFilters] | None = None

    @property
    def n_layers(self) -> int:
        """Layers whose blocks were loaded."""
        return len(self._layers)

    def set_columns(self, command: Command) -> None:
        """Take a COLUMNS command: one set number a column.

        Raises
        ------
        InputError
            If a number is too wide, or columns that share filter scratch pads differ in it.
        """
        numbers = command.quarters[: self._config.columns]
        if (widest := int(numbers.max())) >> _SET_BITS:
            raise InputError(f"{command}: a set's number must be at most {(1 << _SET_BITS) - 1}, not {widest}")
        first = numbers[:: self._config.filter_columns].repeat(self._config.filter_columns)
        if (differ := np.flatnonzero(numbers != first)).size:
            column = int(differ[0])
            raise InputError(
                f"{command}: column {column} shares its filter scratch pads with others of set {first[column]}, and "
                f"must not be of set {numbers[column]}"
            )
        self._set_of_column = numbers

    def set_codebook(self, command: Command) -> None:
        """Take a CODEBOOK command: the first entries are replaced."""
        entries = command.quarters[: command["entries"]].astype(np.uint16).view(np.int16)
        self._codebook = np.concatenate([entries, self._codebook[len(entries) :]])

    def load(self, command: Command) -> None:
        """Take the blocks of a layer from the stream.

        Raises
        ------
        InputError
            If the stream is too short, columns have no set numbers, or a code stands for nothing.
        """
        if self._set_of_column is None:
            raise InputError(f"{command}: the columns have no set numbers")
        groups = self._config.row_groups
        shape = (command["blocks"], command["sets"], groups, command["block"])
        n_lines = int(np.prod(shape))
        n_words = -(-n_lines // 2) if command["coded"] else n_lines
        begin, self._taken = self._taken, self._taken + n_words
        if self._taken > len(self._words):
            raise InputError(f"{command}: wants {n_words} filter words, {len(self._words) - begin} are left")
        words = np.ascontiguousarray(self._words[begin : self._taken])
        weights = self._decoded(command, words, n_lines) if command["coded"] else words.view("<i2")
        lanes = weights.reshape(*shape, BUS_WORDS)
        members = [np.flatnonzero(self._set_of_column == number) for number in range(command["sets"])]
        is_own = np.arange(max(map(len, members))) < np.array([len(member) for member in members])[:, None]
        columns = np.zeros(is_own.shape, np.int64)
        columns[is_own] = np.concatenate(members)
        self._layers.append((columns, is_own, lanes))
        pads = self._config.rows * int((self._set_of_column < command["sets"]).sum()) // self._config.filter_columns
        self._counts.filter_words += n_words
        self._counts.filter_fifo += n_words
        self._counts.filter_network += n_lines
        self._counts.filter_writes += command["blocks"] * command["block"] * pads

    def _decoded(self, command: Command, words: npt.NDArray[np.uint64], n_lines: int) -> npt.NDArray[np.int16]:
        codes = words.view(np.uint8)[: BUS_WORDS * n_lines]
        if (highest := int(codes.max())) >= len(self._codebook):
            raise InputError(f"{command}: code {highest} lies beyond the {len(self._codebook)} entries of the codebook")
        self._counts.codebook_reads += len(codes)
        return self._codebook[codes]

    def of_pass(self, one: Pass) -> PassFilters:
        """The weights of a pass, for each set of columns."""
        key = one.layer, one.filter_set
        if self._unpacked is None or self._unpacked[0] != key:
            layer = one.compute_layer
            slots, filters, window = layer["slots"], layer["filters"], layer["window"]
            columns, is_own, lanes = self._layers[one.layer]
            own = lanes[one.filter_set * slots : (one.filter_set + 1) * slots]
            sets, rows = own.shape[1], self._config.rows
            blocks = own.transpose(1, 0, 2, 4, 3).reshape(sets, slots, -1, filters, window)[:, :, :rows]
            weights = sign_extended(blocks.swapaxes(3, 4).astype(np.int64), self._config.weight_width)
            found = PassFilters(
                columns=columns,
                is_own=is_own,
                weights=weights.reshape(sets, -1, filters).astype(np.float64),
                wanted=weights.any(axis=3).reshape(sets, slots * rows, filters).astype(np.float64),
            )
            self._unpacked = key, found
        return self._unpacked[1]

    def finish(self) -> None:
        """Raise InputError if the stream has words that nothing took."""
        if left := len(self._words) - self._taken:
            raise InputError(f"{left} of {len(self._words)} filter words are left over at the end of the tape")
