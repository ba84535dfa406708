"""Geometry of an EIE engine: the one object that hardware, golden model and compiler share.

Nothing here imports Amaranth. The terms are those of EIE (Han et al., ISCA 2016), section IV.
"""

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

from eyrie.common.geometry import address_width, require_integers

FORMAT_VERSION = 2
"""Version of the program, load-stream and image formats; part of the configuration's hash."""

_RANGES = {
    "n_pes": (1, 256),
    "queue_depth": (1, 1024),
    "activation_width": (8, 16),
    "weight_width": (8, 16),
    "codebook_bits": (1, 8),
    "index_bits": (1, 8),
    "count_bits": (1, 10),
    "accumulator_width": (24, 48),
    "entry_depth": (2, 1 << 20),
    "table_depth": (2, 1 << 16),
    "activation_depth": (1, 1 << 12),
    "accumulator_depth": (1, 1 << 12),
    "program_depth": (16, 1 << 14),
    "column_groups": (1, 4),
}

_FLAGS = ("skip_empty", "multipliers", "lut_ram")

MemoryKind = Literal["block", "single_port"]
"""A memory that is written at one address while it is read at another, or one with a single address for both."""

_CHOICES: dict[str, tuple[str, ...]] = {name: get_args(MemoryKind) for name in ("entry_memory", "program_memory")}

_LATER: dict[str, Any] = {"column_groups": 1, "entry_memory": "block", "program_memory": "block"}
"""Fields that came after the format was fixed, with their defaults, at which JSON leaves them out: an engine that does
without them keeps its hash, and with it what was compiled, synthesised or routed for it."""

QUAD = 4
"""Columns whose slices one word of the table describes."""


