"""Geometry of a row-stationary engine: the one object that hardware, golden model, cycle model and mapper share.

Nothing here imports Amaranth. The terms are those of Eyeriss (Chen et al., JSSC 52(1), 2017), sections III to V.
"""

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import Any, Self

from eyrie.common.geometry import address_width, require_integers

FORMAT_VERSION = 2
"""Version of the commands and of the order of filter words; part of the configuration's hash."""

BUS_WORDS = 4
"""Values in a 64-bit word of the filter bus, the external memory and the global buffer's ifmap bank."""

PAIRS = 3
"""Pairs of a run of zeros and a level in a 64-bit word of a run-length coded map."""

LONGEST_RUN = 31
"""Zeros in front of a pair's level, at most."""

MAX_CODING_LANES = 2
"""Columns that are drained together, at most, where the engine is to write coded maps."""

CODE_WIDTH = 8
"""Bits of a weight's code in the filter stream, eight codes to a word."""

CODEBOOK_READS = 2
"""Codes that a memory with the codebook turns into weights in a cycle."""

_RANGES = {
    "rows": (1, 64),
    "columns": (1, 128),
    "activation_width": (8, 16),
    "weight_width": (8, 16),
    "accumulator_width": (24, 42),
    "ifmap_depth": (2, 256),
    "ifmap_ahead": (0, 256),
    "filter_depth": (2, 4096),
    "filter_columns": (1, 128),
    "psum_depth": (1, 128),
    "ifmap_bank_words": (4, 1 << 16),
    "psum_bank_words": (4, 1 << 16),
    "filter_fifo_words": (2, 1 << 14),
    "max_slots": (1, 63),
    "command_depth": (4, 1024),
    "drain_lanes": (1, 4),
    "codebook_entries": (0, 256),
}


