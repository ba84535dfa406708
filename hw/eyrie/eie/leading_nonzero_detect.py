"""Leading non-zero detection: the tree that brings the activations of all PEs to one place (EIE, section IV).

In the paper every node picks one of its children's activations. Here PEs send in turn, so that nodes have no choice to
make, and nothing to hold up.
"""

from functools import reduce
from operator import or_
from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from eyrie.eie.config import EieConfig
from eyrie.eie.layouts import located_activation_layout

RADIX = 4
"""Children of a node, as in the paper: 16 + 4 + 1 nodes for 64 PEs."""


def tree_levels(n_pes: int) -> int:
    """Levels of nodes above ``n_pes`` PEs, at least one."""
    levels = 1
    while RADIX**levels < n_pes:
        levels += 1
    return levels


class LeadingNonzeroNode(wiring.Component):
    """Hands on the activation of the child that has one; at most one may.

    One activation a cycle, latency one cycle, no reset.

    Parameters
    ----------
    config : EieConfig
        Widths.
    n_children : int
        1 to `RADIX`.
    pe_width : int
        Bits of the PE number that children hand in; two more are handed out.

    Members
    -------
    i_{child} : ``In(located_activation_layout(config, pe_width))``
    o : ``Out(located_activation_layout(config, pe_width + 2))``
    """

    def __init__(self, config: EieConfig, *, n_children: int, pe_width: int) -> None:
        self.config, self.n_children, self.pe_width = config, n_children, pe_width
        child = located_activation_layout(config, pe_width)
        super().__init__(
            {
                **{f"i_{number}": In(child) for number in range(n_children)},
                "o": Out(located_activation_layout(config, pe_width + 2)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        o = Signal(self.o.shape(), reset_less=True)
        children = [getattr(self, f"i_{number}") for number in range(self.n_children)]
        own = [child.valid.replicate(2) & number for number, child in enumerate(children)]
        m.d.sync += [
            o.valid.eq(_any_of([child.valid for child in children])),
            o.value.eq(_any_of([child.value for child in children])),
            o.local.eq(_any_of([child.local for child in children])),
            o.pe.eq(Cat(_any_of([child.pe for child in children]), _any_of(own))),
        ]
        m.d.comb += self.o.eq(o)
        return m


class LeadingNonzeroDetect(wiring.Component):
    """The tree of nodes over all PEs of a group.

    One activation a cycle, of any PE; latency one cycle a level.

    Parameters
    ----------
    config : EieConfig
        ``group_pes`` and widths.

    Members
    -------
    i_{pe} : ``In(located_activation_layout(config, 0))``
        The activations of each PE; of all PEs one at a time.
    o : ``Out(located_activation_layout(config, 2 * tree_levels(config.group_pes)))``
        All of them, one after the other.
    """

    def __init__(self, config: EieConfig) -> None:
        self.config = config
        self.levels = tree_levels(config.group_pes)
        super().__init__(
            {
                **{f"i_{pe}": In(located_activation_layout(config, 0)) for pe in range(config.group_pes)},
                "o": Out(located_activation_layout(config, 2 * self.levels)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        below = [getattr(self, f"i_{pe}") for pe in range(self.config.group_pes)]
        for level in range(self.levels):
            above = []
            for first in range(0, len(below), RADIX):
                children = below[first : first + RADIX]
                node = LeadingNonzeroNode(self.config, n_children=len(children), pe_width=2 * level)
                m.submodules[f"node_{level}_{first // RADIX}"] = node
                for number, child in enumerate(children):
                    m.d.comb += getattr(node, f"i_{number}").eq(child)
                above.append(node.o)
            below = above
        m.d.comb += self.o.eq(below[0])
        return m


def _any_of(parts: list[Any]) -> Any:
    """What the one part says that is not 0."""
    return reduce(or_, parts)
