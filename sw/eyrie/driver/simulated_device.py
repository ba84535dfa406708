"""The emitted Verilog of the EIE engine in compiled simulation as a device."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from eyrie.bench.engine import SimulatedEngine
from eyrie.bench.tools import find_verilator
from eyrie.compile.compiled import CompiledNetwork
from eyrie.driver.device import Device, DeviceInfo, Progress, RunResult
from eyrie.driver.schedule import run_schedule
from eyrie.eie.config import FORMAT_VERSION, EieConfig
from eyrie.eie.load_format import load_stream

IntArray = npt.NDArray[np.int64]


class SimulatedDevice(Device):
    """The engine at its streams, without a link.

    Parameters
    ----------
    config : EieConfig, optional
        Built at once if it is given, with the first image otherwise.
    building : callable, optional
        Told what is being done meanwhile.

    Raises
    ------
    MissingToolError
        If a tool to build the simulation is missing.
    """

    def __init__(self, config: EieConfig | None = None, building: Callable[[str], None] | None = None) -> None:
        super().__init__("rtl", config)
        self._building = building
        self.simulator = f"Verilator {find_verilator().version}"
        self._engine = None if config is None else SimulatedEngine(config, progress=building)

    def info(self) -> DeviceInfo:
        """See `Device`."""
        return DeviceInfo(
            where=self.where,
            config_hash=self.config_hash,
            pes=None if self.config is None else self.config.n_pes,
            loaded=self.network is not None,
            network=None if self.network is None else self.network.name,
            format_version=FORMAT_VERSION,
            simulator=self.simulator,
        )

    def _load(self, network: CompiledNetwork, keep: bool, progress: Progress | None) -> None:
        if self._engine is None:
            self._engine = SimulatedEngine(network.config, progress=self._building)
        self._engine.load(load_stream(network.config, network.packets()))

    def _run(self, network: CompiledNetwork, x: IntArray, timed: bool, progress: Progress | None) -> RunResult:
        assert self._engine is not None
        outputs, cycles = np.empty((len(x), network.outputs), np.int64), np.empty(len(x), np.int64)
        for number, sample in enumerate(x):
            self._engine.start()
            outputs[number] = run_schedule(network.schedule, sample, self._engine.exchange)
            self._engine.finish()
            cycles[number] = self._engine.cycles
            if progress is not None:
                progress(number + 1, len(x))
        return RunResult(outputs, cycles)
