"""Master of a bus for commands from a serial line, in the framing of `eyrie.host.uartbone_format`."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from eyrie.host.uart import symbol_layout
from eyrie.host.uartbone_format import BUS_ERROR_WORD, Command
from eyrie.host.wishbone import WishboneSignature


class Uartbone(wiring.Component):
    """Bus master for commands from a serial line.

    A gap of ``timeout`` cycles within a command drops what is left of it. After a symbol with an error, or a byte where
    a command should begin that is none, everything is dropped until the line has been silent for as long: what follows
    damage is never taken for a command. A transfer without an answer ends after ``bus_timeout`` cycles.

    Parameters
    ----------
    timeout : int
        Cycles of silence, longer than a byte takes on the line.
    bus_timeout : int
        Cycles that a transfer may take.

    Members
    -------
    i : ``In(stream.Signature(symbol_layout))``
        What came over the line. Stalls during transfers and while an answer is sent.
    o : ``Out(stream.Signature(8))``
        Bytes of answers.
    bus : ``Out(WishboneSignature(address_width=32))``
        The bus.
    fault : ``Out(1)``
        High for a cycle when a command is dropped, or a transfer fails.
    """

    i: stream.Interface
    o: stream.Interface
    bus: Any

    def __init__(self, *, timeout: int, bus_timeout: int = 256) -> None:
        if timeout < 1:
            raise ValueError(f"uartbone timeout must be at least 1, not {timeout}")
        if bus_timeout < 1:
            raise ValueError(f"uartbone bus_timeout must be at least 1, not {bus_timeout}")
        self.timeout, self.bus_timeout = timeout, bus_timeout
        super().__init__(
            {
                "i": In(stream.Signature(symbol_layout)),
                "o": Out(stream.Signature(8)),
                "bus": Out(WishboneSignature(address_width=32)),
                "fault": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        bus = self.bus
        byte, damaged = self.i.payload.data, self.i.payload.error
        take, expired = Signal(), Signal()
        is_write, is_fixed = Signal(), Signal()
        left = Signal(8)  # words to go, less one
        place = Signal(2)  # byte of a number
        address, word = Signal(32), Signal(32)
        silence = Signal(range(self.timeout))
        waited = Signal(range(self.bus_timeout))

        m.d.comb += [
            take.eq(self.i.valid & self.i.ready),
            expired.eq(silence == self.timeout - 1),
            bus.adr.eq(address),
            bus.dat_w.eq(word),
            bus.sel.eq(~0),
            bus.we.eq(is_write),
            self.o.payload.eq(word[-8:]),
        ]
        m.d.sync += silence.eq(0)

        def drop_if_silent() -> None:
            with m.If(~self.i.valid):
                m.d.sync += silence.eq(silence + 1)
                with m.If(expired):
                    m.d.comb += self.fault.eq(1)
                    m.next = "COMMAND"

        def take_number(number: Signal, then: Any) -> None:
            """Four bytes, the highest first."""
            m.d.comb += self.i.ready.eq(1)
            drop_if_silent()
            with m.If(take & damaged):
                m.d.comb += self.fault.eq(1)
                m.next = "DAMAGED"
            with m.Elif(take):
                m.d.sync += [number.eq(Cat(byte, number[:-8])), place.eq(place + 1)]
                with m.If(place == 3):
                    then()

        def begin_transfer() -> None:
            m.d.sync += waited.eq(0)
            m.next = "TRANSFER"

        def after_address() -> None:
            with m.If(is_write):
                m.next = "DATA"
            with m.Else():
                begin_transfer()

        def next_word(state: str) -> None:
            m.d.sync += left.eq(left - 1)
            with m.If(~is_fixed):
                m.d.sync += address.eq(address + 1)
            with m.If(left == 0):
                m.next = "COMMAND"
            with m.Else():
                m.d.sync += waited.eq(0)
                m.next = state

        with m.FSM(name="uartbone"):
            with m.State("COMMAND"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += place.eq(0)
                with m.If(take & ~damaged & (byte >= min(Command)) & (byte <= max(Command))):
                    m.d.sync += [
                        is_write.eq((byte == Command.WRITE_INCREMENT) | (byte == Command.WRITE_FIXED)),
                        is_fixed.eq((byte == Command.WRITE_FIXED) | (byte == Command.READ_FIXED)),
                    ]
                    m.next = "LENGTH"
                with m.Elif(take):
                    m.d.comb += self.fault.eq(1)
                    m.next = "DAMAGED"

            with m.State("LENGTH"):
                m.d.comb += self.i.ready.eq(1)
                drop_if_silent()
                with m.If(take & damaged):
                    m.d.comb += self.fault.eq(1)
                    m.next = "DAMAGED"
                with m.Elif(take):
                    m.d.sync += left.eq(byte - 1)
                    m.next = "ADDRESS"

            with m.State("ADDRESS"):
                take_number(address, after_address)

            with m.State("DATA"):
                take_number(word, begin_transfer)

            with m.State("TRANSFER"):
                m.d.comb += [bus.cyc.eq(1), bus.stb.eq(1)]
                m.d.sync += waited.eq(waited + 1)
                with m.If(bus.ack | bus.err | (waited == self.bus_timeout - 1)):
                    m.d.comb += self.fault.eq(~bus.ack)
                    with m.If(is_write):
                        next_word("DATA")
                    with m.Else():
                        m.d.sync += word.eq(BUS_ERROR_WORD)
                        with m.If(bus.ack):
                            m.d.sync += word.eq(bus.dat_r)
                        m.next = "ANSWER"

            with m.State("ANSWER"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.d.sync += [word.eq(word << 8), place.eq(place + 1)]
                    with m.If(place == 3):
                        next_word("TRANSFER")

            with m.State("DAMAGED"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(~self.i.valid):
                    m.d.sync += silence.eq(silence + 1)
                    with m.If(expired):
                        m.next = "COMMAND"
        return m
