"""Runs a network of segments on the golden models of both engines and on the host."""

from typing import NamedTuple

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

IntArray = npt.NDArray[np.int64]


class SegmentRun(NamedTuple):
    """What a segment did.

    Parameters
    ----------
    name : str
        Names of its layers.
    place : str
        "rowstat", "eie" or "host".
    cycles : int or None
        Clock cycles of all samples together, by the engine's cycle model; None where there is no clock, or none was
        asked for.
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
    """

    outputs: IntArray
    segments: tuple[SegmentRun, ...]


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
        interface = self.network.interface
        interface.require_input(x)
        runs = []
        for segment, runner in zip(self.network.segments, self._runners, strict=True):
            x, cycles = runner.run(x, timed=timed)
            runs.append(SegmentRun(segment.name, runner.place, cycles))
        return SegmentedRun(x.reshape(len(x), *interface.output_shape), tuple(runs))


class _Convolutions:
    place = "rowstat"

    def __init__(self, segment: ConvolutionSegment) -> None:
        self._segment = segment
        self._model = RowstatModel(segment.config, segment.tape)

    def run(self, x: IntArray, *, timed: bool) -> tuple[IntArray, int | None]:
        """Batch after batch; images of zeros fill up the last."""
        segment, batch = self._segment, self._segment.batch
        n_runs = -(-len(x) // batch)
        padded = np.pad(x, ((0, n_runs * batch - len(x)), (0, 0), (0, 0), (0, 0)))
        places = segment.outputs
        outputs = np.empty((len(padded), places.channels, places.height, places.width), np.int64)
        for begin in range(0, len(padded), batch):
            images = slice(begin, begin + batch)
            result = self._model.run(segment.filters, segment.memory(padded[images]))
            outputs[images] = places.read(result.memory)
        cycles = n_runs * RowstatCycleModel(segment.config, segment.tape).run().cycles if timed else None
        return outputs[: len(x)], cycles


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


class _Pooling:
    place = "host"

    def __init__(self, pooling: Pooling) -> None:
        self._pooling = pooling

    def run(self, x: IntArray, *, timed: bool) -> tuple[IntArray, int | None]:
        return self._pooling.forward(x), None


def _runner(segment: Segment) -> _Convolutions | _Dense | _Pooling:
    if isinstance(segment, ConvolutionSegment):
        return _Convolutions(segment)
    return _Dense(segment.compiled) if isinstance(segment, DenseSegment) else _Pooling(segment)
