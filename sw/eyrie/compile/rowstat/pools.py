"""The tape of a pooling layer: tiles of whole rows go into the ifmap bank, and POOL commands take their windows."""

from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Final

import numpy as np

from eyrie.compile.rowstat.fetches import fetch_whole_rows, fetch_words
from eyrie.compile.rowstat.mapping import row_words
from eyrie.compile.rowstat.maps import MapPlace
from eyrie.compile.rowstat.packets import Tape
from eyrie.compile.rowstat.pool import PoolLayer, PoolShape
from eyrie.rowstat.commands import POOL_SCALES, Opcode, Unit, pack
from eyrie.rowstat.config import BUS_WORDS, RowstatConfig

_TILES: Final = 8
"""Tiles of an image at least, if it has as many channels: the first one's fetch runs beside no pool."""

Scales = tuple[tuple[int, int, int], ...]
"""Multiplier and shift of neighbouring columns, and the columns behind them."""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Output rows and columns that one POOL covers, in each of its channels.

    Parameters
    ----------
    row, rows : int
        First output row, and how many.
    top, kernel : int
        Row of the map where the window of the first one begins, and rows of a window, without those of the padding.
    column, columns : int
        First output column, the first of a word, and how many.
    scales : Scales
    """

    row: int
    rows: int
    top: int
    kernel: int
    column: int
    columns: int
    scales: Scales

    def cut(self, begin: int, end: int, stride: int) -> "Piece | None":
        """What of it lies in the output rows from ``begin`` on up to ``end``."""
        first, last = max(self.row, begin), min(self.row + self.rows, end)
        if first >= last:
            return None
        return Piece(
            row=first,
            rows=last - first,
            top=self.top + (first - self.row) * stride,
            kernel=self.kernel,
            column=self.column,
            columns=self.columns,
            scales=self.scales,
        )


@dataclass(frozen=True, kw_only=True)
class PoolTile:
    """Rows of neighbouring channels that lie in the ifmap bank together.

    Parameters
    ----------
    image, channel, channels : int
    row, rows : int
        Rows of the map.
    pieces : tuple of Piece
        What is made of them.
    """

    image: int
    channel: int
    channels: int
    row: int
    rows: int
    pieces: tuple[Piece, ...]


def write_pool(tape: Tape, layer: PoolLayer, config: RowstatConfig, source: MapPlace, target: MapPlace) -> None:
    """Write all commands of a layer that `eyrie.compile.rowstat.pool.require_pool` accepts.

    A fetch waits for all that the layers before have delivered and drained, and for the pools of the tile that lay in
    its place; so do those of the layer behind, and the bank's one read port serves either passes or pools.
    """
    tiles = pool_tiles(layer, config)
    space = max(tile.channels * tile.rows for tile in tiles) * row_words(layer.shape.width)
    places = config.ifmap_bank_words // space
    ahead = min(places - 1, max(1, config.command_depth // (fetch_words(source) + 1) - 1))
    passes_before, drains_before = tape.passes.issued, tape.drained.issued
    fetched_after: list[int] = []
    drained_after: list[int] = []
    for number, tile in enumerate(tiles):
        while len(fetched_after) < min(len(tiles), number + 1 + ahead):
            following = len(fetched_after)
            drained = drains_before if following < places else drained_after[following - places]
            _fetch(tape, tiles[following], source, following % places * space, passes_before, drained)
            fetched_after.append(tape.fetched.issued)
        for piece in tile.pieces:
            base = number % places * space
            _pool(tape, layer, tile, piece, target, base, tape.fetched.wait(fetched_after[number]))
        drained_after.append(tape.drained.issued)


def pool_tiles(layer: PoolLayer, config: RowstatConfig) -> tuple[PoolTile, ...]:
    """The tiles of all images: several channels, or, where not even half the bank holds one, some output rows."""
    shape = layer.shape
    pieces = pool_pieces(layer)
    words = row_words(shape.width)
    room = config.ifmap_bank_words // 2 // words
    if room < min(shape.kernel[0], shape.height):
        room = config.ifmap_bank_words // words
    channels = max(1, min(room // shape.height, shape.channels // _TILES, 4095))
    if room >= shape.height:
        bands = [(0, shape.out_height)]
    else:
        step = max(1, (room - shape.kernel[0]) // shape.stride[0] + 1)
        bands = [(row, min(row + step, shape.out_height)) for row in range(0, shape.out_height, step)]
    tiles = []
    for image in range(shape.batch):
        for channel in range(0, shape.channels, channels):
            for begin, end in bands:
                own = tuple(cut for piece in pieces if (cut := piece.cut(begin, end, shape.stride[0])))
                first, last = _rows(shape, begin)[0], _rows(shape, end - 1)[1]
                tiles.append(
                    PoolTile(
                        image=image,
                        channel=channel,
                        channels=min(channels, shape.channels - channel),
                        row=first,
                        rows=last - first,
                        pieces=own,
                    )
                )
    return tuple(tiles)


def pool_pieces(layer: PoolLayer) -> tuple[Piece, ...]:
    """Output rows whose windows have as many rows on the map and the same multipliers, as wide as `POOL_SCALES`
    allow."""
    shape = layer.shape
    pieces = []
    keys = []
    for row in range(shape.out_height):
        top, end = _rows(shape, row)
        scales = _row_scales(layer, row)
        # Rows of one key have the same `top - row * stride`, which only a window that is cut off at the top changes.
        keys.append((row, end - top, top - row * shape.stride[0], scales))
    for (kernel, _, scales), group in groupby(keys, key=lambda key: key[1:]):
        rows = [key[0] for key in group]
        for column, columns, own in _word_pieces(scales):
            pieces.append(
                Piece(
                    row=rows[0],
                    rows=len(rows),
                    top=_rows(shape, rows[0])[0],
                    kernel=kernel,
                    column=column,
                    columns=columns,
                    scales=own,
                )
            )
    return tuple(pieces)


def _rows(shape: PoolShape, row: int) -> tuple[int, int]:
    """First row of the map in the windows of an output row, and the row behind the last one."""
    begin = row * shape.stride[0] - shape.padding[0]
    return max(begin, 0), min(begin + shape.kernel[0], shape.height)


def _row_scales(layer: PoolLayer, row: int) -> tuple[tuple[int, int], ...]:
    """Multiplier and shift of every column of an output row."""
    if layer.multiplier is None or layer.shift is None:
        return ((1, 0),) * layer.shape.out_width
    return tuple(zip(layer.multiplier[row].tolist(), layer.shift[row].tolist(), strict=True))


def _word_pieces(scales: tuple[tuple[int, int], ...]) -> list[tuple[int, int, Scales]]:
    """First column, columns and scales of parts of an output row that begin with a word."""
    changes = np.array([True, *(one != other for one, other in pairwise(scales))])
    pieces = []
    begin = 0
    while begin < len(scales):
        starts = [begin, *(begin + 1 + np.flatnonzero(changes[begin + 1 :])).tolist()]
        end = len(scales)
        if len(starts) > POOL_SCALES:
            end = starts[POOL_SCALES] // BUS_WORDS * BUS_WORDS
        own = [start for start in starts if start < end]
        behind = [end - following for following in (*own[1:], end)]
        pieces.append(
            (begin, end - begin, tuple((*scales[start], rest) for start, rest in zip(own, behind, strict=True)))
        )
        begin = end
    return pieces


def _fetch(tape: Tape, tile: PoolTile, source: MapPlace, base: int, delivered: int, drained: int) -> None:
    """Write the command for one tile."""
    command = fetch_whole_rows(
        source,
        image=tile.image,
        channel=tile.channel,
        channels=tile.channels,
        row=tile.row,
        rows=tile.rows,
        bank_address=base,
        wait_delivered=tape.passes.wait(delivered),
        wait_drained=tape.drained.wait(drained),
    )
    tape.packet(Unit.FETCH, command)
    tape.fetched.issue()


def _pool(
    tape: Tape, layer: PoolLayer, tile: PoolTile, piece: Piece, target: MapPlace, base: int, wait_fetched: int
) -> None:
    """Write the command for a piece of a tile."""
    shape, words = layer.shape, row_words(layer.shape.width)
    command = pack(
        "pool",
        opcode=Opcode.POOL,
        wait_fetched=wait_fetched,
        bank_address=base + (piece.top - tile.row) * words,
        channels=tile.channels,
        scales=len(piece.scales),
        mean=int(layer.is_mean),
        coded=int(target.coded),
        map_address=target.address(tile.image, tile.channel, piece.row, piece.column // BUS_WORDS),
        channel_stride=target.channel_words,
        row_stride=target.row_words,
        steps=piece.columns,
        rows=piece.rows,
        first_x=piece.column * shape.stride[1] - shape.padding[1],
        edge=shape.width - 1,
        stride=shape.stride[1],
        row_advance=shape.stride[0] * words if piece.rows > 1 else 0,
        channel_pitch=tile.rows * words if tile.channels > 1 else 0,
        row_pitch=words,
        kernel=piece.kernel,
        window=shape.kernel[1],
    )
    for multiplier, shift, behind in piece.scales:
        command += pack("pool_scale", multiplier=multiplier, shift=shift, behind=behind)
    tape.packet(Unit.DRAIN, command)
    tape.drained.issue()
