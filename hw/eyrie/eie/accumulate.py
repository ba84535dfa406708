"""Accumulators: the last stages of an update (EIE, section IV)."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from eyrie.common.lut_memory import LutMemory
from eyrie.common.memory import SyncMemory
from eyrie.eie.config import EieConfig


class Accumulate(wiring.Component):
    """Adds products to accumulators, or exchanges accumulators for biases, one a cycle, any rows in any order.

    Where memories can be read without a clock, an accumulator is read, added to and written in one cycle. Block RAM
    takes three, so that a sum which it does not hold yet is bypassed to the adder: that of the cycle before, and that
    which is being written. Sums wrap modulo ``2 ** accumulator_width``; the compiler certifies that they never do.

    Parameters
    ----------
    config : EieConfig
        ``accumulator_depth``, ``lut_ram`` and widths.

    Members
    -------
    valid : ``In(1)``
        Change accumulator `row`.
    read : ``In(1)``
        Look at it, whether it changes or not.
    exchange : ``In(1)``
        Set it to `bias` rather than add `product`.
    row : ``In(config.row_width)``
    product : ``In(signed(config.activation_width + config.weight_width))``
    bias : ``In(signed(config.accumulator_width))``
        Both belong to what was asked for in the cycle before.
    sum : ``Out(signed(config.accumulator_width))``
        What the accumulator of two cycles ago held.
    """

    def __init__(self, config: EieConfig) -> None:
        self.config = config
        super().__init__(
            {
                "valid": In(1),
                "read": In(1),
                "exchange": In(1),
                "row": In(config.row_width),
                "product": In(signed(config.activation_width + config.weight_width)),
                "bias": In(signed(config.accumulator_width)),
                "sum": Out(signed(config.accumulator_width)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        shape = signed(self.config.accumulator_width)
        valid, exchange, row = Signal(), Signal(), Signal(self.config.row_width)
        m.d.sync += [valid.eq(self.valid), exchange.eq(self.exchange), row.eq(self.row)]

        before, after = Signal(shape), Signal(shape)
        m.d.comb += after.eq(Mux(exchange, self.bias, before + self.product))
        m.d.sync += self.sum.eq(before)

        if self.config.lut_ram:
            m.submodules.sums = direct = LutMemory(shape=shape, depth=self.config.accumulator_depth)
            m.d.comb += [
                direct.read_address.eq(row),
                before.eq(direct.read_data),
                direct.write_en.eq(valid),
                direct.write_address.eq(row),
                direct.write_data.eq(after),
            ]
            return m

        m.submodules.sums = sums = SyncMemory(shape=shape, depth=self.config.accumulator_depth, collision="never")
        write_valid, write_row, write_sum = Signal(), Signal(self.config.row_width), Signal(shape)
        written = Signal(shape)
        from_adder, from_write, clash = Signal(), Signal(), Signal()
        m.d.comb += [
            clash.eq(write_valid & (write_row == self.row)),
            sums.read_en.eq((self.valid | self.read) & ~clash),
            sums.read_address.eq(self.row),
            before.eq(Mux(from_adder, write_sum, Mux(from_write, written, sums.read_data))),
            sums.write_en.eq(write_valid),
            sums.write_address.eq(write_row),
            sums.write_data.eq(write_sum),
        ]
        m.d.sync += [
            from_adder.eq(valid & (row == self.row)),
            from_write.eq(clash),
            written.eq(write_sum),
            write_valid.eq(valid),
            write_row.eq(row),
            write_sum.eq(after),
        ]
        return m
