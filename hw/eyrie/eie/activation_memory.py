"""Activation read and write: two banks that swap between source and destination (EIE, section IV)."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from eyrie.common.memory import SyncMemory
from eyrie.eie.config import EieConfig
from eyrie.eie.layouts import local_activation_layout

_DISTRIBUTED_DEPTH = 64
"""Deepest lists, both banks together, that are worth distributed RAM."""


class ActivationReadWrite(wiring.Component):
    """A PE's own activations, kept as lists of the non-zero ones.

    A vector's elements arrive in the order of their local index; a zero only moves the index on. Reading is then a
    walk through the list, at one activation a cycle however sparse the vector is. When a vector goes out to the
    host instead, zeros are left out likewise, and elements are asked for one by one.

    Parameters
    ----------
    config : EieConfig
        ``activation_depth`` and widths.

    Members
    -------
    open : ``In(1)``
        Begin to write: to bank `bank`, from local index `index` on, forgetting what it holds unless `keep`. Ends
        what is being read.
    rewind : ``In(1)``
        Begin to read: bank `bank`, all of its list if `all_out`, else one element for each `emit`, from local
        index `index` on, below which the bank must hold no non-zero element. The first `emit` comes two cycles
        later at the earliest.
    bank, keep, all_out : ``In(1)``
    index : ``In(config.local_width)``
    valid : ``In(1)``
        `value` is the next element of the bank that is written.
    value : ``In(signed(config.activation_width))``
    emit : ``In(1)``
        Offer the next element for one cycle if it is not zero; it must be taken.
    o : ``Out(stream.Signature(local_activation_layout(config)))``
        Elements of the bank that is read, but for zeros.
    pending : ``Out(1)``
        Elements of the list are still to be sent.
    """

    o: stream.Interface

    def __init__(self, config: EieConfig) -> None:
        self.config = config
        super().__init__(
            {
                "open": In(1),
                "rewind": In(1),
                "bank": In(1),
                "keep": In(1),
                "all_out": In(1),
                "index": In(config.local_width),
                "valid": In(1),
                "value": In(signed(config.activation_width)),
                "emit": In(1),
                "o": Out(stream.Signature(local_activation_layout(config))),
                "pending": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config
        layout = local_activation_layout(config)
        depth = 2 << config.local_width
        m.submodules.lists = lists = SyncMemory(
            shape=layout,
            depth=depth,
            collision="never",
            style="distributed" if config.lut_ram and depth <= _DISTRIBUTED_DEPTH else None,
        )
        local = Signal(config.local_width)  # of the element written or emitted next
        counts = [Signal(range(config.activation_depth + 1), name=f"count_{bank}") for bank in range(2)]

        # Write.
        write_bank, write = Signal(), Signal()
        write_count = Mux(write_bank, counts[1], counts[0])
        count_after = Signal.like(counts[0])
        m.d.comb += [
            write.eq(self.valid & self.value.any()),
            count_after.eq(write_count + 1),
            lists.write_en.eq(write),
            lists.write_address.eq(Cat(write_count[: config.local_width], write_bank)),
            lists.write_data.value.eq(self.value),
            lists.write_data.local.eq(local),
        ]
        for bank, count in enumerate(counts):
            with m.If(write & (write_bank == bank)):
                m.d.sync += count.eq(count_after)
            with m.If(self.open & (self.bank == bank) & ~self.keep):
                m.d.sync += count.eq(0)
        with m.If(self.open):
            m.d.sync += write_bank.eq(self.bank)
        with m.If(self.valid | self.emit):
            m.d.sync += local.eq(local + 1)
        with m.If(self.open | (self.rewind & ~self.all_out)):
            m.d.sync += local.eq(self.index)

        # Read: the head waits in the memory's output register.
        reading, read_all, read_bank = Signal(), Signal(), Signal()
        read_count = Signal.like(counts[0])
        head, head_valid, take, left, fetch = lists.read_data, Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            left.eq(reading & (read_count != Mux(read_bank, counts[1], counts[0]))),
            fetch.eq(left & (~head_valid | take)),
            lists.read_en.eq(fetch),
            lists.read_address.eq(Cat(read_count[: config.local_width], read_bank)),
            self.o.valid.eq(head_valid & (read_all | (self.emit & (head.local == local)))),
            self.o.payload.eq(head),
            take.eq(self.o.valid & self.o.ready),
            self.pending.eq(read_all & (head_valid | left)),
        ]
        m.d.sync += head_valid.eq(fetch | (head_valid & ~take))
        with m.If(fetch):
            m.d.sync += read_count.eq(read_count + 1)
        with m.If(self.rewind):
            m.d.sync += [
                reading.eq(1),
                read_all.eq(self.all_out),
                read_bank.eq(self.bank),
                read_count.eq(0),
                head_valid.eq(0),
            ]
        with m.If(self.open):
            m.d.sync += [reading.eq(0), head_valid.eq(0)]
        return m
