"""The mapper: searches all mappings of a layer for the one with the fewest estimated cycles.

What shapes the array and the scratch pads bounds the cycles of all that may be resident with it. The search goes from
the lowest bound upwards and ends where a bound is beyond the best that it found. Of the mappings that are about as fast
as the fastest, the one whose accesses take the least energy takes the layer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from eyrie.compile.rowstat.estimate import CycleEstimate, bound_cycles, estimate_cycles, n_filter_sets, pass_cycles
from eyrie.compile.rowstat.layer import ConvShape
from eyrie.compile.rowstat.mapping import MAX_SETS, Mapping, is_mapping, require_shape
from eyrie.compile.rowstat.traffic import Traffic, count_traffic, estimate_traffic
from eyrie.compile.rowstat.turns import n_first_half
from eyrie.errors import InputError
from eyrie.rowstat.commands import NO_CHANNEL
from eyrie.rowstat.config import BUS_WORDS, RowstatConfig

ABOUT_AS_FAST: Final = 1.02
"""Cycles for which less energy may be bought, as a multiple of the fewest."""

MOST_LAYOUTS: Final = 500
"""Layouts that are tried at most; only layers that take as long to drain as to compute have so many alike."""


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
    max_buffer: int | None = None,
    max_external: int | None = None,
    about_as_fast: float = ABOUT_AS_FAST,
) -> MappingChoice:
    """Search all mappings of a layer.

    Parameters
    ----------
    shape : ConvShape
    config : RowstatConfig
    max_buffer, max_external : int or None
        Most accesses of the global buffer and of the external memory.
    about_as_fast : float
        Of mappings with at most so many times the fewest cycles, the one whose accesses take the least energy is
        taken.

    Raises
    ------
    InputError
        If no mapping fits the layer, the engine and the limits.
    """
    require_shape(shape, config)
    found: list[tuple[CycleEstimate, Traffic, Mapping]] = []
    fewest = None
    bounds = ((bound_cycles(shape, layout), layout) for layout in layouts(shape, config))
    tried = 0
    for bound, layout in sorted(bounds, key=lambda entry: entry[0]):
        if tried == MOST_LAYOUTS:
            break
        if fewest is not None and bound > about_as_fast * fewest:
            break
        before = len(found)
        for mapping in residencies(shape, config, layout):
            traffic = estimate_traffic(shape, config, mapping)
            if (max_buffer is None or traffic.buffer <= max_buffer) and (
                max_external is None or traffic.external <= max_external
            ):
                estimate = estimate_cycles(shape, config, mapping)
                found.append((estimate, traffic, mapping))
                fewest = estimate.total if fewest is None else min(fewest, estimate.total)
        tried += len(found) > before
    if fewest is None:
        limits = " and ".join(
            f"{limit} {what} accesses"
            for what, limit in (("buffer", max_buffer), ("external", max_external))
            if limit is not None
        )
        raise InputError(
            f"layer {shape.name}: no mapping fits this engine" + (f" with at most {limits}" if limits else "")
        )
    fast = [entry for entry in found if entry[0].total <= about_as_fast * fewest]
    cycles, _, mapping = min(fast, key=lambda entry: (entry[1].energy, entry[0].total))
    return MappingChoice(
        shape=shape,
        n_pes=config.n_pes,
        mapping=mapping,
        cycles=cycles,
        traffic=count_traffic(shape, config, mapping),
        tried=len(found),
        fewest_cycles=fewest,
        fewest_accesses=min(entry[1].external for entry in found),
    )


def layouts(shape: ConvShape, config: RowstatConfig) -> list[Mapping]:
    """Mappings of one resident strip and filter set, without those that are plainly worse than another one.

    A slot takes all rows of the array, or as many as whole channels fill. Only where the ifmap bank is too small for
    the channels of any of these, it takes fewer.
    """
    kernel_rows, most = shape.kernel[0], min(config.rows, NO_CHANNEL)
    full = list(_layouts(shape, config, sorted({most, max(1, most // kernel_rows) * kernel_rows})))
    if any(True for layout in full for _ in residencies(shape, config, layout)):
        return full
    return list(_layouts(shape, config, range(1, most)))


def _layouts(shape: ConvShape, config: RowstatConfig, pair_counts: Sequence[int]) -> Iterator[Mapping]:
    window = shape.kernel[1]
    for sets in range(1, min(config.columns, MAX_SETS, shape.group_filters) + 1):
        for slots in range(1, min(config.max_slots, config.ifmap_depth // window) + 1):
            for slot_pairs in pair_counts:
                if slot_pairs > config.rows or (slots > 1 and slot_pairs * (slots - 1) >= shape.pairs):
                    continue
                most = min(config.psum_depth, config.filter_depth // (slots * window))
                for filters in _filter_counts(shape.group_filters, sets, most):
                    for steps in _step_counts(shape.out_width):
                        if steps * filters <= config.psum_half_words:
                            yield Mapping(
                                filters=filters,
                                slots=slots,
                                slot_pairs=slot_pairs,
                                sets=sets,
                                strip_rows=min(config.columns // sets, shape.out_height),
                                steps=steps,
                                region=min(255, config.ifmap_words // slots),
                                ring=min(63, config.filter_depth // (filters * window)),
                            )


def residencies(shape: ConvShape, config: RowstatConfig, layout: Mapping) -> Iterator[Mapping]:
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
                for turn in _turns(shape, layout, resident) if rolling else (0,):
                    for keep in (False, True):
                        mapping = replace(
                            layout,
                            filter_sets=filter_sets,
                            tile_strips=tile_strips,
                            tiles=tiles,
                            rolling=rolling,
                            turn=turn,
                            keep=keep,
                        )
                        if is_mapping(shape, config, mapping):
                            yield mapping


def _turns(shape: ConvShape, layout: Mapping, resident: int) -> tuple[int, ...]:
    """No turn, and one that is long enough to drain a half."""
    first = n_first_half(resident)
    if resident == first:
        return (0,)
    drain = first * layout.strip_rows * layout.sets * layout.strip_psums
    return (0, -(-drain // ((resident - first) * pass_cycles(shape, layout))))


def mappings(shape: ConvShape, config: RowstatConfig) -> Iterator[Mapping]:
    """All mappings that the search compares, those included that a bound excludes."""
    for layout in layouts(shape, config):
        yield from residencies(shape, config, layout)


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
                tiles = min(strips // in_tile, -(-down // tile_down) * -(-across // tile_across) * batch)
                for number in sorted({1, tiles}):
                    yield (tile_down, tile_across), number
