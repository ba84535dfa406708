"""CRC-32 as zlib computes it, some bits a cycle."""

from functools import reduce
from operator import xor
from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.crc.catalog import CRC32_ISO_HDLC
from amaranth.lib.wiring import In, Out

_CRC_BITS = 32
_ONES = (1 << _CRC_BITS) - 1
_POLYNOMIAL = 0xEDB88320  # x^31 in bit 0


class Crc32(wiring.Component):
    """CRC-32 of a sequence of numbers, each as bytes with the lowest first.

    A number takes one cycle or, where fewer bits are taken at once, one and as many as it has parts of `step` bits.
    A bit at a time takes a tenth of the look-up tables that 32 take.

    Parameters
    ----------
    width : int
        Bits of a number, a multiple of eight, at most 32 if `step` is less.
    step : int, optional
        Bits that are taken at once, a divisor of `width`; all of it if left out.

    Members
    -------
    start : ``In(1)``
        The sequence begins anew, and what is left of a number is forgotten.
    valid : ``In(1)``
        A number is there; it is taken if `ready` is high. One beside `start` is the first of the new sequence, if all
        of it is taken at once; otherwise it is not taken.
    ready : ``Out(1)``
        All numbers before are in `crc`. Always, if all of a number is taken at once.
    data : ``In(width)``
        The number.
    crc : ``Out(32)``
        CRC-32 of all numbers up to the cycle before, while `ready` is high; 0 for none.
    """

    def __init__(self, *, width: int, step: int | None = None) -> None:
        if width < 8 or width % 8:
            raise ValueError(f"CRC width must be a multiple of 8 from 8 up, not {width}")
        self.width, self.step = width, width if step is None else step
        if self.step != width and (width > _CRC_BITS or self.step < 1 or width % self.step):
            raise ValueError(f"CRC step must be a divisor of the width {width}, which is 32 at most, not {step}")
        super().__init__({"start": In(1), "valid": In(1), "ready": Out(1), "data": In(width), "crc": Out(_CRC_BITS)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        if self.step == self.width:
            m.submodules.processor = processor = CRC32_ISO_HDLC(data_width=self.width).create()
            m.d.comb += [
                processor.start.eq(self.start),
                processor.valid.eq(self.valid),
                processor.data.eq(self.data),
                self.ready.eq(1),
                self.crc.eq(processor.crc),
            ]
            return m

        # A number is added to the register at once; what follows is the register's own.
        register, left = Signal(_CRC_BITS, init=_ONES), Signal(range(self.width // self.step + 1))
        m.d.comb += [self.ready.eq(left == 0), self.crc.eq(~register)]
        with m.If(left != 0):
            m.d.sync += [register.eq(_following(register, self.step)), left.eq(left - 1)]
        with m.Elif(self.valid):
            m.d.sync += [register.eq(register ^ self.data), left.eq(self.width // self.step)]
        with m.If(self.start):
            m.d.sync += [register.eq(_ONES), left.eq(0)]
        return m


def _following(register: Value, step: int) -> Value:
    """The register after some bits: each bit of it is a sum of bits before."""
    changes = [_shifted(1 << bit, step) for bit in range(_CRC_BITS)]
    sums = [
        [register[bit] for bit, change in enumerate(changes) if change >> number & 1] for number in range(_CRC_BITS)
    ]
    return Cat(reduce(xor, parts, Const(0, 1)) for parts in sums)


def _shifted(register: int, step: int) -> int:
    for _ in range(step):
        register = register >> 1 ^ (_POLYNOMIAL if register & 1 else 0)
    return register
