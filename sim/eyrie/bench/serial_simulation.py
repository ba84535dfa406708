"""A design with a serial line in compiled simulation: levels in, bytes out."""

import ctypes
from importlib import resources
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eyrie.bench.cache import Progress
from eyrie.bench.native import Recipe, build_native
from eyrie.bench.serial_line import SerialLine
from eyrie.bench.simulation import SimulationError
from eyrie.common.emit import EmittedVerilog

# As for the engines: what the design prints goes to standard error, and failures are the harness's to handle.
_DEFINES = (
    "-DVL_TIME_CONTEXT",
    "-DVL_USER_STOP",
    "-DVL_USER_FATAL",
    "-DVL_PRINTF(...)=fprintf(stderr,__VA_ARGS__)",
)

_FAILURES = {
    -1: "an assertion in the hardware failed (see standard error)",
    -2: "the hardware sent a byte without a stop bit",
    -3: "the hardware sent more than {capacity} bytes",
}


def build_serial_library(
    emitted: EmittedVerilog, *, not_inlined: tuple[str, ...] = (), progress: Progress | None = None
) -> Path:
    """A design with the ports ``rx`` and ``tx`` as a shared library behind the functions of ``serial_harness.cpp``.

    Parameters and errors are those of `eyrie.bench.compiled.build_library`.
    """
    recipe = Recipe(
        output="serial.so",
        main=resources.files("eyrie.bench").joinpath("serial_harness.cpp").read_text(),
        defines=_DEFINES,
        link_flags=("-shared",),
    )
    return build_native(recipe, emitted.text, top=emitted.top, not_inlined=not_inlined, progress=progress)


class SerialSimulation:
    """One device.

    Registers and memories without an initial value start at random. There is no reset before the first one: an FPGA
    has none either.

    Parameters
    ----------
    library : Path
        From `build_serial_library`.
    divisor : int
        Clock cycles a bit.
    seed : int
        Seed of those values.
    """

    def __init__(self, library: Path, *, divisor: int, seed: int = 1) -> None:
        self.divisor = divisor
        self._library = _open(library)
        self._context = ctypes.c_void_p(self._library.eyrie_create(seed % (1 << 31) or 1, divisor))

    def __del__(self) -> None:
        if context := getattr(self, "_context", None):
            self._library.eyrie_destroy(context)

    @property
    def cycles(self) -> int:
        """Clock cycles that have passed."""
        return int(self._library.eyrie_cycles(self._context))

    def reset(self, cycles: int = 2) -> None:
        """Hold the reset for some cycles."""
        self._library.eyrie_reset(self._context, cycles)

    def put(self, line: SerialLine, *, wanted: int = 0, patience: int = 0, capacity: int = 1 << 16) -> bytes:
        """Put levels on the line, then wait.

        Parameters
        ----------
        line : SerialLine
            What the host's end does.
        wanted : int
            Bytes to wait for, those that come meanwhile included.
        patience : int
            Cycles to wait for each.
        capacity : int
            More bytes than this are an error.

        Returns
        -------
        bytes
            Those that came, fewer or more than wanted.

        Raises
        ------
        SimulationError
            If an assertion fails, or what comes is no bytes, or too many.
        """
        return self._put(line.segments(), wanted, patience, capacity)

    def send(self, data: bytes, *, wanted: int = 0, patience: int = 0) -> bytes:
        """Send bytes back to back without any disturbance, then wait; otherwise as `put`."""
        bits = np.unpackbits(np.frombuffer(data, np.uint8)[:, None], axis=1, bitorder="little")
        ones = np.ones((len(data), 1), np.uint8)
        levels = np.concatenate([1 - ones, bits, ones], axis=1).ravel()
        segments = np.stack([levels, np.full(levels.size, self.divisor)], axis=1).astype(np.uint32)
        return self._put(segments, wanted, patience, max(1 << 16, wanted))

    def _put(self, segments: npt.NDArray[np.uint32], wanted: int, patience: int, capacity: int) -> bytes:
        segments = np.ascontiguousarray(segments, np.uint32)
        out = np.empty(capacity, np.uint8)
        count = self._library.eyrie_serial(
            self._context, segments.ctypes.data, len(segments), out.ctypes.data, capacity, wanted, patience
        )
        if count < 0:
            raise SimulationError(_FAILURES[count].format(capacity=capacity))
        return out[:count].tobytes()


def _open(path: Path) -> ctypes.CDLL:
    library = ctypes.CDLL(str(path))
    pointer, long = ctypes.c_void_p, ctypes.c_int64
    for name, result, arguments in (
        ("create", pointer, [ctypes.c_int32, long]),
        ("destroy", None, [pointer]),
        ("reset", None, [pointer, long]),
        ("serial", long, [pointer, pointer, long, pointer, long, long, long]),
        ("cycles", ctypes.c_uint64, [pointer]),
    ):
        function = getattr(library, f"eyrie_{name}")
        function.restype, function.argtypes = result, arguments
    return library
