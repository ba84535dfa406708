"""Devices that run a compiled network: the golden model and the simulated hardware behind one interface."""

from collections.abc import Callable
from typing import Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from eyrie.bench.engine import SimulatedEngine
from eyrie.bench.tools import find_verilator
from eyrie.compile.compiled import CompiledNetwork
from eyrie.driver.schedule import run_network, run_schedule
from eyrie.eie.load_format import load_stream
from eyrie.golden.engine import EngineModel
from eyrie.golden.run import Counts

IntArray = npt.NDArray[np.int64]
Place = Literal["golden", "rtl"]
Progress = Callable[[int, int], None]
"""Takes samples done and samples in all."""


class RunResult(NamedTuple):
    """What a device made of its inputs.

    Parameters
    ----------
    outputs : int64 (samples, outputs)
    cycles : int64 (samples,) or None
        Clock cycles of each sample, apart from input and output; None where there is no clock.
    work : Counts or None
        What all samples together asked of the PEs; None where nobody counts.
    """

    outputs: IntArray
    cycles: IntArray | None = None
    work: Counts | None = None


class Device(Protocol):
    """Something with a network in it."""

    simulator: str | None
    """Name and version of the simulator, if there is one."""

    def run(self, x: IntArray, progress: Progress | None = None) -> RunResult:
        """Run int64 (samples, inputs), as `eyrie.compile.scaling.quantise_input` makes them."""


class GoldenDevice:
    """The golden model of the engine."""

    simulator: str | None = None

    def __init__(self, compiled: CompiledNetwork) -> None:
        self.compiled = compiled
        self.model = EngineModel(compiled.config, compiled.packets())

    def run(self, x: IntArray, progress: Progress | None = None) -> RunResult:
        """Many samples at a time; see `Device`."""
        work = Counts()
        outputs = run_network(self.compiled, x, self.model, work)
        if progress is not None:
            progress(len(x), len(x))
        return RunResult(outputs, work=work)


class SimulatedDevice:
    """The emitted Verilog in compiled simulation.

    Raises
    ------
    MissingToolError
        If a tool to build the simulation is missing.
    """

    def __init__(self, compiled: CompiledNetwork, building: Callable[[str], None] | None = None) -> None:
        self.compiled = compiled
        self.engine = SimulatedEngine(compiled.config, progress=building)
        self.engine.load(load_stream(compiled.config, compiled.packets()))
        self.simulator: str | None = f"Verilator {find_verilator().version}"

    def run(self, x: IntArray, progress: Progress | None = None) -> RunResult:
        """Sample after sample; see `Device`."""
        outputs = np.empty((len(x), self.compiled.outputs), np.int64)
        cycles = np.empty(len(x), np.int64)
        for number, sample in enumerate(x):
            self.engine.start()
            outputs[number] = run_schedule(self.compiled.schedule, sample, self.engine.exchange)
            self.engine.finish()
            cycles[number] = self.engine.cycles
            if progress is not None:
                progress(number + 1, len(x))
        return RunResult(outputs, cycles)


def open_device(compiled: CompiledNetwork, on: Place, building: Callable[[str], None] | None = None) -> Device:
    """A device with the network loaded.

    Parameters
    ----------
    compiled : CompiledNetwork
    on : "golden" or "rtl"
    building : callable, optional
        Told what is being done while a simulation is built.
    """
    if on == "golden":
        return GoldenDevice(compiled)
    return SimulatedDevice(compiled, building)
