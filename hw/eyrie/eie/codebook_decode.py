"""Codebook decode beside address accumulation: the first stage of an update (EIE, section IV)."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from eyrie.common.memory import SyncMemory
from eyrie.eie.config import EieConfig
from eyrie.eie.layouts import entry_layout


class CodebookDecode(wiring.Component):
    """Looks up the weight that a code stands for, and sums up zero runs to the row that it belongs to.

    One entry a cycle, latency one cycle. An entry of code 0, such as a filler, moves the row on and goes no further.

    Parameters
    ----------
    config : EieConfig
        ``codebook_bits``, ``accumulator_depth`` and widths.

    Members
    -------
    i_valid : ``In(1)``
    i_first : ``In(1)``
        The entry is the first of its slice: its run counts from row 0.
    i_value : ``In(signed(config.activation_width))``
    i_entry : ``In(entry_layout(config))``
    valid : ``Out(1)``
    value : ``Out(signed(config.activation_width))``
    weight : ``Out(signed(config.weight_width))``
    row : ``Out(config.row_width)``
        Activation, weight and the accumulator that takes their product.
    write_en : ``In(1)``
    write_address : ``In(config.codebook_bits)``
    write_data : ``In(signed(config.weight_width))``
        Loads one codebook entry.
    """

    def __init__(self, config: EieConfig) -> None:
        self.config = config
        super().__init__(
            {
                "i_valid": In(1),
                "i_first": In(1),
                "i_value": In(signed(config.activation_width)),
                "i_entry": In(entry_layout(config)),
                "valid": Out(1),
                "value": Out(signed(config.activation_width)),
                "weight": Out(signed(config.weight_width)),
                "row": Out(config.row_width),
                "write_en": In(1),
                "write_address": In(config.codebook_bits),
                "write_data": In(signed(config.weight_width)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config
        m.submodules.codebook = codebook = SyncMemory(
            shape=signed(config.weight_width), depth=config.codebook_size, collision="never"
        )
        m.d.comb += [
            codebook.write_en.eq(self.write_en),
            codebook.write_address.eq(self.write_address),
            codebook.write_data.eq(self.write_data),
            codebook.read_en.eq(self.i_valid),
            codebook.read_address.eq(self.i_entry.code),
            self.weight.eq(codebook.read_data),
        ]
        # The row of the entry before, the run, and one that comes in at the lowest carry unless the slice begins.
        before, carry = Signal(config.row_width), Signal()
        m.d.comb += [carry.eq(~self.i_first), before.eq(Mux(self.i_first, 0, self.row))]
        with m.If(self.i_valid):
            m.d.sync += [
                self.row.eq((Cat(carry, before) + Cat(carry, self.i_entry.run)) >> 1),
                self.value.eq(self.i_value),
            ]
        m.d.sync += self.valid.eq(self.i_valid & (self.i_entry.code != 0))
        return m
