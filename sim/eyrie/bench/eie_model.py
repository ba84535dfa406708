"""A compiled benchmark layer on the golden model and the cycle model, both in one run."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from eyrie.bench.eie_compile import CompiledLayer
from eyrie.cycles.model import PhaseWatch, Timing
from eyrie.driver.schedule import run_schedule
from eyrie.eie.config import EieConfig
from eyrie.golden.engine import EngineModel

IntArray = npt.NDArray[np.int64]


class LayerRun(NamedTuple):
    """What the models say of a layer and its input.

    Parameters
    ----------
    outputs : int64 (outputs,)
        From the golden model.
    timing : Timing
        From the cycle model.
    """

    outputs: IntArray
    timing: Timing


class LayerModel:
    """A layer whose memories are decoded once, to run on engines that differ in their queues alone.

    Parameters
    ----------
    compiled : CompiledLayer
    """

    def __init__(self, compiled: CompiledLayer) -> None:
        self._layer = compiled.layer
        self._schedule = compiled.compiled.schedule
        self._engine = EngineModel(compiled.config, compiled.compiled.packets())

    def run(self, config: EieConfig | None = None) -> LayerRun:
        """Run the layer's input.

        Parameters
        ----------
        config : EieConfig, optional
            The engine, if its queues are others than those that the layer was compiled for.
        """
        watch = PhaseWatch(config or self._engine.config)
        run = self._engine.start(1, watch)
        outputs = run_schedule(self._schedule, self._layer.x[None], run.exchange)[0]
        run.finish()
        return LayerRun(outputs, watch.timing(self._engine.steps, run))
