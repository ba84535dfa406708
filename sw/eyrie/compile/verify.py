"""Checks a compiled network as a whole: memories against the configuration, the program against memories and schedule.

What passes here runs without breaking a promise of `eyrie.eie.program.Step`.
"""

from collections.abc import Sequence

import numpy as np

from eyrie.compile.compiled import CompiledNetwork
from eyrie.compile.schedule import Send
from eyrie.compress.sparse_columns import SparseColumns
from eyrie.eie.config import QUAD, EieConfig
from eyrie.eie.program import STEP_WORDS, Step
from eyrie.errors import InputError


def verify_compiled(compiled: CompiledNetwork) -> None:
    """Walk through the program once.

    Raises
    ------
    InputError
        Naming what is wrong, and the step if it is one's.
    """
    _require_memories(compiled)
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
    if walk.tiles:
        raise InputError("the program ends with sums that it does not drain")
    scheduled = [
        ("load" if isinstance(transfer, Send) else "emit", transfer.count) for transfer in compiled.schedule.transfers
    ]
    if moved != scheduled:
        raise InputError("the program and the host schedule differ in what they transfer")


def _require_memories(compiled: CompiledNetwork) -> None:
    """Entries, counts and table must fit each other and their memories."""
    config, counts = compiled.config, compiled.counts
    if counts.shape[1] % QUAD:
        raise InputError(f"the table has {counts.shape[1]} columns, no multiple of {QUAD}")
    if counts.max() > config.max_count:
        raise InputError(f"a column has {counts.max()} entries, more than {config.count_bits} bits can count")
    for pe, (counted, own) in enumerate(
        zip(counts.sum(axis=1, dtype=np.int64).tolist(), compiled.entries, strict=True)
    ):
        if counted != len(own):
            raise InputError(f"the columns of PE {pe} have {counted} entries, its entry memory {len(own)}")
    for memory, need in (("entry_depth", max(map(len, compiled.entries))), ("table_depth", compiled.table.n_words)):
        if need > getattr(config, memory):
            raise InputError(f"the network takes {need} words of a memory whose {memory} is {getattr(config, memory)}")


