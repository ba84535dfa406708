"""The array: PEs, the tree over their activations, and the way of commands and broadcasts to all of them."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, ResetSignal, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from eyrie.eie.broadcast import Broadcast
from eyrie.eie.command_register import CommandRegister
from eyrie.eie.config import EieConfig
from eyrie.eie.layouts import Op, command_layout, for_one_pe
from eyrie.eie.leading_nonzero_detect import LeadingNonzeroDetect, tree_levels
from eyrie.eie.pe import EMIT_LATENCY, ProcessingElement

_RADIX = 4
"""Registers, or PEs, that lie around a register: no more than can, as PEs have block RAMs."""
_GROUP = 16
"""PEs that share a first register on the way of commands; each of them sends it on to `_RADIX` more."""

COMMAND_LATENCY = 3
"""Cycles from a command to the PEs: a register at the root, where broadcasts join, one for each 16 PEs, one for each 4.
"""
BUSY_LATENCY = 4
"""Cycles from anything under way in the array to `EieArray.busy`: a register in every PE, one for each 4, one for each
16, one for all."""


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
        # One cycle suffices to get across a part of the array, but not across all of it: every way that leads to all
        # PEs or from all of them has a register for each `_RADIX` that are there or registers before it.
        m = Module()
        config = self.config
        m.submodules.tree = tree = LeadingNonzeroDetect(config)
        m.submodules.broadcast = broadcast = Broadcast(config, levels=tree.levels)

        # The register at the root of those commands that are no broadcasts.
        own, own_pe = Signal(command_layout(config)), Signal.like(self.pe)
        command, sending = Signal(command_layout(config)), Signal()
        m.d.sync += [own.eq(self.command), own_pe.eq(self.pe), sending.eq(broadcast.o_valid)]
        m.d.comb += command.eq(own)
        with m.If(broadcast.o_valid):
            m.d.comb += command.op.eq(Op.BROADCAST)
        with m.If(broadcast.o_waits):
            m.d.comb += [command.address.eq(broadcast.o.column), command.data.eq(broadcast.o.value)]

        # A reset goes the way of commands.
        reset = Signal(reset_less=True)
        m.d.sync += reset.eq(ResetSignal())

        # PE 0 begins, and each hands the turn on to the next.
        begins, begun = Signal(), Signal(COMMAND_LATENCY)
        m.d.comb += begins.eq((own.op == Op.REWIND) & own.data[1])
        m.d.sync += begun.eq(Cat(begins, begun))
        turn = begun[-1]
        stops, busy = [], []
        for number in range(config.n_pes):
            if number % _GROUP == 0:
                m.submodules[f"commands_{number // _GROUP}"] = trunk = CommandRegister(config, reset=reset)
                m.d.comb += [trunk.i.eq(command), trunk.i_pe.eq(own_pe), trunk.i_hold.eq(broadcast.hold)]
            if number % _RADIX == 0:
                m.submodules[f"command_{number // _RADIX}"] = register = CommandRegister(config, reset=trunk.o_reset)
                m.d.comb += [register.i.eq(trunk.o), register.i_hold.eq(trunk.o_hold)]
            m.submodules[f"pe_{number}"] = pe = ProcessingElement(config, reset=register.o_reset)
            # Beside the second register, one that has only what concerns this PE.
            op = Signal(Op, name=f"op_{number}", reset_less=True)
            m.d.sync += op.eq(Mux(for_one_pe(trunk.o.op) & (trunk.o_pe != number), Op.NONE, trunk.o.op))
            m.d.comb += [
                pe.command.eq(register.o),
                pe.command.op.eq(op),
                pe.hold.eq(register.o_hold),
                pe.turn_in.eq(turn),
                getattr(tree, f"i_{number}").eq(pe.o),
            ]
            turn = pe.turn_out
            stops.append(pe.stop)
            busy.append(pe.busy)

        # From REWIND until what the last PE has sent comes to the root. What comes at any other time is what PEs were
        # about when there was a reset, of which they hear later.
        sent, turns = Signal(tree.levels + 1), Signal()
        m.d.sync += sent.eq(Cat(turn, sent))
        with m.If(begins):
            m.d.sync += turns.eq(1)
        with m.Elif(sent[-1]):
            m.d.sync += turns.eq(0)

        # An emitted zero is no activation on its way through the tree; its time is.
        emitted = Signal(self.output_latency)
        m.d.sync += emitted.eq(Cat(self.command.op == Op.EMIT, emitted))

        # What is under way moves only downstream, so that a snapshot of all places misses nothing.
        at_root = Signal(BUSY_LATENCY - 1)
        m.d.sync += [
            at_root.eq(Cat(turns | broadcast.occupied | sending, at_root)),
            self.busy.eq(at_root[-1] | _any_of_groups(m, "busy", busy).any()),
            broadcast.stop.eq(_any_of_groups(m, "stop", stops).any()),
        ]
        m.d.comb += [
            broadcast.valid.eq(tree.o.valid & turns),
            broadcast.i.eq(tree.o),
            broadcast.column_base.eq(self.column_base),
            self.broadcasting.eq(sending),
            self.output_valid.eq(emitted[-1]),
            self.output.eq(tree.o.value),
        ]
        return m


def _any_of_groups(m: Module, name: str, flags: list[Any]) -> Signal:
    """For every group of PEs, whether one of their flags was up two cycles ago."""
    for size in (_RADIX, _GROUP):
        some = Signal(-(-len(flags) // _RADIX), name=f"{name}_of_{size}", reset_less=True)
        m.d.sync += some.eq(Cat(Cat(flags[first : first + _RADIX]).any() for first in range(0, len(flags), _RADIX)))
        flags = list(some)
    return some
