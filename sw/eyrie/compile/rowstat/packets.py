"""The words of a tape, and the counts of commands that later commands wait for."""

from typing import Final

import numpy as np
import numpy.typing as npt

from eyrie.rowstat.commands import COUNT_BITS, Unit, pack

LONGEST_WAIT: Final = 1 << COUNT_BITS - 2
"""Commands that a wait may look back: counters wrap around, so that a wait for the distant past would look like one for
the future."""

MAX_PACKET: Final = 255
"""Most words of a packet."""


class CommandCount:
    """Commands of one kind that stand on a tape."""

    def __init__(self) -> None:
        self.issued = 0

    def issue(self) -> int:
        """Count one more, and return how many there are."""
        self.issued += 1
        return self.issued

    def wait(self, count: int) -> int:
        """The field that waits until `count` of them are done; a later one where that lies too far back.

        Raises
        ------
        ValueError
            If there are fewer.
        """
        if not 0 <= count <= self.issued:
            raise ValueError(f"a command cannot wait for {count} commands of {self.issued} before it")
        return max(count, self.issued - LONGEST_WAIT) % (1 << COUNT_BITS)


class Tape:
    """A tape that is being written.

    Parameters
    ----------
    fetched, passes, drained : CommandCount
        FETCH commands, passes and DRAIN commands so far; the counts that commands wait for, passes for both the
        delivered and the computed ones.
    """

    def __init__(self) -> None:
        self.fetched = CommandCount()
        self.passes = CommandCount()
        self.drained = CommandCount()
        self._words: list[int] = []

    def packet(self, unit: Unit, words: tuple[int, ...]) -> None:
        """Put words into the queue of a unit."""
        for begin in range(0, len(words), MAX_PACKET):
            part = words[begin : begin + MAX_PACKET]
            self._words += pack("header", unit=unit, count=len(part))
            self._words += part

    def end(self) -> npt.NDArray[np.uint64]:
        """Stop the engine; all words, uint64 (words,)."""
        return np.array([*self._words, *pack("header", unit=Unit.END, count=0)], np.uint64)
