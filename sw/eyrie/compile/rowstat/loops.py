"""The loop nest of a layer: its strips, tiles and passes in the order in which they run."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

from eyrie.compile.rowstat.layer import ConvShape
from eyrie.compile.rowstat.mapping import Mapping, Tile, n_channel_groups, row_words, tile_size
from eyrie.compile.rowstat.turns import n_first_half, next_order, runs, tiles_of
from eyrie.rowstat.config import BUS_WORDS


@dataclass(frozen=True, kw_only=True)
class Strip:
    """Output rows and columns that a pass works on.

    Parameters
    ----------
    image, row, column : int
        Where it begins in the output maps.
    rows, columns : int
        What of it lies within the output maps.
    first_row, first_value : int
        First row and value of the ifmaps that it looks at, counted from its tile; negative in the padding.
    """

    image: int
    row: int
    column: int
    rows: int
    columns: int
    first_row: int
    first_value: int


@dataclass(frozen=True, kw_only=True)
class TilePlace:
    """A tile: part of the ifmaps of an image, and the strips that need it.

    Parameters
    ----------
    image, row, word : int
        First row, and first word of a row, in the input maps.
    strips : tuple of Strip
    """

    image: int
    row: int
    word: int
    strips: tuple[Strip, ...]


@dataclass(frozen=True, kw_only=True)
class Job:
    """A tile of the channels of one channel group, to be fetched.

    Parameters
    ----------
    group, channel_group : int
    tile : TilePlace
    """

    group: int
    channel_group: int
    tile: TilePlace


@dataclass(frozen=True, kw_only=True)
class Pass:
    """One pass.

    Parameters
    ----------
    group, channel_group, filter_set : int
        Filter sets are counted within the group.
    strip : Strip
    job : int
        Number of the job that fetches its tile.
    residency : int
        Counts the sets of psums that are resident together.
    half, psum_offset : int
        Where its psums lie.
    first, last : bool
        Whether it is the first, or last, to add to its psums.
    last_of_set : bool
        Whether the next pass has other filters.
    """

    group: int
    channel_group: int
    filter_set: int
    strip: Strip
    job: int
    residency: int
    half: int
    psum_offset: int
    first: bool
    last: bool
    last_of_set: bool


@dataclass(frozen=True, kw_only=True)
class Loops:
    """Loop nest of a layer under a mapping that `require_mapping` accepts.

    Groups are outermost; then filters and tiles whose psums are resident together, the tiles outside if they are kept;
    then channel groups; then filter sets; then strips. Where other tiles follow, channel groups and filter sets run
    backwards every other time, so that the filters of the turn need not be loaded again. Where tiles are held, tiles
    and channel groups run backwards for the next filters, which begin with the tiles of the turn.
    """

    shape: ConvShape
    mapping: Mapping

    @cached_property
    def tile(self) -> Tile:
        """Size of all tiles."""
        return tile_size(self.shape, self.mapping)

    @cached_property
    def n_channel_groups(self) -> int:
        """Passes that add to each psum."""
        return n_channel_groups(self.shape, self.mapping)

    @cached_property
    def n_filter_sets(self) -> int:
        """Filter sets of a group."""
        return -(-self.shape.group_filters // self.mapping.set_filters)

    @cached_property
    def tiles(self) -> tuple[TilePlace, ...]:
        """All tiles: image by image, downwards, then across."""
        down, across = self.mapping.tile_strips
        return tuple(
            self._place(image, row, column)
            for image in range(self.shape.batch)
            for row in range(0, self.shape.out_height, down * self.mapping.strip_rows)
            for column in range(0, self.shape.out_width, across * self.mapping.steps)
        )

    @cached_property
    def tile_sets(self) -> tuple[tuple[TilePlace, ...], ...]:
        """Tiles that are resident together."""
        return tuple(
            self.tiles[begin : begin + self.mapping.tiles] for begin in range(0, len(self.tiles), self.mapping.tiles)
        )

    @cached_property
    def filter_ranges(self) -> tuple[range, ...]:
        """Filter sets that are resident together."""
        step = self.mapping.filter_sets
        return tuple(
            range(begin, min(begin + step, self.n_filter_sets)) for begin in range(0, self.n_filter_sets, step)
        )

    @property
    def jobs(self) -> tuple[Job, ...]:
        """All fetches of tiles, in order."""
        return self._all[0]

    @property
    def passes(self) -> tuple[Pass, ...]:
        """All passes, in order."""
        return self._all[1]

    @cached_property
    def _all(self) -> tuple[tuple[Job, ...], tuple[Pass, ...]]:
        jobs: list[Job] = []
        passes: list[Pass] = []
        residency = 0
        for group in range(self.shape.groups):
            held: dict[tuple[int, TilePlace], int] = {}
            order: Sequence[int] = range(self.n_channel_groups)
            if self.mapping.keep:
                ranges = self.filter_ranges
                for tiles in self.tile_sets:
                    held.clear()
                    for sets in ranges:
                        passes += self._residency(group, sets, tiles, order, residency, jobs, held)
                        residency += 1
                    resident = len(ranges[-1]) * sum(len(tile.strips) for tile in tiles)
                    order = next_order(order, resident, self.mapping.turn)
                    ranges = tuple(sets[::-1] for sets in reversed(ranges))
            else:
                tile_sets = self.tile_sets
                for sets in self.filter_ranges:
                    for tiles in tile_sets:
                        passes += self._residency(group, sets, tiles, order, residency, jobs, held)
                        residency += 1
                        resident = len(sets) * sum(len(tile.strips) for tile in tiles)
                        order, sets = next_order(order, resident, self.mapping.turn), sets[::-1]
                    if self.mapping.held:
                        tile_sets = tile_sets[::-1]
                    else:
                        order = range(self.n_channel_groups)
        weights = [(step.group, step.filter_set, step.channel_group) for step in passes]
        changes = [before != after for before, after in pairwise(weights)] + [True]
        return tuple(jobs), tuple(
            replace(step, last_of_set=change) for step, change in zip(passes, changes, strict=True)
        )

    def _residency(
        self,
        group: int,
        sets: range,
        tiles: tuple[TilePlace, ...],
        order: Sequence[int],
        residency: int,
        jobs: list[Job],
        held: dict[tuple[int, TilePlace], int],
    ) -> list[Pass]:
        """Passes on psums that are resident together; appends their jobs, and keeps those in `held`, by channel group
        and tile, that are to be in the bank yet."""
        strips = [strip for tile in tiles for strip in tile.strips]
        tile_of_strip = [number for number, tile in enumerate(tiles) for _ in tile.strips]
        resident = len(sets) * len(strips)
        in_half = n_first_half(resident) if self.mapping.rolling else resident
        passes = []
        done = [0] * resident
        before: int | None = None
        for run in runs(order, resident, self.mapping.turn):
            if not self.mapping.keep:
                oldest = len(jobs) - self.mapping.held
                at_work = run.channel_group if run.channel_group == before else None
                for key in [key for key, job in held.items() if job < oldest and key[0] != at_work]:
                    del held[key]
                before = run.channel_group
            for number in tiles_of(run.places, tile_of_strip):
                if (run.channel_group, tiles[number]) not in held:
                    held[run.channel_group, tiles[number]] = len(jobs)
                    jobs.append(Job(group=group, channel_group=run.channel_group, tile=tiles[number]))
            for place in run.places:
                half, index = divmod(place, in_half)
                done[place] += 1
                passes.append(
                    Pass(
                        group=group,
                        channel_group=run.channel_group,
                        filter_set=sets[place // len(strips)],
                        strip=strips[place % len(strips)],
                        job=held[run.channel_group, tiles[tile_of_strip[place % len(strips)]]],
                        residency=residency,
                        half=half if self.mapping.rolling else residency % 2,
                        psum_offset=index * self.mapping.strip_psums,
                        first=done[place] == 1,
                        last=done[place] == len(order),
                        last_of_set=False,
                    )
                )
        return passes

    def _place(self, image: int, row: int, column: int) -> TilePlace:
        """The tile that begins at an output row and column, moved into the map."""
        shape, mapping = self.shape, self.mapping
        row_begin = row * shape.stride[0] - shape.padding[0]
        value_begin = column * shape.stride[1] - shape.padding[1]
        first_row = min(max(row_begin, 0), shape.height - self.tile.rows)
        first_word = min(max(value_begin // BUS_WORDS, 0), row_words(shape.width) - self.tile.words)
        down, across = mapping.tile_strips
        strips = tuple(
            Strip(
                image=image,
                row=strip_row,
                column=strip_column,
                rows=min(mapping.strip_rows, shape.out_height - strip_row),
                columns=min(mapping.steps, shape.out_width - strip_column),
                first_row=strip_row * shape.stride[0] - shape.padding[0] - first_row,
                first_value=strip_column * shape.stride[1] - shape.padding[1] - BUS_WORDS * first_word,
            )
            for strip_row in range(row, min(row + down * mapping.strip_rows, shape.out_height), mapping.strip_rows)
            for strip_column in range(column, min(column + across * mapping.steps, shape.out_width), mapping.steps)
        )
        return TilePlace(image=image, row=first_row, word=first_word, strips=strips)
