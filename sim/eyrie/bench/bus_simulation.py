"""An EIE device in compiled simulation, at its bus: faster than at the serial pins, and to the cycle."""

import ctypes
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from eyrie.bench.cache import Progress
from eyrie.bench.emitted import PE_MODULE
from eyrie.bench.native import Recipe, build_native
from eyrie.bench.simulation import SimulationError
from eyrie.common.emit import EmittedVerilog, emit_verilog
from eyrie.driver.register_documents import c_header
from eyrie.eie.config import EieConfig
from eyrie.host.config import HostConfig
from eyrie.host.eie_map import EIE_MAP, DeviceError
from eyrie.host.register_map import WORD_BYTES

DEVICE_TOP = "eie_device"
"""Name of the device's top module."""

_DEFINES = (
    "-DVL_TIME_CONTEXT",
    "-DVL_USER_STOP",
    "-DVL_USER_FATAL",
    "-DVL_PRINTF(...)=fprintf(stderr,__VA_ARGS__)",
)
_PATIENCE = 4000

_GIVEN_UP = -4
_FAILURES = {
    -1: "broke an assertion in the hardware (see standard error)",
    -2: "was refused",
    -3: "got no answer",
}
"""As ``bus_harness.cpp`` has them."""


class Verdict(NamedTuple):
    """What a device says after an image: its status, and its error with the section that it concerns."""

    loading: bool
    loaded: bool
    error: DeviceError
    section: int


def emit_device(config: EieConfig, host: HostConfig) -> EmittedVerilog:
    """Verilog of the device, whose bus becomes ports such as ``bus__adr``.

    Raises
    ------
    MissingToolError, YosysError
        If Yosys is not installed or fails.
    """
    from eyrie.host.eie_device import EieDevice  # elaboration is not needed by those who only name the top

    return emit_verilog(EieDevice(config, host), name=DEVICE_TOP, prefix="eie")


def build_bus_library(emitted: EmittedVerilog, *, progress: Progress | None = None) -> Path:
    """A device as a shared library behind the functions of ``bus_harness.cpp``; otherwise as
    `eyrie.bench.compiled.build_library`."""
    recipe = Recipe(
        output="bus.so",
        main=c_header(EIE_MAP) + resources.files("eyrie.bench").joinpath("bus_harness.cpp").read_text(),
        defines=_DEFINES,
        link_flags=("-shared",),
    )
    repeated = (PE_MODULE,) if emitted.modules.get(PE_MODULE, 1) > 1 else ()
    return build_native(recipe, emitted.text, top=emitted.top, not_inlined=repeated, progress=progress)


class BusSimulation:
    """One device.

    Parameters
    ----------
    library : Path
        From `build_bus_library`.
    seed : int
        Seed of what registers and memories without an initial value hold.
    """

    def __init__(self, library: Path, *, seed: int = 1) -> None:
        self._library = _open(library)
        self._context = ctypes.c_void_p(self._library.eyrie_create(seed % (1 << 31) or 1))

    def __del__(self) -> None:
        if context := getattr(self, "_context", None):
            self._library.eyrie_destroy(context)

    def reset(self, cycles: int = 1) -> None:
        """Hold the reset for some cycles."""
        self._library.eyrie_reset(self._context, cycles)

    def idle(self, cycles: int) -> None:
        """Let cycles pass."""
        self._require(self._library.eyrie_idle(self._context, cycles), "a while")

    def read(self, name: str) -> int:
        """A register, or the next word of a window."""
        return self._transfer(_address(name), None)

    def write(self, name: str, value: int) -> None:
        """A register, or a word into a window."""
        self._transfer(_address(name), value)

    def control(self, *wanted: str) -> None:
        """Ask for things by the names of the control register's fields."""
        register = EIE_MAP.register("control")
        self.write("control", sum(register.field(name).mask for name in wanted))

    @property
    def cycles(self) -> int:
        """Clock cycles that have passed."""
        return int(self._library.eyrie_cycles(self._context))

    def load(self, words: npt.NDArray[np.uint32]) -> Verdict:
        """Announce an image and write its words until the device has come to a verdict, or waits for more."""
        words = np.ascontiguousarray(words, np.uint32)
        self._require(self._library.eyrie_load(self._context, words.ctypes.data, len(words), _PATIENCE), "a load")
        return self.verdict()

    def interrupt(self, job: Callable[[], object], cycles: int, *, within_transfers: bool) -> bool:
        """Have the master carry out a job and drop it after so many cycles.

        Parameters
        ----------
        job : callable
            Makes transfers on this device, and lets cycles pass.
        cycles : int
        within_transfers : bool
            A transfer is dropped too, which only a reset may follow; else it comes to its end.

        Returns
        -------
        bool
            Whether it was dropped; False if it was over before.
        """
        self._library.eyrie_give_up(self._context, cycles, within_transfers)
        try:
            job()
        except _GivenUp:
            return True
        finally:
            self._library.eyrie_give_up(self._context, -1, False)
        return False

    def verdict(self) -> Verdict:
        """What the device says of the image."""
        status = EIE_MAP.register("status").unpack(self.read("status"))
        error = EIE_MAP.register("error").unpack(self.read("error"))
        return Verdict(bool(status["loading"]), bool(status["loaded"]), DeviceError(error["code"]), error["section"])

    def settle(self) -> None:
        """Wait until the device is not busy.

        Raises
        ------
        SimulationError
            If that takes too long.
        """
        for _ in range(_PATIENCE):
            if not self.busy():
                return
        raise SimulationError("the device does not come to rest")

    def busy(self) -> bool:
        """Whether a program runs."""
        return bool(EIE_MAP.register("status").unpack(self.read("status"))["busy"])

    def _transfer(self, address: int, value: int | None) -> int:
        data = ctypes.c_uint32(value or 0)
        end = self._library.eyrie_transfer(self._context, address, value is not None, ctypes.byref(data))
        self._require(end, f"a transfer at {address:#x}")
        return data.value

    def _require(self, end: int, what: str) -> None:
        if end == _GIVEN_UP:
            raise _GivenUp
        if end in _FAILURES:
            raise SimulationError(f"{what} {_FAILURES[end]}")


class _GivenUp(Exception):
    """The master was told to drop everything."""


def _address(name: str) -> int:
    addresses = {window.name: window.address for window in EIE_MAP.windows}
    addresses |= {register.name: register.address for register in EIE_MAP.registers}
    return WORD_BYTES * addresses[name]


def _open(path: Path) -> ctypes.CDLL:
    library = ctypes.CDLL(str(path))
    pointer, integer, long, word = ctypes.c_void_p, ctypes.c_int, ctypes.c_int64, ctypes.c_uint32
    for name, result, arguments in (
        ("create", pointer, [ctypes.c_int32]),
        ("destroy", None, [pointer]),
        ("reset", None, [pointer, long]),
        ("idle", long, [pointer, long]),
        ("transfer", long, [pointer, word, integer, pointer]),
        ("load", long, [pointer, pointer, long, long]),
        ("give_up", None, [pointer, long, integer]),
        ("cycles", ctypes.c_uint64, [pointer]),
    ):
        function = getattr(library, f"eyrie_{name}")
        function.restype, function.argtypes = result, arguments
    return library
