"""What a command may rely on: the waits make an order, and accesses that it leaves open are mistakes in the tape.

Commands of one unit follow each other; everything else that must not happen at the same time, or the other way round,
needs a wait. The golden model executes whole commands in one of the orders that the waits allow, and so has to show
that the result is the same in all of them.
"""

import numpy as np
import numpy.typing as npt

from eyrie.errors import InputError
from eyrie.golden.rowstat.contract import COUNTED, CheckedTape
from eyrie.golden.rowstat.tape import Command
from eyrie.rowstat.commands import Unit

IntArray = npt.NDArray[np.int64]
Known = dict[Unit, int]


class Order:
    """What is known to be done when a command begins, by its own wait, those of the commands that it waits for, and
    those before them in their units.

    Parameters
    ----------
    checked : CheckedTape
        Commands come to `begin` in an order that its waits allow.
    """

    def __init__(self, checked: CheckedTape) -> None:
        self._waits = checked.waits
        self._known: dict[Unit, Known] = {unit: dict.fromkeys(COUNTED, 0) for unit in Unit}
        self._done: dict[Unit, list[Known]] = {unit: [] for unit in COUNTED}

    def n_done(self, unit: Unit) -> int:
        """Commands of a unit that are counted and were begun here, executed whole."""
        return len(self._done[unit])

    def begin(self, command: Command) -> Known:
        """How many counted commands of each unit are done whenever this command begins."""
        known = self._known[command.unit]
        for unit, count in self._waits.get(command, {}).items():
            self._learn(known, unit, count)
        if command.name == "deliver_layer":
            self._learn(known, Unit.COMPUTE, self.n_done(Unit.DELIVER))
        if command.name in COUNTED.get(command.unit, ()):
            number = self.n_done(command.unit)
            done = known | {command.unit: number + 1}
            if command.unit is Unit.COMPUTE:
                self._learn(done, Unit.DELIVER, number + 1)
            self._done[command.unit].append(done)
        return known

    def _learn(self, known: Known, unit: Unit, count: int) -> None:
        """Take over what is known of counted command ``count - 1`` of a unit once it is done."""
        if count > known[unit]:
            for other, reached in self._done[unit][count - 1].items():
                known[other] = max(known[other], reached)


class SharedWords:
    """Words that one unit writes and another reads.

    Parameters
    ----------
    what : str
        Names the memory in messages.
    size : int
        Words.
    writer, reader : Unit
    verbs : (str, str)
        What writing and reading are called there.
    """

    def __init__(
        self, what: str, size: int, *, writer: Unit, reader: Unit, verbs: tuple[str, str] = ("writes", "reads")
    ) -> None:
        self._what, self._writer, self._reader = what, writer, reader
        self._writes, self._reads = verbs
        self._written = np.full(size, -1, np.int32)
        self._read = np.full(size, -1, np.int32)

    def write(self, command: Command, number: int, known: Known, words: IntArray | slice) -> None:
        """The writer's counted command ``number`` writes these words.

        Raises
        ------
        InputError
            If the reader may still read what they held.
        """
        self._require(command, self._writes, self._read, self._reader, known, words)
        self._written[words] = number

    def read(self, command: Command, number: int, known: Known, words: IntArray | slice) -> None:
        """The reader's counted command ``number`` reads these words.

        Raises
        ------
        InputError
            If the writer may not have written them yet.
        """
        self._require(command, self._reads, self._written, self._writer, known, words)
        self._read[words] = number

    def _require(
        self,
        command: Command,
        does: str,
        last: npt.NDArray[np.int32],
        unit: Unit,
        known: Known,
        words: IntArray | slice,
    ) -> None:
        latest = int(last[words].max(initial=-1))
        if latest >= known[unit]:
            name = " or ".join(COUNTED[unit])
            raise InputError(
                f"{command}: {does} the {self._what} without a wait for {name} {latest} (only {known[unit]} are known "
                f"to be done), which uses the same place"
            )
