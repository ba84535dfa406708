"""The processing element of the row-stationary engine (Eyeriss, section V)."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from eyrie.common.memory import SyncMemory
from eyrie.common.once import emitted_once
from eyrie.rowstat.config import RowstatConfig
from eyrie.rowstat.ifmap_scratchpad import IfmapScratchpad
from eyrie.rowstat.layouts import (
    column_id_width,
    ifmap_x_layout,
    pe_command_layout,
)


class ProcessingElement(wiring.Component):
    """One PE: scratch pads for ifmaps and psums, a multiplier, and its place in the chain of its column.

    Its filter scratch pad stands beside it, since neighbouring PEs may share one.

    The stages, by the cycle in which they work: 0 reads a value; 1 reads its weight, unless the value is 0; 2 takes
    both as operands; 3 multiplies; 4 adds the product to the sum of the window, which begins with 0, or in later slots
    with what the scratch pad kept of the slots before; 5 keeps the sum there, or adds it to the psum from below and
    sends it up. A psum saved by one command can be restored by another that comes three cycles later or more. Sums wrap
    modulo ``2 ** accumulator_width``; the compiler certifies that they never do.

    Parameters
    ----------
    config : RowstatConfig
        Geometry.

    Members
    -------
    ifmap : ``In(ifmap_x_layout(config))``
    command : ``In(pe_command_layout(config))``
        From the row's X-buses.
    column_id : ``In(column_id_width())``
        The column's id.
    weight_en : ``Out(1)``
        The weight of the value that was read in the cycle before is wanted: it is not 0 and will be multiplied.
    weight : ``In(signed(config.weight_width))``
        That weight, in the cycle after.
    below : ``In(signed(config.accumulator_width))``
        Link of the PE below, which is a cycle ahead; 0 for the lowest.
    link : ``Out(signed(config.accumulator_width))``
        The psum of the rows up to this one, ``LINK_LATENCY`` cycles after the read of its last word; it stays until the
        next one.
    gated : ``Out(1)``
        The value that was read two cycles ago was 0 and is not multiplied.
    """

    def __init__(self, config: RowstatConfig) -> None:
        self.config = config
        super().__init__(
            {
                "ifmap": In(ifmap_x_layout(config)),
                "command": In(pe_command_layout(config)),
                "column_id": In(column_id_width()),
                "weight_en": Out(1),
                "weight": In(signed(config.weight_width)),
                "below": In(signed(config.accumulator_width)),
                "link": Out(signed(config.accumulator_width)),
                "gated": Out(1),
            }
        )

    @emitted_once("pe")
    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config, command = self.config, self.command
        activation, weight = signed(config.activation_width), signed(config.weight_width)
        accumulator = signed(config.accumulator_width)
        m.submodules.ifmaps = ifmaps = IfmapScratchpad(config)
        # A collision would be a psum restored too early.
        m.submodules.psums = psums = SyncMemory(
            shape=accumulator, depth=config.psum_depth, collision="never", style="distributed"
        )
        m.d.comb += [
            ifmaps.i.eq(self.ifmap),
            ifmaps.column_id.eq(self.column_id),
        ]

        # A value of 0 moves nothing beyond the stage that sees it: weight and operands stay what they were.
        fetched, multiplying = Signal(), Signal()
        value, a, b = Signal(activation), Signal(activation), Signal(weight)
        product = Signal(signed(config.product_width))
        m.d.comb += [
            ifmaps.read_en.eq(command.read),
            ifmaps.read_address.eq(command.ifmap_address),
            self.weight_en.eq(command.multiply & ifmaps.value.any()),
        ]
        m.d.sync += [
            self.gated.eq(command.multiply & ~self.weight_en),
            fetched.eq(self.weight_en),
            multiplying.eq(fetched),
            product.eq(Mux(multiplying, a * b, 0)),
        ]
        with m.If(self.weight_en):
            m.d.sync += value.eq(ifmaps.value)
        with m.If(fetched):
            m.d.sync += [a.eq(value), b.eq(self.weight)]

        before, psum = Signal(accumulator), Signal(accumulator)
        m.d.comb += [
            psums.read_en.eq(command.restore),
            psums.read_address.eq(command.restore_address),
            before.eq(Mux(command.first_word, Mux(command.first_slot, 0, psums.read_data), psum)),
            psums.write_en.eq(command.save),
            psums.write_address.eq(command.save_address),
            psums.write_data.eq(psum),
        ]
        with m.If(command.accumulate):
            m.d.sync += psum.eq(before + product)
        with m.If(command.send):
            m.d.sync += self.link.eq(psum + self.below)
        return m
