"""The array: PEs, the tree over their activations, and the way of commands and broadcasts to all of them."""

from functools import reduce
from operator import or_
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, ResetSignal, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from eyrie.eie.broadcast import Broadcast
from eyrie.eie.command_register import CommandRegister
from eyrie.eie.config import EieConfig
from eyrie.eie.group_crossing import GroupCrossing
from eyrie.eie.layouts import Op, command_layout, drain_layout, for_one_pe
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
        self._levels = tree_levels(config.group_pes) + (config.column_groups > 1)
        self.output_latency = COMMAND_LATENCY + EMIT_LATENCY + self._levels
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
        groups = range(config.column_groups)
        suffixes = [f"_{group}" for group in groups] if len(groups) > 1 else [""]
        trees, roots = [], []
        for suffix in suffixes:
            m.submodules[f"tree{suffix}"] = tree = LeadingNonzeroDetect(config)
            m.submodules[f"broadcast{suffix}"] = broadcast = Broadcast(config, levels=self._levels)
            trees.append(tree)
            roots.append(broadcast)

        # The register at the root of those commands that are no broadcasts.
        own, own_pe = Signal(command_layout(config)), Signal.like(self.pe)
        m.d.sync += [own.eq(self.command), own_pe.eq(self.pe)]
        commands, sending = [], []
        for suffix, broadcast in zip(suffixes, roots, strict=True):
            command, sends = Signal(command_layout(config)), Signal(name=f"sending{suffix}")
            commands.append(command)
            sending.append(sends)
            m.d.sync += sends.eq(broadcast.o_valid)
            m.d.comb += command.eq(own)
            with m.If(broadcast.o_valid):
                m.d.comb += command.op.eq(Op.BROADCAST)
            with m.If(broadcast.o_waits):
                m.d.comb += [command.address.eq(broadcast.o.column), command.data.eq(broadcast.o.value)]

        # A reset goes the way of commands.
        reset = Signal(reset_less=True)
        m.d.sync += reset.eq(ResetSignal())

        # PE 0 begins, and each hands the turn on to the next; if groups work apart, the first of each begins.
        begins, begun = Signal(), Signal(COMMAND_LATENCY)
        m.d.comb += begins.eq((own.op == Op.REWIND) & own.data[1])
        m.d.sync += begun.eq(Cat(begins, begun))
        apart: Any = Const(0, 1)
        if len(groups) > 1:
            apart = Signal()
            with m.If(own.op == Op.REWIND):
                m.d.sync += apart.eq(own.data[2])
            self._store_in_turn(m, own, commands)
        turn: Any = begun[-1]
        turns_end: list[Any] = []
        pes: list[ProcessingElement] = []
        trunks, registers = 0, 0
        for group, tree in enumerate(trees):
            if group:
                turn = Mux(apart, begun[-1], turn)
            for place in range(config.group_pes):
                if place % _GROUP == 0:
                    m.submodules[f"commands_{trunks}"] = trunk = CommandRegister(config, reset=reset)
                    m.d.comb += [
                        trunk.i.eq(commands[group]),
                        trunk.i_pe.eq(own_pe),
                        trunk.i_hold.eq(roots[group].hold),
                    ]
                    trunks += 1
                if place % _RADIX == 0:
                    m.submodules[f"command_{registers}"] = register = CommandRegister(config, reset=trunk.o_reset)
                    m.d.comb += [register.i.eq(trunk.o), register.i_hold.eq(trunk.o_hold)]
                    registers += 1
                number = len(pes)
                m.submodules[f"pe_{number}"] = pe = ProcessingElement(config, reset=register.o_reset)
                # Beside the second register, one that has only what concerns this PE.
                op = Signal(Op, name=f"op_{number}", reset_less=True)
                m.d.sync += op.eq(Mux(for_one_pe(trunk.o.op) & (trunk.o_pe != number), Op.NONE, trunk.o.op))
                m.d.comb += [
                    pe.command.eq(register.o),
                    pe.command.op.eq(op),
                    pe.hold.eq(register.o_hold),
                    pe.turn_in.eq(turn),
                    getattr(tree, f"i_{place}").eq(pe.o),
                ]
                turn = pe.turn_out
                pes.append(pe)
            turns_end.append(turn)

        # From REWIND until what the last PE has sent comes to the root. What comes at any other time is what PEs were
        # about when there was a reset, of which they hear later.
        turns = []
        for suffix, end in zip(suffixes, turns_end, strict=True):
            sent, own_turns = Signal(self._levels + 1), Signal(name=f"turns{suffix}")
            m.d.sync += sent.eq(Cat(end if end is turn else Mux(apart, end, turn), sent))
            with m.If(begins):
                m.d.sync += own_turns.eq(1)
            with m.Elif(sent[-1]):
                m.d.sync += own_turns.eq(0)
            turns.append(own_turns)

        # An emitted zero is no activation on its way through the tree; its time is.
        emitted = Signal(self.output_latency)
        m.d.sync += emitted.eq(Cat(self.command.op == Op.EMIT, emitted))

        found, output = self._cross(m, trees, apart)
        # What is under way moves only downstream, so that a snapshot of all places misses nothing.
        at_root = Signal(BUSY_LATENCY - 1)
        active = [one | broadcast.occupied | sends for one, broadcast, sends in zip(turns, roots, sending, strict=True)]
        busy = _any_of_groups(m, "busy", [pe.busy for pe in pes]).any()
        size = config.group_pes
        stops = [
            _any_of_groups(m, "stop", [pe.stop for pe in pes[group * size : (group + 1) * size]]).any()
            for group in groups
        ]
        m.d.sync += [at_root.eq(Cat(_any(active), at_root)), self.busy.eq(at_root[-1] | busy)]
        for broadcast, i, own_turns, stop in zip(roots, found, turns, stops, strict=True):
            m.d.sync += broadcast.stop.eq(stop if len(groups) == 1 else Mux(apart, stop, _any(stops)))
            m.d.comb += [
                broadcast.valid.eq(i.valid & own_turns),
                broadcast.i.eq(i),
                broadcast.column_base.eq(self.column_base),
            ]
            if len(groups) > 1:
                m.d.comb += broadcast.apart.eq(apart)
        m.d.comb += [
            self.broadcasting.eq(_any(sending)),
            self.output_valid.eq(emitted[-1]),
            self.output.eq(output.value),
        ]
        if len(groups) > 1:
            _add_partners(m, config, pes)
        return m

    def _store_in_turn(self, m: Module, own: Any, commands: list[Any]) -> None:
        """Rows whose partial sums are added are stored in one group each, in turn."""
        config = self.config
        layout = drain_layout(config)
        drain = data.View(layout, own.data[: layout.size])
        turn_bits = config.column_groups.bit_length() - 1
        place = layout["store"].offset
        for group, command in enumerate(commands):
            # Rows of a single accumulator all have number 0.
            other = drain.row[:turn_bits] != group
            with m.If((own.op == Op.DRAIN) & drain.apart & other):
                m.d.comb += command.data[place].eq(0)

    def _cross(self, m: Module, trees: list[LeadingNonzeroDetect], apart: Any) -> tuple[list[Any], Any]:
        """What the trees found: for each root, and for the output."""
        if len(trees) == 1:
            return [trees[0].o], trees[0].o
        m.submodules.crossing = crossing = GroupCrossing(self.config)
        m.d.comb += crossing.apart.eq(apart)
        for group, tree in enumerate(trees):
            m.d.comb += getattr(crossing, f"i_{group}").eq(tree.o)
        return [getattr(crossing, f"o_{group}") for group in range(len(trees))], crossing.any


def _add_partners(m: Module, config: EieConfig, pes: list[ProcessingElement]) -> None:
    """Sums of the PEs at the same place in all groups go to all of them."""
    for place in range(config.group_pes):
        partners = pes[place :: config.group_pes]
        total = Signal(signed(config.accumulator_width), name=f"total_{place}", reset_less=True)
        m.d.sync += total.eq(sum((pe.partial for pe in partners[1:]), start=partners[0].partial))
        m.d.comb += [pe.total.eq(total) for pe in partners]


def _any(flags: list[Any]) -> Any:
    """Whether one of them is up."""
    return reduce(or_, flags)


def _any_of_groups(m: Module, name: str, flags: list[Any]) -> Signal:
    """For every group of PEs, whether one of their flags was up two cycles ago."""
    for size in (_RADIX, _GROUP):
        some = Signal(-(-len(flags) // _RADIX), name=f"{name}_of_{size}", reset_less=True)
        m.d.sync += some.eq(Cat(Cat(flags[first : first + _RADIX]).any() for first in range(0, len(flags), _RADIX)))
        flags = list(some)
    return some
