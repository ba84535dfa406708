"""The way of activations to the broadcast, and of commands from there: tree node, whole tree, command register."""

import dataclasses
from typing import Any

from amaranth.hdl import Cat, ResetSignal, Signal, Value

from eyrie.eie.config import TINY
from eyrie.eie.layouts import located_activation_layout
from eyrie.formal.harness import Harness
from eyrie.formal.proof import Broken, Proof, Property

_SIX = dataclasses.replace(TINY, n_pes=6, activation_width=8)


def _one_at_a_time(h: Harness, inputs: list[Any]) -> None:
    """At most one activation, and all bits 0 where none is."""
    for one in inputs:
        h.assume(one.valid | (Value.cast(one) == 0))
    some = Value.cast(0)
    for one in inputs:
        h.assume(~(some & one.valid))
        some = some | one.valid


def _build_tree(leading_nonzero_detect: Any) -> Harness:
    dut = leading_nonzero_detect.LeadingNonzeroDetect(_SIX)
    h = Harness(dut)
    inputs = [getattr(dut, f"i_{pe}") for pe in range(_SIX.n_pes)]
    _one_at_a_time(h, inputs)
    expected = Signal(located_activation_layout(_SIX, 2 * dut.levels), name="expected_0")
    for pe, one in enumerate(inputs):
        with h.m.If(one.valid):
            h.m.d.comb += [
                expected.valid.eq(1),
                expected.value.eq(one.value),
                expected.local.eq(one.local),
                expected.pe.eq(pe),
            ]
    late = Value.cast(expected)
    for level in range(1, dut.levels + 1):
        late = h.before(late, name=f"expected_{level}", reset_less=True)
    h.prove("arrives", Value.cast(dut.o) == late)
    return h


def _build_command(command_register: Any) -> Harness:
    dut = command_register.CommandRegister(TINY)
    h = Harness(dut)
    members = dut.signature.members
    i, o = (
        Cat(Value.cast(getattr(dut, name)) for name in members if name[0] == end and name != "o_reset") for end in "io"
    )
    h.prove("reset", dut.o_reset == h.before(ResetSignal(), name="reset_before", reset_less=True))
    h.prove("handed on", o == h.before(i, name="before"))
    return h


TREE = Proof(
    name="activation-tree",
    module="eyrie.eie.leading_nonzero_detect",
    component="LeadingNonzeroDetect",
    configuration=f"{_SIX.n_pes} PEs, two levels",
    build=_build_tree,
    properties=(
        Property(
            name="arrives",
            says="An activation leaves the tree once, a cycle a level later, with the number of its PE, also in a "
            "reset; nothing else does.",
            broken=Broken(old="valid.replicate(2) & number", new="valid.replicate(2) & (number ^ 1)"),
        ),
    ),
)

COMMAND = Proof(
    name="command-register",
    module="eyrie.eie.command_register",
    component="CommandRegister",
    configuration="widths of a small engine",
    build=_build_command,
    properties=(
        Property(
            name="handed on",
            says="A command and a hold are handed on in the next cycle, and for that one only.",
            broken=Broken(old="self.o_hold.eq(self.i_hold)", new="self.o_hold.eq(self.i_hold | self.o_hold)"),
        ),
        Property(
            name="reset",
            says="So is a reset.",
            broken=Broken(old="reset = Signal(reset_less=True)", new="reset = Signal()"),
        ),
    ),
)

PROOFS = (TREE, COMMAND)
