"""Sparse-matrix read: one entry a cycle (EIE, section IV)."""

from typing import Any

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from eyrie.common.memory import SyncMemory
from eyrie.eie.config import EieConfig
from eyrie.eie.layouts import entry_layout, slice_layout


class SparseMatrixRead(wiring.Component):
    """Walks through slices, one entry a cycle, without a gap between one slice and the next.

    An entry leaves three cycles after its slice was accepted or the entry before it left the address register.

    Parameters
    ----------
    config : EieConfig
        ``entry_depth`` and widths.

    Members
    -------
    i : ``In(stream.Signature(slice_layout(config)))``
        Stalls while a slice before it has entries left.
    valid : ``Out(1)``
        An entry leaves; it must be taken.
    first : ``Out(1)``
        It is the first of its slice.
    value : ``Out(signed(config.activation_width))``
        The activation that it meets.
    entry : ``Out(entry_layout(config))``
        The entry.
    occupied : ``Out(1)``
        A slice or entry is inside.
    write_en : ``In(1)``
    write_address : ``In(range(config.entry_depth))``
    write_data : ``In(entry_layout(config))``
        Loads one entry.
    """

    i: stream.Interface

    def __init__(self, config: EieConfig) -> None:
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(slice_layout(config))),
                "valid": Out(1),
                "first": Out(1),
                "value": Out(signed(config.activation_width)),
                "entry": Out(entry_layout(config)),
                "occupied": Out(1),
                "write_en": In(1),
                "write_address": In(max(1, (config.entry_depth - 1).bit_length())),
                "write_data": In(entry_layout(config)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config
        m.submodules.entries = entries = SyncMemory(
            shape=entry_layout(config), depth=config.entry_depth, collision="never"
        )
        m.d.comb += [
            entries.write_en.eq(self.write_en),
            entries.write_address.eq(self.write_address),
            entries.write_data.eq(self.write_data),
        ]

        # Address: the slice at work.
        active, first = Signal(), Signal()
        work = Signal(slice_layout(config))
        ends = Signal()
        m.d.comb += [
            ends.eq(work.begin == work.last),
            self.i.ready.eq(~active | ends),
            entries.read_en.eq(active),
            entries.read_address.eq(work.begin),
        ]
        with m.If(self.i.ready):
            m.d.sync += [active.eq(self.i.valid), work.eq(self.i.payload), first.eq(1)]
        with m.Else():
            m.d.sync += [work.begin.eq(work.begin + 1), first.eq(0)]

        # The block RAM's own delay takes a cycle for itself.
        read_valid, read_first = Signal(), Signal()
        read_value = Signal(signed(config.activation_width))
        m.d.sync += [
            read_valid.eq(active),
            read_first.eq(first),
            read_value.eq(work.value),
            self.valid.eq(read_valid),
            self.first.eq(read_first),
            self.value.eq(read_value),
            self.entry.eq(entries.read_data),
        ]
        m.d.comb += self.occupied.eq(active | read_valid | self.valid)
        return m
