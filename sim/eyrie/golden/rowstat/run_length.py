"""Run-length coding of feature maps, row by row (Eyeriss, section V-B: runs of 5 bits, levels of 16, three pairs and a
bit in a 64-bit word).

A pair is a run of zeros and the level behind them, the run in its lower 5 bits. A word holds three pairs, the first one
lowest, and in its highest bit whether it is the row's last. Every value that is not zero takes a pair, and so does the
last of 32 zeros: (31, 0). Up to 31 zeros at the end of a row take none. A pair of which all bits are zero is not used;
only the last word has such pairs, behind the others. A row of zeros alone still has a word.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from eyrie.rowstat.config import LONGEST_RUN, PAIRS

IntArray = npt.NDArray[np.int64]
WordArray = npt.NDArray[np.uint64]

_RUN_BITS, _LEVEL_BITS = 5, 16
_PAIR_BITS = _RUN_BITS + _LEVEL_BITS
_LAST_BIT = np.uint64(63)


def slot_words(width: int) -> int:
    """Words that a coded row of so many values takes at most, and has room for in the external memory."""
    return -(-width // PAIRS)


def encode(rows: IntArray) -> tuple[WordArray, IntArray]:
    """Code rows.

    Parameters
    ----------
    rows : integers (rows, width)
        Values of at most 16 bits.

    Returns
    -------
    words : uint64 (rows, slot_words(width))
        The words of each row, and zeros behind its last one.
    lengths : int64 (rows,)
        Words of each row.
    """
    n_rows, width = rows.shape
    columns = np.ascontiguousarray(rows.T)
    runs = np.empty((width, n_rows), np.uint8)
    run = np.zeros(n_rows, np.uint8)
    for x, values in enumerate(columns):
        runs[x] = run
        run = np.where((values != 0) | (run == LONGEST_RUN), 0, run + 1).astype(np.uint8)
    used = (columns != 0) | (runs == LONGEST_RUN)
    column, row = np.nonzero(used)
    number = (np.cumsum(used, axis=0) - 1)[column, row]
    levels = columns[column, row].astype(np.uint64) & np.uint64((1 << _LEVEL_BITS) - 1)
    pairs = runs[column, row].astype(np.uint64) | levels << np.uint64(_RUN_BITS)
    words = np.zeros((n_rows, slot_words(width)), np.uint64)
    for place in range(PAIRS):
        own = number % PAIRS == place
        words[row[own], number[own] // PAIRS] |= pairs[own] << np.uint64(_PAIR_BITS * place)
    lengths = np.maximum(1, -(-np.count_nonzero(used, axis=0) // PAIRS)).astype(np.int64)
    words[np.arange(n_rows), lengths - 1] |= np.uint64(1) << _LAST_BIT
    return words, lengths


@dataclass(frozen=True, kw_only=True, eq=False)
class CodedRows:
    """Rows as their words say.

    Parameters
    ----------
    lengths : int64 (rows,)
        Words of each row.
    used : bool (rows, pairs)
        Which pairs are used.
    positions, levels : int64 (rows, pairs)
        Where in the row their levels stand, and what they are.
    """

    lengths: IntArray
    used: npt.NDArray[np.bool_]
    positions: IntArray
    levels: IntArray

    @classmethod
    def parse(cls, words: WordArray) -> Self:
        """Take rows apart.

        Parameters
        ----------
        words : uint64 (rows, words)
            The words of each row, and anything behind its last one.

        Raises
        ------
        ValueError
            If a row has no last word, or pairs that are not used before others that are.
        """
        lasts = words >> _LAST_BIT != 0
        if len(without := np.flatnonzero(~lasts.any(axis=1))):
            raise ValueError(f"row {without[0]} has no last word among {words.shape[1]}")
        lengths = lasts.argmax(axis=1) + 1
        shifts = np.arange(PAIRS, dtype=np.uint64) * np.uint64(_PAIR_BITS)
        pairs = (words[:, :, None] >> shifts & np.uint64((1 << _PAIR_BITS) - 1)).reshape(len(words), -1)
        pairs[np.arange(pairs.shape[1]) >= PAIRS * lengths[:, None]] = 0
        used = pairs != 0
        n_used = np.count_nonzero(used, axis=1)
        in_front = (used == (np.arange(used.shape[1]) < n_used[:, None])).all(axis=1)
        whole = lengths == np.maximum(1, -(-n_used // PAIRS))
        if len(wrong := np.flatnonzero(~(in_front & whole))):
            raise ValueError(f"row {wrong[0]} goes on behind a pair that is not used")
        steps = np.where(used, (pairs & np.uint64(LONGEST_RUN)).astype(np.int64) + 1, 0)
        levels = (pairs >> np.uint64(_RUN_BITS)).astype(np.uint16).view(np.int16).astype(np.int64)
        return cls(lengths=lengths, used=used, positions=np.cumsum(steps, axis=1) - 1, levels=levels)

    def values(self, width: int) -> IntArray:
        """The rows, int64 (rows, width).

        Raises
        ------
        ValueError
            If one has more values.
        """
        last = np.where(self.used, self.positions, -1).max(axis=1)
        if len(wrong := np.flatnonzero(last >= width)):
            raise ValueError(f"row {wrong[0]} has a value at {last[wrong[0]]}, beyond its {width}")
        rows = np.zeros((len(self.lengths), width), np.int64)
        row, pair = np.nonzero(self.used)
        rows[row, self.positions[row, pair]] = self.levels[row, pair]
        return rows
