"""Geometry of an EIE engine: the one object that hardware, golden model and compiler share.

Nothing here imports Amaranth. The terms are those of EIE (Han et al., ISCA 2016), section IV.
"""

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import Any, Self

FORMAT_VERSION = 1
"""Version of the program, load-stream and image formats; part of the configuration's hash."""

_RANGES = {
    "n_pes": (1, 256),
    "queue_depth": (1, 1024),
    "activation_width": (8, 16),
    "weight_width": (8, 16),
    "codebook_bits": (1, 8),
    "index_bits": (1, 8),
    "accumulator_width": (24, 48),
    "entry_depth": (2, 1 << 20),
    "pointer_depth": (2, 1 << 16),
    "activation_depth": (1, 1 << 12),
    "accumulator_depth": (1, 1 << 12),
    "row_depth": (1, 1 << 14),
    "program_depth": (16, 1 << 14),
}


def _address_width(depth: int) -> int:
    """Bits of an address into ``depth`` words, at least one."""
    return max(1, (depth - 1).bit_length())


@dataclass(frozen=True, kw_only=True)
class EieConfig:
    """Geometry of an EIE engine.

    All depths are per PE unless they say otherwise; a deeper memory changes nothing but its size.

    Parameters
    ----------
    n_pes : int
        Processing elements, 1 to 256, any number.
    queue_depth : int
        Activations that a PE's queue holds before it stops the broadcast (8 in the paper).
    activation_width : int
        Bits of a signed activation, 8 to 16.
    weight_width : int
        Bits of a signed codebook entry, 8 to 16; also one more than the bits of a requantisation multiplier.
    codebook_bits : int
        Bits of a code: the codebook holds ``2 ** codebook_bits`` entries, entry 0 is zero.
    index_bits : int
        Bits of the zero run that precedes an entry.
    accumulator_width : int
        Bits of a signed accumulator, 24 to 48.
    entry_depth : int
        Sparse-matrix entries.
    pointer_depth : int
        Column pointers, over all layers and passes, the closing one of each table included.
    activation_depth : int
        Non-zero activations in each of the two banks; a vector of up to ``n_pes * activation_depth`` fits.
    accumulator_depth : int
        Rows that one pass computes.
    row_depth : int
        Rows over all layers: depth of the bias and scale memories.
    program_depth : int
        32-bit words of the central program memory: steps and codebooks of all layers.
    """

    n_pes: int = 16
    queue_depth: int = 8
    activation_width: int = 16
    weight_width: int = 16
    codebook_bits: int = 4
    index_bits: int = 4
    accumulator_width: int = 32
    entry_depth: int = 4096
    pointer_depth: int = 2048
    activation_depth: int = 64
    accumulator_depth: int = 64
    row_depth: int = 128
    program_depth: int = 256

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise ValueError(f"{name} must be an integer from {low} to {high}, not {value!r}")

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
    def pointer_width(self) -> int:
        """Bits of a column pointer, which ranges from 0 to ``entry_depth``."""
        return self.entry_depth.bit_length()

    @property
    def column_width(self) -> int:
        """Bits of an address into the pointer memory."""
        return _address_width(self.pointer_depth)

    @property
    def local_width(self) -> int:
        """Bits of an activation's index within its PE."""
        return _address_width(self.activation_depth)

    @property
    def pe_width(self) -> int:
        """Bits of a PE number; 0 for a single PE."""
        return (self.n_pes - 1).bit_length()

    @property
    def row_width(self) -> int:
        """Bits of an address into the accumulators."""
        return _address_width(self.accumulator_depth)

    @property
    def table_width(self) -> int:
        """Bits of an address into the bias and scale memories."""
        return _address_width(self.row_depth)

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
        return -(-(self.accumulator_width + 1) // self.chunk_width)

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

    # JSON and identity.

    def as_json(self) -> str:
        """Canonical JSON: the same configuration gives the same text."""
        return json.dumps({"format": FORMAT_VERSION, "engine": "eie", **dataclasses.asdict(self)}, sort_keys=True)

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
        if fields.keys() != names:
            odd = sorted(fields.keys() ^ names)
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
    pointer_depth=256,
    activation_depth=16,
    accumulator_depth=16,
    row_depth=64,
    program_depth=128,
)
"""Four PEs with small memories, for tests."""

PAPER = EieConfig(
    n_pes=64,
    queue_depth=8,
    entry_depth=1 << 17,
    pointer_depth=1 << 14,
    activation_depth=64,
    accumulator_depth=64,
    row_depth=1024,
    program_depth=1024,
)
"""The memories of the paper's PE: 131,072 entries, 16,384 pointers, two banks of 64 activations (tables I and II)."""
