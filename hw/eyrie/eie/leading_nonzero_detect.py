"""Leading non-zero detection: a tree that picks the next activation of any PE (EIE, section IV)."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from eyrie.eie.config import EieConfig
from eyrie.eie.layouts import local_activation_layout, located_activation_layout

RADIX = 4
"""Children of a node, as in the paper: 16 + 4 + 1 nodes for 64 PEs."""


def tree_levels(n_pes: int) -> int:
    """Levels of nodes above ``n_pes`` PEs, at least one."""
    levels = 1
    while RADIX**levels < n_pes:
        levels += 1
    return levels


class LeadingNonzeroNode(wiring.Component):
    """Passes on the activation of the first child that has one.

    One activation a cycle, latency one cycle. A node that is decoupled has place for one more, so that a stall reaches
    its children a cycle late, out of a register.

    Parameters
    ----------
    config : EieConfig
        Widths.
    n_children : int
        1 to `RADIX`.
    pe_width : int
        Bits of the PE number that children hand in; two more are handed out.
    decoupled : bool

    Members
    -------
    i_{child} : ``In(stream.Signature(located_activation_layout(config, pe_width)))``
    o : ``Out(stream.Signature(located_activation_layout(config, pe_width + 2)))``
    occupied : ``Out(1)``
        An activation waits here.
    """

    o: stream.Interface

    def __init__(self, config: EieConfig, *, n_children: int, pe_width: int, decoupled: bool) -> None:
        self.config, self.n_children, self.pe_width, self.decoupled = config, n_children, pe_width, decoupled
        child = stream.Signature(located_activation_layout(config, pe_width))
        super().__init__(
            {
                **{f"i_{number}": In(child) for number in range(n_children)},
                "o": Out(stream.Signature(located_activation_layout(config, pe_width + 2))),
                "occupied": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        free = Signal()
        m.d.comb += free.eq(~self.o.valid | self.o.ready)
        children = [getattr(self, f"i_{number}") for number in range(self.n_children)]
        taken = Const(0, 1)
        value, local, pe = children[-1].payload.value, children[-1].payload.local, children[-1].payload.pe
        number = Const(self.n_children - 1, 2)
        for index, child in reversed(list(enumerate(children[:-1]))):
            value = Mux(child.valid, child.payload.value, value)
            local = Mux(child.valid, child.payload.local, local)
            pe = Mux(child.valid, child.payload.pe, pe)
            number = Mux(child.valid, Const(index, 2), number)
        first = Signal(self.o.payload.shape())
        m.d.comb += [first.value.eq(value), first.local.eq(local), first.pe.eq(Cat(pe, number))]

        # The place for one more: what was taken in the cycle in which a stall began.
        spare_valid, spare = Signal(), Signal(self.o.payload.shape())
        takes = ~spare_valid if self.decoupled else free
        for child in children:
            m.d.comb += child.ready.eq(takes & ~taken)
            taken = taken | child.valid
        with m.If(free):
            m.d.sync += [self.o.valid.eq(spare_valid | taken), self.o.payload.eq(Mux(spare_valid, spare, first))]
        if self.decoupled:
            m.d.sync += spare_valid.eq(~free & (spare_valid | taken))
            with m.If(~spare_valid):
                m.d.sync += spare.eq(first)
        m.d.comb += self.occupied.eq(self.o.valid | spare_valid)
        return m


class LeadingNonzeroDetect(wiring.Component):
    """The tree of nodes over all PEs.

    One activation a cycle; latency one cycle a level. PEs with lower numbers go first at every node. The nodes in
    the second level are decoupled, so that no stall needs to reach all PEs within a cycle.

    Parameters
    ----------
    config : EieConfig
        ``n_pes`` and widths.

    Members
    -------
    i_{pe} : ``In(stream.Signature(local_activation_layout(config)))``
        The activations of each PE.
    o : ``Out(stream.Signature(located_activation_layout(config, 2 * tree_levels(n_pes))))``
        All of them, one after the other.
    occupied : ``Out(1)``
        An activation is in the tree.
    """

    o: stream.Interface

    def __init__(self, config: EieConfig) -> None:
        self.config = config
        self.levels = tree_levels(config.n_pes)
        child = stream.Signature(local_activation_layout(config))
        super().__init__(
            {
                **{f"i_{pe}": In(child) for pe in range(config.n_pes)},
                "o": Out(stream.Signature(located_activation_layout(config, 2 * self.levels))),
                "occupied": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        below: list[Any] = []
        for pe in range(self.config.n_pes):
            located = stream.Signature(located_activation_layout(self.config, 0)).create(path=("pe", str(pe)))
            own = getattr(self, f"i_{pe}")
            m.d.comb += [
                located.valid.eq(own.valid),
                located.payload.value.eq(own.payload.value),
                located.payload.local.eq(own.payload.local),
                own.ready.eq(located.ready),
            ]
            below.append(located)
        occupied = Const(0, 1)
        for level in range(self.levels):
            above = []
            for first in range(0, len(below), RADIX):
                children = below[first : first + RADIX]
                node = LeadingNonzeroNode(
                    self.config, n_children=len(children), pe_width=2 * level, decoupled=level == 1
                )
                m.submodules[f"node_{level}_{first // RADIX}"] = node
                for number, child in enumerate(children):
                    own = getattr(node, f"i_{number}")
                    m.d.comb += [
                        own.valid.eq(child.valid),
                        own.payload.eq(child.payload),
                        child.ready.eq(own.ready),
                    ]
                occupied = occupied | node.occupied
                above.append(node.o)
            below = above
        wiring.connect(m, below[0], wiring.flipped(self.o))
        m.d.comb += self.occupied.eq(occupied)
        return m
