"""Pointer read: where a column's entries lie on this PE (EIE, section IV)."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from eyrie.eie.config import QUAD, EieConfig
from eyrie.eie.layouts import quad_layout, slice_layout


class PointerRead(wiring.Component):
    """Turns the table's word of four columns into the slice of one of them.

    The paper reads two pointers of 16 bits for a column. Here four columns share one address, that of the third one's
    first entry, from which the counts of the others lead to theirs. One column a cycle, latency three cycles; a slice
    without entries goes no further if `EieConfig.skip_empty` says so.

    Parameters
    ----------
    config : EieConfig
        Widths, ``skip_empty``.

    Members
    -------
    i_valid : ``In(1)``
    i_value : ``In(signed(config.activation_width))``
    i_place : ``In(2)``
        An activation, and its column's place of four.
    word : ``In(config.table_width)``
        The word of these columns, two cycles after `i_valid`.
    valid : ``Out(1)``
    o : ``Out(slice_layout(config))``
        The slice; it must be taken.
    occupied : ``Out(1)``
        A column is inside.
    """

    def __init__(self, config: EieConfig) -> None:
        self.config = config
        super().__init__(
            {
                "i_valid": In(1),
                "i_value": In(signed(config.activation_width)),
                "i_place": In(2),
                "word": In(config.table_width),
                "valid": Out(1),
                "o": Out(slice_layout(config)),
                "occupied": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config

        # While the table is read.
        valid = [Signal(name=f"valid_{age}") for age in range(1, 4)]
        value = [Signal(signed(config.activation_width), name=f"value_{age}") for age in range(1, 4)]
        place = [Signal(2, name=f"place_{age}") for age in range(1, 3)]
        for age in range(3):
            m.d.sync += [
                valid[age].eq(valid[age - 1] if age else self.i_valid),
                value[age].eq(value[age - 1] if age else self.i_value),
            ]
        m.d.sync += [place[0].eq(self.i_place), place[1].eq(place[0])]

        # The way from the base: back over the second column and perhaps the first, or on over the third.
        quad = data.View(quad_layout(config), self.word[: config.quad_width])
        inner, outer = Signal(config.count_bits), Signal(config.count_bits)
        m.d.comb += [
            inner.eq(Mux(place[1][1], Mux(place[1][0], quad.counts[2], 0), quad.counts[1])),
            outer.eq(Mux(place[1] == 0, quad.counts[0], 0)),
        ]
        base, way, back = Signal(config.entry_address_width), Signal(config.count_bits + 1), Signal()
        count = Signal(config.count_bits)
        m.d.sync += [
            base.eq(quad.base),
            way.eq(inner + outer),
            back.eq(~place[1][1]),
            count.eq(quad.counts.as_value().word_select(place[1], config.count_bits)),
        ]
        assert len(quad.counts) == QUAD

        wanted = count.any() if config.skip_empty else 1
        m.d.comb += [
            self.valid.eq(valid[2] & wanted),
            self.o.value.eq(value[2]),
            # base - way is base + ~way + 1
            self.o.begin.eq(base + (way ^ back.replicate(config.entry_address_width)) + back),
            self.o.count.eq(count),
            self.occupied.eq(valid[0] | valid[1] | valid[2]),
        ]
        return m
