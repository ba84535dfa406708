"""Checks a compiled network as a whole: the program against memories, schedule and configuration.

What passes here runs without breaking a promise of `eyrie.eie.program.Step`.
"""

from collections.abc import Sequence

import numpy as np

from eyrie.compile.compiled import CompiledNetwork
from eyrie.compile.schedule import Send
from eyrie.compress.sparse_columns import SparseColumns
from eyrie.eie.config import EieConfig
from eyrie.eie.program import STEP_WORDS, Step
from eyrie.errors import InputError


def verify_compiled(compiled: CompiledNetwork) -> None:
    """Walk through the program once.

    Raises
    ------
    InputError
        Naming the step and what is wrong with it.
    """
    _require_idle_rows(compiled)
    steps = _unpack_steps(compiled.program.tolist())
    moved: list[tuple[str, int]] = []
    walk = _Walk(compiled, steps)
    for number, step in enumerate(steps):
        try:
            walk.take(step)
        except InputError as error:
            raise InputError(f"step {number} of the program: {error}") from error
        moved += [("load", step.count)] * step.load + [("emit", step.emit_count)] * step.emit
    if walk.tables:
        raise InputError("the program ends with sums that it does not drain")
    scheduled = [
        ("load" if isinstance(transfer, Send) else "emit", transfer.count) for transfer in compiled.schedule.transfers
    ]
    if moved != scheduled:
        raise InputError("the program and the host schedule differ in what they transfer")


def _require_idle_rows(compiled: CompiledNetwork) -> None:
    """Rows without work must come out as zero, so that no activation appears where a table has no column."""
    idle = []
    for layer in compiled.layers:
        slots = np.ones(-(-layer.n_slots // compiled.config.n_pes) * compiled.config.n_pes, bool)
        slots[np.array(layer.slot_of_row)] = False
        idle.append(slots.reshape(-1, compiled.config.n_pes).T)
    mask = np.concatenate(idle, axis=1)
    if mask.shape != compiled.bias.shape:
        raise InputError(f"the layers have {mask.shape[1]} rows a PE, the bias memory {compiled.bias.shape[1]}")
    if compiled.bias[mask].any():
        raise InputError("a row without work has a bias")


def _unpack_steps(words: Sequence[int]) -> tuple[Step, ...]:
    steps: list[Step] = []
    while not (steps and steps[-1].last):
        begin = STEP_WORDS * len(steps)
        try:
            steps.append(Step.unpack(words[begin : begin + STEP_WORDS]))
        except ValueError as error:
            raise InputError(f"step {len(steps)} of the program: {error}") from error
    return tuple(steps)


class _Walk:
    """State between steps: what the banks hold, which codebook is there, and the tables that wait for a drain."""

    def __init__(self, compiled: CompiledNetwork, steps: Sequence[Step]) -> None:
        self.compiled = compiled
        self.config: EieConfig = compiled.config
        self.codebooks_begin = STEP_WORDS * len(steps)
        n_columns = compiled.pointers.shape[1] - 1
        bases = sorted({step.column_base for step in steps if step.broadcast})
        self.n_columns = dict(zip(bases, np.diff([*bases, n_columns]).tolist(), strict=True))
        self.codebook_count = 0
        self.source: int | None = None  # slots; None if its contents are unknown
        self.destination: int | None = None  # local indices, likewise
        self.tables: list[tuple[int, int]] = []  # first column, codebook entries

    def take(self, step: Step) -> None:
        """Check one step and go on."""
        if step.codebook_count:
            self._codebook(step)
        if step.load:
            self._require("loads local index", -(-step.count // self.config.n_pes), self.config.activation_depth)
            self.source, self.destination = step.count, None
        if step.broadcast:
            self._broadcast(step)
        if step.drain:
            self._drain(step)
        if step.emit:
            end = step.local_base + -(-step.emit_count // self.config.n_pes)
            if self.destination is None or end > self.destination:
                raise InputError(f"it emits {step.emit_count} activations, more than there are")
        if step.swap:
            self.source = None if self.destination is None else self.destination * self.config.n_pes
            self.destination = None

    def _codebook(self, step: Step) -> None:
        begin, end = step.codebook_base, step.codebook_base + step.codebook_count
        self._require("copies codebook entry", step.codebook_count, self.config.codebook_size)
        self._require("copies program word", end, len(self.compiled.program))
        if begin < self.codebooks_begin:
            raise InputError(f"it copies a codebook from address {begin}, among the steps")
        words = self.compiled.program[begin:end]
        entries = (words ^ 0x80000000) - 0x80000000
        low, high = self.config.weight_range
        if entries[0] or entries.min() < low or entries.max() > high:
            raise InputError(f"its codebook must start with 0 and lie in {low} to {high}")
        self.codebook_count = step.codebook_count

    def _broadcast(self, step: Step) -> None:
        if self.source is None:
            raise InputError("it broadcasts a bank that nothing was written to")
        n_columns = self.n_columns[step.column_base]
        # What was drained fills whole rows of PEs, of which a table need not have the last slots.
        surplus = self.source - n_columns
        if n_columns < 1 or not 0 <= surplus < (1 if step.load else self.config.n_pes):
            raise InputError(f"it sends {self.source} activations to a table of {n_columns} columns")
        self.tables.append((step.column_base, self.codebook_count))

    def _drain(self, step: Step) -> None:
        self._require("drains row", step.n_rows, self.config.accumulator_depth)
        self._require("drains to local index", step.local_base + step.n_rows, self.config.activation_depth)
        self._require("reads bias", step.row_base + step.n_rows, self.compiled.bias.shape[1])
        if step.open:
            self.destination = 0
        if self.destination is None:
            raise InputError("it drains into a bank that was not opened")
        if step.local_base != self.destination:
            raise InputError(f"it drains to local index {step.local_base} after {self.destination}")
        self.destination += step.n_rows
        for column_base, codebook_count in self.tables:
            self._check_slices(column_base, codebook_count, step.n_rows)
        self.tables.clear()

    def _check_slices(self, column_base: int, codebook_count: int, n_rows: int) -> None:
        n_columns = self.n_columns[column_base]
        own = self.compiled.pointers[:, column_base : column_base + n_columns + 1]
        for pe, pointers in enumerate(own):
            words = self.compiled.entries[pe][pointers[0] : pointers[-1]]
            codes = (words & self.config.codebook_size - 1).astype(np.uint8)
            part = SparseColumns(
                n_rows=n_rows,
                n_columns=n_columns,
                index_bits=self.config.index_bits,
                pointers=pointers - pointers[0],
                codes=codes,
                runs=(words >> self.config.codebook_bits).astype(np.uint8),
            )
            try:
                part.validate()
                self._require("has code", int(codes.max(initial=0)) + 1, codebook_count)
            except InputError as error:
                raise InputError(f"on PE {pe}, columns from {column_base}: {error}") from error

    def _require(self, what: str, end: int, limit: int) -> None:
        if end > limit:
            raise InputError(f"it {what} {end - 1} of {limit}")
