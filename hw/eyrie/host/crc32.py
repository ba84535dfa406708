"""CRC-32 as zlib computes it, some bytes a cycle."""

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.crc.catalog import CRC32_ISO_HDLC
from amaranth.lib.wiring import In, Out


class Crc32(wiring.Component):
    """CRC-32 of a sequence of numbers, each as bytes with the lowest first.

    Parameters
    ----------
    width : int
        Bits of a number, a multiple of eight.

    Members
    -------
    start : ``In(1)``
        The sequence begins anew; a number beside it is its first.
    valid : ``In(1)``
        A number is there. One is taken in every cycle.
    data : ``In(width)``
        The number.
    crc : ``Out(32)``
        CRC-32 of all numbers up to the cycle before; 0 for none.
    """

    def __init__(self, *, width: int) -> None:
        if width < 8 or width % 8:
            raise ValueError(f"CRC width must be a multiple of 8 from 8 up, not {width}")
        self.width = width
        super().__init__({"start": In(1), "valid": In(1), "data": In(width), "crc": Out(32)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.processor = processor = CRC32_ISO_HDLC(data_width=self.width).create()
        m.d.comb += [
            processor.start.eq(self.start),
            processor.valid.eq(self.valid),
            processor.data.eq(self.data),
            self.crc.eq(processor.crc),
        ]
        return m
