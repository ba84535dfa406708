"""The engine's values: what a tape makes of filters and feature maps, bit for bit.

Everything comes from the words that the hardware takes. The compiler's own structures are not known here, so that
compiler and golden model cannot share a mistake about what lies where.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eyrie.errors import InputError
from eyrie.golden.rowstat.contract import COUNTED, CheckedTape
from eyrie.golden.rowstat.counts import Counts
from eyrie.golden.rowstat.delivery import Delivered, Delivery
from eyrie.golden.rowstat.filters import Filters
from eyrie.golden.rowstat.memory import Memory
from eyrie.golden.rowstat.order import Order
from eyrie.golden.rowstat.pools import pool
from eyrie.golden.rowstat.psums import Psums
from eyrie.golden.rowstat.tape import Command
from eyrie.rowstat.commands import Unit
from eyrie.rowstat.config import RowstatConfig

WordArray = npt.NDArray[np.uint64]

_ORDER = (Unit.DRAIN, Unit.COMPUTE, Unit.LOAD, Unit.DELIVER, Unit.FETCH)
"""Which unit goes on first if several can: those that free what others fill."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RowstatResult:
    """What a run leaves behind.

    Parameters
    ----------
    memory : uint64 (words,)
        External memory.
    counts : Counts
        Work done.
    """

    memory: WordArray
    counts: Counts


class RowstatModel:
    """An engine and its tape.

    Parameters
    ----------
    config : RowstatConfig
    tape : uint64 (words,)

    Raises
    ------
    InputError
        If the tape breaks its contract, see `CheckedTape.parse`.
    """

    def __init__(self, config: RowstatConfig, tape: WordArray) -> None:
        self.config = config
        self.checked = CheckedTape.parse(config, tape)

    def run(self, filters: WordArray, memory: WordArray) -> RowstatResult:
        """Execute the tape.

        Commands are executed whole, each once its waits hold and the units' own order allows it.

        Parameters
        ----------
        filters : uint64 (words,)
            All words of the filter stream.
        memory : uint64 (words,)
            External memory with the feature maps; not changed.

        Raises
        ------
        InputError
            If the filter stream is too short or too long, a command reaches past the memory, takes what was never
            written, waits for ever, or does not wait for another that uses the same words.
        """
        return _Run(self.config, self.checked, filters, memory).finish()


class _Run:
    """One run."""

    def __init__(self, config: RowstatConfig, checked: CheckedTape, filters: WordArray, memory: WordArray) -> None:
        self._config, self._checked = config, checked
        self._memory = Memory(memory)
        self._order = Order(checked)
        self._counts = Counts(tape_words=checked.tape.n_words)
        self._delivery = Delivery(config, self._counts)
        self._filters = Filters(config, filters, self._counts)
        self._psums = Psums(config, self._counts)
        self._delivered: dict[int, Delivered] = {}

    def finish(self) -> RowstatResult:
        """Execute everything."""
        queues = {unit: iter(self._checked.tape.commands[unit]) for unit in _ORDER}
        heads = {unit: next(queue, None) for unit, queue in queues.items()}
        while True:
            able = next((c for c in (heads[unit] for unit in _ORDER) if c is not None and self._may_begin(c)), None)
            if able is None:
                break
            self._execute(able)
            heads[able.unit] = next(queues[able.unit], None)
        if stuck := [command for command in heads.values() if command is not None]:
            raise InputError(f"{min(stuck, key=lambda command: command.first)}: waits for ever")
        self._filters.finish()
        return RowstatResult(memory=self._memory.words, counts=self._counts)

    def _may_begin(self, command: Command) -> bool:
        n_done = self._order.n_done
        if any(n_done(unit) < count for unit, count in self._checked.waits.get(command, {}).items()):
            return False
        if command.name == "deliver_layer":
            return n_done(Unit.COMPUTE) == n_done(Unit.DELIVER)
        if command.name == "compute_pass":
            number = n_done(Unit.COMPUTE)
            return number in self._delivered and self._checked.passes[number].layer < self._filters.n_layers
        return True

    def _execute(self, command: Command) -> None:
        number = self._order.n_done(command.unit) if command.unit in COUNTED else 0
        known = self._order.begin(command)
        match command.unit, command.name:
            case Unit.FETCH, _:
                self._delivery.fetch(command, number, known, self._memory)
            case Unit.DELIVER, "deliver_layer":
                self._delivery.begin_layer()
            case Unit.DELIVER, "deliver_columns":
                self._delivery.set_columns(command)
            case Unit.DELIVER, "deliver_ids":
                self._delivery.set_ids(command)
            case Unit.DELIVER, "deliver_pass":
                self._delivered[number] = self._delivery.deliver(self._checked.passes[number], number, known)
            case Unit.LOAD, "deliver_columns":
                self._filters.set_columns(command)
            case Unit.LOAD, "load_codebook":
                self._filters.set_codebook(command)
            case Unit.LOAD, _:
                self._filters.load(command)
            case Unit.COMPUTE, "compute_pass":
                one = self._checked.passes[number]
                delivered = self._delivered.pop(number)
                self._psums.compute(one, number, known, delivered, self._filters.of_pass(one))
            case Unit.DRAIN, "pool":
                rows = pool(self._config, command, number, known, self._delivery, self._counts)
                self._counts.map_writes += self._memory.write_rows(command, number, known, rows)
            case Unit.DRAIN, _:
                self._psums.drain(command, number, known, self._memory)
