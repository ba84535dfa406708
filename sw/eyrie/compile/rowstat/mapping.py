"""A mapping: how one convolution is laid out over the array, the scratch pads and the global buffer.

The letters are the paper's (Eyeriss, section IV): p filters and q pairs take turns in a PE, and t filter sets share the
columns. A *pair* is a channel and a filter row; a pass works on ``q * slot_pairs`` of them for one *strip*, the output
rows and columns that the columns hold at a time.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from eyrie.compile.rowstat.coding import PLAIN, Coding
from eyrie.compile.rowstat.layer import ConvShape
from eyrie.errors import InputError
from eyrie.golden.rowstat.run_length import slot_words
from eyrie.rowstat.commands import NO_CHANNEL
from eyrie.rowstat.config import BUS_WORDS, MAX_CODING_LANES, RowstatConfig

MAX_SETS: Final = 31
"""Most column sets; the next number stands for a column that takes no part."""

PSUM_HAZARD: Final = 2
"""Cycles that a unit takes more than its window has words, at least: the psum scratch pad needs them between slots."""


@dataclass(frozen=True, kw_only=True)
class Mapping:
    """How one layer runs.

    Parameters
    ----------
    filters : int
        p, filters that a PE works on in turn.
    slots : int
        q, pairs that a PE works on in turn.
    slot_pairs : int
        Rows of the array that a slot uses, one pair each.
    sets : int
        T, column sets with different filters.
    strip_rows : int
        e, output rows of a strip, one a column of each set.
    steps : int
        Output columns of a strip.
    region, ring : int
        Words of a slot's ifmap region, and blocks of the filter scratch pad.
    filter_sets : int
        Filter sets, ``p * T`` filters each, whose psums are resident at a time.
    tile_strips : (int, int)
        Strips down and across that share one tile of ifmaps in the global buffer.
    tiles : int
        Tiles whose strips' psums are resident at a time.
    rolling : bool
        Psums that are resident at a time take both halves of the psum banks, so that one half drains during the last
        passes of the other; otherwise one half, and the next takes the other half.
    turn : int
        Channel groups at each end that the halves go through one after the other, see `eyrie.compile.rowstat.turns`;
        0 unless rolling.
    keep : bool
        All channels of the resident tiles stay in the ifmap bank for all filters.
    held : int
        Where not all channels stay: the tiles fetched last that stay in the ifmap bank for the next filters, which
        begin with them.
    """

    filters: int
    slots: int
    slot_pairs: int
    sets: int
    strip_rows: int
    steps: int
    region: int
    ring: int
    filter_sets: int = 1
    tile_strips: tuple[int, int] = (1, 1)
    tiles: int = 1
    rolling: bool = False
    turn: int = 0
    keep: bool = False
    held: int = 0

    @property
    def set_filters(self) -> int:
        """Filters of a filter set."""
        return self.filters * self.sets

    @property
    def pass_pairs(self) -> int:
        """Pairs of a pass."""
        return self.slots * self.slot_pairs

    @property
    def items(self) -> int:
        """Strips that are resident at a time."""
        return self.tiles * self.tile_strips[0] * self.tile_strips[1]

    @property
    def strip_psums(self) -> int:
        """Psums of a strip and a filter set in each column's bank."""
        return self.steps * self.filters

    @property
    def half_psums(self) -> int:
        """Psums that are resident at a time in one half of each column's bank."""
        strips = self.filter_sets * self.items
        return self.strip_psums * (-(-strips // 2) if self.rolling else strips)


def set_columns(config: RowstatConfig, strip_rows: int) -> int:
    """Columns of a column set with so many output rows: whole groups that share filter scratch pads. Those behind the
    output rows have the same filters, and no values."""
    return -(-strip_rows // config.filter_columns) * config.filter_columns


def most_strip_rows(config: RowstatConfig, sets: int) -> int:
    """Most output rows of a strip with so many column sets; 0 if there are fewer groups of columns than sets."""
    return config.columns // sets // config.filter_columns * config.filter_columns


def unit_cycles(shape: ConvShape, mapping: Mapping) -> int:
    """Cycles of a unit: one output position of one slot, for all filters of a PE."""
    window = shape.kernel[1]
    return max(mapping.filters * window, window + PSUM_HAZARD)


@dataclass(frozen=True, kw_only=True)
class Tile:
    """Size of a tile of ifmaps in the global buffer.

    Parameters
    ----------
    channels : int
        Most channels of a pass.
    rows : int
        Rows of the map.
    words : int
        Words of a row.
    """

    channels: int
    rows: int
    words: int

    @property
    def bank_words(self) -> int:
        """Words of the tile in the ifmap bank."""
        return self.channels * self.rows * self.words


def row_words(width: int) -> int:
    """Words of the external memory for a row of a map."""
    return -(-width // BUS_WORDS)


def pass_rows(shape: ConvShape, mapping: Mapping) -> int:
    """Rows of a channel that a pass delivers: those that the output rows of a strip look at."""
    return (mapping.strip_rows - 1) * shape.stride[0] + shape.kernel[0]


def channel_span(shape: ConvShape, first_pair: int, pairs: int) -> tuple[int, int]:
    """First channel and number of channels of consecutive pairs, channel by channel; pairs beyond the last are none."""
    first = first_pair // shape.kernel[0]
    last = (min(first_pair + pairs, shape.pairs) - 1) // shape.kernel[0]
    return first, last - first + 1


@lru_cache(maxsize=1024)
def channel_counts(shape: ConvShape, pairs: int) -> tuple[int, ...]:
    """Channels of the first so many pairs, of as many after them, and so on."""
    return tuple(channel_span(shape, begin, pairs)[1] for begin in range(0, shape.pairs, pairs))


def n_channel_groups(shape: ConvShape, mapping: Mapping) -> int:
    """Passes that it takes to sum up all pairs."""
    return -(-shape.pairs // mapping.pass_pairs)


def tile_size(shape: ConvShape, mapping: Mapping) -> Tile:
    """Size of the tiles; all have the same, and those at the edges of the map are moved inwards."""
    down, across = mapping.tile_strips
    rows = (down * mapping.strip_rows - 1) * shape.stride[0] + shape.kernel[0]
    values = (across * mapping.steps - 1) * shape.stride[1] + shape.kernel[1]
    return Tile(
        channels=max(channel_counts(shape, mapping.pass_pairs)),
        rows=min(shape.height, rows),
        words=min(row_words(shape.width), -(-(-shape.padding[1] % BUS_WORDS + values) // BUS_WORDS)),
    )


def bank_tiles(shape: ConvShape, config: RowstatConfig, mapping: Mapping) -> int:
    """Tiles that the ifmap bank holds at a time."""
    return config.ifmap_bank_words // tile_size(shape, mapping).bank_words


def needed_bank_tiles(shape: ConvShape, mapping: Mapping) -> int:
    """Tiles that the ifmap bank must hold at a time."""
    if mapping.keep:
        return mapping.tiles * n_channel_groups(shape, mapping)
    return mapping.tiles if mapping.filter_sets > 1 else 1


def most_held_tiles(shape: ConvShape, config: RowstatConfig, mapping: Mapping) -> int:
    """Tiles that can stay for the next filters: beside them, two come and go, or where a channel group's tiles stay in
    part, as many as are resident together."""
    if mapping.keep:
        return 0
    have = bank_tiles(shape, config, mapping)
    return max(0, (have - 2) // mapping.tiles * mapping.tiles, have - max(2, mapping.tiles))


def require_mapping(shape: ConvShape, config: RowstatConfig, mapping: Mapping, coding: Coding = PLAIN) -> None:
    """Check that a mapping is one for this layer and engine, and for its coding.

    Raises
    ------
    InputError
        Naming the layer, the quantity that does not fit and its limit.
    """
    for what, value, low, high in _limits(shape, config, mapping):
        if not low <= value <= high:
            raise InputError(f"layer {shape.name}: {what} must be {low} to {high}, not {value}")
    if mapping.steps < shape.out_width and mapping.steps % BUS_WORDS:
        raise InputError(
            f"layer {shape.name}: strips of {mapping.steps} output columns do not fill words of {BUS_WORDS}"
        )
    if not takes_coded_inputs(shape, mapping, coding):
        raise InputError(
            f"layer {shape.name}: coded input maps need tiles of whole rows, {row_words(shape.width)} words, not "
            f"{tile_size(shape, mapping).words}"
        )
    if not makes_coded_outputs(shape, mapping, coding):
        raise InputError(
            f"layer {shape.name}: coded output maps need strips of whole rows, {shape.out_width} output columns, not "
            f"{mapping.steps}"
        )


def is_mapping(shape: ConvShape, config: RowstatConfig, mapping: Mapping, coding: Coding = PLAIN) -> bool:
    """Whether `require_mapping` accepts it."""
    return (
        (mapping.steps >= shape.out_width or mapping.steps % BUS_WORDS == 0)
        and makes_coded_outputs(shape, mapping, coding)
        and all(low <= value <= high for _, value, low, high in _limits(shape, config, mapping))
        and takes_coded_inputs(shape, mapping, coding)
    )


def takes_coded_inputs(shape: ConvShape, mapping: Mapping, coding: Coding) -> bool:
    """Whether the input maps are plain, or the tiles have whole rows."""
    return coding.inputs is None or tile_size(shape, mapping).words == row_words(shape.width)


def makes_coded_outputs(shape: ConvShape, mapping: Mapping, coding: Coding) -> bool:
    """Whether the output maps are plain, or the strips have whole rows."""
    return coding.outputs is None or mapping.steps == shape.out_width


def require_shape(shape: ConvShape, config: RowstatConfig, coding: Coding = PLAIN) -> None:
    """Check what no mapping can change.

    Raises
    ------
    InputError
        Naming the layer, the quantity and its limit.
    """
    window = shape.kernel[1]
    input_row, output_row = (
        row_words(width) if share is None else slot_words(width)
        for width, share in ((shape.width, coding.inputs), (shape.out_width, coding.outputs))
    )
    limits = [
        ("values of a filter row", window, min(63, config.ifmap_depth, config.filter_depth)),
        ("filter rows", shape.kernel[0], 511),
        ("the stride", max(shape.stride), 63),
        ("words of an input map", shape.height * input_row, 65535),
        ("words of an output map", shape.out_height * output_row, 65535),
    ]
    if coding.outputs is not None:
        limits.append(("drain_lanes for coded output maps", config.drain_lanes, MAX_CODING_LANES))
    for what, value, high in limits:
        if value > high:
            raise InputError(f"layer {shape.name}: {what} must be at most {high} for this engine, not {value}")


def _limits(shape: ConvShape, config: RowstatConfig, mapping: Mapping) -> list[tuple[str, int, int, int]]:
    """Quantities with their lowest and highest values."""
    window = shape.kernel[1]
    rows = pass_rows(shape, mapping)
    shared = f", {config.filter_columns} to a filter scratch pad," if config.filter_columns > 1 else ""
    positive = [
        ("filters of a PE", mapping.filters, min(config.psum_depth, 255)),
        ("slots of a PE", mapping.slots, config.max_slots),
        ("rows of the array for a slot", mapping.slot_pairs, config.rows),
        ("column sets", mapping.sets, MAX_SETS),
        (f"columns in use{shared}", mapping.sets * set_columns(config, mapping.strip_rows), config.columns),
        ("output rows of a strip", mapping.strip_rows, shape.out_height),
        ("output columns of a strip", mapping.steps, 4095),
        ("filter sets at a time", mapping.filter_sets, 1 << 16),
        ("strips down a tile", mapping.tile_strips[0], 1 << 16),
        ("strips across a tile", mapping.tile_strips[1], 1 << 16),
        ("tiles at a time", mapping.tiles, 1 << 16),
    ]
    limits = [(what, value, 1, high) for what, value, high in positive]
    if any(not low <= value <= high for _, value, low, high in limits):
        return limits
    tile = tile_size(shape, mapping)
    turn = n_channel_groups(shape, mapping) // 2 if mapping.rolling else 0
    limits += [
        ("channel groups of a turn", mapping.turn, 0, turn),
        ("window words of the ifmap scratch pad", mapping.slots * window, 1, config.ifmap_depth),
        ("words of an ifmap region", mapping.region, window, min(255, config.ifmap_words // mapping.slots)),
        ("words of a filter block", mapping.filters * window, 1, 4095),
        (
            "blocks of the filter scratch pad",
            mapping.ring,
            mapping.slots,
            min(63, config.filter_depth // (mapping.filters * window)),
        ),
        ("psums of a column's half bank", mapping.half_psums, 1, config.psum_half_words),
        ("ifmap rows of a strip", rows, 1, 1022 - shape.kernel[0]),
        ("channels of a slot", -(-(mapping.slot_pairs - 1) // shape.kernel[0]) + 1, 1, NO_CHANNEL),
        ("channels of a pass before its last slot", (tile.channels - 1) * (mapping.slots > 1), 0, 255),
        ("words of a tile in the ifmap bank", tile.bank_words, 1, config.ifmap_bank_words),
        ("rows of a tile", tile.rows, 1, 2047 - shape.kernel[0]),
        ("words of a row of a tile", tile.words, 1, 511 - shape.kernel[1] // BUS_WORDS),
    ]
    if tile.bank_words <= config.ifmap_bank_words:
        have = config.ifmap_bank_words // tile.bank_words
        limits += [
            ("tiles that the ifmap bank must hold", needed_bank_tiles(shape, mapping), 1, have),
            ("tiles that stay for the next filters", mapping.held, 0, most_held_tiles(shape, config, mapping)),
        ]
    return limits
