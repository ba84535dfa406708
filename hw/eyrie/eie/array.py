"""The array: PEs, the tree over their activations, and the way of commands and broadcasts to all of them."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from eyrie.eie.broadcast import Broadcast
from eyrie.eie.command_register import CommandRegister
from eyrie.eie.config import EieConfig
from eyrie.eie.layouts import Op, command_layout
from eyrie.eie.leading_nonzero_detect import LeadingNonzeroDetect, tree_levels
from eyrie.eie.pe import EMIT_LATENCY, ProcessingElement

_GROUP = 16
"""PEs whose flags are looked at together, and that share a first register on the way of commands."""
_COMMAND_GROUP = 4
"""PEs that share the second register: no more than can lie beside it, with their block RAMs."""

COMMAND_LATENCY = 2
"""Cycles from a command to the PEs: two registers."""
BUSY_LATENCY = 1
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
        For all PEs; reaches them `COMMAND_LATENCY` cycles later. NONE while activations are broadcast.
    pe : ``In(max(1, config.pe_width))``
        The PE that a command for one PE concerns.
    column_base : ``In(config.column_width)``
        Number of slot 0's column.
    to_output : ``In(1)``
        Activations go to the output, not to the broadcast.
    output_valid : ``Out(1)``
    output : ``Out(signed(config.activation_width))``
        Emitted activations; each must be taken.
    output_latency : int
        Cycles from an EMIT command to its activation at `output` (attribute).
    broadcasting : ``Out(1)``
        An activation leaves for the PEs.
    busy : ``Out(1)``
        Activations were under way `BUSY_LATENCY` cycles ago.
    """

    def __init__(self, config: EieConfig) -> None:
        self.config = config
        self.output_latency = COMMAND_LATENCY + EMIT_LATENCY + tree_levels(config.n_pes)
        super().__init__(
            {
                "command": In(command_layout(config)),
                "pe": In(max(1, config.pe_width)),
                "column_base": In(config.column_width),
                "to_output": In(1),
                "output_valid": Out(1),
                "output": Out(signed(config.activation_width)),
                "broadcasting": Out(1),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config
        m.submodules.tree = tree = LeadingNonzeroDetect(config)
        m.submodules.broadcast = broadcast = Broadcast(config, levels=tree.levels)

        command, sending = Signal(command_layout(config)), Signal()
        m.d.comb += command.eq(self.command)
        m.d.sync += sending.eq(broadcast.o_valid)
        with m.If(broadcast.o_valid):
            m.d.comb += [
                command.op.eq(Op.BROADCAST),
                command.address.eq(broadcast.o.column),
                command.data.eq(broadcast.o.value),
            ]

        # PE 0 begins, and each hands the turn on to the next.
        begins, turn, chosen = Signal(), Signal(), Signal.like(self.pe)
        m.d.sync += [
            begins.eq((self.command.op == Op.REWIND) & self.command.data[1]),
            turn.eq(begins),
            chosen.eq(self.pe),
        ]
        stops, occupied = [], [turn, tree.occupied, broadcast.occupied, sending]
        for number in range(config.n_pes):
            if number % _GROUP == 0:
                m.submodules[f"commands_{number // _GROUP}"] = trunk = CommandRegister(config)
                m.d.comb += [trunk.i.eq(command), trunk.i_hold.eq(broadcast.hold)]
            if number % _COMMAND_GROUP == 0:
                m.submodules[f"command_{number // _COMMAND_GROUP}"] = register = CommandRegister(config)
                m.d.comb += [register.i.eq(trunk.o), register.i_hold.eq(trunk.o_hold)]
            m.submodules[f"pe_{number}"] = pe = ProcessingElement(config)
            selected = Signal(name=f"selected_{number}")
            m.d.sync += selected.eq(chosen == number)
            m.d.comb += [
                pe.command.eq(register.o),
                pe.hold.eq(register.o_hold),
                pe.selected.eq(selected),
                pe.turn_in.eq(turn),
                getattr(tree, f"i_{number}").eq(pe.o),
            ]
            turn = pe.turn_out
            stops.append(pe.stop)
            occupied.append(pe.busy | pe.o.valid)

        # An emitted zero is no activation on its way through the tree; its time is.
        emitted = Signal(self.output_latency)
        m.d.sync += emitted.eq(Cat(self.command.op == Op.EMIT, emitted))

        # What is under way moves only downstream, so that a snapshot of all places misses nothing.
        some_busy, some_stop = _any_of_groups(occupied), _any_of_groups(stops)
        busy, stops_seen, stop = Signal(len(some_busy)), Signal(len(some_stop)), Signal()
        m.d.sync += [busy.eq(some_busy), stops_seen.eq(some_stop), stop.eq(stops_seen.any())]
        m.d.comb += [
            self.busy.eq(busy.any()),
            broadcast.stop.eq(stop),
            broadcast.valid.eq(tree.o.valid & ~self.to_output),
            broadcast.i.eq(tree.o),
            broadcast.column_base.eq(self.column_base),
            self.broadcasting.eq(sending),
            self.output_valid.eq(emitted[-1]),
            self.output.eq(tree.o.value),
        ]
        return m


def _any_of_groups(flags: list[Any]) -> Value:
    """For every group of flags, whether one of them is up."""
    return Cat(Cat(flags[first : first + _GROUP]).any() for first in range(0, len(flags), _GROUP))
