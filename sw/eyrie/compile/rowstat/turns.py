"""The order in which the channel groups of psums that are resident together run, and what that costs.

Where one half of the psum banks is to drain while the other one works, the halves go through the last channel groups
one after the other, and through the first ones of the next psums likewise: at each turn, one half has that many passes
in which the other drains.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, kw_only=True)
class Run:
    """Passes of one channel group on consecutive places of the resident psums.

    Parameters
    ----------
    channel_group : int
    places : range
        A place is a filter set and a strip, filter sets outermost.
    """

    channel_group: int
    places: range


def n_first_half(resident: int) -> int:
    """Places of the first half, where resident places take both halves."""
    return -(-resident // 2)


def runs(order: Sequence[int], resident: int, turn: int) -> Iterator[Run]:
    """Runs of `resident` places through the channel groups in this order.

    `turn` channel groups at the beginning and at the end run half by half, the second half in opposite order.
    """
    split = n_first_half(resident)
    halves = range(split), range(split, resident)
    parts = min(turn, len(order) // 2) if resident > 1 else 0
    end = len(order) - parts

    def half_by_half(groups: Sequence[int]) -> Iterator[Run]:
        yield from (Run(channel_group=group, places=halves[0]) for group in groups)
        yield from (Run(channel_group=group, places=halves[1]) for group in reversed(groups))

    yield from half_by_half(order[:parts])
    yield from (Run(channel_group=group, places=range(resident)) for group in order[parts:end])
    yield from half_by_half(order[end:])


def next_order(order: Sequence[int], resident: int, turn: int) -> list[int]:
    """The order that begins with the channel group that `runs` ends with."""
    last = min(turn, len(order) // 2) if resident > 1 else 0
    return [*order[len(order) - last :], *reversed(order[: len(order) - last])]


def tiles_of(places: range, tile_of_strip: Sequence[int]) -> list[int]:
    """Tiles that some places need, in order, each once."""
    n_strips = len(tile_of_strip)
    return list(dict.fromkeys(tile_of_strip[place % n_strips] for place in places))


@lru_cache(maxsize=1 << 14)
def loads_and_fetches(channel_groups: int, sets: int, tile_strips: int, tiles: int, turn: int) -> tuple[int, int]:
    """Loads of filters and fetches of tiles for psums that are resident together, the first of each included.

    Parameters
    ----------
    channel_groups, sets : int
    tile_strips, tiles : int
        Strips of a tile, and tiles.
    turn : int
    """
    tile_of_strip = [strip // tile_strips for strip in range(tile_strips * tiles)]
    loads = fetches = 0
    weights, held = None, (-1, set[int]())
    for run in runs(range(channel_groups), sets * len(tile_of_strip), turn):
        for place in run.places:
            used = (run.channel_group, place // len(tile_of_strip))
            loads += used != weights
            weights = used
        needed = tiles_of(run.places, tile_of_strip)
        before = held[1] if held[0] == run.channel_group else set[int]()
        fetches += len([tile for tile in needed if tile not in before])
        held = (run.channel_group, before | set(needed))
    return loads, fetches
