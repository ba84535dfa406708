"""A device interrupted in every cycle of what it does: afterwards it is as good as new."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from eyrie.bench.bus_simulation import BusSimulation, Verdict
from eyrie.bench.link_job import LinkJob
from eyrie.bench.simulation import SimulationError
from eyrie.compile.schedule import Receive
from eyrie.host.eie_map import DeviceError

Interruption = Literal["abort in a job", "reset in a job", "reset in a load", "load in a load"]
"""A job is: empty the queues, write inputs, start, let it run, read outputs. A load is one of its network."""

INTERRUPTIONS: tuple[Interruption, ...] = get_args(Interruption)

_AFTER = 10
"""Cycles that pass after a run, before its outputs are read."""

_LOADED = Verdict(loading=False, loaded=True, error=DeviceError.NONE, section=0)
_EMPTY = Verdict(loading=False, loaded=False, error=DeviceError.NONE, section=0)


@dataclass(frozen=True, kw_only=True)
class Interrupted:
    """An interruption after which everything was as it must be.

    Parameters
    ----------
    what : Interruption
    cycle : int
        From the beginning of the job or load.
    of : int
        Cycles that the whole of it takes.
    """

    what: Interruption
    cycle: int
    of: int


def interruptions(
    simulation: BusSimulation, job: LinkJob, *, kinds: tuple[Interruption, ...] = INTERRUPTIONS, every: int = 1
) -> Iterator[Interrupted]:
    """Interrupt jobs and loads, and see that the next job is exact.

    A reset comes in the middle of a transfer too; an abort and a load follow the end of the one that is under way.
    After a reset the device must be empty and refuse a start, and the network is loaded anew.

    Parameters
    ----------
    simulation : BusSimulation
    job : LinkJob
        Its network must take its whole input at once.
    kinds : tuple of Interruption
    every : int
        Cycles between interruptions.

    Raises
    ------
    SimulationError
        If anything is not as it must be.
    """
    simulation.reset()
    campaign = _Campaign(simulation, job)
    for kind in kinds:
        body: Callable[[], object] = campaign.load if kind.endswith("load") else campaign.run
        campaign.where = f"before the first {kind}"
        campaign.load()
        before = simulation.cycles
        body()
        of = simulation.cycles - before
        for cycle in range(0, of, every):
            campaign.where = f"{kind}, cycle {cycle}"
            simulation.interrupt(body, cycle, within_transfers=kind.startswith("reset"))
            if kind == "abort in a job":
                simulation.control("abort")
                simulation.settle()
            elif kind == "load in a load":
                campaign.load()
            else:
                simulation.reset()
                campaign.require("verdict", simulation.verdict(), _EMPTY)
                simulation.control("start")
                campaign.require("error", simulation.verdict().error, DeviceError.NOT_LOADED)
                campaign.load()
            campaign.run()
            yield Interrupted(what=kind, cycle=cycle, of=of)


class _Campaign:
    """The job and its network's load, on a device."""

    def __init__(self, simulation: BusSimulation, job: LinkJob) -> None:
        self._simulation, self._words = simulation, job.words
        transfers = job.network.schedule.transfers
        elements = np.concatenate([one.elements for one in transfers if isinstance(one, Receive)])
        self._inputs = [int(value) & 0xFFFFFFFF for value in job.inputs[0]]
        self._elements = elements
        self._expected = job.outputs[0][elements[elements >= 0]].tolist()
        self.where = ""
        self._cycles = 0  # that a run takes

    def load(self) -> None:
        self.require("verdict", self._simulation.load(self._words), _LOADED)
        if not self._cycles:
            self.run()
            self._cycles = self._simulation.read("run_cycles")

    def run(self) -> None:
        simulation = self._simulation
        simulation.control("clear")
        simulation.settle()
        for word in self._inputs:
            simulation.write("input", word)
        simulation.control("start")
        simulation.idle(self._cycles + _AFTER)
        simulation.settle()
        count = simulation.read("output_waiting")
        self.require("outputs", count, len(self._elements))
        words = np.array([simulation.read("output") for _ in range(count)], np.uint32).view(np.int32)
        self.require("outputs", words[self._elements >= 0].tolist(), self._expected)
        self.require("runs", simulation.read("runs"), 1)
        self.require("error", simulation.verdict().error, DeviceError.NONE)

    def require(self, what: str, found: object, wanted: object) -> None:
        """See that something is as it must be."""
        if found != wanted:
            raise SimulationError(f"{self.where}: {what} {found}, not {wanted}")
