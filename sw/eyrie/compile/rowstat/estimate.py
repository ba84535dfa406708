"""What a mapping costs: estimated cycles by cause.

Passes repeat, so that a few of them stand for all: the units of the delivery, the loader and the computation are
followed one by one over some changes of filters, by the rules of the scratch pads; fetches and drains are compared
with the passes that hide them. The exact count is that of the cycle model, which reads the tape.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, floor, gcd
from typing import Final

from eyrie.compile.rowstat.coding import PLAIN, Coding
from eyrie.compile.rowstat.layer import ConvShape
from eyrie.compile.rowstat.mapping import (
    Mapping,
    bank_tiles,
    channel_counts,
    n_channel_groups,
    needed_bank_tiles,
    pass_rows,
    tile_size,
    unit_cycles,
)
from eyrie.compile.rowstat.turns import loads_and_fetches
from eyrie.rowstat.config import BUS_WORDS, PAIRS, RowstatConfig
from eyrie.rowstat.control_timing import drain_cycles

_START: Final = 100
"""Cycles of a layer before its first value and after its last, about."""
_SPACE_DELAY: Final = 1
"""Cycles from the end of a unit to the decision to deliver what takes its place."""
_VALUE_DELAY: Final = 3
"""Cycles from a unit's last value, or a block's last word, to the decision to compute with it."""
_COMMAND_DELAY: Final = 6
"""Cycles without values around each command for the delivery that is no pass, about."""
_FETCH_DELAY: Final = 12
"""Cycles from the end of a tile's last pass to the first word of the one that takes its place, about."""
_PASSES_FOLLOWED: Final = 6
_STEPS_FOLLOWED: Final = 12
_CHANGES_FOLLOWED: Final = 4


@dataclass(frozen=True, kw_only=True)
class CycleEstimate:
    """Estimated cycles of a layer.

    Parameters
    ----------
    compute : int
        Of all units, each following the one before it.
    waits : int
        For values and filters that are not there yet.
    drains : int
        For psums that hold up the next passes.
    fetches : int
        For tiles that are not there yet.
    ends : int
        Before the first pass and after the last.
    """

    compute: int
    waits: int
    drains: int
    fetches: int
    ends: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.compute + self.waits + self.drains + self.fetches + self.ends


def pass_cycles(shape: ConvShape, mapping: Mapping) -> int:
    """Cycles of a pass without waiting."""
    return mapping.steps * mapping.slots * unit_cycles(shape, mapping)


