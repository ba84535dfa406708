"""Activation read and write: two banks that swap between source and destination (EIE, section IV)."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from eyrie.common.lut_memory import LutMemory
from eyrie.common.memory import SyncMemory
from eyrie.eie.config import EieConfig
from eyrie.eie.layouts import local_activation_layout, located_activation_layout

_DISTRIBUTED_DEPTH = 64
"""Deepest lists, both banks together, that are worth distributed RAM."""


class ActivationReadWrite(wiring.Component):
    """A PE's own activations, kept as lists of the non-zero ones.

    A vector's elements arrive in the order of their local index; a zero only moves the index on. Reading is then a
    walk through the list, at one activation a cycle however sparse the vector is. PEs send their lists in turn: the one
    that has the turn sends, and hands it on with its last activation, or at once if it has none. When a vector goes out
    to the host instead, elements are asked for one by one, and zeros are left out likewise.

    Parameters
    ----------
    config : EieConfig
        ``activation_depth``, ``lut_ram`` and widths.

    Members
    -------
    open : ``In(1)``
        Begin to write: to bank `bank`, from local index `index` on, forgetting what it holds unless `keep`. Not while
        that bank is read.
    rewind : ``In(1)``
        Begin to read: bank `bank`, all of its list if `all_out`, once it is this PE's turn; else one element for each
        `emit`, from local index `index` on, below which the bank must hold no non-zero element. Not during a turn.
    bank, keep, all_out : ``In(1)``
    index : ``In(config.local_width)``
    valid : ``In(1)``
        Here is the next element of the bank that is written.
    nonzero : ``In(1)``
        It is not zero, but `value`; only with `valid`.
    value : ``In(signed(config.activation_width))``
    emit : ``In(1)``
        Send the next element if it is not zero. None comes for a local index that the last rewind's went past.
    turn_in : ``In(1)``
        From the next cycle on it is this PE's turn; in the cycle after the rewind at the earliest.
    turn_out : ``Out(1)``
        From the next cycle on it is the next PE's turn.
    hold : ``In(1)``
        Whoever has the turn in the next cycle neither sends nor hands it on.
    o : ``Out(located_activation_layout(config, 0))``
        An activation in the cycle after it was sent, else 0; it must be taken.
    """

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
                "nonzero": In(1),
                "value": In(signed(config.activation_width)),
                "emit": In(1),
                "turn_in": In(1),
                "turn_out": Out(1),
                "hold": In(1),
                "o": Out(located_activation_layout(config, 0)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config
        layout = local_activation_layout(config)
        depth = 2 << config.local_width
        local = Signal(config.local_width)  # of the element written or emitted next
        # Index in each bank's list of its last element, -1 without any.
        ends = [Signal(signed(config.local_width + 1), init=-1, name=f"end_{bank}") for bank in range(2)]

        # Write.
        write_bank, write = Signal(), Signal()
        place = Signal.like(ends[0])
        m.d.comb += [
            write.eq(self.nonzero),
            place.eq(Mux(write_bank, ends[1], ends[0]) + 1),
        ]
        for bank, end in enumerate(ends):
            with m.If(write & (write_bank == bank)):
                m.d.sync += end.eq(place)
            with m.If(self.open & (self.bank == bank) & ~self.keep):
                m.d.sync += end.eq(-1)
        with m.If(self.open):
            m.d.sync += write_bank.eq(self.bank)
        with m.If(self.valid | self.emit):
            m.d.sync += local.eq(local + 1)
        with m.If(self.open | (self.rewind & ~self.all_out)):
            m.d.sync += local.eq(self.index)

        # Read: the head of the list is what is sent next, or was sent last.
        read_bank, read_index, head = Signal(), Signal(config.local_width), Signal(layout)
        next_bank, next_index, advance = Signal(), Signal(config.local_width), Signal()
        empty, last, last_but_one, send = Signal(), Signal(), Signal(), Signal()
        turn, held = Signal(), Signal()
        end = Mux(read_bank, ends[1], ends[0])
        m.d.comb += [
            empty.eq(end[-1]),
            last.eq(end[: config.local_width] == read_index),
            last_but_one.eq(end[: config.local_width] == (read_index + 1)[: config.local_width]),
            send.eq(~empty & ((turn & ~held) | (self.emit & (head.local == local)))),
            advance.eq(send & ~last),
            next_bank.eq(Mux(self.rewind, self.bank, read_bank)),
            next_index.eq(Mux(self.rewind, 0, read_index + advance)),
        ]
        # The next PE may be far away: a cycle ahead it is clear whether the turn ends here.
        goes_on = turn & ~self.turn_out
        m.d.sync += [
            held.eq(self.hold),
            turn.eq(self.turn_in | goes_on),
            self.turn_out.eq(
                ~self.hold & (((self.turn_in | goes_on) & (empty | last)) | (goes_on & advance & last_but_one))
            ),
            read_bank.eq(next_bank),
            read_index.eq(next_index),
            self.o.eq(0),
        ]
        with m.If(send):
            m.d.sync += [self.o.valid.eq(1), self.o.value.eq(head.value), self.o.local.eq(head.local)]

        # The head is there in the cycle after a rewind, and after the one before it was sent.
        lists: LutMemory | SyncMemory
        if config.lut_ram and depth <= _DISTRIBUTED_DEPTH:
            lists = LutMemory(shape=layout, depth=depth)
            m.d.comb += lists.read_address.eq(Cat(read_index, read_bank))
        else:
            lists = SyncMemory(shape=layout, depth=depth, collision="never")
            m.d.comb += [
                lists.read_en.eq(self.rewind | advance),
                lists.read_address.eq(Cat(next_index, next_bank)),
            ]
        m.submodules.lists = lists
        m.d.comb += [
            head.eq(lists.read_data),
            lists.write_en.eq(write),
            lists.write_address.eq(Cat(place[: config.local_width], write_bank)),
            lists.write_data.value.eq(self.value),
            lists.write_data.local.eq(local),
        ]
        return m
