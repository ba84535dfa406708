"""The engine's cycles, from the tape and the lengths of coded rows: other timing does not depend on data."""

from collections.abc import Sized
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eyrie.cycles.rowstat import units
from eyrie.errors import InputError
from eyrie.golden.rowstat.contract import CheckedTape
from eyrie.rowstat.commands import FIELDS, Unit
from eyrie.rowstat.config import RowstatConfig
from eyrie.rowstat.control_timing import IDLE_LATENCY

MAP_LATENCY = 16
"""Cycles from a request to its first word in an external memory, where nothing else is said."""


@dataclass(frozen=True, kw_only=True)
class RowstatTiming:
    """Cycles of a run, and where those of the multipliers went.

    ``busy[Unit.COMPUTE] + sum(idle.values()) == cycles``.

    Parameters
    ----------
    cycles : int
        What the engine's own counter says, from start to done.
    busy : dict of Unit to int
        Cycles in which a unit did what it is there for: FETCH words from external memory, DELIVER values, LOAD words of
        weights, COMPUTE multiplies (of all PEs at once, whether all have something to multiply or not), DRAIN psums (of
        all columns that are drained together at once) and words of the ifmap bank for pools.
    idle : dict of str to int
        Cycles in which no PE multiplied, by cause: ``start`` before the first multiply, ``end`` after the last,
        ``hazard`` (a unit too short for the psum scratch pad), ``ifmap`` (values not delivered), ``fetch`` (not yet in
        the buffer), ``filter`` (weights not loaded), ``drain`` (the psum bank not drained), ``command`` (the tape, or
        the change of a layer).
    layer_ends : tuple of int
        For each layer, the cycle in which its last pass is counted as computed; its drains may go on behind that.
    """

    cycles: int
    busy: dict[Unit, int]
    idle: dict[str, int]
    layer_ends: tuple[int, ...]


class RowstatCycleModel:
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

    def __init__(self, config: RowstatConfig, tape: npt.NDArray[np.uint64]) -> None:
        self.config = config
        self.checked = CheckedTape.parse(config, tape)

    def run(self, *, latency: int = MAP_LATENCY, memory: npt.NDArray[np.uint64] | None = None) -> RowstatTiming:
        """Time a run with tape and filters always there.

        Parameters
        ----------
        latency : int
            Cycles from a request to the first of its words, at least 1. The external memory takes a request a cycle,
            gives a word a cycle in the order of the requests, and takes every write.
        memory : uint64 (words,), optional
            External memory with all run-length coded maps that the tape reads: that of before a run with the maps that
            the tape writes in their places, or, where no map takes the place of another, that of after it. Needed if
            the tape reads coded maps.

        Raises
        ------
        InputError
            If units wait for each other for ever, or coded maps are not there.
        """
        times = units.Times(config=self.config, checked=self.checked, latency=latency, memory=memory)
        waiting = [
            unit(times)
            for unit in (
                units.front_end,
                units.fetch,
                units.deliver,
                units.load,
                units.compute,
                units.array,
                units.drain,
            )
        ]
        before = -1
        while waiting:
            done = [process for process in waiting if next(process, _DONE) is _DONE]
            waiting = [process for process in waiting if process not in done]
            progress = sum(map(len, _series(times)))
            if waiting and not done and progress == before:
                raise InputError(self._stuck(times))
            before = progress
        cycles = max(times.tape_end + 1, max(self._last_busy(times, unit) for unit in times.queues) + 1 + IDLE_LATENCY)
        idle = times.idle | {"end": cycles - times.busy[Unit.COMPUTE] - sum(times.idle.values())}
        return RowstatTiming(cycles=cycles, busy=times.busy, idle=idle, layer_ends=tuple(times.layer_ends))

    def _last_busy(self, times: units.Times, unit: Unit) -> int:
        taken = times.queues[unit].taken
        return max(times.last_busy[unit], taken[-1] if taken else 0)

    def _stuck(self, times: units.Times) -> str:
        stuck = []
        for unit, commands in self.checked.tape.commands.items():
            n_taken = len(times.queues[unit].taken)
            n_words = [len(command.rest) + len(FIELDS[command.name]) for command in commands]
            at = int(np.searchsorted(np.cumsum(n_words), n_taken, side="right"))
            if at < len(commands):
                stuck.append(commands[at])
        first = min(stuck, key=lambda command: command.first)
        return (
            f"{first}: waits for ever, with queues of {self.config.command_depth} words full before what it waits for"
        )


_DONE = object()


def _series(times: units.Times) -> list[Sized]:
    queues = times.queues.values()
    return [
        *(queue.pushed for queue in queues),
        *(queue.taken for queue in queues),
        *times.counted.values(),
        times.begun,
        times.upcoming,
        times.passes,
        times.loaded,
        times.freed,
    ]
