"""The root of the tree: gives an activation its column and sends it on its way to all PEs, or to the output."""

from typing import Any

from amaranth.hdl import Const, Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from eyrie.eie.config import EieConfig
from eyrie.eie.layouts import broadcast_layout, located_activation_layout


class Broadcast(wiring.Component):
    """From local index and PE to the number of the column, at one activation a cycle.

    The activation in slot ``s = local * n_pes + pe`` meets column ``column_base + s``. Latency two cycles. With `stop`,
    an activation may leave in that cycle, and none in the next.

    Parameters
    ----------
    config : EieConfig
        ``n_pes`` and widths.
    pe_width : int
        Bits of the PE number that the tree hands in.

    Members
    -------
    i : ``In(stream.Signature(located_activation_layout(config, pe_width)))``
        What the tree found.
    column_base : ``In(config.column_width)``
        Number of slot 0's column.
    to_output : ``In(1)``
        Activations do not go to the PEs.
    stop : ``In(1)``
        A PE's queue is full.
    valid : ``Out(1)``
    payload : ``Out(broadcast_layout(config))``
        To all PEs.
    output : ``Out(signed(config.activation_width))``
        What the tree offers at this moment, 0 if that is nothing.
    occupied : ``Out(1)``
        An activation waits here.
    """

    i: stream.Interface

    def __init__(self, config: EieConfig, *, pe_width: int) -> None:
        self.config, self.pe_width = config, pe_width
        super().__init__(
            {
                "i": In(stream.Signature(located_activation_layout(config, pe_width))),
                "column_base": In(config.column_width),
                "to_output": In(1),
                "stop": In(1),
                "valid": Out(1),
                "payload": Out(broadcast_layout(config)),
                "output": Out(signed(config.activation_width)),
                "occupied": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config
        # local * n_pes by shifts: a constant product must not take a DSP multiplier.
        product = sum(
            (self.i.payload.local << bit for bit in range(config.n_pes.bit_length()) if config.n_pes >> bit & 1),
            start=Const(0, 1),
        )
        slot_valid, slot = Signal(), Signal(config.column_width)
        slot_value = Signal(signed(config.activation_width))
        m.d.comb += [
            self.i.ready.eq(self.to_output | ~self.stop),
            self.output.eq(Mux(self.i.valid, self.i.payload.value, 0)),
            self.occupied.eq(slot_valid | self.valid),
        ]
        with m.If(self.stop):
            m.d.sync += self.valid.eq(0)
        with m.Else():
            m.d.sync += [
                slot_valid.eq(self.i.valid & ~self.to_output),
                slot.eq(product + self.i.payload.pe),
                slot_value.eq(self.i.payload.value),
                self.valid.eq(slot_valid),
                self.payload.value.eq(slot_value),
                self.payload.column.eq(self.column_base + slot),
            ]
        return m
