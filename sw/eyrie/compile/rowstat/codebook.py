"""Weights as codes: the codebook of a layer, and the command that brings it into the engine."""

from typing import Final

import numpy as np
import numpy.typing as npt

from eyrie.compile.rowstat.ids import words_of_four
from eyrie.compile.rowstat.packets import Tape
from eyrie.rowstat.commands import Opcode, Unit, pack

IntArray = npt.NDArray[np.int64]

WEIGHTS_AN_ENTRY: Final = 8
"""Weights for each entry of a codebook, at least, for which it is made. An entry takes a cycle to load; codes and
codebook then have five eighths of the bits of the weights or less."""


def codebook_of(weight: IntArray, entries: int) -> IntArray | None:
    """The codebook of weights that are worth one: zero, then the other distinct ones in ascending order.

    Parameters
    ----------
    weight : int64, any shape
    entries : int
        Of the engine's codebook.

    Returns
    -------
    int64 (n,) or None
        None if there are more distinct weights than entries, or fewer than `WEIGHTS_AN_ENTRY` weights for each of them.
    """
    values = np.unique(weight)
    codebook = np.concatenate([[0], values[values != 0]])
    return codebook if len(codebook) <= entries and WEIGHTS_AN_ENTRY * len(codebook) <= weight.size else None


def write_codebook(tape: Tape, codebook: IntArray) -> None:
    """CODEBOOK for the loader."""
    command = pack("load_codebook", opcode=Opcode.CODEBOOK, entries=len(codebook))
    tape.packet(Unit.LOAD, command + words_of_four([int(entry) & 0xFFFF for entry in codebook]))
