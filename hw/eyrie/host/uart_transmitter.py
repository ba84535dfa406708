"""Transmitter of a serial line: eight bits, no parity, one stop bit, lowest bit first."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

FRAME_BITS = 10
"""Bits that a byte takes on the line."""


class UartTransmitter(wiring.Component):
    """Bytes onto a line, without a gap between them while there are any.

    A byte takes ten times the divisor in cycles; ``i`` stalls meanwhile, but for the last cycle of the stop bit.

    Parameters
    ----------
    divisor : int
        Clock cycles a bit, 2 or more.

    Members
    -------
    i : ``In(stream.Signature(8))``
        Bytes to send.
    tx : ``Out(1, init=1)``
        The line; high while there is nothing to send.
    """

    i: stream.Interface

    def __init__(self, *, divisor: int) -> None:
        if divisor < 2:
            raise ValueError(f"UART divisor must be at least 2, not {divisor}")
        self.divisor = divisor
        super().__init__({"i": In(stream.Signature(8)), "tx": Out(1, init=1)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        frame = Signal(FRAME_BITS - 1, init=(1 << FRAME_BITS - 1) - 1)  # what follows the bit on the line
        left = Signal(range(FRAME_BITS + 1))  # bits to go, the one on the line included
        count = Signal(range(self.divisor))
        bit_ends = Signal()

        m.d.comb += [
            bit_ends.eq(count == self.divisor - 1),
            self.i.ready.eq((left == 0) | ((left == 1) & bit_ends)),
        ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [self.tx.eq(0), frame.eq(Cat(self.i.payload, Const(1, 1))), left.eq(FRAME_BITS), count.eq(0)]
        with m.Elif((left != 0) & bit_ends):
            m.d.sync += [
                self.tx.eq(frame[0]),
                frame.eq(Cat(frame[1:], Const(1, 1))),
                left.eq(left - 1),
                count.eq(0),
            ]
        with m.Elif(left != 0):
            m.d.sync += count.eq(count + 1)
        return m
