"""Addresses on a bus that stand for a stream.

A transfer ends in the cycle after it begins, whatever the stream does: a bus that waits for a stream could wait for
ever. The host looks at how much there is before it transfers.
"""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from eyrie.host.wishbone import WORD_WIDTH, WishboneSignature


class WriteWindow(wiring.Component):
    """Words written to a range of addresses, as a stream. Reads end with ``err``.

    Parameters
    ----------
    address_width : int
        Bits of an address, which make no difference.

    Members
    -------
    bus : ``In(WishboneSignature(address_width=address_width))``
        The bus.
    o : ``Out(stream.Signature(WORD_WIDTH))``
        Words, each offered for one cycle.
    overflow : ``Out(1)``
        In that cycle nobody took it: the word is lost.
    """

    bus: Any
    o: stream.Interface

    def __init__(self, *, address_width: int) -> None:
        self.address_width = address_width
        super().__init__(
            {
                "bus": In(WishboneSignature(address_width=address_width)),
                "o": Out(stream.Signature(WORD_WIDTH)),
                "overflow": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        bus = self.bus
        begins = Signal()
        m.d.comb += [
            begins.eq(bus.cyc & bus.stb & ~bus.ack & ~bus.err),
            self.o.valid.eq(begins & bus.we),
            self.o.payload.eq(bus.dat_w),
            self.overflow.eq(self.o.valid & ~self.o.ready),
        ]
        m.d.sync += [bus.ack.eq(begins & bus.we), bus.err.eq(begins & ~bus.we)]
        return m


class ReadWindow(wiring.Component):
    """Reads from a range of addresses, each of which takes a word from a stream. Writes end with ``err``.

    Parameters
    ----------
    address_width : int
        Bits of an address, which make no difference.

    Members
    -------
    bus : ``In(WishboneSignature(address_width=address_width))``
        The bus.
    i : ``In(stream.Signature(WORD_WIDTH))``
        Words; ready for the one cycle in which a read begins.
    underflow : ``Out(1)``
        In that cycle there is no word: the read gives 0.
    """

    bus: Any
    i: stream.Interface

    def __init__(self, *, address_width: int) -> None:
        self.address_width = address_width
        super().__init__(
            {
                "bus": In(WishboneSignature(address_width=address_width)),
                "i": In(stream.Signature(WORD_WIDTH)),
                "underflow": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        bus = self.bus
        begins = Signal()
        m.d.comb += [
            begins.eq(bus.cyc & bus.stb & ~bus.ack & ~bus.err),
            self.i.ready.eq(begins & ~bus.we),
            self.underflow.eq(self.i.ready & ~self.i.valid),
        ]
        m.d.sync += [bus.ack.eq(begins & ~bus.we), bus.err.eq(begins & bus.we), bus.dat_r.eq(0)]
        with m.If(self.i.valid):
            m.d.sync += bus.dat_r.eq(self.i.payload)
        return m
