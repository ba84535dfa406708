"""The engine's program: what the central control executes, step after step, without the host.

One table of fields serves both sides: `Step.pack` on the side of the compiler, `FIELDS` for the hardware's fetch.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

STEP_WORDS = 7
"""32-bit words of a step in the program memory."""

FIELDS = {
    # name: (word, lowest bit, width)
    "load": (0, 0, 1),
    "broadcast": (0, 1, 1),
    "drain": (0, 2, 1),
    "emit": (0, 3, 1),
    "open": (0, 4, 1),
    "swap": (0, 5, 1),
    "relu": (0, 6, 1),
    "scaled": (0, 7, 1),
    "last": (0, 8, 1),
    "shift": (0, 9, 6),
    "apart": (0, 15, 1),
    "codebook_count": (0, 16, 16),
    "count": (1, 0, 32),
    "column_base": (2, 0, 32),
    "scale_base": (3, 0, 16),
    "n_rows": (3, 16, 16),
    "local_base": (4, 0, 16),
    "codebook_base": (4, 16, 16),
    "emit_count": (5, 0, 32),
    "bias_base": (6, 0, 16),
    "bias_rows": (6, 16, 16),
}
"""Where each field of a step lies."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step: at most one batch of activations against the rows of one pass, and what goes before and after.

    A step does these in order, each only if its flag (or count) says so: copy a codebook, `load` a batch from the
    input stream, `broadcast` the source bank over the array, `drain` the accumulators through requantisation into
    the destination bank and set them to the next pass's biases, `emit` the destination bank on the output stream,
    `swap` the banks.

    A *slot* is a position of a vector: slot ``s`` lies in PE ``s % n_pes`` at local index ``s // n_pes``.

    Where the engine has several groups of PEs (`EieConfig.column_groups`), they can work `apart`: each multiplies the
    columns of its own slots. Partners, which have the same place in their groups, then hold partial sums of the same
    rows.

    Parameters
    ----------
    load : bool
        Take ``count`` activations from the input stream into slots 0, 1, 2 ... of the destination bank (emptied
        first), then make it the source bank.
    count : int
        Activations to load.
    broadcast : bool
        Send every non-zero activation of the source bank to all PEs. That in slot ``s`` meets column
        ``column_base + s``, whose slices word ``(column_base + s) // 4`` of the table describes. If groups work
        `apart`, it is sent to the PEs of its own group alone, and meets column ``column_base + c``, with ``c`` its
        place among the group's slots: ``s // n_pes * group_pes + s % group_pes``.
    column_base : int
        Number of slot 0's column.
    drain : bool
        Requantise accumulators 0 to ``n_rows - 1`` of every PE into the destination bank. Row ``r`` becomes the
        activation at local index ``local_base + r``. Without it the accumulators stand, for the next batch.
    n_rows, local_base : int
        See `drain`.
    apart : bool
        The columns of this step are split over the groups, and so are those of all steps since the drain before. A
        drain adds the partial sums of row ``r``; the partner in group ``r % column_groups`` alone takes the result, as
        the activation at local index ``local_base + r // column_groups``, and its scale. Only with several groups.
    scaled : bool
        Row ``r`` takes multiplier and shift from word ``scale_base + r`` of the table; otherwise every multiplier of
        the step is 1, every shift is `shift`, and the drain is faster.
    scale_base, shift : int
        See `scaled`.
    bias_rows, bias_base : int
        Once drained, or at once if the step does not drain, accumulator ``r`` below `bias_rows` takes the bias in
        word ``bias_base + r`` of the table: where the next pass begins. A drain leaves other accumulators undefined.
    relu : bool
        Replace negative activations by zero.
    open : bool
        Empty the destination bank before the drain (the first pass of a layer, or one whose results went out).
    emit : bool
        Send slots 0 to ``emit_count - 1`` of the destination bank, zeros included, to the output stream. Local
        indices count from `local_base`: slot ``s`` is the activation at local index ``local_base + s // n_pes``. A
        bank holds nothing below `local_base` then: where that is not 0, the step must `open` the bank.
    emit_count : int
        Activations to emit.
    swap : bool
        The destination bank becomes the source bank and the other way round.
    codebook_count, codebook_base : int
        Copy this many words of the program memory, from this address, into the PEs' codebooks; 0 keeps what
        is there.
    last : bool
        The program ends with this step.
    """

    load: bool = False
    broadcast: bool = True
    drain: bool = False
    emit: bool = False
    open: bool = False
    swap: bool = False
    relu: bool = False
    apart: bool = False
    scaled: bool = False
    last: bool = False
    codebook_count: int = 0
    count: int = 0
    column_base: int = 0
    shift: int = 0
    scale_base: int = 0
    n_rows: int = 0
    local_base: int = 0
    codebook_base: int = 0
    emit_count: int = 0
    bias_base: int = 0
    bias_rows: int = 0

    def __post_init__(self) -> None:
        for name, (_, _, width) in FIELDS.items():
            value = int(getattr(self, name))
            if not 0 <= value < 1 << width:
                raise ValueError(f"step field {name} must fit {width} bits, not be {value}")
        for flag, needed in (("load", "count"), ("drain", "n_rows"), ("emit", "emit_count")):
            if bool(getattr(self, flag)) != bool(getattr(self, needed)):
                raise ValueError(f"step has {flag}={getattr(self, flag)} with {needed}={getattr(self, needed)}")
        if self.emit and self.local_base and not self.open:
            raise ValueError(f"step emits from local_base={self.local_base} without open")

    def pack(self) -> tuple[int, ...]:
        """The step as `STEP_WORDS` words."""
        words = [0] * STEP_WORDS
        for name, (word, low, _) in FIELDS.items():
            words[word] |= int(getattr(self, name)) << low
        return tuple(words)

    @classmethod
    def unpack(cls, words: Sequence[int]) -> Self:
        """The step that `pack` wrote.

        Raises
        ------
        ValueError
            If there are too few words, a bit that belongs to no field is set, or a flag has no count.
        """
        if len(words) != STEP_WORDS:
            raise ValueError(f"a step has {STEP_WORDS} words, not {len(words)}")
        types = {field.name: field.type for field in dataclasses.fields(cls)}
        values: dict[str, Any] = {
            name: (bool if types[name] is bool else int)(words[word] >> low & (1 << width) - 1)
            for name, (word, low, width) in FIELDS.items()
        }
        step = cls(**values)
        if step.pack() != tuple(words):
            raise ValueError("a step has bits that belong to no field")
        return step
