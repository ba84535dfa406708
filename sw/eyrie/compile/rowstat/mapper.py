"""The mapper: searches all mappings of a layer for the one with the fewest estimated cycles.

What shapes the array and the scratch pads bounds the cycles of all that may be resident with it. The search goes from
the lowest bound upwards and ends where a bound is beyond the best that it found. Of the mappings that are about as fast
as the fastest, the one whose accesses take the least energy takes the layer, or, where it is said how many accesses
there are to be, the fastest of those that keep to it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Final

from eyrie.compile.rowstat.coding import PLAIN, Coding
from eyrie.compile.rowstat.estimate import (
    CycleEstimate,
    bound_cycles,
    estimate_cycles,
    n_filter_sets,
    pass_cycles,
    strip_drain_cycles,
)
from eyrie.compile.rowstat.layer import ConvShape
from eyrie.compile.rowstat.mapping import (
    MAX_SETS,
    Mapping,
    is_mapping,
    most_held_tiles,
    most_strip_rows,
    require_shape,
    tile_size,
)
from eyrie.compile.rowstat.traffic import Traffic, count_traffic, estimate_traffic
from eyrie.compile.rowstat.turns import n_first_half
from eyrie.errors import InputError
from eyrie.rowstat.commands import NO_CHANNEL
from eyrie.rowstat.config import BUS_WORDS, RowstatConfig

ABOUT_AS_FAST: Final = 1.02
"""Cycles for which less energy may be bought, as a multiple of the fewest."""

MOST_LAYOUTS: Final = 500
"""Layouts with mappings that are tried at most, within limits or not. Only layers that take as long to drain as to
compute have so many alike; of others, those beyond take a multiple of the fewest cycles."""


@dataclass(frozen=True, kw_only=True)
class Accesses:
    """How many accesses there are to be, at most.

    Parameters
    ----------
    buffer, external : int or None
        Of the global buffer and of the external memory; None for any number.
    """

    buffer: int | None = None
    external: int | None = None

    def excess(self, traffic: Traffic) -> float:
        """What a mapping has beyond them, as a share of them; both shares together."""
        pairs = ((self.buffer, traffic.buffer), (self.external, traffic.external))
        return sum(max(0, have - limit) / limit for limit, have in pairs if limit is not None)

    @property
    def text(self) -> str:
        """The limits in words; nothing if there are none."""
        limits = [
            f"{limit} {what} accesses"
            for what, limit in (("buffer", self.buffer), ("external", self.external))
            if limit is not None
        ]
        return f" with at most {' and '.join(limits)}" if limits else ""


UNLIMITED: Final = Accesses()


@dataclass(frozen=True, kw_only=True)
class MappingChoice:
    """A mapping, and why it was chosen.

    Parameters
    ----------
    shape : ConvShape
    n_pes : int
        PEs of the engine.
    mapping : Mapping
    cycles : CycleEstimate
    traffic : Traffic
    tried : int
        Mappings that were compared.
    fewest_cycles, fewest_accesses : int
        Estimated cycles of the fastest of them, and external accesses of the one with the fewest.
    """

    shape: ConvShape
    n_pes: int
    mapping: Mapping
    cycles: CycleEstimate
    traffic: Traffic
    tried: int
    fewest_cycles: int
    fewest_accesses: int

    @property
    def utilisation(self) -> float:
        """Useful multiplications a PE and cycle, from the estimated cycles."""
        return self.shape.macs / (self.n_pes * self.cycles.total)

    @property
    def active_pes(self) -> float:
        """PEs that hold a pair and an output row, on average over the cycles of computation."""
        return self.traffic.multiplies / self.cycles.compute

    @property
    def reason(self) -> str:
        """The choice in one line."""
        cycles, traffic = self.cycles, self.traffic
        causes = {
            "values and filters": cycles.waits,
            "drains": cycles.drains,
            "fetches": cycles.fetches,
            "the first and the last pass": cycles.ends,
        }
        cause = max(causes, key=lambda name: causes[name])
        return (
            f"{cycles.total} cycles and {traffic.external} external accesses, where {self.tried} mappings take "
            f"{self.fewest_cycles} and {self.fewest_accesses} at least; {cycles.compute} cycles compute, most others "
            f"wait for {cause}"
        )


def choose_mapping(
    shape: ConvShape,
    config: RowstatConfig,
    *,
    coding: Coding = PLAIN,
    limits: Accesses = UNLIMITED,
    wanted: Accesses | None = None,
    about_as_fast: float = ABOUT_AS_FAST,
    rival: int | None = None,
) -> MappingChoice:
    """Search all mappings of a layer.

    Parameters
    ----------
    shape : ConvShape
    config : RowstatConfig
    coding : Coding
        How maps and weights lie in the external memory.
    limits : Accesses
        Most accesses that a mapping may have.
    wanted : Accesses, optional
        Accesses to keep to where a mapping about as fast as the fastest does. The fastest of those that keep to them is
        taken, and if there is none, the one that goes beyond them least; if not given, the one whose accesses take the
        least energy.
    about_as_fast : float
        At most so many times the fewest cycles are about as fast.
    rival : int, optional
        Cycles of another way to run the layer, which counts as one of the mappings.

    Raises
    ------
    InputError
        If no mapping fits the layer, the engine, the coding and the limits, or none is about as fast as the rival.
    """
    require_shape(shape, config, coding)
    found: list[tuple[CycleEstimate, Traffic, Mapping]] = []
    fewest = rival
    bounds = ((bound_cycles(shape, config, layout, coding), layout) for layout in layouts(shape, config, coding))
    tried = 0
    for bound, layout in sorted(bounds, key=lambda entry: entry[0]):
        if tried == MOST_LAYOUTS:
            break
        if fewest is not None and bound > about_as_fast * fewest:
            break
        fits = False
        for mapping in residencies(shape, config, layout, coding):
            fits = True
            traffic = estimate_traffic(shape, config, mapping, coding)
            if not limits.excess(traffic):
                estimate = estimate_cycles(shape, config, mapping, coding)
                found.append((estimate, traffic, mapping))
                fewest = estimate.total if fewest is None else min(fewest, estimate.total)
        tried += fits
    fast = [entry for entry in found if fewest is not None and entry[0].total <= about_as_fast * fewest]
    for cycles, _, mapping in sorted(fast, key=lambda entry: preference(entry[0], entry[1], wanted)):
        traffic = count_traffic(shape, config, mapping, coding)
        if fewest is not None and not limits.excess(traffic):
            return MappingChoice(
                shape=shape,
                n_pes=config.n_pes,
                mapping=mapping,
                cycles=cycles,
                traffic=traffic,
                tried=len(found),
                fewest_cycles=fewest,
                fewest_accesses=min(entry[1].external for entry in found),
            )
    raise InputError(f"layer {shape.name}: no mapping fits this engine{limits.text}")


def preference(cycles: CycleEstimate, traffic: Traffic, wanted: Accesses | None) -> tuple[int, int]:
    """The less, the better: see `choose_mapping`. What goes beyond the wanted accesses counts in whole hundredths of
    them, rounded up."""
    if wanted is None:
        return traffic.energy, cycles.total
    return ceil(100 * wanted.excess(traffic)), cycles.total


def layouts(shape: ConvShape, config: RowstatConfig, coding: Coding = PLAIN) -> list[Mapping]:
    """Mappings of one resident strip and filter set, without those that are plainly worse than another one.

    A slot takes all rows of the array, or as many as whole channels fill. Only where the ifmap bank is too small for
    the channels of any of these, it takes fewer.
    """
    kernel_rows, most = shape.kernel[0], min(config.rows, NO_CHANNEL)
    full = list(_layouts(shape, config, coding, sorted({most, max(1, most // kernel_rows) * kernel_rows})))
    if any(True for layout in full for _ in residencies(shape, config, layout, coding)):
        return full
    return list(_layouts(shape, config, coding, range(1, most)))


def _layouts(shape: ConvShape, config: RowstatConfig, coding: Coding, pair_counts: Sequence[int]) -> Iterator[Mapping]:
    window = shape.kernel[1]
    step_counts = _step_counts(shape.out_width) if coding.outputs is None else [shape.out_width]
    for sets in range(1, min(config.columns // config.filter_columns, MAX_SETS, shape.group_filters) + 1):
        for slots in range(1, min(config.max_slots, config.ifmap_depth // window) + 1):
            for slot_pairs in pair_counts:
                if slot_pairs > config.rows or (slots > 1 and slot_pairs * (slots - 1) >= shape.pairs):
                    continue
                most = min(config.psum_depth, config.filter_depth // (slots * window))
                for filters in _filter_counts(shape.group_filters, sets, most):
                    for steps in step_counts:
                        if steps * filters <= config.psum_half_words:
                            yield Mapping(
                                filters=filters,
                                slots=slots,
                                slot_pairs=slot_pairs,
                                sets=sets,
                                strip_rows=min(most_strip_rows(config, sets), shape.out_height),
                                steps=steps,
                                region=min(255, config.ifmap_words // slots),
                                ring=min(63, config.filter_depth // (filters * window)),
                            )


def residencies(shape: ConvShape, config: RowstatConfig, layout: Mapping, coding: Coding = PLAIN) -> Iterator[Mapping]:
    """The mappings with this layout: what is resident together."""
    n_sets = n_filter_sets(shape, layout)
    down = -(-shape.out_height // layout.strip_rows)
    across = -(-shape.out_width // layout.steps)
    half = config.psum_half_words // layout.strip_psums
    for rolling in (False, True):
        room = 2 * half if rolling else half
        for filter_sets in sorted({-(-n_sets // number) for number in range(1, n_sets + 1)}):
            strips = min(room // filter_sets, down * across * shape.batch)
            if filter_sets > room or (rolling and filter_sets * strips < 2):
                continue
            for tile_strips, tiles in _tile_groups(down, across, shape.batch, strips):
                resident = filter_sets * tiles * tile_strips[0] * tile_strips[1]
                for turn in _turns(shape, config, layout, resident, coding) if rolling else (0,):
                    mapping = replace(
                        layout,
                        filter_sets=filter_sets,
                        tile_strips=tile_strips,
                        tiles=tiles,
                        rolling=rolling,
                        turn=turn,
                    )
                    for stay in _staying(shape, config, mapping, n_sets):
                        if is_mapping(shape, config, stay, coding):
                            yield stay


def _staying(shape: ConvShape, config: RowstatConfig, mapping: Mapping, n_sets: int) -> Iterator[Mapping]:
    """The mappings by what stays in the ifmap bank for the next filters: nothing, as many tiles as can, or all."""
    yield mapping
    if tile_size(shape, mapping).bank_words <= config.ifmap_bank_words:
        held = most_held_tiles(shape, config, mapping)
        if held and n_sets > mapping.filter_sets:
            yield replace(mapping, held=held)
    yield replace(mapping, keep=True)


def _turns(shape: ConvShape, config: RowstatConfig, layout: Mapping, resident: int, coding: Coding) -> tuple[int, ...]:
    """No turn, and one that is long enough to drain a half; a turn of one channel group is none."""
    first = n_first_half(resident)
    if resident == first:
        return (0,)
    drain = first * strip_drain_cycles(config, layout, coding)
    turn = -(-drain // ((resident - first) * pass_cycles(shape, layout)))
    return (0, turn) if turn > 1 else (0,)


def mappings(shape: ConvShape, config: RowstatConfig, coding: Coding = PLAIN) -> Iterator[Mapping]:
    """All mappings that the search compares, those included that a bound excludes."""
    for layout in layouts(shape, config, coding):
        yield from residencies(shape, config, layout, coding)


def _filter_counts(group_filters: int, sets: int, most: int) -> list[int]:
    """Numbers of filters of a PE: for each number of filter sets the fewest."""
    counts = {-(-group_filters // (sets * number)) for number in range(1, group_filters + 1)}
    return sorted(filters for filters in counts if filters <= most)


def _step_counts(out_width: int) -> list[int]:
    """Output columns of a strip: for each number of strips the fewest, in whole words."""
    strips = range(2, -(-out_width // BUS_WORDS) + 1)
    return sorted({out_width} | {-(-out_width // (number * BUS_WORDS)) * BUS_WORDS for number in strips})


def _tile_groups(down: int, across: int, batch: int, strips: int) -> Iterator[tuple[tuple[int, int], int]]:
    """Strips that share a tile, and tiles that are resident together, for at most so many strips."""
    for tile_down in sorted({-(-down // number) for number in range(1, down + 1)}):
        for tile_across in sorted({1, across}):
            in_tile = tile_down * tile_across
            if in_tile <= strips:
                every = -(-down // tile_down) * -(-across // tile_across) * batch
                most = min(strips // in_tile, every)
                least = -(-every // most)  # residencies
                for number in sorted({1, most, -(-every // least)}):
                    yield (tile_down, tile_across), number
