"""The external memory that holds the feature maps."""

import numpy as np
import numpy.typing as npt

from eyrie.golden.rowstat.order import SharedWords
from eyrie.rowstat.commands import Unit


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
