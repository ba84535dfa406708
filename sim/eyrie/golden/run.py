"""One run of the engine's program, step by step."""

from collections.abc import Callable
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

OnBroadcast = Callable[[int, IntArray, IntArray], None]


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

    Parameters
    ----------
    engine : LoadedEngine
    n_samples : int
    on_broadcast : callable, optional
        Told of every broadcast: index of the step, activations by slot, int64 (samples, slots), and entries that each
        slot's column has on each PE, int64 (columns, n_pes), from slot 0 at least to the last that is not zero. Groups
        that work apart are told of one by one, those that have an activation, with their own slots and PEs alone.

    Attributes
    ----------
    counts : Counts
        Work done so far.
    """

    def __init__(self, engine: LoadedEngine, n_samples: int, on_broadcast: OnBroadcast | None = None) -> None:
        self.engine = engine
        self.counts = Counts()
        self._on_broadcast = on_broadcast
        self._n_samples = n_samples
        self._next = 0
        self._input = self._empty()
        self._output = self._empty()
        self._source: IntArray | None = None
        self._destination: IntArray | None = None
        self._accumulators = self._empty()  # row r of PE k at r * n_pes + k; rows beyond are undefined
        self._n_summed = 0  # rows to which products were added that no drain has taken
        self._apart: bool | None = None  # how these were split; None while there are none
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
        if self._n_summed:
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
            if step.bias_rows:
                self._set_biases(step)
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
        if self._apart not in (None, step.apart):
            raise InputError("groups work apart for some of the sums of a drain, and together for others")
        self._apart = step.apart
        if not step.apart:
            self._broadcast_to(index, self._source, range(self.engine.config.n_pes))
            return
        size = self.engine.config.group_pes
        for first in range(0, self.engine.config.n_pes, size):
            pes = range(first, first + size)
            self._broadcast_to(index, self._slots_of(pes), pes)

    def _slots_of(self, pes: range) -> IntArray:
        """The source bank's activations on the PEs of a group, by the group's own slots."""
        if self._source is None:
            return self._empty()
        n_pes = self.engine.config.n_pes
        whole = np.pad(self._source, ((0, 0), (0, -self._source.shape[1] % n_pes)))
        return whole.reshape(self._n_samples, -1, n_pes)[:, :, pes.start : pes.stop].reshape(self._n_samples, -1)

    def _broadcast_to(self, index: int, source: IntArray, pes: range) -> None:
        nonzero = np.count_nonzero(source, axis=0)
        n_columns = int(np.max(np.flatnonzero(nonzero), initial=-1)) + 1
        if not n_columns:
            return
        slices = self.engine.slices(index, self._codebook, n_columns, pes)
        if self._on_broadcast is not None:
            self._on_broadcast(index, source, slices.n_entries)
        reached = int(slices.n_rows[:n_columns][nonzero[:n_columns] > 0].max(initial=0))
        if reached > self._n_defined:
            raise InputError(f"adds to row {reached - 1}, but only {self._n_defined} rows have a bias")
        self._n_summed = max(self._n_summed, reached)
        activations = np.zeros((self._n_samples, len(slices.weight)), np.int64)
        activations[:, :n_columns] = source[:, :n_columns]
        config = self.engine.config
        sums = self._accumulators.reshape(self._n_samples, self._n_defined, config.n_pes)
        products = slices.products(activations)[:, : reached * len(pes)]
        sums[:, :reached, pes.start : pes.stop] += products.reshape(self._n_samples, reached, len(pes))
        self._accumulators = sign_extended(sums, config.accumulator_width).reshape(self._accumulators.shape)
        self.counts.activations += int(nonzero.sum())
        self.counts.entries += int(nonzero[:n_columns] @ slices.n_entries[:n_columns].sum(axis=1))
        self.counts.multiplies += int(nonzero[:n_columns] @ slices.n_multiplies[:n_columns])

    def _drain(self, step: Step) -> None:
        config = self.engine.config
        if step.n_rows > config.accumulator_depth:
            raise InputError(f"drains {step.n_rows} rows of {config.accumulator_depth}")
        if step.n_rows > self._n_defined:
            raise InputError(f"drains {step.n_rows} rows, but only {self._n_defined} have a bias")
        if self._apart not in (None, step.apart):
            raise InputError("drains otherwise than its sums were split over the groups of PEs")
        n_partners = config.column_groups if step.apart else 1
        self._require_local("drain", step.local_base - (-step.n_rows // n_partners))
        multiplier, shift = self._scales(step)
        shape = (self._n_samples, step.n_rows, n_partners, config.n_pes // n_partners)
        sums = self._accumulators[:, : step.n_rows * config.n_pes].reshape(shape).sum(axis=2)
        drained = requantise(
            sign_extended(sums, config.accumulator_width).reshape(self._n_samples, multiplier.size),
            multiplier,
            shift,
            relu=step.relu,
            activation_width=config.activation_width,
        )
        self._accumulators = self._empty()
        if step.n_rows >= self._n_summed:
            self._n_summed = 0
            self._apart = None
        begin = step.local_base * config.n_pes
        kept = self._empty() if step.open else self._destination
        if kept is None:
            raise InputError("drains into a bank that was never opened")
        if kept.shape[1] > begin:
            raise InputError(f"drains to local index {step.local_base}, where the bank holds activations already")
        gap = np.zeros((self._n_samples, begin - kept.shape[1]), np.int64)
        self._destination = np.concatenate([kept, gap, drained], axis=1)

    def _scales(self, step: Step) -> tuple[IntArray, IntArray]:
        """Multipliers and shifts of a drain, int64 (slots that it writes,) each."""
        config = self.engine.config
        n_slots = step.n_rows * (config.group_pes if step.apart else config.n_pes)
        if not step.scaled:
            try:
                config.require_plain_shift(step.shift)
            except ValueError as error:
                raise InputError(str(error)) from error
            return np.ones(n_slots, np.int64), np.full(n_slots, step.shift)
        if not config.multipliers:
            raise InputError("scales rows, for which the configuration has no multipliers")
        words = self._table_words(step.scale_base, step.n_rows)
        if step.apart:
            # Row r takes the scale of the partner in group r % column_groups.
            rows = np.arange(step.n_rows)
            of_partners = words.reshape(step.n_rows, config.column_groups, config.group_pes)
            words = of_partners[rows, rows % config.column_groups].ravel()
        multiplier = words & config.max_multiplier
        if not multiplier.all():
            raise InputError("a multiplier is 0")
        return multiplier, words >> config.multiplier_width & config.max_shift

    def _set_biases(self, step: Step) -> None:
        config = self.engine.config
        if step.bias_rows > config.accumulator_depth:
            raise InputError(f"sets {step.bias_rows} accumulators of {config.accumulator_depth}")
        biases = sign_extended(self._table_words(step.bias_base, step.bias_rows), config.accumulator_width)
        others = self._accumulators[:, len(biases) :]
        self._accumulators = np.concatenate([np.tile(biases, (self._n_samples, 1)), others], axis=1)

    def _table_words(self, base: int, n_rows: int) -> IntArray:
        """Words of the table for rows 0 to ``n_rows - 1``, int64 (n_rows * n_pes,), as accumulators lie."""
        return self.engine.memories.read(Memory.TABLE, base, base + n_rows).T.ravel()

    @property
    def _n_defined(self) -> int:
        """Rows whose accumulators were set to a bias."""
        return self._accumulators.shape[1] // self.engine.config.n_pes

    def _emit(self, step: Step) -> None:
        config = self.engine.config
        begin = step.local_base * config.n_pes
        end = begin + step.emit_count
        if self._destination is None or self._destination.shape[1] < end:
            raise InputError(f"emits slot {end - 1}, which nothing was written to")
        self._output = np.concatenate([self._output, self._destination[:, begin:end]], axis=1)

    def _require_local(self, what: str, end: int) -> None:
        depth = self.engine.config.activation_depth
        if end > depth:
            raise InputError(f"{what} reaches local index {end - 1} of {depth}")
