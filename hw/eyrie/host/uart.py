"""Both directions of a serial line behind two streams."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from eyrie.common.fifo import StreamFifo
from eyrie.host.uart_receiver import UartReceiver
from eyrie.host.uart_transmitter import UartTransmitter

symbol_layout = data.StructLayout({"data": 8, "error": 1})
"""What came over the line: a byte or, with ``error``, the place of at least one that was lost or damaged."""

_DEPTH = 16


class Uart(wiring.Component):
    """A serial line, with a queue for what comes while nobody takes it.

    A byte that finds the queue full is lost. As soon as there is a place again, a symbol with ``error`` takes it.

    Parameters
    ----------
    divisor : int
        Clock cycles a bit, see `eyrie.host.uart_receiver.UartReceiver`.

    Members
    -------
    rx : ``In(1, init=1)``
        The line from the other side; asynchronous.
    tx : ``Out(1, init=1)``
        The line to the other side.
    i : ``In(stream.Signature(8))``
        Bytes to send.
    o : ``Out(stream.Signature(symbol_layout))``
        What came.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, *, divisor: int) -> None:
        self.divisor = divisor
        super().__init__(
            {
                "rx": In(1, init=1),
                "tx": Out(1, init=1),
                "i": In(stream.Signature(8)),
                "o": Out(stream.Signature(symbol_layout)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.receiver = receiver = UartReceiver(divisor=self.divisor)
        m.submodules.transmitter = transmitter = UartTransmitter(divisor=self.divisor)
        m.submodules.queue = queue = StreamFifo(symbol_layout, depth=_DEPTH)
        lost = Signal()

        wiring.connect(m, wiring.flipped(self.i), transmitter.i)
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        m.d.comb += [
            receiver.rx.eq(self.rx),
            self.tx.eq(transmitter.tx),
            queue.i.valid.eq(receiver.valid | receiver.error | lost),
            queue.i.payload.data.eq(receiver.data),
            queue.i.payload.error.eq(receiver.error | lost),
        ]
        with m.If(queue.i.valid):
            m.d.sync += lost.eq(~queue.i.ready)
        return m
