"""Coded rows on their way into the ifmap bank: how long the decoder takes for each."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from eyrie.errors import InputError
from eyrie.golden.rowstat.memory import coded_row_places
from eyrie.golden.rowstat.run_length import CodedRows
from eyrie.golden.rowstat.tape import Command
from eyrie.rowstat.config import BUS_WORDS

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class CodedTransfer:
    """What a CODED command brings.

    Parameters
    ----------
    words : int
        Words that the external memory gives.
    cycles : int64 (rows,)
        Cycles of the decoder for each row.
    """

    words: int
    cycles: IntArray

    @classmethod
    def of(cls, command: Command, memory: npt.NDArray[np.uint64] | None) -> Self:
        """What a command brings from a memory.

        Raises
        ------
        InputError
            If there is no memory, or no coded rows in it.
        """
        if memory is None:
            raise InputError(f"{command}: its cycles depend on the coded maps, which the cycle model was not given")
        places = coded_row_places(command)
        if (last := int(places.max())) >= len(memory):
            raise InputError(f"{command}: reads word {last} of a memory of {len(memory)} words")
        try:
            rows = CodedRows.parse(memory[places])
        except ValueError as error:
            raise InputError(f"{command}: {error}") from error
        return cls(words=int(rows.lengths.sum()), cycles=decoder_cycles(rows, command["words"]))

    def last_cycle(self, first: int, first_word: int) -> int:
        """The cycle in which the last word goes to the bank.

        Parameters
        ----------
        first : int
            First cycle in which the decoder is free.
        first_word : int
            Cycle in which the first row comes at the earliest; each further one may come a cycle later.
        """
        earliest = np.maximum(first, first_word + np.arange(len(self.cycles)))
        after = np.cumsum(self.cycles)
        return int((earliest - (after - self.cycles)).max() + after[-1]) - 1


def decoder_cycles(rows: CodedRows, words: int) -> IntArray:
    """Cycles that the decoder takes for each row of so many words of the bank, int64 (rows,): one for each of these
    words, and one for each pair whose level is not the last value of such a word."""
    within = rows.used & (rows.positions % BUS_WORDS != BUS_WORDS - 1)
    return words + np.count_nonzero(within, axis=1).astype(np.int64)
