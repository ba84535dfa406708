"""One run of the engine's program, step by step."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from eyrie.eie.load_format import Memory
from eyrie.eie.program import Step
from eyrie.errors import InputError
from eyrie.golden.loaded import LoadedEngine
from eyrie.golden.memories import UNWRITTEN, sign_extended
from eyrie.golden.requantise import requantise

IntArray = npt.NDArray[np.int64]


@dataclass(kw_only=True)
class Counts:
    """Work done, over all samples and PEs.

    Parameters
    ----------
    activations : int
        Non-zero activations broadcast.
    entries : int
        Sparse-matrix entries read for them.
    multiplies : int
        Entries that are not fillers.
    """

    activations: int = 0
    entries: int = 0
    multiplies: int = 0

    @property
    def fillers(self) -> int:
        """Entries that only break a long run of zeros."""
        return self.entries - self.multiplies

    def __iadd__(self, other: Self) -> Self:
        self.activations += other.activations
        self.entries += other.entries
        self.multiplies += other.multiplies
        return self


class EngineRun:
    """One run of the program for ``n_samples`` samples side by side; see `eyrie.golden.engine.EngineModel`.

    Attributes
    ----------
    counts : Counts
        Work done so far.
    """

    def __init__(self, engine: LoadedEngine, n_samples: int) -> None:
        self.engine = engine
        self.counts = Counts()
        self._n_samples = n_samples
        self._next = 0
        self._input = self._empty()
        self._output = self._empty()
        self._source: IntArray | None = None
        self._destination: IntArray | None = None
        self._accumulators = self._empty()  # row r of PE k at r * n_pes + k, up to the last row in use
        self._codebook = np.full(engine.config.codebook_size, UNWRITTEN, np.int64)

    def exchange(self, to_send: IntArray, n_receive: int) -> IntArray:
        """Put activations on the input stream and take activations from the output stream.

        Parameters
        ----------
        to_send : int64 (samples, n)
        n_receive : int

        Returns
        -------
        int64 (samples, n_receive)

        Raises
        ------
        InputError
            If an activation is too wide, the program waits for input that is not there or ends before it has
            emitted as many, or a step breaks the contract.
        """
        lowest, highest = self.engine.config.activation_range
        if to_send.ndim != 2 or len(to_send) != self._n_samples:
            raise InputError(f"inputs must be ({self._n_samples}, n), not {to_send.shape}")
        if to_send.size and not lowest <= to_send.min() <= to_send.max() <= highest:
            raise InputError(f"inputs must be {lowest} to {highest}, not {to_send.min()} to {to_send.max()}")
        self._input = np.concatenate([self._input, to_send.astype(np.int64)], axis=1)
        while self._output.shape[1] < n_receive:
            self._execute()
        received, self._output = self._output[:, :n_receive], self._output[:, n_receive:]
        return received

    def finish(self) -> None:
        """Run what is left of the program.

        Raises
        ------
        InputError
            If inputs or outputs are left over, or a sum that no step drained.
        """
        while self._next < len(self.engine.steps):
            self._execute()
        for what, left in (("inputs", self._input.shape[1]), ("outputs", self._output.shape[1])):
            if left:
                raise InputError(f"{left} {what} are left over at the end of the program")
        if self._accumulators.any():
            raise InputError("the program ends with sums that it has not drained")

    def _empty(self) -> IntArray:
        return np.zeros((self._n_samples, 0), np.int64)

    def _execute(self) -> None:
        index = self._next
        if index == len(self.engine.steps):
            raise InputError(f"the program ends after {self._output.shape[1]} more outputs, fewer than asked for")
        step = self.engine.steps[index]
        try:
            if step.codebook_count:
                self._copy_codebook(step)
            if step.load:
                self._load(step)
            if step.broadcast:
                self._broadcast(index, step)
            if step.drain:
                self._drain(step)
            if step.emit:
                self._emit(step)
        except InputError as error:
            raise InputError(f"step {index} of the program: {error}") from error
        if step.swap:
            self._source, self._destination = self._destination, self._source
        self._next += 1

    def _copy_codebook(self, step: Step) -> None:
        config = self.engine.config
        if step.codebook_count > config.codebook_size:
            raise InputError(f"{step.codebook_count} codebook entries, more than {config.codebook_size}")
        end = step.codebook_base + step.codebook_count
        words = self.engine.memories.read(Memory.PROGRAM, step.codebook_base, end)[0]
        self._codebook[: step.codebook_count] = sign_extended(words, config.weight_width)

    def _load(self, step: Step) -> None:
        self._require_local("load", -(-step.count // self.engine.config.n_pes))
        if self._input.shape[1] < step.count:
            raise InputError(f"waits for {step.count} inputs with {self._input.shape[1]} sent")
        self._destination = self._source
        self._source, self._input = self._input[:, : step.count], self._input[:, step.count :]

    def _broadcast(self, index: int, step: Step) -> None:
        if self._source is None:
            raise InputError("broadcasts a bank that nothing was written to")
        nonzero = np.count_nonzero(self._source, axis=0)
        n_columns = int(np.max(np.flatnonzero(nonzero), initial=-1)) + 1
        if not n_columns:
            return
        slices = self.engine.slices(index, self._codebook, n_columns)
        activations = np.zeros((self._n_samples, len(slices.weight)), np.int64)
        activations[:, :n_columns] = self._source[:, :n_columns]
        self._widen(slices.weight.shape[1])
        self._accumulators[:, : slices.weight.shape[1]] += slices.products(activations)
        self._accumulators = sign_extended(self._accumulators, self.engine.config.accumulator_width)
        self.counts.activations += int(nonzero.sum())
        self.counts.entries += int(nonzero[:n_columns] @ slices.n_entries[:n_columns])
        self.counts.multiplies += int(nonzero[:n_columns] @ slices.n_multiplies[:n_columns])

    def _drain(self, step: Step) -> None:
        config, memories = self.engine.config, self.engine.memories
        if step.n_rows > config.accumulator_depth:
            raise InputError(f"drains {step.n_rows} rows of {config.accumulator_depth}")
        self._require_local("drain", step.local_base + step.n_rows)
        bias, scale = (
            memories.read(memory, step.row_base, step.row_base + step.n_rows).T.ravel()
            for memory in (Memory.BIAS, Memory.SCALE)
        )
        n_slots = step.n_rows * config.n_pes
        self._widen(n_slots)
        multiplier = scale & config.max_multiplier if step.scaled else np.ones_like(scale)
        if not multiplier.all():
            raise InputError("a multiplier is 0")
        drained = requantise(
            self._accumulators[:, :n_slots],
            bias,
            multiplier,
            scale >> config.multiplier_width,
            relu=step.relu,
            activation_width=config.activation_width,
        )
        self._accumulators[:, :n_slots] = 0
        begin = step.local_base * config.n_pes
        kept = self._empty() if step.open else self._destination
        if kept is None:
            raise InputError("drains into a bank that was never opened")
        if kept.shape[1] > begin:
            raise InputError(f"drains to local index {step.local_base}, where the bank holds activations already")
        gap = np.zeros((self._n_samples, begin - kept.shape[1]), np.int64)
        self._destination = np.concatenate([kept, gap, drained], axis=1)

    def _emit(self, step: Step) -> None:
        config = self.engine.config
        begin = step.local_base * config.n_pes
        end = begin + step.emit_count
        if self._destination is None or self._destination.shape[1] < end:
            raise InputError(f"emits slot {end - 1}, which nothing was written to")
        self._output = np.concatenate([self._output, self._destination[:, begin:end]], axis=1)

    def _widen(self, n_slots: int) -> None:
        missing = n_slots - self._accumulators.shape[1]
        if missing > 0:
            self._accumulators = np.pad(self._accumulators, ((0, 0), (0, missing)))

    def _require_local(self, what: str, end: int) -> None:
        depth = self.engine.config.activation_depth
        if end > depth:
            raise InputError(f"{what} reaches local index {end - 1} of {depth}")
