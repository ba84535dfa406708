"""Pointer read: where a column's entries begin and end, both in one cycle (EIE, section IV)."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from eyrie.common.fifo import StreamFifo
from eyrie.common.memory import SyncMemory
from eyrie.eie.config import EieConfig
from eyrie.eie.layouts import broadcast_layout, slice_layout

_SLICES = 8
_IN_FLIGHT = 2


class PointerRead(wiring.Component):
    """Turns a column into the slice of entries that this PE has to work on, and drops it if there are none.

    Pointers of even and odd columns lie in two banks, so that ``p[j]`` and ``p[j + 1]`` come in one cycle. One column
    a cycle; a few slices are read ahead, so that an empty one costs the multiplier nothing. A slice is offered four
    cycles after its column is accepted.

    Parameters
    ----------
    config : EieConfig
        ``pointer_depth`` and widths.

    Members
    -------
    i : ``In(stream.Signature(broadcast_layout(config)))``
        Activation and column.
    o : ``Out(stream.Signature(slice_layout(config)))``
        Activation and non-empty slice.
    occupied : ``Out(1)``
        A column or slice is inside.
    write_en : ``In(1)``
    write_address : ``In(config.column_width)``
    write_data : ``In(config.pointer_width)``
        Loads one pointer.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: EieConfig) -> None:
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(broadcast_layout(config))),
                "o": Out(stream.Signature(slice_layout(config))),
                "occupied": Out(1),
                "write_en": In(1),
                "write_address": In(config.column_width),
                "write_data": In(config.pointer_width),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config
        half = (config.pointer_depth + 1) // 2
        m.submodules.even = even = SyncMemory(shape=config.pointer_width, depth=half, collision="never")
        m.submodules.odd = odd = SyncMemory(shape=config.pointer_width, depth=half, collision="never")
        m.submodules.slices = slices = StreamFifo(slice_layout(config), depth=_SLICES)

        for parity, bank in enumerate((even, odd)):
            m.d.comb += [
                bank.write_en.eq(self.write_en & (self.write_address[0] == parity)),
                bank.write_address.eq(self.write_address >> 1),
                bank.write_data.eq(self.write_data),
            ]

        # Read: p[j] and p[j + 1] lie in different banks.
        accept = Signal()
        column = self.i.payload.column
        m.d.comb += [
            self.i.ready.eq(slices.level <= _SLICES - 1 - _IN_FLIGHT),
            accept.eq(self.i.valid & self.i.ready),
            even.read_en.eq(accept),
            even.read_address.eq((column + 1) >> 1),
            odd.read_en.eq(accept),
            odd.read_address.eq(column >> 1),
        ]

        # The block RAM's own delay takes a cycle for itself.
        read_valid, swapped = Signal(), Signal()
        read_value = Signal(signed(config.activation_width))
        m.d.sync += [
            read_valid.eq(accept),
            read_value.eq(self.i.payload.value),
            swapped.eq(column[0]),
        ]

        valid = Signal()
        value = Signal(signed(config.activation_width))
        begin, end = Signal(config.pointer_width), Signal(config.pointer_width)
        m.d.sync += [
            valid.eq(read_valid),
            value.eq(read_value),
            begin.eq(Mux(swapped, odd.read_data, even.read_data)),
            end.eq(Mux(swapped, even.read_data, odd.read_data)),
        ]
        m.d.comb += [
            slices.i.valid.eq(valid & (begin != end)),
            slices.i.payload.value.eq(value),
            slices.i.payload.begin.eq(begin),
            slices.i.payload.last.eq(end - 1),
            self.occupied.eq(read_valid | valid | (slices.level != 0)),
        ]
        wiring.connect(m, slices.o, wiring.flipped(self.o))
        return m
