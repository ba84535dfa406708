"""Pools on tapes written by hand: an output row a POOL, the channels of an image together."""

from dataclasses import dataclass

import numpy as np

from eyrie.rowstat.commands import Opcode, Unit, pack
from eyrie.rowstat.config import BUS_WORDS
from tests.sim.golden.rowstat_tapes import Builder, words_of_row, write_map


@dataclass(frozen=True, kw_only=True)
class Pool:
    """A window, and for means the multiplier and shift of each output column."""

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    columns: tuple[tuple[int, int], ...] = ()

    def outputs(self, x: np.ndarray, activation_width: int) -> np.ndarray:
        """Every window by itself, in Python's integers."""
        (rows, columns), (top, left, bottom, right) = self.kernel, self.padding
        down = (x.shape[2] + top + bottom - rows) // self.stride[0] + 1
        across = (x.shape[3] + left + right - columns) // self.stride[1] + 1
        result = np.zeros((*x.shape[:2], down, across), np.int64)
        bound = 1 << activation_width - 1
        for image, channel, i, j in np.ndindex(*result.shape):
            y, begin = i * self.stride[0] - top, j * self.stride[1] - left
            inside = [
                int(x[image, channel, row, column])
                for row in range(max(y, 0), min(y + rows, x.shape[2]))
                for column in range(max(begin, 0), min(begin + columns, x.shape[3]))
            ]
            value = max(inside)
            if self.columns:
                multiplier, shift = self.columns[j]
                value = sum(inside) * multiplier + (1 << shift >> 1) >> shift
            result[image, channel, i, j] = max(-bound, min(bound - 1, value))
        return result


def add_pool(
    builder: Builder,
    pool: Pool,
    address: int,
    shape: tuple[int, int, int, int],
    *,
    coded: tuple[bool, bool] = (False, False),
    bank_address: int = 0,
) -> tuple[int, tuple[int, int, int, int]]:
    """Commands of a pool whose input of this shape lies at that address, from a place in the bank.

    ``coded`` are its input and its output maps.

    Returns
    -------
    (address, shape) of the output, at the end of the memory.
    """
    batch, channels, height, width = shape
    (rows, columns), (top, left, bottom, right) = pool.kernel, pool.padding
    down = (height + top + bottom - rows) // pool.stride[0] + 1
    across = (width + left + right - columns) // pool.stride[1] + 1
    out_shape = (batch, channels, down, across)
    out = write_map(builder, np.zeros(out_shape, np.int64), coded=coded[1])
    pitch, out_pitch = -(-width // BUS_WORDS), words_of_row(across, coded[1])
    slot_words = words_of_row(width, coded[0])
    name, kind = "fetch", {"opcode": Opcode.WORK, "words": height * pitch}
    if coded[0]:
        name, kind = "coded_fetch", {"opcode": Opcode.CODED, "words": pitch, "rows": height, "slot_words": slot_words}
    scales = [
        pack("pool_scale", multiplier=multiplier, shift=shift, behind=across - 1 - j)[0]
        for j, (multiplier, shift) in enumerate(pool.columns)
    ]
    scales = scales or [pack("pool_scale", multiplier=1, shift=0, behind=0)[0]]
    for image in range(batch):
        builder.packet(
            Unit.FETCH,
            *pack(
                name,
                **kind,
                wait_delivered=builder.wait(builder.passes, builder.passes),
                wait_drained=builder.wait(builder.drained, builder.drained),
                bank_address=bank_address,
                channels=channels,
                map_address=address + image * channels * height * slot_words,
                channel_stride=height * slot_words,
            ),
        )
        builder.fetched += 1
        for row in range(down):
            begin = row * pool.stride[0] - top
            first, last = max(begin, 0), min(begin + rows, height)
            builder.packet(
                Unit.DRAIN,
                *pack(
                    "pool",
                    opcode=Opcode.POOL,
                    wait_fetched=builder.wait(builder.fetched, builder.fetched),
                    bank_address=bank_address + first * pitch,
                    channels=channels,
                    scales=len(scales),
                    mean=bool(pool.columns),
                    coded=coded[1],
                    map_address=out + (image * channels * down + row) * out_pitch,
                    channel_stride=down * out_pitch,
                    row_stride=0,
                    steps=across,
                    rows=1,
                    first_x=-left,
                    edge=width - 1,
                    stride=pool.stride[1],
                    row_advance=0,
                    channel_pitch=height * pitch,
                    row_pitch=pitch,
                    kernel=last - first,
                    window=columns,
                ),
                *scales,
            )
            builder.drained += 1
    return out, out_shape
