"""Registers on a bus, made from their description."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from eyrie.host.register_map import RegisterMap
from eyrie.host.wishbone import WORD_WIDTH, WishboneSignature


class RegisterBank(wiring.Component):
    """The registers of a map. A transfer ends in the cycle after it begins.

    A transfer that a register does not allow, or where none is, ends with ``err`` and has no effect.

    Parameters
    ----------
    map : RegisterMap
        Its registers; windows are none of this component's business.

    Members
    -------
    bus : ``In(WishboneSignature(address_width=(map.words - 1).bit_length()))``
        The bus.
    {register} : ``In(32)``
        Value of a register that can be read.
    {register}_written : ``Out(1)``
        High for a cycle when a register is written, if it can be.
    {register}_data : ``Out(32)``
        What is written, in that cycle.
    """

    bus: Any

    def __init__(self, map: RegisterMap) -> None:
        self.map = map
        members: dict[str, Any] = {"bus": In(WishboneSignature(address_width=(map.words - 1).bit_length()))}
        for register in map.registers:
            if register.access.reads:
                members[register.name] = In(WORD_WIDTH)
            if register.access.writes:
                members[f"{register.name}_written"] = Out(1)
                members[f"{register.name}_data"] = Out(WORD_WIDTH)
        super().__init__(members)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        bus = self.bus
        begins, allowed = Signal(), Signal()
        m.d.comb += begins.eq(bus.cyc & bus.stb & ~bus.ack & ~bus.err)
        with m.Switch(bus.adr):
            for register in self.map.registers:
                with m.Case(register.address):
                    if register.access.reads:
                        m.d.sync += bus.dat_r.eq(getattr(self, register.name))
                        with m.If(~bus.we):
                            m.d.comb += allowed.eq(1)
                    if register.access.writes:
                        with m.If(bus.we):
                            m.d.comb += [allowed.eq(1), getattr(self, f"{register.name}_written").eq(begins)]
        for register in self.map.registers:
            if register.access.writes:
                m.d.comb += getattr(self, f"{register.name}_data").eq(bus.dat_w)
        m.d.sync += [bus.ack.eq(begins & allowed), bus.err.eq(begins & ~allowed)]
        return m
