"""The broadcast behind all that lies between it and a PE that sends: what `hold` has to reckon with."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from eyrie.eie.broadcast import Broadcast
from eyrie.eie.command_register import CommandRegister
from eyrie.eie.config import EieConfig
from eyrie.eie.layouts import broadcast_layout, located_activation_layout
from eyrie.eie.leading_nonzero_detect import tree_levels


class SentBroadcast(wiring.Component):
    """A stream in place of PEs that send: it stalls while they are held, and goes as many cycles as the tree takes."""

    def __init__(self, config: EieConfig) -> None:
        self.config, self.levels = config, tree_levels(config.n_pes)
        super().__init__(
            {
                "i": In(stream.Signature(located_activation_layout(config, 2 * self.levels))),
                "column_base": In(config.column_width),
                "stop": In(1),
                "o_valid": Out(1),
                "o": Out(broadcast_layout(config)),
                "occupied": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.broadcast = broadcast = Broadcast(self.config, levels=self.levels)
        m.submodules.first = first = CommandRegister(self.config)
        m.submodules.second = second = CommandRegister(self.config)
        sent, held = Signal(broadcast.i.shape()), Signal()
        m.d.sync += held.eq(second.o_hold)  # the PE's own
        m.d.comb += [
            first.i_hold.eq(broadcast.hold),
            second.i_hold.eq(first.o_hold),
            self.i.ready.eq(~held),
            sent.eq(self.i.payload),
            sent.valid.eq(self.i.valid & self.i.ready),
        ]
        for age in range(1 + self.levels):  # the PE's output and the tree
            younger, sent = sent, Signal.like(sent, name=f"sent_{age}")
            m.d.sync += sent.eq(younger)
        m.d.comb += [
            broadcast.valid.eq(sent.valid),
            broadcast.i.eq(sent),
            broadcast.column_base.eq(self.column_base),
            broadcast.stop.eq(self.stop),
            self.o_valid.eq(broadcast.o_valid),
            self.o.eq(broadcast.o),
            self.occupied.eq(broadcast.occupied),
        ]
        return m
