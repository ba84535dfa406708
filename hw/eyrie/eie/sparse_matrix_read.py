"""Sparse-matrix read: one entry a cycle (EIE, section IV)."""

from typing import Any

from amaranth.hdl import Const, Module, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from eyrie.common.memory import SyncMemory
from eyrie.eie.config import EieConfig
from eyrie.eie.layouts import entry_layout, slice_layout

SHORT = 5
"""Entries of a slice that is sure to be done by the time that others hear of it."""


class SparseMatrixRead(wiring.Component):
    """Walks through slices, one entry a cycle, without a gap between one slice and the next.

    A slice is accepted in the cycle in which its last entry is asked for; an entry leaves two cycles after it is asked
    for. A slice without entries takes a cycle too; with ``skip_empty`` none may come.

    Parameters
    ----------
    config : EieConfig
        ``entry_depth``, ``entry_memory``, ``skip_empty`` and widths.

    Members
    -------
    i : ``In(stream.Signature(slice_layout(config)))``
    continues : ``Out(1)``
        The slice has entries left after the one that is asked for; always 0 if it has `SHORT` entries or fewer.
    valid : ``Out(1)``
        An entry leaves; it must be taken.
    first : ``Out(1)``
        It is the first of its slice.
    value : ``Out(signed(config.activation_width))``
        The activation that it meets.
    entry : ``Out(entry_layout(config))``
        The entry.
    write_en : ``In(1)``
    write_address : ``In(config.entry_address_width)``
    write_data : ``In(entry_layout(config))``
        Loads one entry.
    """

    i: stream.Interface

    def __init__(self, config: EieConfig) -> None:
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(slice_layout(config))),
                "continues": Out(1),
                "valid": Out(1),
                "first": Out(1),
                "value": Out(signed(config.activation_width)),
                "entry": Out(entry_layout(config)),
                "write_en": In(1),
                "write_address": In(config.entry_address_width),
                "write_data": In(entry_layout(config)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config
        m.submodules.entries = entries = SyncMemory(
            shape=entry_layout(config),
            depth=config.entry_depth,
            collision="never",
            style="single_port" if config.entry_memory == "single_port" else None,
        )
        m.d.comb += [
            entries.write_en.eq(self.write_en),
            entries.write_address.eq(self.write_address),
            entries.write_data.eq(self.write_data),
        ]

        # `index` counts the entries of the slice.
        index, after = Signal(config.count_bits), Signal(config.count_bits)
        first = Signal(init=1)
        asks = Signal()
        empty = Const(0, 1) if config.skip_empty else self.i.payload.count == 0
        m.d.comb += [
            after.eq(index + 1),
            self.i.ready.eq((after == self.i.payload.count) | empty),
            self.continues.eq(self.i.valid & ~self.i.ready & (self.i.payload.count > SHORT)),
            asks.eq(self.i.valid & ~empty),
            entries.read_en.eq(asks),
            entries.read_address.eq(self.i.payload.begin + index),
        ]
        with m.If(self.i.valid):
            m.d.sync += [index.eq(after), first.eq(self.i.ready)]
            with m.If(self.i.ready):
                m.d.sync += index.eq(0)

        # The block RAM's own delay takes a cycle for itself.
        read_valid, read_first = Signal(), Signal()
        read_value = Signal(signed(config.activation_width))
        m.d.sync += [
            read_valid.eq(asks),
            read_first.eq(first),
            read_value.eq(self.i.payload.value),
            self.valid.eq(read_valid),
            self.first.eq(read_first),
            self.value.eq(read_value),
            self.entry.eq(entries.read_data),
        ]
        return m
