"""Activation queue: evens out the load between PEs (EIE, section IV)."""

from typing import Any

from amaranth.hdl import Assert, Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from eyrie.common.fifo import StreamFifo
from eyrie.eie.config import EieConfig
from eyrie.eie.layouts import broadcast_layout

BROADCAST_SLACK = 2
"""Activations that may still arrive once ``stop`` is up: the way from ``stop`` to the broadcast and back."""


class ActivationQueue(wiring.Component):
    """Holds broadcast activations until the PE gets to them.

    The broadcast cannot be held up by one PE at a moment's notice, so that the queue asks for a stop once it holds
    ``config.queue_depth`` activations and has room for `BROADCAST_SLACK` more.

    Parameters
    ----------
    config : EieConfig
        ``queue_depth`` and widths.

    Members
    -------
    valid : ``In(1)``
        An activation arrives; it is always accepted.
    payload : ``In(broadcast_layout(config))``
        That activation.
    stop : ``Out(1)``
        The queue holds ``queue_depth`` activations or more.
    o : ``Out(stream.Signature(broadcast_layout(config)))``
        The oldest activation.
    occupied : ``Out(1)``
        The queue is not empty.
    """

    o: stream.Interface

    def __init__(self, config: EieConfig) -> None:
        self.config = config
        super().__init__(
            {
                "valid": In(1),
                "payload": In(broadcast_layout(config)),
                "stop": Out(1),
                "o": Out(stream.Signature(broadcast_layout(config))),
                "occupied": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        # The head waits outside of the memory, hence one less.
        words = max(2, self.config.queue_depth + BROADCAST_SLACK - 1)
        depth = 1 << (words - 1).bit_length()
        m.submodules.fifo = fifo = StreamFifo(broadcast_layout(self.config), depth=depth)
        m.d.comb += [
            fifo.i.valid.eq(self.valid),
            fifo.i.payload.eq(self.payload),
            self.stop.eq(fifo.level >= self.config.queue_depth),
            self.occupied.eq(fifo.level != 0),
        ]
        m.d.sync += Assert(~self.valid | fifo.i.ready, "activation queue overflow")
        wiring.connect(m, fifo.o, wiring.flipped(self.o))
        return m
