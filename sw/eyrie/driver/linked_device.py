"""A device at the other end of a serial line, whatever the line is."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

from eyrie.compile.compiled import CompiledNetwork
from eyrie.driver.device import Device, DeviceInfo, Progress, RunResult
from eyrie.driver.link_image import pack_link_image
from eyrie.driver.linked_engine import LinkedEngine
from eyrie.driver.uartbone_link import LinkError
from eyrie.eie.config import EieConfig
from eyrie.errors import InputError

IntArray = npt.NDArray[np.int64]


class LinkedDevice(Device):
    """An engine behind `eyrie.host.eie_map.EIE_MAP`; every message begins with what was opened.

    Parameters
    ----------
    where : str
    engine : LinkedEngine
        The engine on its line.
    config : EieConfig, optional
        What it must be.
    baud : int, optional
        Bits a second, for `info`.

    Raises
    ------
    InputError
        If it is another one.
    """

    def __init__(
        self, where: str, engine: LinkedEngine, config: EieConfig | None = None, *, baud: int | None = None
    ) -> None:
        super().__init__(where, config)
        self._engine, self._baud = engine, baud
        with self.named():
            self.config_hash = engine.info().config_hash
        if config is not None and config.hash != self.config_hash:
            raise InputError(f"{where}: the device is {self.config_hash:016x}, not {config.hash:016x} as it should be")

    @contextmanager
    def named(self) -> Iterator[None]:
        """Errors of the block begin with what was opened.

        Raises
        ------
        InputError, LinkError
        """
        try:
            yield
        except LinkError as error:
            raise LinkError(f"{self.where}: {error}") from error
        except InputError as error:
            raise InputError(f"{self.where}: {error}") from error

    def info(self) -> DeviceInfo:
        """See `Device`."""
        with self.named():
            about = self._engine.info()
        return DeviceInfo(
            where=self.where,
            config_hash=about.config_hash,
            pes=None if self.config is None else self.config.n_pes,
            loaded=about.loaded,
            network=self.network.name if self.network is not None and about.loaded else None,
            clock=about.clock,
            baud=self._baud,
            link_timeout=about.link_timeout,
            input_depth=about.input_depth,
            output_depth=about.output_depth,
            map_version=about.map_version,
            format_version=about.format_version,
            simulator=self.simulator,
        )

    def _load(self, network: CompiledNetwork, keep: bool, progress: Progress | None) -> None:
        image = pack_link_image(network)
        with self.named():
            if not (keep and self._engine.has(image)):
                self._engine.load(image, progress)

    def _run(self, network: CompiledNetwork, x: IntArray, timed: bool, progress: Progress | None) -> RunResult:
        outputs, cycles = np.empty((len(x), network.outputs), np.int64), np.empty(len(x), np.int64)
        with self.named():
            for number, sample in enumerate(x):
                outputs[number], cycles[number] = self._engine.run(network.schedule, sample)
                if progress is not None:
                    progress(number + 1, len(x))
        return RunResult(outputs, cycles)
