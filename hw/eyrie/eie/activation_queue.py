"""Activation queue: evens out the load between PEs (EIE, section IV)."""

from typing import Any

from amaranth.hdl import Assert, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from eyrie.common.memory import SyncMemory
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
        ``queue_depth`` slices or more wait.
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
        config = self.config
        depth = 1 << (config.queue_depth + BROADCAST_SLACK - 1).bit_length()
        m.submodules.slices = slices = SyncMemory(shape=slice_layout(config), depth=depth, collision="never")

        # How many wait is counted, as `stop` and `waiting` have a long way before them.
        n_waiting = Signal(range(depth + 1))
        write_address, read_address, fetch = Signal(range(depth)), Signal(range(depth)), Signal()
        m.d.comb += [
            self.waiting.eq(n_waiting != 0),
            self.stop.eq(n_waiting >= config.queue_depth),
            fetch.eq(self.waiting & (~self.o.valid | self.o.ready)),
            slices.write_en.eq(self.valid),
            slices.write_address.eq(write_address),
            slices.write_data.eq(self.payload),
            slices.read_en.eq(fetch),
            slices.read_address.eq(read_address),
            self.o.payload.eq(slices.read_data),
        ]
        m.d.sync += [
            n_waiting.eq(n_waiting + self.valid - fetch),
            write_address.eq(write_address + self.valid),
            read_address.eq(read_address + fetch),
            self.o.valid.eq(fetch | (self.o.valid & ~self.o.ready)),
            Assert(~self.valid | (n_waiting != depth), "activation queue overflow"),
        ]
        return m