@dataclass(frozen=True, kw_only=True)
class RowstatConfig:
    """Geometry of a row-stationary engine.

    Parameters
    ----------
    rows, columns : int
        PEs; the psums of a column pass through all of its rows.
    activation_width : int
        Bits of a signed activation, 8 to 16.
    weight_width : int
        Bits of a signed weight, 8 to 16; also one more than the bits of a requantisation multiplier.
    accumulator_width : int
        Bits of a signed psum, 24 to 42.
    ifmap_depth : int
        Words of a PE's ifmap scratch pad that windows may take (12 in the paper).
    ifmap_ahead : int
        More words of it, which only values that come ahead of their window take: the FIFO in front of it.
    filter_depth : int
        Words of a PE's filter scratch pad (224 in the paper).
    filter_columns : int
        Neighbouring columns of a row that share a filter scratch pad, 1 in the paper; a divisor of ``columns``. Columns
        with the same pad have the same filters, so column sets consist of whole groups of so many. `as_json` and `hash`
        leave the field out where it is 1: such an engine is the same hardware as before there was a choice, and takes
        the programs that were compiled for it then.
    psum_depth : int
        Words of a PE's psum scratch pad (24 in the paper): filters that it works on in turn.
    ifmap_bank_words : int
        64-bit words of the global buffer for ifmaps.
    psum_bank_words : int
        Psums of the global buffer for each column, in two halves; even.
    filter_fifo_words : int
        64-bit words of the global buffer for filters on their way to the PEs; a power of two.
    max_slots : int
        Pairs of a channel and a filter row that a PE works on in turn.
    command_depth : int
        64-bit words that wait in front of each unit; a power of two.
    drain_lanes : int
        Columns whose psums are requantised at the same time, one a cycle each; a power of two.
    codebook_entries : int
        Weights of the codebook that layers with weights as codes have; a power of two, or 0 for none.
    """

    rows: int = 12
    columns: int = 14
    activation_width: int = 16
    weight_width: int = 16
    accumulator_width: int = 29
    ifmap_depth: int = 33
    ifmap_ahead: int = 0
    filter_depth: int = 528
    filter_columns: int = 1
    psum_depth: int = 16
    ifmap_bank_words: int = 6306
    psum_bank_words: int = 1728
    filter_fifo_words: int = 64
    max_slots: int = 16
    command_depth: int = 64
    drain_lanes: int = 2
    codebook_entries: int = 256

    def __post_init__(self) -> None:
        require_integers(self, _RANGES)
        for name in ("filter_fifo_words", "command_depth", "drain_lanes", "codebook_entries"):
            value = getattr(self, name)
            if value & (value - 1):
                raise ValueError(f"{name} must be a power of two, not {value}")
        if self.columns % self.filter_columns:
            raise ValueError(
                f"filter_columns must be a divisor of columns, which are {self.columns}, not {self.filter_columns}"
            )
        if self.psum_bank_words % 2:
            raise ValueError(f"psum_bank_words must be even, for two halves, not {self.psum_bank_words}")

    @property
    def n_pes(self) -> int:
        """Processing elements."""
        return self.rows * self.columns

    @property
    def row_filter_pads(self) -> int:
        """Filter scratch pads of a row."""
        return self.columns // self.filter_columns

    @property
    def n_filter_pads(self) -> int:
        """Filter scratch pads."""
        return self.rows * self.row_filter_pads

    @property
    def row_groups(self) -> int:
        """Groups of `BUS_WORDS` rows that a word of the filter bus reaches, one value each."""
        return -(-self.rows // BUS_WORDS)

    @property
    def ifmap_words(self) -> int:
        """Words of a PE's ifmap scratch pad."""
        return self.ifmap_depth + self.ifmap_ahead

    @property
    def psum_half_words(self) -> int:
        """Psums in half of a column's bank."""
        return self.psum_bank_words // 2

    @property
    def ifmap_address_width(self) -> int:
        """Bits of an address in a PE's ifmap scratch pad."""
        return address_width(self.ifmap_words)

    @property
    def filter_address_width(self) -> int:
        """Bits of an address in a PE's filter scratch pad."""
        return address_width(self.filter_depth)

    @property
    def psum_address_width(self) -> int:
        """Bits of an address in a PE's psum scratch pad."""
        return address_width(self.psum_depth)

    @property
    def slot_width(self) -> int:
        """Bits of a slot's number."""
        return address_width(self.max_slots)

    @property
    def filter_lane_width(self) -> int:
        """Bits of the filter FIFO for a weight, of which two codes take as many."""
        return 2 * CODE_WIDTH if self.codebook_entries else self.weight_width

    @property
    def codebook_address_width(self) -> int:
        """Bits of a code that tell entries of the codebook apart."""
        return address_width(self.codebook_entries)

    @property
    def bank_address_width(self) -> int:
        """Bits of an address in the global buffer's ifmap bank."""
        return address_width(self.ifmap_bank_words)

    @property
    def psum_bank_address_width(self) -> int:
        """Bits of an address in a column's psum bank, the half being the highest."""
        return 1 + address_width(self.psum_half_words)

    @property
    def product_width(self) -> int:
        """Bits of a product."""
        return self.activation_width + self.weight_width

    @property
    def activation_range(self) -> tuple[int, int]:
        """Lowest and highest activation."""
        return -(1 << self.activation_width - 1), (1 << self.activation_width - 1) - 1

    @property
    def weight_range(self) -> tuple[int, int]:
        """Lowest and highest weight."""
        return -(1 << self.weight_width - 1), (1 << self.weight_width - 1) - 1

    @property
    def on_chip_bytes(self) -> int:
        """Bytes of all scratch pads and banks and of the codebook, command queues not counted."""
        a, w, p = self.activation_width, self.weight_width, self.accumulator_width
        pads = self.n_pes * (self.ifmap_words * a + self.psum_depth * p) + self.n_filter_pads * self.filter_depth * w
        return pads // 8 + self.buffer_bytes + self.codebook_bytes

    @property
    def buffer_bytes(self) -> int:
        """Bytes of the global buffer alone."""
        ifmaps = self.ifmap_bank_words * self.activation_width
        filters = self.filter_fifo_words * self.filter_lane_width
        psums = self.columns * self.psum_bank_words * self.accumulator_width
        return (BUS_WORDS * (ifmaps + filters) + psums) // 8

    @property
    def codebook_bytes(self) -> int:
        """Bytes of the codebook, which is there once for every `CODEBOOK_READS` lanes of the filter bus."""
        return BUS_WORDS // CODEBOOK_READS * self.codebook_entries * self.weight_width // 8

    def as_json(self) -> str:
        """The fields as JSON, in order."""
        return json.dumps(self._fields(), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The configuration that `as_json` wrote.

        Raises
        ------
        ValueError
            If it is no JSON object, or has other fields or values than a configuration.
        """
        try:
            fields: Any = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"a configuration must be JSON: {error}") from None
        if not isinstance(fields, dict):
            raise ValueError(f"a configuration must be a JSON object, not {type(fields).__name__}")
        known = {field.name for field in dataclasses.fields(cls)}
        if unknown := sorted(fields.keys() - known):
            raise ValueError(f"a configuration has no field {unknown[0]!r}")
        return cls(**fields)

    @property
    def hash(self) -> int:
        """64 bits that tell geometries and format versions apart."""
        text = f"rowstat {FORMAT_VERSION} {json.dumps(self._fields(), sort_keys=True)}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")

    def _fields(self) -> dict[str, int]:
        """What an engine is known by."""
        fields = dataclasses.asdict(self)
        if self.filter_columns == 1:
            del fields["filter_columns"]
        return fields


DEFAULT = RowstatConfig(filter_columns=7)
"""As many multipliers as the paper and no more on the chip than its 181.5 KB. The psums that stay decide how often
filters and ifmaps come again: filter scratch pads that seven columns share leave more than half of it to the psum banks
and the ifmap bank. Filter scratch pads hold the whole of 16 filters of AlexNet's first layer, so that each of its psums
is summed up at once, ifmap scratch pads their three windows; the ifmap bank holds seven output rows' worth of its input
in two tiles, and the psum banks 32 filters of one image of the second layer, or of four images of the others."""

PAPER = RowstatConfig(
    accumulator_width=32,
    ifmap_depth=12,
    ifmap_ahead=4,
    filter_depth=224,
    psum_depth=24,
    ifmap_bank_words=5632,
    psum_bank_words=1024,
    filter_fifo_words=1024,
)
"""The array and scratch pads of the paper, 12 x 14 and 224, 12 and 24 words, and its 108 KB of global buffer: 8 KB of
it for filters, 44 KB for ifmaps and 56 KB for psums, which have 32 bits here and 16 in the paper. The four words ahead
stand for the FIFO in front of the paper's scratch pad."""

SMALL = RowstatConfig(
    rows=8,
    columns=8,
    accumulator_width=32,
    ifmap_depth=32,
    filter_depth=1024,
    psum_depth=32,
    ifmap_bank_words=2048,
    psum_bank_words=1024,
    filter_fifo_words=256,
    max_slots=16,
)
"""What an LFE5U-45F holds, and an LFE5U-85F with room to spare. A filter scratch pad is the whole of a block RAM."""

TINY = RowstatConfig(
    rows=3,
    columns=4,
    accumulator_width=32,
    ifmap_depth=8,
    ifmap_ahead=2,
    filter_depth=32,
    psum_depth=4,
    ifmap_bank_words=256,
    psum_bank_words=128,
    filter_fifo_words=32,
    max_slots=4,
    command_depth=16,
    codebook_entries=16,
)
"""Small enough to test all of it."""
