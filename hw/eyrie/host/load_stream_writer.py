"""The end of a load stream: the CRC-32 that makes it whole, or what makes the engine forget it."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from eyrie.eie.loader import load_word_layout
from eyrie.host.crc32 import Crc32

WORD_WIDTH = 32


class LoadStreamWriter(wiring.Component):
    """Hands on the words of a load stream and ends it (see `eyrie.eie.load_format`).

    A word every five cycles, as the engine takes them, or as many more as a slower checksum takes; each is offered in
    the cycle after it was taken.

    Parameters
    ----------
    crc_width : int
        Bits that the checksum takes in a cycle: 1, 2, 4 or 8.

    Members
    -------
    i : ``In(stream.Signature(WORD_WIDTH))``
        All words but the last one.
    o : ``Out(stream.Signature(load_word_layout))``
        The load stream.
    finish : ``In(1)``
        Held until `ended`: no word is taken, and the stream ends with the CRC-32 of those that were.
    abort : ``In(1)``
        Held until `ended`, without `finish`: the stream, if there is one, ends so that the engine refuses it.
    ended : ``Out(1)``
        High for the cycle in which `finish` or `abort` is done.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, *, crc_width: int = 8) -> None:
        self.crc_width = crc_width
        super().__init__(
            {
                "i": In(stream.Signature(WORD_WIDTH)),
                "o": Out(stream.Signature(load_word_layout)),
                "finish": In(1),
                "abort": In(1),
                "ended": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.crc = crc = Crc32(width=WORD_WIDTH, step=self.crc_width)
        word, last, begun = Signal(WORD_WIDTH), Signal(), Signal()
        free = Signal()

        m.d.comb += [
            crc.valid.eq(self.i.valid & self.i.ready),
            crc.data.eq(self.i.payload),
            crc.start.eq(self.ended),
            self.o.payload.data.eq(word),
            self.o.payload.last.eq(last),
            free.eq(~self.o.valid & crc.ready),
            self.i.ready.eq(free & ~self.finish & ~self.abort),
            self.ended.eq((self.o.valid & self.o.ready & last) | (free & self.abort & ~begun)),
        ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [self.o.valid.eq(1), word.eq(self.i.payload), begun.eq(1)]
        with m.Elif(free & (self.finish | (self.abort & begun))):
            # For an abort a word that is no CRC of anything: the last one comes too early wherever it comes.
            m.d.sync += [self.o.valid.eq(1), word.eq(Mux(self.finish, crc.crc, 0)), last.eq(1)]
        with m.Elif(self.o.valid & self.o.ready):
            m.d.sync += [self.o.valid.eq(0), last.eq(0)]
            with m.If(last):
                m.d.sync += begun.eq(0)
        return m
