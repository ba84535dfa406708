"""The whole system in compiled simulation as a device, driven at its serial pins in this process."""

from collections.abc import Callable

from eyrie.bench.host_system import simulate_system
from eyrie.bench.simulated_line import SimulatedLine
from eyrie.bench.tools import find_verilator
from eyrie.compile.compiled import CompiledNetwork
from eyrie.driver.device import Device, DeviceInfo, IntArray, Progress, RunResult
from eyrie.driver.linked_device import LinkedDevice
from eyrie.driver.linked_engine import LinkedEngine
from eyrie.driver.uartbone_link import UartboneLink
from eyrie.eie.config import EieConfig
from eyrie.host.config import FASTEST, HostConfig


class SimulatedPins(Device):
    """The emitted Verilog of `eyrie.host.eie_system.EieSystem`.

    Parameters
    ----------
    config : EieConfig, optional
        Built at once if it is given, with the first image otherwise.
    host : HostConfig, optional
        Its clock and line; `eyrie.host.config.FASTEST` without it.
    building : callable, optional
        Told what is being done while the simulation is built.

    Raises
    ------
    MissingToolError
        If a tool to build it is missing.
    """

    def __init__(
        self,
        config: EieConfig | None = None,
        host: HostConfig | None = None,
        building: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__("uart", config)
        self._host, self._building = host or FASTEST, building
        self.simulator = f"Verilator {find_verilator().version}"
        self._linked = None if config is None else self._built(config)

    def info(self) -> DeviceInfo:
        """See `Device`."""
        if self._linked is None:
            return DeviceInfo(where=self.where, clock=self._host.clock, baud=self._host.baud, simulator=self.simulator)
        return self._linked.info()

    def _load(self, network: CompiledNetwork, keep: bool, progress: Progress | None) -> None:
        if self._linked is None:
            self._linked = self._built(network.config)
        self._linked.load(network, keep=keep, progress=progress)

    def _run(self, network: CompiledNetwork, x: IntArray, timed: bool, progress: Progress | None) -> RunResult:
        assert self._linked is not None
        return self._linked.run(x, timed=timed, progress=progress)

    def _built(self, config: EieConfig) -> LinkedDevice:
        simulation = simulate_system(config, self._host, progress=self._building)
        engine = LinkedEngine(UartboneLink(SimulatedLine(simulation, self._host.link_timeout)))
        linked = LinkedDevice(self.where, engine, config, baud=self._host.baud)
        linked.simulator = self.simulator
        return linked
