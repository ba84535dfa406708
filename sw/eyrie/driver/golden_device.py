"""The golden model of the EIE engine as a device."""

import numpy as np
import numpy.typing as npt

from eyrie.compile.compiled import CompiledNetwork
from eyrie.cycles.model import PhaseWatch
from eyrie.driver.device import Device, DeviceInfo, Progress, RunResult
from eyrie.driver.schedule import run_network, run_schedule
from eyrie.eie.config import FORMAT_VERSION, EieConfig
from eyrie.golden.engine import EngineModel
from eyrie.golden.run import Counts

IntArray = npt.NDArray[np.int64]


class GoldenDevice(Device):
    """The golden model, and the cycle model where cycles are asked for.

    Attributes
    ----------
    work : Counts
        What all samples of the last run together asked of the PEs.
    """

    def __init__(self, config: EieConfig | None = None) -> None:
        super().__init__("golden", config)
        self.work = Counts()
        self._model: EngineModel | None = None

    def info(self) -> DeviceInfo:
        """See `Device`."""
        return DeviceInfo(
            where=self.where,
            config_hash=self.config_hash,
            pes=None if self.config is None else self.config.n_pes,
            loaded=self.network is not None,
            network=None if self.network is None else self.network.name,
            format_version=FORMAT_VERSION,
        )

    def _load(self, network: CompiledNetwork, keep: bool, progress: Progress | None) -> None:
        self._model = EngineModel(network.config, network.packets())

    def _run(self, network: CompiledNetwork, x: IntArray, timed: bool, progress: Progress | None) -> RunResult:
        assert self._model is not None
        self.work = Counts()
        if not timed:
            outputs = run_network(network, x, self._model, self.work)
            if progress is not None:
                progress(len(x), len(x))
            return RunResult(outputs, None)
        outputs, cycles = np.empty((len(x), network.outputs), np.int64), np.empty(len(x), np.int64)
        for number in range(len(x)):
            watch = PhaseWatch(network.config)
            run = self._model.start(1, watch)
            outputs[number] = run_schedule(network.schedule, x[number : number + 1], run.exchange)[0]
            run.finish()
            cycles[number] = watch.timing(self._model.steps, run).cycles
            self.work += run.counts
            if progress is not None:
                progress(number + 1, len(x))
        return RunResult(outputs, cycles)
