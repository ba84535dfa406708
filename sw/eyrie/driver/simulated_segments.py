"""Runs a network of segments on the emitted Verilog of both engines in compiled simulation, and on the host."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from eyrie.bench.rowstat_engine import SimulatedRowstat
from eyrie.bench.tools import find_verilator
from eyrie.compile.compiled import CompiledNetwork
from eyrie.compile.network.integers import enter_dense
from eyrie.compile.network.segmented import ConvolutionSegment, DenseSegment, Segment, SegmentedNetwork
from eyrie.driver.device import Progress
from eyrie.driver.segments import HostPooling, SegmentedRun, SegmentRunner, run_batches, run_through
from eyrie.driver.simulated_device import SimulatedDevice
from eyrie.rowstat.config import RowstatConfig

IntArray = npt.NDArray[np.int64]
WordArray = npt.NDArray[np.uint64]


class SimulatedSegments:
    """Both engines made from their emitted Verilog, with a network in them.

    Segments of convolutions of the same configuration share one engine.

    Parameters
    ----------
    network : SegmentedNetwork
    building : callable, optional
        Told what is being done while the simulations are built.
    progress : callable, optional
        Told how many samples a segment has run, and how many it will.

    Raises
    ------
    MissingToolError
        If a tool to build a simulation is missing.
    """

    def __init__(
        self,
        network: SegmentedNetwork,
        building: Callable[[str], None] | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.network = network
        self.simulator: str | None = f"Verilator {find_verilator().version}"
        engines: dict[RowstatConfig, SimulatedRowstat] = {}

        def runner(segment: Segment) -> SegmentRunner:
            if isinstance(segment, DenseSegment):
                return _Dense(segment.compiled, building, progress)
            if not isinstance(segment, ConvolutionSegment):
                return HostPooling(segment)
            if segment.config not in engines:
                engines[segment.config] = SimulatedRowstat(segment.config, progress=building)
            return _Convolutions(segment, engines[segment.config], progress)

        self._runners = tuple(runner(segment) for segment in network.segments)

    def run(self, x: IntArray, *, timed: bool = True) -> SegmentedRun:
        """Run integer samples through all segments.

        Parameters
        ----------
        x : int64 (samples, *input shape)
            Input activations, as the interface's ``quantise_input`` makes them.
        timed : bool
            The hardware always counts its cycles.

        Raises
        ------
        InputError
            If ``x`` does not fit, or an engine refuses its program.
        SimulationError
            If the hardware breaks its contract.
        """
        return run_through(self.network, self._runners, x, timed=timed)


class _Convolutions:
    place = "rowstat"

    def __init__(self, segment: ConvolutionSegment, engine: SimulatedRowstat, progress: Progress | None) -> None:
        self._segment, self._engine, self._progress = segment, engine, progress

    def run(self, x: IntArray, *, timed: bool) -> tuple[IntArray, int | None]:
        segment, cycles, done = self._segment, 0, 0

        def run(memory: WordArray) -> WordArray:
            nonlocal cycles, done
            result = self._engine.run(segment.tape, segment.filters, memory)
            cycles += result.cycles
            done = min(done + segment.batch, len(x))
            if self._progress is not None:
                self._progress(done, len(x))
            return result.memory

        return run_batches(segment, x, run), cycles


class _Dense:
    place = "eie"

    def __init__(
        self, compiled: CompiledNetwork, building: Callable[[str], None] | None, progress: Progress | None
    ) -> None:
        self._compiled, self._progress = compiled, progress
        self._device = SimulatedDevice(compiled.config, building)
        self._device.load(compiled)

    def run(self, x: IntArray, *, timed: bool) -> tuple[IntArray, int | None]:
        result = self._device.run(enter_dense(x, self._compiled.clip), progress=self._progress)
        return result.outputs, None if result.cycles is None else int(result.cycles.sum())
