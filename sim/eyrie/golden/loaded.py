"""What a load stream amounts to: steps, and the matrices that they meet."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from eyrie.eie.config import EieConfig
from eyrie.eie.load_format import Memory, Packet
from eyrie.eie.program import STEP_WORDS, Step
from eyrie.errors import InputError
from eyrie.golden.memories import Memories
from eyrie.golden.slices import SliceMatrix

IntArray = npt.NDArray[np.int64]


class LoadedEngine:
    """Memories, steps, and matrices that were decoded already.

    Parameters
    ----------
    config : EieConfig
    packets : iterable of Packet

    Raises
    ------
    InputError
        If a packet leaves its memory, or the program is no sequence of steps of which one is the last.
    """

    def __init__(self, config: EieConfig, packets: Iterable[Packet]) -> None:
        self.config = config
        self.memories = Memories.from_packets(config, packets)
        self.steps = self._steps()
        self._slices: dict[tuple[int, range], SliceMatrix] = {}

    def slices(self, index: int, codebook: IntArray, n_columns: int, pes: range) -> SliceMatrix:
        """The matrix that step ``index`` meets on some PEs, at least its first ``n_columns`` columns; decoded once.

        A step finds the same codebook in every run, because the program starts with the copy of one.
        """
        cached = self._slices.get((index, pes))
        if cached is None or len(cached.weight) < n_columns:
            step = self.steps[index]
            cached = SliceMatrix.decode(self.config, self.memories, codebook, step.column_base, n_columns, pes)
            self._slices[index, pes] = cached
        return cached

    def _steps(self) -> tuple[Step, ...]:
        steps: list[Step] = []
        while not (steps and steps[-1].last):
            address = STEP_WORDS * len(steps)
            words = self.memories.read(Memory.PROGRAM, address, address + STEP_WORDS)[0].tolist()
            try:
                steps.append(Step.unpack(words))
            except ValueError as error:
                raise InputError(f"step {len(steps)} of the program: {error}") from error
            if steps[-1].apart and self.config.column_groups == 1:
                raise InputError(f"step {len(steps) - 1} of the program: groups work apart, but there is only one")
        return tuple(steps)
