"""The engine's cycles: what a run takes, to the cycle, and where it goes."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from eyrie.cycles.broadcast_phase import BroadcastPhase, time_broadcast
from eyrie.eie.config import EieConfig
from eyrie.eie.load_format import Packet
from eyrie.eie.program import STEP_WORDS, Step
from eyrie.golden.engine import EngineModel
from eyrie.golden.run import EngineRun

IntArray = npt.NDArray[np.int64]

_FETCH = STEP_WORDS + 2
"""Fetch of a step, a word a cycle, and the decision what to do first."""
_DRAINED = 9
_SCALED_DRAINED = 11
"""From the last command of a drain to its last activation."""
_REDUCED = 2
"""As much later with several groups of PEs: partners' sums are added, and the total goes to them."""


@dataclass(kw_only=True)
class Timing:
    """Cycles of a run, and where the PEs' part of them went.

    Cycles count from the first broadcast to the last activation written; those that take input or emit output do not
    count. ``multiplies + sum(stalls.values()) == cycles * n_pes``.

    Parameters
    ----------
    cycles : int
        What the engine's own counter says.
    broadcasts : int
        Non-zero activations.
    entries, multiplies : int
        Entries read, and those that are not fillers, over all PEs.
    queue_full : int
        Cycles in which the broadcast stood still because a queue was full.
    stalls : dict of str to int
        Cycles of PEs without a multiply, by cause: ``filler``, ``empty slice``, ``queue empty`` (nothing to do while
        others work, or while the broadcast sets out), ``drain``, ``batch switch`` (between the phases of a program).
    """

    cycles: int = 0
    broadcasts: int = 0
    entries: int = 0
    multiplies: int = 0
    queue_full: int = 0
    stalls: dict[str, int] = field(
        default_factory=lambda: {"filler": 0, "empty slice": 0, "queue empty": 0, "drain": 0, "batch switch": 0}
    )

    @property
    def fillers(self) -> int:
        """Entries that only break a long run of zeros."""
        return self.entries - self.multiplies


class CycleModel:
    """A loaded engine whose runs are timed.

    Parameters
    ----------
    config : EieConfig
    packets : iterable of Packet
        What the load stream holds.

    Raises
    ------
    InputError
        As `eyrie.golden.engine.EngineModel`.
    """

    def __init__(self, config: EieConfig, packets: Iterable[Packet]) -> None:
        self._engine = EngineModel(config, packets)

    def run(self, x: IntArray) -> Timing:
        """Time one run on a whole input stream, int64 (n_in,).

        Raises
        ------
        InputError
            If the program breaks its contract, or wants more or fewer inputs.
        """
        watch = PhaseWatch(self._engine.config)
        run = self._engine.start(1, watch)
        run.exchange(x[None], sum(step.emit_count for step in self._engine.steps))
        run.finish()
        return watch.timing(self._engine.steps, run)


class PhaseWatch:
    """Times the broadcasts of a golden run of one sample, and with them the run; for ``on_broadcast``."""

    def __init__(self, config: EieConfig) -> None:
        self._config = config
        self._phases: dict[int, list[BroadcastPhase]] = {}  # of a step; of each group that works apart
        self._nothing = {
            n_pes: time_broadcast(config, np.zeros(n_pes, np.int64), np.zeros((0, n_pes), np.int64))
            for n_pes in (config.n_pes, config.group_pes)
        }

    def __call__(self, index: int, activations: IntArray, entries: IntArray) -> None:
        """A broadcast of step ``index``, see `eyrie.golden.run.EngineRun`."""
        n_pes = entries.shape[1]
        slots = np.flatnonzero(activations[0])
        order = np.lexsort((slots, slots % n_pes))
        lists = np.bincount(slots % n_pes, minlength=n_pes)
        phase = time_broadcast(self._config, lists, entries[slots[order]])
        self._phases.setdefault(index, []).append(phase)

    def _phase(self, index: int, step: Step) -> BroadcastPhase:
        """The broadcast of a step; a group without activations takes as long as its turns."""
        nothing = self._nothing[self._config.group_pes if step.apart else self._config.n_pes]
        return BroadcastPhase.side_by_side([nothing, *self._phases.get(index, [])])

    def timing(self, steps: tuple[Step, ...], run: EngineRun) -> Timing:
        """The timing of that run, once it has ended."""
        n_pes = self._config.n_pes
        counts = run.counts
        timing = Timing(broadcasts=counts.activations, entries=counts.entries, multiplies=counts.multiplies)
        stalls = timing.stalls
        stalls["filler"] = counts.fillers
        begun = False

        def between(cycles: int) -> None:
            if begun:
                stalls["batch switch"] += cycles * n_pes

        for index, step in enumerate(steps):
            between(_FETCH + step.load + step.drain + step.broadcast)
            if step.codebook_count:
                between(step.codebook_count + 1)
            if step.broadcast:
                phase = self._phase(index, step)
                begun_at = phase.first if not begun else 1
                begun |= phase.first is not None
                if begun and begun_at is not None:
                    idle = (phase.end - begun_at + 1) * n_pes - phase.work
                    stalls["queue empty"] += idle
                    stalls["empty slice"] += phase.empty
                    timing.queue_full += phase.queue_full
            if step.drain or step.bias_rows:
                at_once = step.broadcast and begun  # its first command goes out in the last cycle of the broadcast
                begun |= step.drain
                rows = max(step.n_rows, step.bias_rows)
                per_row = self._config.n_chunks if step.scaled else 1
                drained = (_SCALED_DRAINED if step.scaled else _DRAINED) + (
                    _REDUCED if self._config.column_groups > 1 else 0
                )
                cycles = rows * per_row + drained - at_once
                if begun:
                    stalls["drain"] += cycles * n_pes
            if not step.last:
                between(1)
        timing.cycles = (timing.multiplies + sum(stalls.values())) // n_pes
        return timing
