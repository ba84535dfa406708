"""What moves under a mapping, level by level: scratch pads, networks, global buffer, external memory."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from eyrie.compile.rowstat.coding import PLAIN, Coding
from eyrie.compile.rowstat.estimate import n_filter_sets, n_loads, n_passes, n_strips, n_tiles
from eyrie.compile.rowstat.layer import ConvShape
from eyrie.compile.rowstat.loops import Loops
from eyrie.compile.rowstat.mapping import (
    Mapping,
    channel_counts,
    n_channel_groups,
    pass_rows,
    row_words,
    set_columns,
    tile_size,
)
from eyrie.compile.rowstat.tape import block_sections
from eyrie.compile.rowstat.turns import loads_and_fetches
from eyrie.rowstat.config import BUS_WORDS, RowstatConfig

EXTERNAL_COST: Final = 200
BUFFER_COST: Final = 6
NETWORK_COST: Final = 2
SCRATCH_PAD_COST: Final = 1
"""Energy of an access of the external memory, the global buffer, the network and a scratch pad, in multiplications."""


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """Accesses of a layer, one for each value; activations, weights and psums alike.

    Parameters
    ----------
    external_ifmaps, external_filters, external_outputs : int
        Reads and writes of the external memory, four for a 64-bit word: values of plain maps and weights, with what
        fills up words and blocks; of coded maps as many as are expected; two codes of weights are one access.
    stored : int
        Ifmap values that are written into the ifmap bank.
    loaded : int
        Weights that go into the array.
    delivered : int
        Ifmap values on the bus, one a cycle.
    bank_reads : int
        Those of them that are read from the ifmap bank: all but the zeros around the maps.
    multicast : int
        Writes of them into the PEs' ifmap scratch pads.
    filter_pad_writes, filter_pad_reads : int
        Of the filter scratch pads, each once for all columns that share a pad, and as if no activation were zero.
    psum_writes, psum_reads : int
        Of the psum banks; the last read of each psum is that of its drain.
    multiplies : int
        Multiplications of all PEs that hold a pair and a column, those with padding included.
    psum_pad : int
        Reads and writes of the psum scratch pads.
    activation_width, weight_width, accumulator_width : int
        Bits of a value.
    """

    external_ifmaps: int
    external_filters: int
    external_outputs: int
    stored: int
    loaded: int
    delivered: int
    bank_reads: int
    multicast: int
    filter_pad_writes: int
    filter_pad_reads: int
    psum_writes: int
    psum_reads: int
    multiplies: int
    psum_pad: int
    activation_width: int
    weight_width: int
    accumulator_width: int

    @property
    def external(self) -> int:
        """Accesses of the external memory."""
        return self.external_ifmaps + self.external_filters + self.external_outputs

    @property
    def external_bytes(self) -> int:
        """Bytes that go over its bus; every value takes 16 bits there."""
        return 2 * self.external

    @property
    def buffer(self) -> int:
        """Accesses of the global buffer: ifmaps and filters in and out, psums; two codes of weights are one access."""
        return self.stored + self.bank_reads + 2 * self.external_filters + self.psum_writes + self.psum_reads

    @property
    def buffer_bytes(self) -> int:
        """Bytes of these accesses."""
        ifmaps = (self.stored + self.bank_reads) * self.activation_width
        filters = 2 * self.external_filters * self.weight_width
        return (ifmaps + filters + (self.psum_writes + self.psum_reads) * self.accumulator_width) // 8

    @property
    def network(self) -> int:
        """Values on the buses and links: ifmaps and weights into the array, psums out of it."""
        return self.delivered + self.loaded + self.psum_writes

    @property
    def scratch_pads(self) -> int:
        """Accesses of all scratch pads: ifmaps and weights written, and read for every multiplication, psums."""
        return self.multicast + self.multiplies + self.filter_pad_writes + self.filter_pad_reads + self.psum_pad

    @property
    def energy(self) -> int:
        """Energy of all accesses, in that of a multiplication, at the costs of Eyeriss (ISCA 2016), table IV."""
        return (
            EXTERNAL_COST * self.external
            + BUFFER_COST * self.buffer
            + NETWORK_COST * self.network
            + SCRATCH_PAD_COST * self.scratch_pads
        )


def count_traffic(shape: ConvShape, config: RowstatConfig, mapping: Mapping, coding: Coding = PLAIN) -> Traffic:
    """Count the accesses of a mapping that `eyrie.compile.rowstat.mapping.require_mapping` accepts."""
    loops = Loops(shape=shape, mapping=mapping)
    channels = channel_counts(shape, mapping.pass_pairs)
    fetched = BUS_WORDS * loops.tile.rows * loops.tile.words * sum(channels[job.channel_group] for job in loops.jobs)
    sections = block_sections(loops).values()
    block = load_weights(shape, config, mapping) // mapping.slots
    loaded = block * sum(sections)
    return replace(
        estimate_traffic(shape, config, mapping, coding),
        external_ifmaps=_coded(fetched, coding.inputs),
        external_filters=sum(_filter_accesses(block * blocks, coding) for blocks in sections),
        stored=fetched,
        loaded=loaded,
        filter_pad_writes=_filter_pad_writes(config, mapping, loaded),
    )


def _coded(values: int, ratio: float | None) -> int:
    """Accesses for the values of a map, coded or not."""
    return values if ratio is None else round(values * ratio)


def _filter_accesses(weights: int, coding: Coding) -> int:
    """Accesses for the weights of a LAYER command, or for their codes in whole words."""
    return BUS_WORDS * -(-weights // (2 * BUS_WORDS)) if coding.codes else weights


def _filter_pad_writes(config: RowstatConfig, mapping: Mapping, loaded: int) -> int:
    """Writes of the filter scratch pads for what is loaded, without what fills up words of the bus."""
    pads = set_columns(config, mapping.strip_rows) // config.filter_columns
    return loaded // (config.row_groups * BUS_WORDS) * config.rows * pads


def load_weights(shape: ConvShape, config: RowstatConfig, mapping: Mapping) -> int:
    """Weights of a load of filters for a pass, with what fills up words and blocks."""
    return mapping.slots * mapping.sets * config.row_groups * BUS_WORDS * mapping.filters * shape.kernel[1]


def estimate_traffic(shape: ConvShape, config: RowstatConfig, mapping: Mapping, coding: Coding = PLAIN) -> Traffic:
    """As `count_traffic`, but quickly, as if all tiles had as many strips, and all passes as many channels."""
    channel_groups = n_channel_groups(shape, mapping)
    filter_sets = n_filter_sets(shape, mapping)
    strips = n_strips(shape, mapping)
    tile = tile_size(shape, mapping)
    tiles = n_tiles(shape, mapping)
    resident_sets = min(mapping.filter_sets, filter_sets)
    _, fetches = loads_and_fetches(
        channel_groups,
        resident_sets,
        mapping.tile_strips[0] * mapping.tile_strips[1],
        min(mapping.tiles, tiles),
        mapping.turn,
    )
    if mapping.keep:
        fetches = min(mapping.tiles, tiles) * channel_groups
        all_fetches = fetches * tiles / mapping.tiles
    else:
        changes = -(-filter_sets // resident_sets) - 1
        all_fetches = fetches * tiles / mapping.tiles * (changes + 1) - min(mapping.held, fetches) * changes
    mean_channels = sum(channel_counts(shape, mapping.pass_pairs)) / channel_groups
    fetched = round(BUS_WORDS * tile.rows * tile.words * mean_channels * all_fetches)
    loaded = round(load_weights(shape, config, mapping) * n_loads(shape, mapping))
    spans = channel_counts(shape, mapping.slot_pairs)
    slot_channels = sum(spans) + channel_groups * mapping.slots - len(spans)
    row_values = (mapping.steps - 1) * shape.advance + shape.kernel[1]
    delivered = slot_channels * pass_rows(shape, mapping) * row_values * strips * filter_sets
    read = slot_channels * rows_read(shape, mapping) * values_read(shape, mapping) * shape.batch * filter_sets
    columns = mapping.sets * mapping.strip_rows
    multicast = shape.pairs * columns * row_values * strips * filter_sets
    passes = n_passes(shape, mapping) // shape.groups
    psums = passes * mapping.strip_psums * columns
    windows = shape.pairs * columns * mapping.strip_psums * strips * filter_sets
    pads = set_columns(config, mapping.strip_rows) // config.filter_columns
    pad_accesses = 2 * (mapping.slots - 1) * config.rows * psums
    drained = shape.batch * shape.group_filters * shape.out_height * shape.out_width
    written = drained // shape.out_width * row_words(shape.out_width) * BUS_WORDS
    return Traffic(
        external_ifmaps=_coded(fetched * shape.groups, coding.inputs),
        external_filters=_filter_accesses(loaded * shape.groups, coding),
        external_outputs=_coded(written * shape.groups, coding.outputs),
        stored=fetched * shape.groups,
        loaded=loaded * shape.groups,
        delivered=delivered * shape.groups,
        bank_reads=read * shape.groups,
        multicast=multicast * shape.groups,
        filter_pad_writes=_filter_pad_writes(config, mapping, loaded * shape.groups),
        filter_pad_reads=windows // mapping.strip_rows * pads * shape.kernel[1] * shape.groups,
        psum_writes=psums * shape.groups,
        psum_reads=(psums - psums // channel_groups + drained) * shape.groups,
        multiplies=windows * shape.kernel[1] * shape.groups,
        psum_pad=pad_accesses * shape.groups,
        activation_width=config.activation_width,
        weight_width=config.weight_width,
        accumulator_width=config.accumulator_width,
    )


def rows_read(shape: ConvShape, mapping: Mapping) -> int:
    """Rows of a map that strips look at, for all strips down it together."""
    begins = (row * shape.stride[0] - shape.padding[0] for row in range(0, shape.out_height, mapping.strip_rows))
    return sum(_within(begin, begin + pass_rows(shape, mapping), shape.height) for begin in begins)


def values_read(shape: ConvShape, mapping: Mapping) -> int:
    """Values of a map's row that strips look at, for all strips across it together: a window, then what is new.

    Where tiles are parts of rows, what fills up the last word of a row counts as well.
    """
    words = row_words(shape.width)
    whole = tile_size(shape, mapping).words == words
    return _values_read(shape, mapping.steps, shape.width if whole else BUS_WORDS * words)


@lru_cache(maxsize=1 << 10)
def _values_read(shape: ConvShape, steps: int, extent: int) -> int:
    window, total = shape.kernel[1], 0
    for first in range(0, shape.out_width, steps):
        for step in range(first, first + steps):
            begin = step * shape.stride[1] - shape.padding[1]
            new = window if step == first else shape.advance
            total += _within(begin + window - new, begin + window, extent)
    return total


def _within(begin: int, end: int, extent: int) -> int:
    """Numbers from begin to end that are not less than 0 and less than the extent."""
    return max(0, min(end, extent) - max(begin, 0))
