"""The way to a board without one: driver, pseudo-terminal, serial pins of the emitted Verilog, and back."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eyrie.bench.serial_simulation import SerialSimulation
from eyrie.bench.serial_terminal import SerialTerminal
from eyrie.bench.simulation import SimulationError
from eyrie.compile.compiled import CompiledNetwork
from eyrie.compile.mapping import map_network
from eyrie.compile.quantised import QuantisedNetwork
from eyrie.compile.random_network import draw_case
from eyrie.driver.comparison import n_different
from eyrie.driver.device import Device, Progress
from eyrie.driver.link_image import pack_link_image
from eyrie.driver.port_device import PSEUDO_TIMEOUT
from eyrie.driver.serial_port import FRAME_BITS
from eyrie.driver.uartbone_link import WORD_BYTES, written_bytes
from eyrie.eie.config import EieConfig
from eyrie.errors import InputError
from eyrie.host.config import FASTEST, HostConfig

IntArray = npt.NDArray[np.int64]

_SIDES = (200, 100, 50, 20, 10, 5)
"""Rows and columns of a layer of the second network, the most that are tried first."""


@dataclass(frozen=True, kw_only=True)
class Rehearsed:
    """A network that was loaded into the running design and run there.

    Parameters
    ----------
    name : str
    layers : tuple of (int, int)
        Rows and columns.
    samples : int
    mismatches, cycle_mismatches : int
        Samples whose outputs are not those of the golden model, or whose cycles are not those of the cycle model.
    cycles : tuple of int
        Of each sample, apart from input and output.
    image_bytes : int
        What goes over the link.
    counted_load_seconds : float
        Time that its commands take at the line's baud, back to back.
    load_seconds, run_seconds : float
        Time that passed in the simulation for the load, and for a sample, with silences and questions.
    """

    name: str
    layers: tuple[tuple[int, int], ...]
    samples: int
    mismatches: int
    cycle_mismatches: int
    cycles: tuple[int, ...]
    image_bytes: int
    counted_load_seconds: float
    load_seconds: float
    run_seconds: float

    @property
    def agrees(self) -> bool:
        """Whether everything is as the models say."""
        return not self.mismatches and not self.cycle_mismatches


def draw_second(config: EieConfig, seed: int) -> tuple[CompiledNetwork, QuantisedNetwork]:
    """A network drawn at random for an engine, as large as fits: compiled, and as it was before.

    Raises
    ------
    InputError
        If not even the smallest one fits.
    """
    *large, smallest = _SIDES
    for side in large:
        with suppress(InputError):
            return _draw(config, seed, side)
    return _draw(config, seed, smallest)


def _draw(config: EieConfig, seed: int, side: int) -> tuple[CompiledNetwork, QuantisedNetwork]:
    case = draw_case(seed, config=config, largest_side=side)
    return map_network(case.network, config, sized=False, placements=case.placements).compiled, case.network


@contextmanager
def served(simulation: SerialSimulation, host: HostConfig) -> Iterator[str]:
    """What a driver opens to reach the simulation, which a thread serves while the block runs.

    Raises
    ------
    SimulationError
        If the design broke its contract meanwhile.
    """
    terminal = SerialTerminal(simulation, host.link_timeout)
    over = threading.Event()
    failures: list[SimulationError] = []

    def serve() -> None:
        try:
            terminal.serve(over.is_set)
        except SimulationError as error:
            failures.append(error)
        finally:
            terminal.close()  # at once, so that whoever waits for an answer learns it

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"pty:{terminal.name}"
    except InputError as error:
        if failures:
            raise failures[0] from error
        raise
    finally:
        over.set()
        thread.join()
    if failures:
        raise failures[0]


def rehearse(
    simulation: SerialSimulation,
    host: HostConfig,
    cases: Sequence[tuple[CompiledNetwork, IntArray]],
    progress: Callable[[str], Progress] | None = None,
) -> list[Rehearsed]:
    """Load networks into one running design, one over the other, and run each on its inputs.

    Parameters
    ----------
    simulation : SerialSimulation
        A system of the networks' configuration.
    host : HostConfig
        Its clock and line.
    cases : sequence of (CompiledNetwork, int64 (samples, inputs))
    progress : callable, optional
        Given what is being done, gives what is told how far it is.

    Raises
    ------
    InputError
        If the driver gives up.
    SimulationError
        If the design breaks its contract.
    """
    results = []
    # A simulation takes as many times longer for a byte as it has clock cycles.
    timeout = PSEUDO_TIMEOUT * max(1.0, host.divisor / FASTEST.divisor)
    with (
        served(simulation, host) as port,
        Device.open(port, baud=host.baud, timeout=timeout) as board,
        Device.open("golden") as golden,
    ):
        for network, x in cases:
            begun = simulation.cycles
            board.load(network, progress=progress and progress(f"loading {network.name}"))
            loaded = simulation.cycles
            run = board.run(x, progress=progress and progress(f"running {network.name}"))
            ended = simulation.cycles
            golden.load(network)
            expected = golden.run(x)
            assert run.cycles is not None
            assert expected.cycles is not None
            image = pack_link_image(network)
            results.append(
                Rehearsed(
                    name=network.name,
                    layers=tuple((layer.rows, layer.columns) for layer in network.layers),
                    samples=len(x),
                    mismatches=n_different(run.outputs, expected.outputs),
                    cycle_mismatches=int(np.count_nonzero(run.cycles != expected.cycles)),
                    cycles=tuple(run.cycles.tolist()),
                    image_bytes=len(image),
                    counted_load_seconds=written_bytes(len(image) // WORD_BYTES) * FRAME_BITS / host.baud,
                    load_seconds=(loaded - begun) / host.clock,
                    run_seconds=(ended - loaded) / host.clock / max(1, len(x)),
                )
            )
    return results
