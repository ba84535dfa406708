"""Which of several slaves a bus transfer concerns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from eyrie.host.wishbone import WishboneSignature


@dataclass(frozen=True, kw_only=True)
class Range:
    """Addresses of one slave: ``1 << width`` words from ``address`` up, which is a multiple of that."""

    name: str
    address: int
    width: int


class WishboneDecoder(wiring.Component):
    """Passes transfers on by their addresses, without taking time. Where no slave is, ``err`` ends them at once.

    Parameters
    ----------
    address_width : int
        Bits of the master's addresses.
    ranges : sequence of Range
        None over another.

    Members
    -------
    bus : ``In(WishboneSignature(address_width=address_width))``
        From the master.
    to_{name} : ``Out(WishboneSignature(address_width=width))``
        To each slave.
    """

    bus: Any

    def __init__(self, *, address_width: int, ranges: Sequence[Range]) -> None:
        self.address_width, self.ranges = address_width, tuple(ranges)
        end = 0
        for one in sorted(self.ranges, key=lambda one: one.address):
            if one.address % (1 << one.width) or one.address < end:
                raise ValueError(f"range {one.name} at {one.address} is not aligned, or lies over another")
            end = one.address + (1 << one.width)
        if end > 1 << address_width:
            raise ValueError(f"ranges end at {end}, beyond {address_width} bits of address")
        super().__init__(
            {
                "bus": In(WishboneSignature(address_width=address_width)),
                **{f"to_{one.name}": Out(WishboneSignature(address_width=one.width)) for one in self.ranges},
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        bus = self.bus
        found = Signal()
        m.d.comb += bus.dat_r.eq(getattr(self, f"to_{self.ranges[0].name}").dat_r)
        for one in self.ranges:
            slave = getattr(self, f"to_{one.name}")
            selected = Signal(name=f"selects_{one.name}")
            m.d.comb += [
                selected.eq(bus.adr >> one.width == one.address >> one.width),
                slave.adr.eq(bus.adr),
                slave.dat_w.eq(bus.dat_w),
                slave.sel.eq(bus.sel),
                slave.we.eq(bus.we),
                slave.cyc.eq(bus.cyc & selected),
                slave.stb.eq(bus.stb & selected),
            ]
            with m.If(selected):
                m.d.comb += [found.eq(1), bus.dat_r.eq(slave.dat_r), bus.ack.eq(slave.ack), bus.err.eq(slave.err)]
        with m.If(~found):
            m.d.comb += bus.err.eq(bus.cyc & bus.stb)
        return m
