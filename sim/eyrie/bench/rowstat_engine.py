"""The row-stationary engine in compiled simulation: tape, filters and an external memory in, memory and cycles out."""

import ctypes
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from eyrie.bench.cache import Progress
from eyrie.bench.compiled import build_rowstat_library
from eyrie.bench.emitted import ROWSTAT_REPEATED, emit_rowstat_core
from eyrie.bench.simulation import STALLS, SimulationError, Stall
from eyrie.cycles.rowstat.model import MAP_LATENCY
from eyrie.rowstat.config import RowstatConfig

Words = npt.NDArray[np.uint64]

Port = Literal["tape", "filters", "map_read_request", "map_read", "map_write"]
"""The engine's streams."""

PORTS: tuple[Port, ...] = get_args(Port)
"""All of `Port`."""

_FAILURES = {
    -1: "the engine was not done within {limit} cycles",
    -2: "an assertion in the hardware failed (see standard error)",
    -3: "the engine withdrew or changed a request or a write that was stalled",
    -4: "the engine addressed words beyond the external memory's {words}",
    -5: "the engine did not start",
    -6: "the engine was done before it had taken all of tape, filters and requested words",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class RowstatRun:
    """What a run left behind.

    Parameters
    ----------
    memory : uint64 (words,)
        The external memory.
    cycles : int
        The engine's own count, from start to done.
    words_read, words_written : int
        64-bit words of feature maps that it read and wrote.
    """

    memory: Words
    cycles: int
    words_read: int
    words_written: int


class SimulatedRowstat:
    """One engine made from its emitted Verilog.

    Building takes from seconds to a few minutes the first time, and nothing to speak of after that. Registers and
    memories without an initial value start at random.

    Parameters
    ----------
    config : RowstatConfig
        Geometry.
    seed : int
        Of those values.
    progress : callable, optional
        Told what is being done while the engine is built.

    Raises
    ------
    MissingToolError
        If a tool is missing.
    SimulationError
        If the hardware has another identification than the configuration.
    """

    def __init__(self, config: RowstatConfig, *, seed: int = 1, progress: Progress | None = None) -> None:
        self.config = config
        emitted = emit_rowstat_core(config, progress)
        repeated = tuple(name for name in ROWSTAT_REPEATED if emitted.modules.get(name, 1) > 1)
        library = build_rowstat_library(emitted.text, top=emitted.top, not_inlined=repeated, progress=progress)
        self._library = _open(library)
        self._context = ctypes.c_void_p(self._library.eyrie_create(seed % (1 << 31) or 1))
        if (identification := self._library.eyrie_identification(self._context)) != config.hash:
            raise SimulationError(f"the hardware is {identification:016x}, not {config.hash:016x}")

    def __del__(self) -> None:
        if context := getattr(self, "_context", None):
            self._library.eyrie_destroy(context)

    def set_stalls(self, stall: Stall, *, seed: int, probability: int = 128) -> None:
        """Hold back all streams from now on; ``probability`` is in 1/256 and for the random pattern."""
        for number in range(len(PORTS)):
            self._library.eyrie_stalls(
                self._context, number, STALLS.index(stall), probability, len(PORTS) * seed + number
            )

    def run(
        self, tape: Words, filters: Words, memory: Words, *, latency: int = MAP_LATENCY, max_cycles: int = 1 << 32
    ) -> RowstatRun:
        """Run a tape to its end.

        Parameters
        ----------
        tape, filters : uint64 (n,)
            Words of the two streams.
        memory : uint64 (n,)
            The external memory; left as it is.
        latency : int
            Cycles from a request to its first word, at least 1.
        max_cycles : int
            Cycles after which it is given up.

        Raises
        ------
        SimulationError
            If the cycles do not suffice, an address lies beyond the memory, a stalled output changes, words are left
            over or an assertion fails.
        """
        tape, filters = (np.ascontiguousarray(words, np.uint64) for words in (tape, filters))
        after = np.array(memory, np.uint64)
        counts = np.zeros(2, np.int64)
        cycles = self._library.eyrie_run(
            *(self._context, tape.ctypes.data, len(tape), filters.ctypes.data, len(filters)),
            *(after.ctypes.data, len(after), latency, max_cycles, counts.ctypes.data),
        )
        if cycles < 0:
            raise SimulationError(_FAILURES[cycles].format(limit=max_cycles, words=len(after)))
        return RowstatRun(memory=after, cycles=cycles, words_read=int(counts[0]), words_written=int(counts[1]))


def _open(path: Path) -> ctypes.CDLL:
    library = ctypes.CDLL(str(path))
    pointer, integer, long = ctypes.c_void_p, ctypes.c_int, ctypes.c_int64
    for name, result, arguments in (
        ("create", pointer, [ctypes.c_int32]),
        ("destroy", None, [pointer]),
        ("stalls", None, [pointer, integer, integer, ctypes.c_uint32, ctypes.c_uint64]),
        ("identification", ctypes.c_uint64, [pointer]),
        ("run", long, [pointer, pointer, long, pointer, long, pointer, long, long, long, pointer]),
    ):
        function = getattr(library, f"eyrie_{name}")
        function.restype, function.argtypes = result, arguments
    return library