def _require_idle_rows(compiled: CompiledNetwork) -> None:
    """Rows without work must come out as zero, so that no activation appears where a tile has no column."""
    idle = []
    config = compiled.config
    for layer in compiled.layers:
        n_groups, size = (config.column_groups, config.group_pes) if layer.apart else (1, config.n_pes)
        slots = np.ones(-(-layer.n_slots // size) * size, bool)
        slots[np.array(layer.slot_of_row)] = False
        # Of the partners that add up a row, all but one start from 0.
        rows = np.arange(-(-layer.n_slots // size))
        on_pes = np.ones((len(rows), n_groups, size), bool)
        on_pes[rows, rows % n_groups] = slots.reshape(-1, size)
        idle.append(on_pes.reshape(-1, config.n_pes).T)
    mask = np.concatenate(idle, axis=1)
    if mask.shape != compiled.bias.shape:
        raise InputError(f"the layers have {mask.shape[1]} rows a PE, the table {compiled.bias.shape[1]} biases")
    if compiled.bias[mask].any():
        raise InputError("a row without work has a bias, or one that is added up has two")


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
    """State between steps: what banks and accumulators hold, which codebook is there, which tiles wait for a drain."""

    def __init__(self, compiled: CompiledNetwork, steps: Sequence[Step]) -> None:
        self.compiled = compiled
        self.config: EieConfig = compiled.config
        self.codebooks_begin = STEP_WORDS * len(steps)
        self.table = compiled.table
        bases = sorted({step.column_base for step in steps if step.broadcast})
        self.n_columns = dict(zip(bases, np.diff([*bases, self.table.n_columns]).tolist(), strict=True))
        self.pointers = np.pad(np.cumsum(compiled.counts, axis=1, dtype=np.int64), ((0, 0), (1, 0)))
        self.codebook_count = 0
        self.n_biased = 0  # accumulators that were set to a bias
        self.source: int | None = None  # slots; None if its contents are unknown
        self.surplus = 0  # slots at the end of the source that a tile need not have columns for
        self.destination: int | None = None  # local indices, likewise
        self.tiles: list[tuple[int, int]] = []  # first column, codebook entries
        self.apart = False  # how these are split

    def take(self, step: Step) -> None:
        """Check one step and go on."""
        if step.apart and self.config.column_groups == 1:
            raise InputError("its groups work apart, but there is only one")
        if step.codebook_count:
            self._codebook(step)
        if step.load:
            self._require("loads local index", -(-step.count // self.config.n_pes), self.config.activation_depth)
            self.source, self.surplus, self.destination = step.count, 0, None
        if step.broadcast:
            self._broadcast(step)
        if step.drain:
            self._drain(step)
        if step.bias_rows:
            self._set_biases(step)
        if step.emit:
            end = step.local_base + -(-step.emit_count // self.config.n_pes)
            if self.destination is None or end > self.destination:
                raise InputError(f"it emits {step.emit_count} activations, more than there are")
        if step.swap:
            # What was drained fills whole rows of PEs, of which a tile need not have the last slots.
            self.source = None if self.destination is None else self.destination * self.config.n_pes
            self.surplus = self.config.n_pes - 1
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
        if step.column_base % QUAD:
            raise InputError(f"its columns begin at {step.column_base}, no multiple of {QUAD}")
        sent, surplus = self.source, self.surplus
        if step.apart:
            # The first group has the most; of what is beyond whole rows of PEs, as many as it has PEs.
            rows, rest = divmod(self.source, self.config.n_pes)
            sent = rows * self.config.group_pes + min(rest, self.config.group_pes)
            surplus = min(surplus, self.config.group_pes)
        # The last columns may only be there to fill a word.
        if n_columns < 1 or not -QUAD < sent - n_columns <= surplus:
            raise InputError(f"it sends {sent} activations to a tile of {n_columns} columns")
        if self.tiles and self.apart != step.apart:
            raise InputError("its groups work apart and those of the step before together, or the other way round")
        self.apart = step.apart
        self.tiles.append((step.column_base, self.codebook_count))

    def _drain(self, step: Step) -> None:
        self._require("drains row", step.n_rows, self.config.accumulator_depth)
        n_stored = -(-step.n_rows // self.config.column_groups) if step.apart else step.n_rows
        self._require("drains to local index", step.local_base + n_stored, self.config.activation_depth)
        self._require("drains accumulator without bias", step.n_rows, self.n_biased)
        if step.scaled:
            if not self.config.multipliers:
                raise InputError("it scales rows, for which the configuration has no multipliers")
            self._require_words("scale", step.scale_base, step.n_rows, self.table.scale_base, self.table.n_scales)
        else:
            _require_shift(self.config, step.shift)
        self.n_biased = 0
        if step.open:
            self.destination = 0
        if self.destination is None:
            raise InputError("it drains into a bank that was not opened")
        if step.local_base != self.destination:
            raise InputError(f"it drains to local index {step.local_base} after {self.destination}")
        self.destination += n_stored
        if self.tiles and self.apart != step.apart:
            raise InputError("it drains otherwise than its sums were split over the groups of PEs")
        for column_base, codebook_count in self.tiles:
            self._check_slices(column_base, codebook_count, step.n_rows)
        self.tiles.clear()

    def _set_biases(self, step: Step) -> None:
        self._require("sets accumulator", step.bias_rows, self.config.accumulator_depth)
        self._require_words("bias", step.bias_base, step.bias_rows, self.table.bias_base, self.table.n_biases)
        if self.tiles:
            raise InputError("it sets accumulators to biases whose sums no step has drained")
        self.n_biased = max(self.n_biased, step.bias_rows)

    def _check_slices(self, column_base: int, codebook_count: int, n_rows: int) -> None:
        n_columns = self.n_columns[column_base]
        own = self.pointers[:, column_base : column_base + n_columns + 1]
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

    def _require_words(self, what: str, base: int, count: int, first: int, available: int) -> None:
        if not first <= base <= base + count <= first + available:
            raise InputError(
                f"it reads a {what} from words {base} to {base + count - 1} of the table; {available} lie there, from "
                f"{first} on"
            )


def _require_shift(config: EieConfig, shift: int) -> None:
    try:
        config.require_plain_shift(shift)
    except ValueError as error:
        raise InputError(f"its {error}") from error
