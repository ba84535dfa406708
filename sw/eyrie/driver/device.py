"""One interface for whatever runs a compiled network: golden model, compiled Verilog, a board on a serial port.

A board needs nothing but NumPy and pyserial: every other transport is imported when it is opened.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from eyrie.compile.compiled import CompiledNetwork
from eyrie.compile.image import read_image
from eyrie.eie.config import EieConfig
from eyrie.errors import InputError
from eyrie.host.config import HostConfig

IntArray = npt.NDArray[np.int64]
Progress = Callable[[int, int], None]
"""Takes what is done and what there is to do: samples of a run, bytes of an image."""

IMAGE = "network.eyrie"
"""The image in a folder of ``eyrie compile``."""

_PSEUDO_TERMINAL = "pty:"


class RunResult(NamedTuple):
    """What a device made of its inputs.

    Parameters
    ----------
    outputs : int64 (samples, outputs)
    cycles : int64 (samples,) or None
        Clock cycles of each sample, apart from input and output; None from a golden model that was not asked for them.
    """

    outputs: IntArray
    cycles: IntArray | None


@dataclass(frozen=True, kw_only=True)
class DeviceInfo:
    """What is known of a device; None is what it does not tell, or what there is none of.

    Parameters
    ----------
    where : str
        What was opened.
    config_hash : int or None
        Hash of the engine's configuration; None as long as nothing says which engine a simulation is to be.
    pes : int or None
        Processing elements: a board tells the hash only, the image that fits it tells the rest.
    loaded : bool
        A network is there.
    network : str or None
        Name of the one that this object loaded.
    clock, baud : int or None
        Frequency in Hz, bits a second.
    link_timeout : int or None
        Clock cycles after which it forgets an incomplete command.
    input_depth, output_depth : int or None
        Activations that its queues hold.
    map_version, format_version : int or None
        Of its registers, and of the images that it takes.
    simulator : str or None
        Name and version of the simulator.
    """

    where: str
    config_hash: int | None = None
    pes: int | None = None
    loaded: bool = False
    network: str | None = None
    clock: int | None = None
    baud: int | None = None
    link_timeout: int | None = None
    input_depth: int | None = None
    output_depth: int | None = None
    map_version: int | None = None
    format_version: int | None = None
    simulator: str | None = None


class Device(ABC):
    """Something that takes an image and runs it; `open` makes one. It ends with `close`, or as a context manager.

    The hardware is that of the first image, or the one it was opened with: an image for other hardware is refused.

    Attributes
    ----------
    where : str
        What was opened.
    config : EieConfig or None
        The engine, as soon as it is known.
    config_hash : int or None
        Its hash, which a board tells at once.
    network : CompiledNetwork or None
        What was loaded last.
    simulator : str or None
        Name and version of the simulator, if there is one.
    """

    simulator: str | None = None

    def __init__(self, where: str, config: EieConfig | None = None) -> None:
        self.where, self.config = where, config
        self.config_hash = None if config is None else config.hash
        self.network: CompiledNetwork | None = None

    @staticmethod
    def open(
        where: str,
        *,
        config: EieConfig | None = None,
        host: HostConfig | None = None,
        baud: int | None = None,
        timeout: float | None = None,
        building: Callable[[str], None] | None = None,
    ) -> "Device":
        """A device.

        Parameters
        ----------
        where : str
            ``"golden"``, the golden model; ``"rtl"``, the emitted Verilog of the engine; ``"uart"``, that of the whole
            system at its serial pins; ``"pty:PATH"``, a pseudo-terminal such as ``eyrie serve`` gives; anything else is
            a serial port, such as ``"/dev/ttyUSB0"``.
        config : EieConfig, optional
            The engine that there is to be. A port's must be it; a simulation without it is that of the first image.
        host : HostConfig, optional
            Clock and line of the simulated system; eight cycles a bit without it.
        baud : int, optional
            Bits a second of a port, `eyrie.driver.serial_port.DEFAULT_BAUD` without it.
        timeout : float, optional
            Seconds that a port's device may take to answer, or may be stuck.
        building : callable, optional
            Told what is being done while a simulation is built.

        Raises
        ------
        InputError
            If the port cannot be opened, nobody answers, or what answers is no such device; if options are given that
            are not for this kind of device.
        MissingToolError
            If pyserial, or a tool to build a simulation, is not installed.
        """
        is_port = where not in ("golden", "rtl", "uart")
        if not is_port and (baud is not None or timeout is not None):
            raise InputError(f"baud and timeout are for serial ports, not for {where!r}")
        if where != "uart" and host is not None:
            raise InputError(f"clock and line can be chosen for 'uart' only, not for {where!r}")
        if where == "golden":
            from eyrie.driver.golden_device import GoldenDevice

            return GoldenDevice(config)
        if where == "rtl":
            from eyrie.driver.simulated_device import SimulatedDevice

            return SimulatedDevice(config, building)
        if where == "uart":
            from eyrie.driver.simulated_pins import SimulatedPins

            return SimulatedPins(config, host, building)
        from eyrie.driver.port_device import open_port

        path = where.removeprefix(_PSEUDO_TERMINAL)
        return open_port(where, path, is_pseudo=path != where, config=config, baud=baud, timeout=timeout)

    def load(
        self, image: Path | str | CompiledNetwork, *, keep: bool = False, progress: Progress | None = None
    ) -> None:
        """Load a network. Whatever was loaded before is gone, also if the device refuses it.

        Parameters
        ----------
        image : Path or CompiledNetwork
            An image file, or a folder that ``eyrie compile`` wrote.
        keep : bool
            Send nothing to a board that has a network of the same size: for one that was loaded before. It does not
            tell which one it has.
        progress : callable, optional
            Told how far it is, where that takes its time.

        Raises
        ------
        InputError
            If the image does not hold, is for other hardware, or the device refuses it.
        """
        network = image if isinstance(image, CompiledNetwork) else _read(Path(image))
        if self.config_hash not in (None, network.config.hash):
            raise InputError(
                f"{self.where}: the image of {network.name} is for hardware {network.config.hash:016x}, the device is "
                f"{self.config_hash:016x}; compile the network for this hardware"
            )
        self.network = None
        self._load(network, keep, progress)
        self.config, self.config_hash, self.network = network.config, network.config.hash, network

    def run(self, x: IntArray, *, timed: bool = True, progress: Progress | None = None) -> RunResult:
        """Run the network that was loaded, sample after sample.

        Parameters
        ----------
        x : int64 (samples, inputs)
            Input activations, as `eyrie.compile.scaling.quantise_input` makes them.
        timed : bool
            Count cycles on the golden model too, by the cycle model, which takes one sample at a time.
        progress : callable, optional
            Told how many samples are done.

        Raises
        ------
        InputError
            If nothing is loaded, the inputs do not fit, or the run failed; there is no result then.
        """
        if self.network is None:
            raise InputError(f"{self.where}: nothing is loaded; load an image")
        low, high = self.network.clip
        if x.ndim != 2 or x.shape[1] != self.network.inputs or x.dtype.kind not in "iu":
            raise InputError(f"inputs must be integers (samples, {self.network.inputs}), not {x.dtype} {x.shape}")
        if x.size and not low <= x.min() <= x.max() <= high:
            raise InputError(f"inputs must be {low} to {high}, not {x.min()} to {x.max()}")
        return self._run(self.network, x.astype(np.int64), timed, progress)

    @abstractmethod
    def info(self) -> DeviceInfo:
        """What is known of the device; a board is asked.

        Raises
        ------
        InputError
            If a board does not answer.
        """

    def close(self) -> None:
        """Let go of the port, and of the network; a board keeps it."""
        self.network = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @abstractmethod
    def _load(self, network: CompiledNetwork, keep: bool, progress: Progress | None) -> None:
        """Load a network for this hardware."""

    @abstractmethod
    def _run(self, network: CompiledNetwork, x: IntArray, timed: bool, progress: Progress | None) -> RunResult:
        """Run the network that is loaded on inputs that fit it."""


def _read(path: Path) -> CompiledNetwork:
    return read_image(path / IMAGE if path.is_dir() else path)
