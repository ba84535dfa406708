"""The engine in compiled simulation, behind the interface that golden model and boards have too."""

import numpy as np
import numpy.typing as npt

from eyrie.bench.cache import Progress
from eyrie.bench.compiled import build_library
from eyrie.bench.emitted import PE_MODULE, emit_core
from eyrie.bench.simulation import DEFAULT_MAX_CYCLES, STREAMS, CoreSimulation, SimulationError, Stall
from eyrie.common.emit import EmittedVerilog
from eyrie.eie.config import EieConfig
from eyrie.eie.load_format import LoadError
from eyrie.errors import InputError

IntArray = npt.NDArray[np.int64]


class SimulatedEngine:
    """One engine made from its emitted Verilog.

    Building takes from seconds to a few minutes the first time, and nothing to speak of after that.

    Parameters
    ----------
    config : EieConfig
        Geometry.
    emitted : EmittedVerilog, optional
        Its Verilog, where that is not to be emitted here.
    stall : Stall
        When all three streams hold back.
    seed : int
        Of the stalls, and of the values that registers and memories have before they are written.
    progress : callable, optional
        Told what is being done while the engine is built.

    Attributes
    ----------
    max_cycles : int
        Cycles after which an exchange is given up.

    Raises
    ------
    MissingToolError
        If a tool is missing.
    SimulationError
        If the hardware has another identification than the configuration.
    """

    def __init__(
        self,
        config: EieConfig,
        emitted: EmittedVerilog | None = None,
        *,
        stall: Stall = "never",
        seed: int = 1,
        progress: Progress | None = None,
    ) -> None:
        self.config = config
        self.max_cycles = DEFAULT_MAX_CYCLES
        if emitted is None:
            emitted = emit_core(config, progress)
        library = build_library(
            emitted.text,
            top=emitted.top,
            activation_width=config.activation_width,
            not_inlined=(PE_MODULE,) if emitted.modules.get(PE_MODULE, 1) > 1 else (),
            progress=progress,
        )
        self.core = CoreSimulation(library, seed=seed)
        self.set_stalls(stall, seed=seed)
        if self.core.identification != config.hash:
            raise SimulationError(f"the hardware is {self.core.identification:016x}, not {config.hash:016x}")

    def set_stalls(self, stall: Stall, *, seed: int) -> None:
        """Hold back all three streams from now on."""
        for number, stream in enumerate(STREAMS):
            self.core.set_stalls(stream, stall, seed=3 * seed + number)

    def load(self, words: npt.NDArray[np.uint32]) -> None:
        """Load a network.

        Raises
        ------
        InputError
            If the engine refuses it; the message has the name of its `LoadError`.
        """
        self.core.load(words)
        if self.core.error or not self.core.loaded:
            raise InputError(f"the engine refused the load stream: {LoadError(self.core.error).name}")

    def start(self) -> None:
        """Start the program.

        Raises
        ------
        InputError
            If no network is loaded.
        """
        self.core.start()
        if self.core.error:
            raise InputError(f"the engine refused to start: {LoadError(self.core.error).name}")

    def exchange(self, to_send: IntArray, n_receive: int) -> IntArray:
        """Put int64 (n,) on the input stream and take int64 (n_receive,) from the output stream.

        Raises
        ------
        InputError
            If an activation is too wide.
        SimulationError
            If the engine does not take or give as many, or breaks the protocol.
        """
        lowest, highest = self.config.activation_range
        if to_send.ndim != 1:
            raise InputError(f"inputs must be one sample, (n,), not {to_send.shape}")
        if to_send.size and not lowest <= to_send.min() <= to_send.max() <= highest:
            raise InputError(f"inputs must be {lowest} to {highest}, not {to_send.min()} to {to_send.max()}")
        received = self.core.exchange(to_send.astype(np.int32), n_receive, max_cycles=self.max_cycles)
        return received.astype(np.int64)

    def finish(self) -> None:
        """Wait for the end of the program.

        Raises
        ------
        SimulationError
            If it waits for input or offers more output.
        """
        self.core.exchange(np.zeros(0, np.int32), 0, wait_done=True, max_cycles=self.max_cycles)

    def run(self, x: IntArray, n_outputs: int) -> IntArray:
        """Run the program once: all its inputs int64 (n,), all its outputs int64 (n_outputs,)."""
        self.start()
        outputs = self.exchange(x, n_outputs)
        self.finish()
        return outputs

    @property
    def cycles(self) -> int:
        """Cycles of the last run, apart from those that waited for input or emitted output."""
        return self.core.cycles

    @property
    def error(self) -> LoadError:
        """What the engine's error port says."""
        return LoadError(self.core.error)
