"""The array: PEs, the tree over their activations, and the broadcast back to all of them."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from eyrie.eie.broadcast import Broadcast
from eyrie.eie.config import EieConfig
from eyrie.eie.layouts import command_layout
from eyrie.eie.leading_nonzero_detect import LeadingNonzeroDetect, tree_levels
from eyrie.eie.pe import ProcessingElement

_GROUP = 16

COMMAND_LATENCY = 1
"""Cycles from a command to the PEs."""
BUSY_LATENCY = 2
"""Cycles from anything under way in the array to `EieArray.busy`."""


class EieArray(wiring.Component):
    """``n_pes`` PEs that differ in nothing but their place.

    Parameters
    ----------
    config : EieConfig
        Geometry.

    Members
    -------
    command : ``In(command_layout(config))``
        For all PEs; reaches them `COMMAND_LATENCY` cycles later.
    pe : ``In(max(1, config.pe_width))``
        The PE that a command for one PE concerns.
    column_base : ``In(config.column_width)``
        Pointer address of slot 0's column.
    to_output : ``In(1)``
        Activations go to the output, not to the broadcast.
    output_valid : ``Out(1)``
    output : ``Out(signed(config.activation_width))``
        Emitted activations; each must be taken.
    output_latency : int
        Cycles from an EMIT command to its activation at `output` (attribute).
    busy : ``Out(1)``
        Anything was under way `BUSY_LATENCY` cycles ago.
    """

    def __init__(self, config: EieConfig) -> None:
        self.config = config
        self.output_latency = COMMAND_LATENCY + tree_levels(config.n_pes)
        super().__init__(
            {
                "command": In(command_layout(config)),
                "pe": In(max(1, config.pe_width)),
                "column_base": In(config.column_width),
                "to_output": In(1),
                "output_valid": Out(1),
                "output": Out(signed(config.activation_width)),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config
        m.submodules.tree = tree = LeadingNonzeroDetect(config)
        m.submodules.broadcast = broadcast = Broadcast(config, pe_width=2 * tree.levels)
        wiring.connect(m, tree.o, broadcast.i)

        command = Signal(command_layout(config))
        m.d.sync += command.eq(self.command)

        stops, occupied = [], [tree.occupied, broadcast.occupied]
        for number in range(config.n_pes):
            m.submodules[f"pe_{number}"] = pe = ProcessingElement(config)
            selected = Signal(name=f"selected_{number}")
            m.d.sync += selected.eq(self.pe == number)
            m.d.comb += [
                pe.command.eq(command),
                pe.selected.eq(selected),
                pe.broadcast_valid.eq(broadcast.valid),
                pe.broadcast.eq(broadcast.payload),
            ]
            wiring.connect(m, pe.activations, getattr(tree, f"i_{number}"))
            stops.append(pe.stop)
            occupied.append(pe.busy)

        # What is under way moves only downstream, so that a snapshot of all places misses nothing.
        groups = Signal(-(-len(occupied) // _GROUP))
        m.d.sync += [
            groups.eq(Cat(Cat(occupied[first : first + _GROUP]).any() for first in range(0, len(occupied), _GROUP))),
            self.busy.eq(groups.any()),
        ]
        m.d.comb += [
            broadcast.stop.eq(Cat(stops).any()),
            broadcast.column_base.eq(self.column_base),
            broadcast.to_output.eq(self.to_output),
            self.output_valid.eq(broadcast.output_valid),
            self.output.eq(broadcast.output),
        ]
        return m
