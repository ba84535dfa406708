"""Requantisation at the drain: an accumulator becomes an activation."""

from typing import Any

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from eyrie.common.rounding_shift import LATENCY, RoundingShift
from eyrie.eie.config import EieConfig
from eyrie.eie.layouts import drain_layout, scale_layout

SUM_AGE = 3
"""Cycles from a DRAIN command to the accumulator that it asks for."""

DRAIN_LATENCY = SUM_AGE + LATENCY
"""Cycles from a row's DRAIN command to its activation."""
SCALED_DRAIN_LATENCY = DRAIN_LATENCY + 2
"""The same for the last command of a scaled row."""

REDUCTION_LATENCY = 2
"""Cycles that sums and activations come later where partners' sums are added."""


def reduction_latency(config: EieConfig) -> int:
    """`REDUCTION_LATENCY` for an engine with several groups of PEs, otherwise 0."""
    return REDUCTION_LATENCY if config.column_groups > 1 else 0


class Requantise(wiring.Component):
    """``clamp(sum * multiplier + 2 ** (shift - 1) >> shift)``, then ReLU if asked for; the sum has its bias already.

    Unscaled rows (multiplier 1, one shift for all) take one cycle each. Scaled rows take ``config.n_chunks`` cycles:
    the sum goes through the PE's own multiplier piece by piece, the lowest first, and the partial products are added
    here. `DRAIN_LATENCY` and `SCALED_DRAIN_LATENCY` say when the activation is there. In an engine with several groups
    of PEs sum, operands, product and activation all come `REDUCTION_LATENCY` later.

    Parameters
    ----------
    config : EieConfig
        Widths, ``multipliers``.

    Members
    -------
    i_valid : ``In(1)``
        A cycle of a drain; relu, scaled and shift must stay the same until its last activation is out.
    i : ``In(drain_layout(config))``
        Which cycle it is.
    scale : ``In(scale_layout(config))``
        Multiplier and shift of a scaled row, two cycles after its first cycle.
    sum : ``In(signed(config.accumulator_width))``
        The accumulator, `SUM_AGE` cycles after `i_valid`.
    a : ``Out(signed(config.activation_width))``
    b : ``Out(signed(config.weight_width))``
        Operands for the multiplier, three cycles after `i_valid`.
    product : ``In(signed(config.activation_width + config.weight_width))``
        Their product, four cycles after `i_valid`.
    valid : ``Out(1)``
    o : ``Out(signed(config.activation_width))``
        The activation, 0 while there is none.
    """

    def __init__(self, config: EieConfig) -> None:
        self.config = config
        super().__init__(
            {
                "i_valid": In(1),
                "i": In(drain_layout(config)),
                "scale": In(scale_layout(config)),
                "sum": In(signed(config.accumulator_width)),
                "a": Out(signed(config.activation_width)),
                "b": Out(signed(config.weight_width)),
                "product": In(signed(config.activation_width + config.weight_width)),
                "valid": Out(1),
                "o": Out(signed(config.activation_width)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config

        # What holds for a whole drain.
        relu, scaled, shift = Signal(), Signal(), Signal(config.shift_width)
        with m.If(self.i_valid):
            m.d.sync += [relu.eq(self.i.relu), scaled.eq(self.i.scaled), shift.eq(self.i.shift)]

        sum_age = SUM_AGE + reduction_latency(config)
        stored = [Signal(name=f"stored_{age}") for age in range(1, sum_age + 1)]
        for age in range(sum_age):
            m.d.sync += stored[age].eq(stored[age - 1] if age else self.i_valid & self.i.store & self.i.last)

        width = config.accumulator_width + (config.multiplier_width if config.multipliers else 0)
        m.submodules.round = rounding = RoundingShift(
            input_width=width,
            shift_width=config.plain_shift_width,
            output_width=config.activation_width,
            unit_bits=config.shift_unit_bits,
        )
        m.d.comb += [rounding.relu.eq(relu), self.valid.eq(rounding.valid), self.o.eq(rounding.o)]
        if not config.multipliers:
            m.d.comb += [
                rounding.i_valid.eq(stored[-1]),
                rounding.i.eq(self.sum),
                rounding.shift.eq(shift),
            ]
            return m

        # Age 3, or later: the sum, a chunk of it at a time.
        chunk_width, n_chunks = config.chunk_width, config.n_chunks
        first = [Signal(name=f"first_{age}") for age in range(1, sum_age + 2)]
        for age in range(sum_age + 1):
            m.d.sync += first[age].eq(first[age - 1] if age else self.i_valid & self.i.first)
        scale = Signal(scale_layout(config))
        chunk, next_chunk = Signal(range(n_chunks)), Signal(range(n_chunks + 1))
        arrived: Any = self.scale
        if sum_age > SUM_AGE:
            # The sum before may still be in need of its scale.
            assert n_chunks >= REDUCTION_LATENCY
            waiting = Signal(scale_layout(config))
            with m.If(first[1]):
                m.d.sync += waiting.eq(arrived)
            arrived = waiting
        with m.If(first[sum_age - 2]):
            m.d.sync += scale.eq(arrived)
        m.d.comb += chunk.eq(Mux(first[sum_age - 1], 0, next_chunk))
        m.d.sync += next_chunk.eq(chunk + 1)
        low = [Cat(self.sum[c * chunk_width : (c + 1) * chunk_width], Const(0, 1)) for c in range(n_chunks - 1)]
        top = Signal(signed(config.activation_width))
        m.d.comb += [
            top.eq(self.sum >> (n_chunks - 1) * chunk_width),
            self.a.eq(Array([*low, top])[chunk]),
            self.b.eq(scale.multiplier),
        ]

        # Age 4: long multiplication; what lies below the partial product is done.
        partial = Signal(signed(len(self.product) + 1))
        carried = Signal(signed(len(self.product) + 1))
        done = Signal((n_chunks - 1) * chunk_width)
        m.d.comb += partial.eq(self.product + Mux(first[sum_age], 0, carried >> chunk_width))
        m.d.sync += [
            carried.eq(partial),
            done.eq(Cat(done, carried[:chunk_width])[chunk_width:]),
        ]
        product_valid = [Signal(name=f"product_valid_{age}") for age in (4, 5)]
        product_shift = [Signal(config.shift_width, name=f"product_shift_{age}") for age in (4, 5)]
        m.d.sync += [
            product_valid[0].eq(stored[-1] & scaled),
            product_valid[1].eq(product_valid[0]),
            product_shift[0].eq(scale.shift),
            product_shift[1].eq(product_shift[0]),
        ]
        m.d.comb += [
            rounding.i_valid.eq(Mux(scaled, product_valid[1], stored[-1])),
            rounding.i.eq(Mux(scaled, Cat(done, carried)[:width].as_signed(), self.sum)),
            rounding.shift.eq(Mux(scaled, product_shift[1], shift)),
        ]
        return m