def n_strips(shape: ConvShape, mapping: Mapping) -> int:
    """Strips of the whole batch."""
    return -(-shape.out_height // mapping.strip_rows) * -(-shape.out_width // mapping.steps) * shape.batch


def n_filter_sets(shape: ConvShape, mapping: Mapping) -> int:
    """Filter sets of a group."""
    return -(-shape.group_filters // mapping.set_filters)


def n_passes(shape: ConvShape, mapping: Mapping) -> int:
    """Passes of a layer."""
    one_group = n_strips(shape, mapping) * n_filter_sets(shape, mapping) * n_channel_groups(shape, mapping)
    return shape.groups * one_group


def n_tiles(shape: ConvShape, mapping: Mapping) -> int:
    """Tiles of the whole batch, for one channel group."""
    down = -(-shape.out_height // (mapping.strip_rows * mapping.tile_strips[0]))
    across = -(-shape.out_width // (mapping.steps * mapping.tile_strips[1]))
    return down * across * shape.batch


def n_loads(shape: ConvShape, mapping: Mapping) -> float:
    """Loads of filters for the passes of a group, as if as many were resident at all times."""
    tiles = n_tiles(shape, mapping)
    tile_sets = -(-tiles // mapping.tiles)
    resident_sets = min(mapping.filter_sets, n_filter_sets(shape, mapping))
    ranges = n_filter_sets(shape, mapping) / resident_sets
    loads, _ = loads_and_fetches(
        n_channel_groups(shape, mapping),
        resident_sets,
        mapping.tile_strips[0] * mapping.tile_strips[1],
        min(mapping.tiles, tiles),
        mapping.turn,
    )
    # The filters of a turn are loaded once.
    if mapping.keep:
        return loads * ranges * tile_sets - (tile_sets - 1)
    return (loads * tile_sets - (tile_sets - 1)) * ranges


def delivery_cycles(shape: ConvShape, mapping: Mapping) -> float:
    """Cycles that the values of a pass take on the bus, on average."""
    values = (mapping.steps - 1) * shape.advance + shape.kernel[1]
    slot_channels = sum(channel_counts(shape, mapping.slot_pairs)) / n_channel_groups(shape, mapping)
    return slot_channels * pass_rows(shape, mapping) * values


def block_cycles(shape: ConvShape, config: RowstatConfig, mapping: Mapping) -> int:
    """Cycles that a filter block takes on the bus."""
    return mapping.sets * config.row_groups * mapping.filters * shape.kernel[1]


def strip_drain_cycles(config: RowstatConfig, mapping: Mapping, coding: Coding) -> int:
    """Cycles of the drains of a strip for a filter set."""
    coded = coding.outputs is not None
    return mapping.sets * mapping.filters * drain_cycles(config, mapping.steps, mapping.strip_rows, coded=coded)


def bound_cycles(shape: ConvShape, config: RowstatConfig, mapping: Mapping, coding: Coding = PLAIN) -> float:
    """What a layer takes at least, whatever is resident: passes at the rate of computation or delivery, or all drains
    but those of a half, which passes may hide."""
    passes = n_passes(shape, mapping)
    half = config.psum_half_words // mapping.strip_psums
    drains = (passes // n_channel_groups(shape, mapping) - half) * strip_drain_cycles(config, mapping, coding)
    return max(passes * max(pass_cycles(shape, mapping), delivery_cycles(shape, mapping)), drains)


def fetch_cycles(shape: ConvShape, mapping: Mapping, coding: Coding) -> int:
    """Cycles of the fetch of a tile: one for a word of the bank, and of coded rows one for a pair whose level does not
    complete such a word, about."""
    tile = tile_size(shape, mapping)
    pairs = 0.0 if coding.inputs is None else PAIRS * coding.inputs * tile.words
    return tile.channels * tile.rows * round(tile.words + pairs * (BUS_WORDS - 1) / BUS_WORDS)


def estimate_cycles(shape: ConvShape, config: RowstatConfig, mapping: Mapping, coding: Coding = PLAIN) -> CycleEstimate:
    """Estimate a mapping that `eyrie.compile.rowstat.mapping.require_mapping` accepts."""
    one_pass = pass_cycles(shape, mapping)
    passes = n_passes(shape, mapping)
    items = min(mapping.items, n_strips(shape, mapping))
    filter_sets = n_filter_sets(shape, mapping)
    resident_sets = min(mapping.filter_sets, filter_sets)
    follow = (shape, config.row_groups, mapping.filters, mapping.slots, mapping.slot_pairs, mapping.sets)
    ids = id_cycles(shape, config, mapping) // mapping.filter_sets

    def waiting(together: int) -> float:
        followed = followed_pass(
            *follow,
            mapping.strip_rows,
            mapping.steps,
            mapping.region,
            mapping.ring,
            together,
            ids,
            unit_cycles(shape, mapping),
        )
        return max(0.0, followed - one_pass)

    # Passes with the same filters: some on average, so the next smaller and larger numbers stand for the changes.
    together = min(max(1.0, passes / shape.groups / n_loads(shape, mapping)), _PASSES_FOLLOWED)
    fewer, more = floor(together), ceil(together)
    waits = waiting(more)
    if fewer < more:
        share = (1 / together - 1 / more) / (1 / fewer - 1 / more)
        waits += share * (waiting(fewer) - waits)
    resident = resident_sets * items
    strip_drain = strip_drain_cycles(config, mapping, coding)
    residencies = -(-passes // (resident * n_channel_groups(shape, mapping)))
    if mapping.rolling:
        first, second = -(-resident // 2), resident // 2
        last_drain = (second or first) * strip_drain
        turn = max(1, mapping.turn) * one_pass
        stall = max(0, first * strip_drain - second * turn) + max(0, second * strip_drain - first * turn)
    else:
        last_drain = resident * strip_drain
        stall = max(0, last_drain - resident * n_channel_groups(shape, mapping) * one_pass)
    one_fetch = fetch_cycles(shape, mapping, coding)
    users = items * (filter_sets if mapping.keep else resident_sets) * one_pass
    behind = max(0, one_fetch * mapping.tiles - users)
    needed = needed_bank_tiles(shape, mapping)
    if needed == bank_tiles(shape, config, mapping):
        # Each tile takes the place of one that is done with, while the others of the same filters are in use.
        others = (needed - 1) * mapping.tile_strips[0] * mapping.tile_strips[1] * one_pass
        behind += max(0, _FETCH_DELAY + one_fetch - others)
    return CycleEstimate(
        compute=one_pass * passes,
        waits=round(passes * waits),
        drains=stall * (residencies - 1),
        fetches=passes * one_pass // users * behind,
        ends=_START + one_fetch + round(delivery_cycles(shape, mapping) / mapping.steps) + last_drain,
    )


def id_cycles(shape: ConvShape, config: RowstatConfig, mapping: Mapping) -> int:
    """Cycles of the delivery for the row ids of a channel group, 0 if they are those of the one before."""
    if mapping.pass_pairs >= shape.pairs or (
        mapping.pass_pairs % shape.kernel[0] == 0 and mapping.slot_pairs % shape.kernel[0] == 0
    ):
        return 0
    return mapping.slots * (config.rows + _COMMAND_DELAY)


@lru_cache(maxsize=1 << 14)
def followed_pass(
    shape: ConvShape,
    row_groups: int,
    filters: int,
    slots: int,
    slot_pairs: int,
    sets: int,
    strip_rows: int,
    steps: int,
    region: int,
    ring: int,
    items: int,
    ids: int,
    unit: int,
) -> float:
    """Cycles of a pass in the steady state, filters changing every `items` passes and ids with them.

    The rules are those of the scratch pads: a delivery begins when its slot's region has room, a block is loaded when
    the ring has, and a unit runs when its window and its block are there.
    """
    window, advance = shape.kernel[1], shape.advance
    block = sets * row_groups * filters * window
    rows = (strip_rows - 1) * shape.stride[0] + shape.kernel[0]
    counts = channel_counts(shape, slot_pairs)
    mean = slots * rows * sum(counts) / len(counts)
    shown = min(steps, max(_STEPS_FOLLOWED, 3 * region // advance))
    # Steps in the middle of a pass repeat: those that are left out take the rate of the slower side.
    middle = (steps - shown) * max(slots * unit, advance * mean)
    # Channels of a slot repeat after some passes; the first filters are not counted.
    period = shape.kernel[0] // gcd(shape.kernel[0], slots * slot_pairs)
    changes = 1 + period * -(-_CHANGES_FOLLOWED // period)
    finished: list[list[float]] = [[] for _ in range(slots)]  # of each slot's units: when the next may be decided upon
    begins: list[int] = []  # position of each step's window
    freed: list[float] = []
    loaded: list[float] = []
    delivered = computed = 0.0
    oldest = [0] * slots
    marks = []
    for number in range(items * changes):
        filter_set, item = divmod(number, items)
        delivered += ids if item == 0 else 0
        first_slot = filter_set * slots
        values = [rows * counts[(first_slot + slot) % len(counts)] for slot in range(slots)]
        for step in range(shown):
            if step == shown // 2:
                delivered, computed = delivered + middle, computed + middle
            new = window if step == 0 else advance
            begins.append(begins[-1] + new if begins else 0)
            need = begins[-1] + window - region
            for slot in range(slots):
                old = oldest[slot]
                while begins[old] < need:
                    old += 1
                oldest[slot] = old
                if old:
                    delivered = max(delivered, finished[slot][old - 1] + _SPACE_DELAY)
                delivered += max(2, new * values[slot])
                index = filter_set * slots + slot
                if index == len(loaded):
                    free = freed[index - ring] if index >= ring else 0.0
                    loaded.append(max(loaded[-1] if loaded else 0.0, free) + block)
                computed = max(computed, delivered + _VALUE_DELAY, loaded[index] + _VALUE_DELAY) + unit
                finished[slot].append(computed)
                if item == items - 1 and step == shown - 1:
                    freed.append(computed)
        marks.append(computed)
    return (marks[-1] - marks[items - 1]) / (len(marks) - items)
