"""The external memory that holds the feature maps."""

import numpy as np
import numpy.typing as npt

from eyrie.errors import InputError
from eyrie.golden.rowstat.order import Known, SharedWords
from eyrie.golden.rowstat.run_length import CodedRows, encode
from eyrie.golden.rowstat.tape import Command
from eyrie.rowstat.commands import Unit
from eyrie.rowstat.config import BUS_WORDS

IntArray = npt.NDArray[np.int64]


class Memory:
    """Words, and who uses which of them.

    Parameters
    ----------
    words : uint64 (words,)
        What it holds at the start; copied.

    Attributes
    ----------
    words : uint64 (words,)
        What it holds.
    shared : SharedWords
        DRAIN writes, FETCH reads.
    """

    def __init__(self, words: npt.NDArray[np.uint64]) -> None:
        self.words = words.copy()
        self.shared = SharedWords("external memory", len(words), writer=Unit.DRAIN, reader=Unit.FETCH)

    def write_rows(self, command: Command, number: int, known: Known, rows: IntArray) -> int:
        """Put rows, int64 (channels, rows, steps), where a command of DRAIN says, number ``number`` of those that are
        counted; words that are written.

        Raises
        ------
        InputError
            If the memory has no such words or they may still be read.
        """
        channels, n_rows, steps = rows.shape
        if command.fields.get("coded"):
            words, lengths = encode(rows.reshape(-1, steps))
        else:
            lanes = np.zeros((channels * n_rows, BUS_WORDS * -(-steps // BUS_WORDS)), "<i2")
            lanes[:, :steps] = rows.reshape(-1, steps)
            words, lengths = lanes.view("<u8"), np.full(len(lanes), lanes.shape[1] // BUS_WORDS)
        begins = command["map_address"] + np.arange(channels)[:, None] * command["channel_stride"]
        begins = begins + np.arange(n_rows) * command["row_stride"]
        row, word = np.nonzero(np.arange(words.shape[1]) < lengths[:, None])
        address = begins.ravel()[row] + word
        if (last := int(address.max())) >= len(self.words):
            raise InputError(f"{command}: writes word {last} of a memory of {len(self.words)} words")
        self.shared.write(command, number, known, address)
        self.words[address] = words[row, word]
        return address.size

    def read_coded_rows(self, command: Command, number: int, known: Known) -> CodedRows:
        """What a CODED command asks for, number ``number`` of those that are counted.

        Raises
        ------
        InputError
            If the memory has no such words, they are no coded rows, or they may not have been written yet.
        """
        slots = coded_row_places(command)
        if (last := int(slots.max())) >= len(self.words):
            raise InputError(f"{command}: reads word {last} of a memory of {len(self.words)} words")
        try:
            rows = CodedRows.parse(self.words[slots])
        except ValueError as error:
            raise InputError(f"{command}: {error}") from error
        self.shared.read(command, number, known, slots[np.arange(slots.shape[1]) < rows.lengths[:, None]])
        return rows


def coded_row_places(command: Command) -> IntArray:
    """Where the words of the rows may lie that a CODED command asks for, int64 (rows, words)."""
    begins = command["map_address"] + command["channel_stride"] * np.arange(command["channels"])[:, None]
    begins = begins + command["slot_words"] * np.arange(command["rows"])
    return begins.reshape(-1, 1) + np.arange(command["slot_words"])