@dataclass(frozen=True, kw_only=True)
class EieConfig:
    """Geometry of an EIE engine.

    All depths are per PE unless they say otherwise; a deeper memory changes nothing but its size.

    Parameters
    ----------
    n_pes : int
        Processing elements, 1 to 256, any number.
    queue_depth : int
        Slices that wait in a PE's queue, behind the one at its head, when it stops the broadcast (8 activations in the
        paper).
    activation_width : int
        Bits of a signed activation, 8 to 16.
    weight_width : int
        Bits of a signed codebook entry, 8 to 16; also one more than the bits of a requantisation multiplier.
    codebook_bits : int
        Bits of a code: the codebook holds ``2 ** codebook_bits`` entries, entry 0 is zero.
    index_bits : int
        Bits of the zero run that precedes an entry.
    count_bits : int
        Bits of a slice's number of entries: a column has at most ``2 ** count_bits - 1`` of them on one PE.
    accumulator_width : int
        Bits of a signed accumulator, 24 to 48.
    entry_depth : int
        Sparse-matrix entries.
    table_depth : int
        Words of the table: one for four columns of a layer and pass, one for each bias, one for each scale.
    activation_depth : int
        Non-zero activations in each of the two banks; a vector of up to ``n_pes * activation_depth`` fits.
    accumulator_depth : int
        Rows that one pass computes.
    program_depth : int
        32-bit words of the central program memory: steps and codebooks of all layers.
    skip_empty : bool
        Slices without entries never reach the queue. Otherwise each takes a cycle of the multiplier, as in the paper.
    multipliers : bool
        Rows can have requantisation multipliers, and layers any shift. Otherwise every layer is requantised by a shift
        that is a multiple of `shift_unit`, and PEs are smaller.
    lut_ram : bool
        The target has memories that are read without a clock (distributed RAM). Otherwise accumulators lie in block
        RAM, behind two bypasses. Makes no difference to results or cycles.
    column_groups : int
        Groups of neighbouring PEs, 1, 2 or 4 that divide `n_pes` evenly, each with a broadcast of its own: a layer may
        split its columns over them, see `eyrie.eie.program.Step`. With 1, the default, there is one broadcast, and JSON
        and hash are those of an engine without this field: what was compiled, synthesised or routed for it stays valid.
    """

    n_pes: int = 16
    queue_depth: int = 8
    activation_width: int = 16
    weight_width: int = 16
    codebook_bits: int = 4
    index_bits: int = 4
    count_bits: int = 6
    accumulator_width: int = 32
    entry_depth: int = 4096
    table_depth: int = 1024
    activation_depth: int = 64
    accumulator_depth: int = 64
    program_depth: int = 256
    skip_empty: bool = True
    multipliers: bool = True
    lut_ram: bool = True
    column_groups: int = 1
    entry_memory: MemoryKind = "block"
    program_memory: MemoryKind = "block"

    def __post_init__(self) -> None:
        require_integers(self, _RANGES)
        if self.column_groups == 3 or self.n_pes % self.column_groups:
            raise ValueError(
                f"column_groups must be 1, 2 or 4 and divide {self.n_pes} PEs evenly, not be {self.column_groups}"
            )
        for name in _FLAGS:
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} must be true or false, not {getattr(self, name)!r}")
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} must be {' or '.join(map(repr, choices))}, not {getattr(self, name)!r}")

    # Widths that follow.

    @property
    def entry_width(self) -> int:
        """Bits of a sparse-matrix entry: code and zero run."""
        return self.codebook_bits + self.index_bits

    @property
    def codebook_size(self) -> int:
        """Entries of a codebook, the zero included."""
        return 1 << self.codebook_bits

    @property
    def max_run(self) -> int:
        """Longest zero run that one entry can express."""
        return (1 << self.index_bits) - 1

    @property
    def max_count(self) -> int:
        """Most entries of one column on one PE."""
        return (1 << self.count_bits) - 1

    @property
    def entry_address_width(self) -> int:
        """Bits of an address into the sparse-matrix memory."""
        return address_width(self.entry_depth)

    @property
    def quad_width(self) -> int:
        """Bits that four columns take in the table: an address and four counts."""
        return self.entry_address_width + QUAD * self.count_bits

    @property
    def table_width(self) -> int:
        """Bits of a word of the table."""
        return max(self.quad_width, self.accumulator_width, self.scale_width)

    @property
    def table_address_width(self) -> int:
        """Bits of an address into the table."""
        return address_width(self.table_depth)

    @property
    def column_width(self) -> int:
        """Bits of a column's number: the address of its word in the table, and its place of four."""
        return self.table_address_width + 2

    @property
    def local_width(self) -> int:
        """Bits of an activation's index within its PE."""
        return address_width(self.activation_depth)

    @property
    def pe_width(self) -> int:
        """Bits of a PE number; 0 for a single PE."""
        return (self.n_pes - 1).bit_length()

    @property
    def group_pes(self) -> int:
        """PEs of one group."""
        return self.n_pes // self.column_groups

    @property
    def row_width(self) -> int:
        """Bits of an address into the accumulators."""
        return address_width(self.accumulator_depth)

    @property
    def multiplier_width(self) -> int:
        """Bits of a requantisation multiplier, which is unsigned and not zero."""
        return self.weight_width - 1

    @property
    def shift_width(self) -> int:
        """Bits of a requantisation shift."""
        return 6

    @property
    def scale_width(self) -> int:
        """Bits of a scale word: multiplier below, shift above."""
        return self.multiplier_width + self.shift_width

    @property
    def chunk_width(self) -> int:
        """Bits of an accumulator that one pass through the multiplier takes when a layer is requantised."""
        return self.activation_width - 1

    @property
    def n_chunks(self) -> int:
        """Passes through the multiplier that one row takes when its layer is requantised with multipliers."""
        return -(-self.accumulator_width // self.chunk_width)

    @property
    def activation_range(self) -> tuple[int, int]:
        """Lowest and highest activation."""
        return -(1 << self.activation_width - 1), (1 << self.activation_width - 1) - 1

    @property
    def weight_range(self) -> tuple[int, int]:
        """Lowest and highest codebook entry."""
        return -(1 << self.weight_width - 1), (1 << self.weight_width - 1) - 1

    @property
    def accumulator_range(self) -> tuple[int, int]:
        """Lowest and highest accumulator."""
        return -(1 << self.accumulator_width - 1), (1 << self.accumulator_width - 1) - 1

    @property
    def max_multiplier(self) -> int:
        """Largest requantisation multiplier."""
        return (1 << self.multiplier_width) - 1

    @property
    def max_shift(self) -> int:
        """Largest requantisation shift."""
        return (1 << self.shift_width) - 1

    @property
    def shift_unit_bits(self) -> int:
        """Logarithm of `shift_unit`."""
        return 0 if self.multipliers else 2

    @property
    def shift_unit(self) -> int:
        """What every shift of a layer without multipliers is a multiple of."""
        return 1 << self.shift_unit_bits

    @property
    def plain_shift_width(self) -> int:
        """Bits of the shift of a layer without multipliers; those below `shift_unit_bits` are 0."""
        return self.shift_width if self.multipliers else (self.accumulator_width - 1).bit_length()

    @property
    def max_plain_shift(self) -> int:
        """Largest shift of a layer without multipliers."""
        return (1 << self.plain_shift_width) - self.shift_unit

    def require_plain_shift(self, shift: int) -> None:
        """Check the shift of a layer without multipliers.

        Raises
        ------
        ValueError
            If the engine does not have it.
        """
        if shift % self.shift_unit or not 0 <= shift <= self.max_plain_shift:
            raise ValueError(f"shift must be 0 to {self.max_plain_shift} in steps of {self.shift_unit}, not {shift}")

    # JSON and identity.

    def as_json(self) -> str:
        """Canonical JSON: the same configuration gives the same text."""
        fields = dataclasses.asdict(self)
        fields = {name: value for name, value in fields.items() if name not in _LATER or value != _LATER[name]}
        return json.dumps({"format": FORMAT_VERSION, "engine": "eie", **fields}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read what `as_json` wrote.

        Raises
        ------
        ValueError
            If the text is not such JSON, has another version, or holds a value out of range.
        """
        try:
            fields: Any = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"configuration is not JSON: {error}") from error
        if not isinstance(fields, dict):
            raise ValueError("configuration is not a JSON object")
        version, engine = fields.pop("format", None), fields.pop("engine", None)
        if version != FORMAT_VERSION:
            raise ValueError(f"configuration has format {version!r}, expected {FORMAT_VERSION}")
        if engine != "eie":
            raise ValueError(f"configuration is of engine {engine!r}, expected 'eie'")
        names = {field.name for field in dataclasses.fields(cls)}
        odd = sorted((fields.keys() ^ names) - _LATER.keys())
        if odd:
            raise ValueError(f"configuration has unknown or missing fields: {', '.join(odd)}")
        return cls(**fields)

    @property
    def hash(self) -> int:
        """64-bit identity: the first eight bytes of the SHA-256 of the canonical JSON, big-endian."""
        return int.from_bytes(hashlib.sha256(self.as_json().encode()).digest()[:8], "big")


TINY = EieConfig(
    n_pes=4,
    queue_depth=4,
    entry_depth=512,
    table_depth=192,
    activation_depth=16,
    accumulator_depth=16,
    program_depth=128,
)
"""Four PEs with small memories, for tests."""

PAPER = EieConfig(
    n_pes=64,
    queue_depth=8,
    entry_depth=1 << 17,
    table_depth=(1 << 12) + 1024,
    count_bits=7,
    activation_depth=64,
    accumulator_depth=64,
    program_depth=1024,
)
"""The memories of the paper's PE: 131,072 entries, 16,384 columns, two banks of 64 activations (tables I and II)."""
