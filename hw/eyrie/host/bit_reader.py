"""Words taken apart into bits."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

WORD_WIDTH = 32


class BitReader(wiring.Component):
    """The bits of words: bytes from the lowest up, the bits of each from the highest down.

    One bit a cycle, and a cycle for each word. A word is taken when no bits are left, not before.

    Members
    -------
    i : ``In(stream.Signature(WORD_WIDTH))``
        Words.
    o : ``Out(stream.Signature(1))``
        Bits.
    clear : ``In(1)``
        Forget the bits that are left. Nothing is taken or given meanwhile.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self) -> None:
        super().__init__({"i": In(stream.Signature(WORD_WIDTH)), "o": Out(stream.Signature(1)), "clear": In(1)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        bits = Signal(WORD_WIDTH)
        left = Signal(range(WORD_WIDTH + 1))
        bytes_first_up = [self.i.payload[begin : begin + 8] for begin in range(0, WORD_WIDTH, 8)]
        m.d.comb += [
            self.i.ready.eq((left == 0) & ~self.clear),
            self.o.valid.eq((left != 0) & ~self.clear),
            self.o.payload.eq(bits[-1]),
        ]
        with m.If(self.clear):
            m.d.sync += left.eq(0)
        with m.Elif(self.i.valid & self.i.ready):
            m.d.sync += [bits.eq(Cat(*reversed(bytes_first_up))), left.eq(WORD_WIDTH)]
        with m.Elif(self.o.valid & self.o.ready):
            m.d.sync += [bits.eq(bits << 1), left.eq(left - 1)]
        return m
