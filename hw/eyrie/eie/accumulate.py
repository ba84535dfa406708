"""Accumulators with a bypass: the last stages of an update (EIE, section IV)."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from eyrie.common.memory import SyncMemory
from eyrie.eie.config import EieConfig


class Accumulate(wiring.Component):
    """Adds products to accumulators, one a cycle, any rows in any order.

    An accumulator takes three cycles to read, add and write, so that a sum which the memory does not hold yet is
    bypassed to the adder: that of the cycle before, and that which is being written. Sums wrap modulo
    ``2 ** accumulator_width``; the compiler certifies that they never do.

    Parameters
    ----------
    config : EieConfig
        ``accumulator_depth`` and widths.

    Members
    -------
    valid : ``In(1)``
        ``product`` of the next cycle is to be added to ``row``.
    row : ``In(config.row_width)``
    product : ``In(signed(config.activation_width + config.weight_width))``
        Belongs to the ``valid`` and ``row`` of the cycle before.
    occupied : ``Out(1)``
        A sum is not yet written.
    read_en : ``In(1)``
        Read ``read_row`` for the drain; not while a sum is under way.
    read_row : ``In(config.row_width)``
    sum : ``Out(signed(config.accumulator_width))``
        Accumulator ``read_row`` of the cycle before.
    clear_en : ``In(1)``
        Set ``clear_row`` to zero; not while a sum is under way or ``read_row`` is the same.
    clear_row : ``In(config.row_width)``
    """

    def __init__(self, config: EieConfig) -> None:
        self.config = config
        super().__init__(
            {
                "valid": In(1),
                "row": In(config.row_width),
                "product": In(signed(config.activation_width + config.weight_width)),
                "occupied": Out(1),
                "read_en": In(1),
                "read_row": In(config.row_width),
                "sum": Out(signed(config.accumulator_width)),
                "clear_en": In(1),
                "clear_row": In(config.row_width),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config
        shape = signed(config.accumulator_width)
        m.submodules.sums = sums = SyncMemory(shape=shape, depth=config.accumulator_depth, collision="never")

        add_valid, add_row = Signal(), Signal(config.row_width)
        write_valid, write_row, write_sum = Signal(), Signal(config.row_width), Signal(shape)
        written = Signal(shape)
        from_adder, from_write = Signal(), Signal()

        # Read, unless the memory does not hold the sum yet.
        clash = Signal()
        m.d.comb += [
            clash.eq(write_valid & (write_row == self.row)),
            sums.read_en.eq(self.read_en | (self.valid & ~clash)),
            sums.read_address.eq(Mux(self.read_en, self.read_row, self.row)),
            self.sum.eq(sums.read_data),
        ]
        m.d.sync += [
            add_valid.eq(self.valid),
            add_row.eq(self.row),
            from_adder.eq(add_valid & (add_row == self.row)),
            from_write.eq(clash),
            written.eq(write_sum),
        ]

        # Add.
        before = Signal(shape)
        m.d.comb += before.eq(Mux(from_adder, write_sum, Mux(from_write, written, sums.read_data)))
        m.d.sync += [
            write_valid.eq(add_valid),
            write_row.eq(add_row),
            write_sum.eq(before + self.product),
        ]

        # Write.
        m.d.comb += [
            sums.write_en.eq(write_valid | self.clear_en),
            sums.write_address.eq(Mux(self.clear_en, self.clear_row, write_row)),
            sums.write_data.eq(Mux(self.clear_en, 0, write_sum)),
            self.occupied.eq(add_valid | write_valid),
        ]
        return m
