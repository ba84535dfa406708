"""A compiled engine through ctypes: streams as arrays, stalls on each of them, state that stays between calls."""

import ctypes
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

Stall = Literal["never", "alternate", "random", "gaps"]
"""When a stream's free end holds back: not at all, every second cycle, at random, or 1 to 12 cycles of flow and then
10 to 60 of standstill."""

StreamName = Literal["load", "i", "o"]

STREAMS: tuple[StreamName, ...] = get_args(StreamName)
"""The engine's streams."""

STALLS: tuple[Stall, ...] = get_args(Stall)
_STATES = ("busy", "done", "error", "loaded", "cycles", "identification")
_FAILURES = {
    -1: "the engine did not finish within {limit} cycles",
    -2: "an assertion in the hardware failed (see standard error)",
    -3: "the engine withdrew or changed an output that was stalled",
    -4: "the engine offered more outputs than the {expected} expected",
}
_START_CYCLES = 1 << 20

DEFAULT_MAX_CYCLES = 1 << 24
"""Cycles after which an exchange is given up."""


class SimulationError(Exception):
    """The simulated hardware did not do what its contract says."""


class CoreSimulation:
    """One engine, in a library from `eyrie.bench.compiled.build_library`.

    Registers and memories without an initial value start at random.

    Parameters
    ----------
    library : Path
        The shared library.
    seed : int
        Seed of those values.
    """

    def __init__(self, library: Path, *, seed: int = 1) -> None:
        self._library = _open(library)
        self._context = ctypes.c_void_p(self._library.eyrie_create(seed % (1 << 31) or 1))
        self.reset()

    def __del__(self) -> None:
        if context := getattr(self, "_context", None):
            self._library.eyrie_destroy(context)

    def set_stalls(self, stream: StreamName, stall: Stall, *, seed: int = 0, probability: int = 128) -> None:
        """Hold back a stream from now on; ``probability`` is in 1/256 and for the random pattern."""
        pattern = STALLS.index(stall)
        self._library.eyrie_stalls(self._context, STREAMS.index(stream), pattern, probability, seed)

    def reset(self, cycles: int = 2) -> None:
        """Hold the reset for some cycles."""
        self._checked(self._library.eyrie_reset(self._context, cycles))

    def wait(self, cycles: int) -> None:
        """Let cycles pass with no stream moving."""
        self._checked(self._library.eyrie_wait(self._context, cycles))

    def load(self, words: npt.NDArray[np.uint32], *, max_cycles: int | None = None) -> int:
        """Send a load stream and wait for the verdict, which `loaded` and `error` tell; the cycles that took."""
        words = np.ascontiguousarray(words, np.uint32)
        limit = 256 * len(words) + _START_CYCLES if max_cycles is None else max_cycles
        return self._checked(self._library.eyrie_load(self._context, words.ctypes.data, len(words), limit), limit=limit)

    def start(self) -> None:
        """Give a start once the engine is idle; if it is refused, `error` says why and `busy` stays low."""
        self._checked(self._library.eyrie_start(self._context, _START_CYCLES), limit=_START_CYCLES)

    def exchange(
        self,
        inputs: npt.NDArray[np.int32],
        n_outputs: int,
        *,
        wait_done: bool = False,
        max_cycles: int = DEFAULT_MAX_CYCLES,
    ) -> npt.NDArray[np.int32]:
        """Send inputs and take outputs as the engine asks for them; with ``wait_done`` the run must then end.

        Raises
        ------
        SimulationError
            If the cycles do not suffice, the engine offers an output too many before it ends, an output is not
            stable, or an assertion fails.
        """
        inputs = np.ascontiguousarray(inputs, np.int32)
        outputs = np.empty(n_outputs, np.int32)
        cycles = self._library.eyrie_exchange(
            self._context, inputs.ctypes.data, len(inputs), outputs.ctypes.data, n_outputs, wait_done, max_cycles
        )
        self._checked(cycles, limit=max_cycles, expected=n_outputs)
        return outputs

    @property
    def busy(self) -> bool:
        return bool(self._read("busy"))

    @property
    def done(self) -> bool:
        """Whether the run since the last accepted start has ended."""
        return bool(self._read("done"))

    @property
    def loaded(self) -> bool:
        return bool(self._read("loaded"))

    @property
    def error(self) -> int:
        return self._read("error")

    @property
    def cycles(self) -> int:
        """The engine's own count of this run's or the last one's cycles."""
        return self._read("cycles")

    @property
    def identification(self) -> int:
        return self._read("identification")

    def _read(self, state: str) -> int:
        return int(self._library.eyrie_read(self._context, _STATES.index(state)))

    def _checked(self, result: int, **values: int) -> int:
        if result < 0:
            raise SimulationError(_FAILURES[result].format(**values))
        return result


def _open(path: Path) -> ctypes.CDLL:
    library = ctypes.CDLL(str(path))
    pointer, integer, long = ctypes.c_void_p, ctypes.c_int, ctypes.c_int64
    for name, result, arguments in (
        ("create", pointer, [ctypes.c_int32]),
        ("destroy", None, [pointer]),
        ("stalls", None, [pointer, integer, integer, ctypes.c_uint32, ctypes.c_uint64]),
        ("reset", long, [pointer, long]),
        ("wait", long, [pointer, long]),
        ("load", long, [pointer, pointer, long, long]),
        ("start", long, [pointer, long]),
        ("exchange", long, [pointer, pointer, long, pointer, long, integer, long]),
        ("read", ctypes.c_uint64, [pointer, integer]),
    ):
        function = getattr(library, f"eyrie_{name}")
        function.restype, function.argtypes = result, arguments
    return library
