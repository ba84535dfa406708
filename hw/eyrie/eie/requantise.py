"""Requantisation at the drain: an accumulator becomes an activation."""

from typing import Any

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from eyrie.common.memory import SyncMemory
from eyrie.common.rounding_shift import RoundingShift
from eyrie.eie.config import EieConfig
from eyrie.eie.layouts import drain_layout, scale_layout


class Requantise(wiring.Component):
    """``clamp((sum + bias) * multiplier + 2 ** (shift - 1) >> shift)``, then ReLU if asked for.

    Unscaled rows (multiplier 1) take one cycle each. Scaled rows take ``config.n_chunks`` cycles: the biased sum goes
    through the PE's own multiplier piece by piece, the lowest first, and the partial products are added here.

    Parameters
    ----------
    config : EieConfig
        Widths and ``row_depth``.

    Members
    -------
    i_valid : ``In(1)``
        A cycle of a drain.
    i : ``In(drain_layout(config))``
        Which cycle it is.
    table : ``In(config.table_width)``
        Address of the row's bias and scale.
    sum : ``In(signed(config.accumulator_width))``
        The accumulator, one cycle after `i_valid`.
    a : ``Out(signed(config.activation_width))``
    b : ``Out(signed(config.weight_width))``
        Operands for the multiplier, two cycles after `i_valid`.
    product : ``In(signed(config.activation_width + config.weight_width))``
        Their product, four cycles after `i_valid`.
    valid : ``Out(1)``
    o : ``Out(signed(config.activation_width))``
        The activation: 5 cycles after the row's cycle if unscaled, 8 after its last cycle if scaled.
    occupied : ``Out(1)``
        An activation is under way.
    write_bias, write_scale : ``In(1)``
    write_address : ``In(config.table_width)``
    write_data : ``In(max(config.accumulator_width, config.scale_width))``
        Loads one bias or one scale.
    """

    def __init__(self, config: EieConfig) -> None:
        self.config = config
        product = signed(config.activation_width + config.weight_width)
        super().__init__(
            {
                "i_valid": In(1),
                "i": In(drain_layout(config)),
                "table": In(config.table_width),
                "sum": In(signed(config.accumulator_width)),
                "a": Out(signed(config.activation_width)),
                "b": Out(signed(config.weight_width)),
                "product": In(product),
                "valid": Out(1),
                "o": Out(signed(config.activation_width)),
                "occupied": Out(1),
                "write_bias": In(1),
                "write_scale": In(1),
                "write_address": In(config.table_width),
                "write_data": In(max(config.accumulator_width, config.scale_width)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config
        chunk_width, n_chunks = config.chunk_width, config.n_chunks

        m.submodules.biases = biases = SyncMemory(
            shape=signed(config.accumulator_width), depth=config.row_depth, collision="never"
        )
        m.submodules.scales = scales = SyncMemory(shape=scale_layout(config), depth=config.row_depth, collision="never")
        for memory, write in ((biases, self.write_bias), (scales, self.write_scale)):
            m.d.comb += [
                memory.write_en.eq(write),
                memory.write_address.eq(self.write_address),
                memory.write_data.eq(self.write_data),
                memory.read_en.eq(self.i_valid),
                memory.read_address.eq(self.table),
            ]

        # The drain's flags accompany it to the end of the multiplication.
        drain = [Signal(drain_layout(config), name=f"drain_{age}") for age in range(1, 5)]
        valid = [Signal(name=f"valid_{age}") for age in range(1, 5)]
        for age in range(4):
            m.d.sync += [
                drain[age].eq(drain[age - 1] if age else self.i),
                valid[age].eq(valid[age - 1] if age else self.i_valid),
            ]

        # Age 1: sum and bias. Age 2: the biased sum, a chunk of it at a time.
        biased = Signal(signed(config.accumulator_width + 1))
        scale = Signal(scale_layout(config))
        chunk = Signal(range(n_chunks))
        m.d.sync += [
            biased.eq(self.sum + biases.read_data),
            scale.eq(scales.read_data),
            chunk.eq(Mux(drain[0].first, 0, chunk + 1)),
        ]
        low_chunks = [Cat(biased[c * chunk_width : (c + 1) * chunk_width], Const(0, 1)) for c in range(n_chunks - 1)]
        top_chunk = Signal(signed(config.activation_width))
        m.d.comb += [
            top_chunk.eq(biased >> (n_chunks - 1) * chunk_width),
            self.a.eq(Array([*low_chunks, top_chunk])[chunk]),
            self.b.eq(scale.multiplier),
        ]

        # Age 4: long multiplication; what lies below the partial product is done.
        partial = Signal(signed(len(self.product) + 1))
        carried = Signal(signed(len(self.product) + 1))
        done = Signal((n_chunks - 1) * chunk_width)
        m.d.comb += partial.eq(self.product + Mux(drain[3].first, 0, carried >> chunk_width))
        m.d.sync += [
            carried.eq(partial),
            done.eq(Cat(done, carried[:chunk_width])[chunk_width:]),
        ]
        scaled_valid, scaled_shift = Signal(), Signal(config.shift_width)
        shift_3, shift_4 = Signal(config.shift_width), Signal(config.shift_width)
        m.d.sync += [
            shift_3.eq(scale.shift),
            shift_4.eq(shift_3),
            scaled_shift.eq(shift_4),
            scaled_valid.eq(valid[3] & drain[3].scaled & drain[3].last),
        ]

        full_width = config.accumulator_width + 1 + config.multiplier_width
        m.submodules.round = rounding = RoundingShift(
            input_width=full_width, shift_width=config.shift_width, output_width=config.activation_width
        )
        scaled = Cat(done, carried)[:full_width].as_signed()
        m.d.comb += [
            rounding.i_valid.eq(scaled_valid | (valid[1] & ~drain[1].scaled)),
            rounding.i.eq(Mux(drain[1].scaled | scaled_valid, scaled, biased)),
            rounding.shift.eq(Mux(drain[1].scaled | scaled_valid, scaled_shift, scale.shift)),
        ]

        # ReLU holds for a whole drain.
        relu = Signal()
        with m.If(valid[0]):
            m.d.sync += relu.eq(drain[0].relu)
        m.d.comb += [
            self.valid.eq(rounding.valid),
            self.o.eq(Mux(relu & rounding.o[-1], 0, rounding.o)),
            self.occupied.eq(Cat(valid).any() | scaled_valid | rounding.occupied),
        ]
        return m
