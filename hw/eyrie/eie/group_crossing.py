"""Between the groups' trees and their roots: what one group's PEs send goes to its own root, or to all."""

from functools import reduce
from operator import or_
from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from eyrie.eie.config import EieConfig
from eyrie.eie.layouts import located_activation_layout
from eyrie.eie.leading_nonzero_detect import tree_levels


class GroupCrossing(wiring.Component):
    """Joins the trees of several groups of PEs, or keeps them apart.

    Joined, at most one of all PEs may send, and every root hears of it, so that all do the same. One activation a cycle
    and group, latency one cycle, no reset.

    Parameters
    ----------
    config : EieConfig
        ``column_groups``, ``group_pes`` and widths.

    Members
    -------
    apart : ``In(1)``
        Groups work apart.
    i_{group} : ``In(located_activation_layout(config, 2 * tree_levels(config.group_pes)))``
        From each tree; ``pe`` is the PE's number in its group.
    o_{group} : ``Out(located_activation_layout(config, 2 * tree_levels(config.group_pes) + 2))``
        To each root; ``pe`` is the PE's number in its group if they work apart, otherwise of all.
    any : ``Out(located_activation_layout(config, 2 * tree_levels(config.group_pes) + 2))``
        What the one group sends that does; ``pe`` is that of all.
    """

    def __init__(self, config: EieConfig) -> None:
        self.config = config
        self.levels = tree_levels(config.group_pes) + 1
        below = located_activation_layout(config, 2 * self.levels - 2)
        above = located_activation_layout(config, 2 * self.levels)
        super().__init__(
            {
                "apart": In(1),
                **{f"i_{group}": In(below) for group in range(config.column_groups)},
                **{f"o_{group}": Out(above) for group in range(config.column_groups)},
                "any": Out(above),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config
        groups = range(config.column_groups)
        below = [getattr(self, f"i_{group}") for group in groups]
        joined = Signal(self.any.shape(), reset_less=True)
        numbers = [Mux(i.valid, i.pe + group * config.group_pes, 0) for group, i in enumerate(below)]
        m.d.sync += [
            joined.valid.eq(reduce(or_, (i.valid for i in below))),
            joined.value.eq(reduce(or_, (i.value for i in below))),
            joined.local.eq(reduce(or_, (i.local for i in below))),
            joined.pe.eq(reduce(or_, numbers)),
        ]
        m.d.comb += self.any.eq(joined)
        for group, i in enumerate(below):
            own = Signal(i.shape(), name=f"own_{group}", reset_less=True)
            m.d.sync += own.eq(i)
            o = getattr(self, f"o_{group}")
            m.d.comb += o.eq(joined)
            with m.If(self.apart):
                m.d.comb += [o.valid.eq(own.valid), o.value.eq(own.value), o.local.eq(own.local), o.pe.eq(own.pe)]
        return m
