"""Activation queue: evens out the load between PEs (EIE, section IV)."""

from typing import Any

from amaranth.hdl import Assert, Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from eyrie.common.fifo import StreamFifo
from eyrie.eie.config import EieConfig
from eyrie.eie.layouts import slice_layout

BROADCAST_SLACK = 8
"""Slices that may still arrive once `ActivationQueue.stop` is due: the way to the broadcast and back."""


class ActivationQueue(wiring.Component):
    """Holds activations, each with its slice, until the PE gets to them.

    In the paper the queue lies before the pointer read. Behind it, it holds no activation that meets nothing here. The
    broadcast cannot be held up by one PE at a moment's notice, so that the queue asks for a stop once
    ``config.queue_depth`` slices wait behind the one at its head, and has room for `BROADCAST_SLACK` more. What enters
    an empty queue is offered two cycles later.

    Parameters
    ----------
    config : EieConfig
        ``queue_depth`` and widths.

    Members
    -------
    valid : ``In(1)``
        A slice arrives; it is always accepted.
    payload : ``In(slice_layout(config))``
        That slice.
    stop : ``Out(1)``
        ``queue_depth`` slices or more waited in the cycle before.
    o : ``Out(stream.Signature(slice_layout(config)))``
        The oldest slice.
    waiting : ``Out(1)``
        A slice waits behind the head, or is on its way there.
    """

    o: stream.Interface

    def __init__(self, config: EieConfig) -> None:
        self.config = config
        super().__init__(
            {
                "valid": In(1),
                "payload": In(slice_layout(config)),
                "stop": Out(1),
                "o": Out(stream.Signature(slice_layout(config))),
                "waiting": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        depth = 1 << (self.config.queue_depth + BROADCAST_SLACK - 1).bit_length()
        m.submodules.fifo = fifo = StreamFifo(slice_layout(self.config), depth=depth)
        m.d.comb += [
            fifo.i.valid.eq(self.valid),
            fifo.i.payload.eq(self.payload),
            self.waiting.eq(fifo.waiting != 0),
        ]
        m.d.sync += [
            self.stop.eq(fifo.waiting >= self.config.queue_depth),
            Assert(~self.valid | fifo.i.ready, "activation queue overflow"),
        ]
        wiring.connect(m, fifo.o, wiring.flipped(self.o))
        return m
