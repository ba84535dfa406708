"""Receiver of a serial line: eight bits, no parity, one stop bit, lowest bit first."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

MIN_DIVISOR = 8
"""Fewest clock cycles a bit that leave room for three samples."""


class UartReceiver(wiring.Component):
    """Bytes from a line whose clock is not ours.

    The line goes through two registers and a filter that drops pulses of one cycle. A bit is the majority of three
    samples around its centre, a quarter of its length apart from the first to the last. A start bit that is high by
    that measure was a glitch. The receiver looks for the next start bit from the centre of the stop bit on: bytes may
    follow each other without a gap from a sender whose clock is up to 2 % off (3 % from 32 cycles a bit up).

    Parameters
    ----------
    divisor : int
        Clock cycles a bit, from `MIN_DIVISOR` up.

    Members
    -------
    rx : ``In(1, init=1)``
        The line; asynchronous.
    data : ``Out(8)``
        The byte.
    valid : ``Out(1)``
        A byte is there, for one cycle. It cannot be held up.
    error : ``Out(1)``
        A byte came whose stop bit is low, for one cycle; nothing is received until the line is high.
    line_break : ``Out(1)``
        Beside `error`: that byte was zero, as when the line is held low.
    """

    def __init__(self, *, divisor: int) -> None:
        if divisor < MIN_DIVISOR:
            raise ValueError(f"UART divisor must be at least {MIN_DIVISOR}, not {divisor}")
        self.divisor = divisor
        super().__init__({"rx": In(1, init=1), "data": Out(8), "valid": Out(1), "error": Out(1), "line_break": Out(1)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        divisor = self.divisor
        apart = max(1, divisor // 8)
        centre = (divisor - 1) // 2
        decide = centre + apart + 1

        synchronised = Signal(init=1)
        m.submodules.synchroniser = FFSynchronizer(self.rx, synchronised, init=1)
        before, line = Signal(init=1), Signal(init=1)
        m.d.sync += before.eq(synchronised)
        with m.If(synchronised == before):
            m.d.sync += line.eq(synchronised)

        count = Signal(range(divisor))
        place = Signal(range(10))  # 0: start bit, 1 to 8: data, 9: stop bit
        highs = Signal(2)
        bits = Signal(8)
        high = highs[1]

        m.d.comb += self.data.eq(bits)
        with m.FSM(name="receiver"):
            with m.State("IDLE"):
                m.d.sync += [place.eq(0), highs.eq(0), count.eq(1)]
                with m.If(~line):
                    m.next = "BIT"

            with m.State("BIT"):
                with m.If(line & ((count == centre - apart) | (count == centre) | (count == centre + apart))):
                    m.d.sync += highs.eq(highs + 1)
                with m.If(count == divisor - 1):
                    m.d.sync += [count.eq(0), place.eq(place + 1), highs.eq(0)]
                with m.Else():
                    m.d.sync += count.eq(count + 1)
                with m.If(count == decide):
                    with m.If(place == 0):
                        with m.If(high):
                            m.next = "IDLE"
                    with m.Elif(place == 9):
                        m.d.comb += [
                            self.valid.eq(high),
                            self.error.eq(~high),
                            self.line_break.eq(~high & (bits == 0)),
                        ]
                        with m.If(high):
                            m.next = "IDLE"
                        with m.Else():
                            m.next = "LOW"
                    with m.Else():
                        m.d.sync += bits.eq(Cat(bits[1:], high))

            with m.State("LOW"):
                with m.If(line):
                    m.next = "IDLE"
        return m
