"""Runs a network of segments on the golden models of both engines and on the host."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from eyrie.compile.compiled import CompiledNetwork
from eyrie.compile.network.integers import enter_dense
from eyrie.compile.network.pooling import Pooling
from eyrie.compile.network.segmented import ConvolutionSegment, DenseSegment, Segment, SegmentedNetwork
from eyrie.cycles.model import PhaseWatch
from eyrie.cycles.rowstat.model import RowstatCycleModel
from eyrie.driver.schedule import run_network, run_schedule
from eyrie.golden.engine import EngineModel
from eyrie.golden.rowstat.model import RowstatModel
from eyrie.rowstat.commands import Unit

IntArray = npt.NDArray[np.int64]
WordArray = npt.NDArray[np.uint64]


class SegmentRun(NamedTuple):
    """What a segment did.

    Parameters
    ----------
    name : str
        Names of its layers.
    place : str
        "rowstat", "eie" or "host".
    cycles : int or None
        Clock cycles of all samples together, counted by the simulated hardware or by the engine's cycle model; None
        where there is no clock, or none was asked for.
    """

    name: str
    place: str
    cycles: int | None


class SegmentedRun(NamedTuple):
    """What a network made of its inputs.

    Parameters
    ----------
    outputs : int64 (samples, *output shape)
    segments : tuple of SegmentRun
    activations : tuple of int64 arrays (samples, ...)
        What each segment made.
    """

    outputs: IntArray
    segments: tuple[SegmentRun, ...]
    activations: tuple[IntArray, ...]


class Segments(Protocol):
    """Engines with a network in them: golden models or simulated hardware, and the host."""

    network: SegmentedNetwork

    simulator: str | None
    """Name and version of the simulator, if there is one."""

    def run(self, x: IntArray, *, timed: bool = False) -> SegmentedRun:
        """Run int64 (samples, *input shape), as the interface's ``quantise_input`` makes them."""


class SegmentRunner(Protocol):
    """What runs one segment."""

    place: str
    """As in `SegmentRun`."""

    def run(self, x: IntArray, *, timed: bool) -> tuple[IntArray, int | None]:
        """What the segment makes of int64 (samples, ...), and its cycles as `SegmentRun` has them."""


class GoldenSegments:
    """The golden models of both engines with a network in them.

    Parameters
    ----------
    network : SegmentedNetwork

    Raises
    ------
    InputError
        If a program breaks its contract.
    """

    simulator: str | None = None

    def __init__(self, network: SegmentedNetwork) -> None:
        self.network = network
        self._runners = tuple(_runner(segment) for segment in network.segments)

    def run(self, x: IntArray, *, timed: bool = False) -> SegmentedRun:
        """Run integer samples through all segments.

        Parameters
        ----------
        x : int64 (samples, *input shape)
            Input activations, as the interface's ``quantise_input`` makes them.
        timed : bool
            Run the cycle models too. The fully connected layers then take one sample at a time, since their cycles
            depend on it.

        Raises
        ------
        InputError
            If ``x`` does not fit, or a program breaks its contract.
        """
        return run_through(self.network, self._runners, x, timed=timed)


def run_through(
    network: SegmentedNetwork, runners: Sequence[SegmentRunner], x: IntArray, *, timed: bool
) -> SegmentedRun:
    """Segment after segment, each by its own runner; parameters and errors are those of `GoldenSegments.run`."""
    interface = network.interface
    interface.require_input(x)
    runs, activations = [], []
    for segment, runner in zip(network.segments, runners, strict=True):
        x, cycles = runner.run(x, timed=timed)
        runs.append(SegmentRun(segment.name, runner.place, cycles))
        activations.append(x)
    return SegmentedRun(x.reshape(len(x), *interface.output_shape), tuple(runs), tuple(activations))


def run_batches(segment: ConvolutionSegment, x: IntArray, run: Callable[[WordArray], WordArray]) -> IntArray:
    """What a segment of convolutions makes of int64 (samples, channels, rows, columns), batch after batch.

    Images of zeros fill up the last batch. ``run`` takes the external memory before a batch and gives it after.
    """
    batch, places = segment.batch, segment.outputs
    padded = np.pad(x, ((0, -len(x) % batch), (0, 0), (0, 0), (0, 0)))
    outputs = np.empty((len(padded), places.channels, places.height, places.width), np.int64)
    for begin in range(0, len(padded), batch):
        images = slice(begin, begin + batch)
        outputs[images] = places.read(run(segment.memory(padded[images])))
    return outputs[: len(x)]


class HostPooling:
    """Pooling on the host, whatever the engines are."""

    place = "host"

    def __init__(self, pooling: Pooling) -> None:
        self._pooling = pooling

    def run(self, x: IntArray, *, timed: bool) -> tuple[IntArray, int | None]:
        """See `SegmentRunner`; there is no clock."""
        return self._pooling.forward(x), None


class _Convolutions:
    place = "rowstat"

    def __init__(self, segment: ConvolutionSegment) -> None:
        self._segment = segment
        self._model = RowstatModel(segment.config, segment.tape)

    def run(self, x: IntArray, *, timed: bool) -> tuple[IntArray, int | None]:
        segment, cycles = self._segment, _Cycles(self._segment) if timed else None

        def run(memory: WordArray) -> WordArray:
            after = self._model.run(segment.filters, memory).memory
            if cycles is not None:
                cycles.add(after)
            return after

        outputs = run_batches(segment, x, run)
        return outputs, None if cycles is None else cycles.total


class _Cycles:
    """Cycles of runs of a tape, which depend on the data only where it reads coded maps."""

    def __init__(self, segment: ConvolutionSegment) -> None:
        self._model = RowstatCycleModel(segment.config, segment.tape)
        fetches = self._model.checked.tape.commands[Unit.FETCH]
        reads_coded = any(command.name == "coded_fetch" for command in fetches)
        self._of_every_run = None if reads_coded else self._model.run().cycles
        self.total = 0

    def add(self, memory: WordArray) -> None:
        """Count a run that left this external memory behind, in which every map has a place of its own."""
        every_run = self._of_every_run
        self.total += self._model.run(memory=memory).cycles if every_run is None else every_run


class _Dense:
    place = "eie"

    def __init__(self, compiled: CompiledNetwork) -> None:
        self._compiled = compiled
        self._model = EngineModel(compiled.config, compiled.packets())

    def run(self, x: IntArray, *, timed: bool) -> tuple[IntArray, int | None]:
        compiled = self._compiled
        x = enter_dense(x, compiled.clip)
        if not timed:
            return run_network(compiled, x, self._model), None
        outputs, cycles = np.empty((len(x), compiled.outputs), np.int64), 0
        for number in range(len(x)):
            watch = PhaseWatch(compiled.config)
            run = self._model.start(1, watch)
            outputs[number] = run_schedule(compiled.schedule, x[number : number + 1], run.exchange)[0]
            run.finish()
            cycles += watch.timing(self._model.steps, run).cycles
        return outputs, cycles


def _runner(segment: Segment) -> SegmentRunner:
    if isinstance(segment, ConvolutionSegment):
        return _Convolutions(segment)
    return _Dense(segment.compiled) if isinstance(segment, DenseSegment) else HostPooling(segment)
