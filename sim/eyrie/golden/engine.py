"""The engine's values: what its program computes on what was loaded, bit for bit, for many samples at once.

Everything comes from the packets of a load stream. The compiler's own structures are not known here, so that compiler
and golden model cannot share a mistake about what lies in a memory.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from eyrie.eie.config import EieConfig
from eyrie.eie.load_format import Packet
from eyrie.eie.program import Step
from eyrie.golden.loaded import LoadedEngine
from eyrie.golden.run import EngineRun, OnBroadcast

IntArray = npt.NDArray[np.int64]


class EngineModel:
    """A loaded engine.

    Parameters
    ----------
    config : EieConfig
        Geometry.
    packets : iterable of Packet
        What the load stream holds.

    Raises
    ------
    InputError
        If a packet leaves its memory, or the program is no sequence of steps of which one is the last.
    """

    def __init__(self, config: EieConfig, packets: Iterable[Packet]) -> None:
        self._engine = LoadedEngine(config, packets)

    @property
    def config(self) -> EieConfig:
        """Geometry."""
        return self._engine.config

    @property
    def steps(self) -> tuple[Step, ...]:
        """The program."""
        return self._engine.steps

    def start(self, n_samples: int, on_broadcast: OnBroadcast | None = None) -> EngineRun:
        """Start the program for this many samples, which run side by side and know nothing of each other.

        Every broadcast is told to ``on_broadcast``, see `eyrie.golden.run.EngineRun`.
        """
        return EngineRun(self._engine, n_samples, on_broadcast)

    def run(self, i: IntArray) -> IntArray:
        """Run the program once on a whole input stream.

        Parameters
        ----------
        i : int64 (samples, n_in)
            All activations that the input stream brings to a sample, in order.

        Returns
        -------
        int64 (samples, n_out)
            All activations that the output stream takes away.

        Raises
        ------
        InputError
            If the program breaks its contract, or wants more or fewer inputs.
        """
        n_out = sum(step.emit_count for step in self.steps)
        run = self.start(len(i))
        o = run.exchange(i, n_out)
        run.finish()
        return o
