"""Feature maps in the external memory: image by image, channel by channel, row by row, rows in whole words.

Rows are plain or run-length coded, see `eyrie.golden.rowstat.run_length`. A coded row has room for the most words that
it can take, and begins at the first of them.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eyrie.compile.rowstat.mapping import row_words
from eyrie.errors import InputError
from eyrie.golden.rowstat.run_length import CodedRows, encode, slot_words
from eyrie.rowstat.config import BUS_WORDS

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class MapPlace:
    """Where the feature maps of a batch lie.

    Parameters
    ----------
    base : int
        Address of the first word; words have 64 bits, four activations of 16 bits, the first lowest.
    batch, channels, height, width : int
    coded : bool
        Rows are run-length coded.
    """

    base: int
    batch: int
    channels: int
    height: int
    width: int
    coded: bool = False

    @property
    def row_words(self) -> int:
        """Words that a row has room for; what its values leave of them is zero when it is written here."""
        return slot_words(self.width) if self.coded else row_words(self.width)

    @property
    def channel_words(self) -> int:
        """Words of a channel."""
        return self.height * self.row_words

    @property
    def words(self) -> int:
        """Words of the batch."""
        return self.batch * self.channels * self.channel_words

    @property
    def end(self) -> int:
        """Address after the last word."""
        return self.base + self.words

    def address(self, image: int, channel: int, row: int = 0, word: int = 0) -> int:
        """Address of a word."""
        return self.base + (image * self.channels + channel) * self.channel_words + row * self.row_words + word

    def write(self, memory: npt.NDArray[np.uint64], maps: IntArray) -> None:
        """Put maps, integers (batch, channels, height, width) of at most 16 bits, into a memory.

        Raises
        ------
        InputError
            If the shape is another, a value does not fit, or the memory is too small.
        """
        shape = (self.batch, self.channels, self.height, self.width)
        if maps.shape != shape:
            raise InputError(f"feature maps must have shape {shape}, not {maps.shape}")
        if maps.min() < -(1 << 15) or maps.max() >= 1 << 15:
            raise InputError(f"activations must fit 16 bits, not range from {maps.min()} to {maps.max()}")
        self._require_memory(memory)
        if self.coded:
            words, _ = encode(maps.reshape(-1, self.width))
            memory[self.base : self.end] = words.reshape(-1)
            return
        padded = np.zeros((*shape[:3], self.row_words * BUS_WORDS), "<i2")
        padded[..., : self.width] = maps
        memory[self.base : self.end] = padded.view("<u8").reshape(-1)

    def read(self, memory: npt.NDArray[np.uint64]) -> IntArray:
        """Maps in a memory, int64 (batch, channels, height, width).

        Raises
        ------
        InputError
            If the memory is too small, or words are no coded rows.
        """
        self._require_memory(memory)
        if self.coded:
            words = memory[self.base : self.end].reshape(-1, self.row_words)
            try:
                values = CodedRows.parse(words).values(self.width)
            except ValueError as error:
                raise InputError(f"the feature maps at word {self.base} are no coded ones: {error}") from error
            return values.reshape(self.batch, self.channels, self.height, self.width)
        lanes = memory[self.base : self.end].astype("<u8", copy=False).view("<i2")
        rows = lanes.reshape(self.batch, self.channels, self.height, self.row_words * BUS_WORDS)
        return rows[..., : self.width].astype(np.int64)

    def _require_memory(self, memory: npt.NDArray[np.uint64]) -> None:
        if memory.ndim != 1 or memory.size < self.end:
            raise InputError(f"a memory of shape {memory.shape} does not hold feature maps up to word {self.end - 1}")
