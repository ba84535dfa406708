"""Commands damaged on a serial line: nothing wrong is taken for right, nothing hangs, and the next command works."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from eyrie.bench.damaged_line import DAMAGES, Damage, DamagedLine
from eyrie.bench.link_job import LinkJob
from eyrie.bench.serial_line import SerialLine
from eyrie.bench.serial_simulation import SerialSimulation
from eyrie.bench.simulation import SimulationError
from eyrie.driver.linked_engine import LinkedEngine
from eyrie.driver.uartbone_link import UartboneLink
from eyrie.errors import InputError
from eyrie.host.eie_map import MAGIC

_PATIENCE = 12
_MAX_SENDS = {"run": 13, "load": 10}
"""Commands that one of them takes, about, so that each has its turn to be damaged."""

_LOADS = 1 / 12
_UNDAMAGED = 1 / 12
_ANY = 1 << 16
"""More bytes than come."""


@dataclass(frozen=True, kw_only=True)
class DamagedSequence:
    """The commands of a run or of a load, some of them damaged, and what came of it.

    Parameters
    ----------
    what : "run" or "load"
    damages : tuple of Damage
        Those that were done; some are drawn for commands that never come. Without any, only the sender's clock is off.
    taken : bool
        The driver gave a result, which was exact, or a network, which ran exactly; else it refused.
    loaded_anew : bool
        The network was lost, or was not known to be there.
    """

    what: Literal["run", "load"]
    damages: tuple[Damage, ...]
    taken: bool
    loaded_anew: bool


def damaged_sequences(
    simulation: SerialSimulation, timeout: int, jobs: Sequence[LinkJob], *, count: int, seed: int
) -> Iterator[DamagedSequence]:
    """Run networks, and load one over the other, over a line that damages up to three of the commands.

    Bytes are sent back to back with a clock up to 2 % off. After each sequence, once the line has been silent in both
    directions for two time-outs, a read over a line without damage must be answered right.

    Parameters
    ----------
    simulation : SerialSimulation
    timeout : int
        The device's, in clock cycles.
    jobs : sequence of LinkJob
        Two or more, so that a network that was not loaded is not mistaken for the one that was there before.
    count : int
        Sequences.
    seed : int
        Of all that is drawn.

    Raises
    ------
    SimulationError
        If a wrong result or network is taken for right, the device hangs, or something goes wrong without any damage.
    """
    line = DamagedLine(simulation, timeout, random.Random(seed))
    device = LinkedEngine(UartboneLink(line), patience=_PATIENCE)
    current = jobs[0]
    device.load(current.image)
    for number in range(count):
        draw = random.Random(f"{seed} {number}")
        what: Literal["run", "load"] = "load" if draw.random() < _LOADS else "run"
        damages = () if draw.random() < _UNDAMAGED else tuple(draw.choices(DAMAGES, k=draw.randint(1, 3)))
        where = f"{what} {number} of seed {seed} ({', '.join(damages) or 'no damage'})"
        wanted = draw.choice([job for job in jobs if job is not current]) if what == "load" else current
        sample = draw.randrange(len(wanted.inputs))
        line.begin(draw)
        for damage in damages:
            line.arm(draw.randrange(_MAX_SENDS[what]), damage)
        taken = True
        try:
            if what == "load":
                device.load(wanted.image)
            else:
                _require_exact(device, wanted, sample, where)
        except InputError as error:
            taken = False
            if not line.done:
                raise SimulationError(f"{where}: {error}") from error
        done = tuple(line.done)
        simulation.put(SerialLine(1), wanted=_ANY, patience=2 * timeout)
        line.begin(draw)
        _require_answer(device, where)
        if what == "load" and taken:
            _require_exact(device, wanted, sample, where)
        loaded_anew = not taken and (what == "load" or not device.status()["loaded"])
        if loaded_anew:
            device.load(wanted.image)
        current = wanted
        yield DamagedSequence(what=what, damages=done, taken=taken, loaded_anew=loaded_anew)


def _require_exact(device: LinkedEngine, job: LinkJob, sample: int, where: str) -> None:
    outputs, _ = device.run(job.network.schedule, job.inputs[sample])
    if not np.array_equal(outputs, job.outputs[sample]):
        raise SimulationError(f"{where}: {outputs} was taken for {job.outputs[sample]}")


def _require_answer(device: LinkedEngine, where: str) -> None:
    try:
        word = device.read("magic")
    except InputError as error:
        raise SimulationError(f"{where}: two time-outs later {error}") from error
    if word != MAGIC:
        raise SimulationError(f"{where}: two time-outs later the device's first register is {word:#x}")
