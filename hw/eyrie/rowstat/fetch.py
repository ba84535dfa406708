"""Fetch: brings tiles of feature maps from external memory into the global buffer's ifmap bank."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from eyrie.common.fifo import StreamFifo
from eyrie.rowstat.commands import COUNT_BITS, Opcode
from eyrie.rowstat.config import BUS_WORDS, RowstatConfig
from eyrie.rowstat.control_timing import TRANSFERS_AHEAD
from eyrie.rowstat.external import map_read_request_layout
from eyrie.rowstat.layouts import bank_word_layout, command_layout
from eyrie.rowstat.waits import reached


class Fetch(wiring.Component):
    """Asks for a run of words a channel, a request a cycle, and writes a word a cycle as they come.

    A command takes one cycle for each of its words, waits in the next until its counters are reached, and then makes
    its requests; the one after it follows at once, so that its requests go out while words of the former still come.
    Words are taken, without a gap from command to command, in the order of the requests.

    Parameters
    ----------
    config : RowstatConfig
        Geometry.

    Members
    -------
    start : ``In(1)``
        `fetched` is 0 from the next cycle on.
    commands : ``In(stream.Signature(64))``
        FETCH commands.
    delivered, drained : ``In(COUNT_BITS)``
        Counters that commands wait for.
    request : ``Out(stream.Signature(map_read_request_layout))``
        What is wanted from external memory.
    words : ``In(stream.Signature(64))``
        What comes from there. Stalls only when it comes within two cycles of its request.
    write_en : ``Out(1)``
    write_address : ``Out(config.bank_address_width)``
    write_data : ``Out(bank_word_layout(config))``
        To the bank, a cycle after the word was taken.
    fetched : ``Out(COUNT_BITS)``
        Commands whose words are all in the bank.
    busy : ``Out(1)``
        A command is at work; says nothing of those in the queue.
    """

    commands: stream.Interface
    request: stream.Interface
    words: stream.Interface

    def __init__(self, config: RowstatConfig) -> None:
        self.config = config
        super().__init__(
            {
                "start": In(1),
                "commands": In(stream.Signature(64)),
                "delivered": In(COUNT_BITS),
                "drained": In(COUNT_BITS),
                "request": Out(stream.Signature(map_read_request_layout)),
                "words": In(stream.Signature(64)),
                "write_en": Out(1),
                "write_address": Out(config.bank_address_width),
                "write_data": Out(bank_word_layout(config)),
                "fetched": Out(COUNT_BITS),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        first_layout, second_layout = (command_layout("fetch", word) for word in range(2))
        transfer_layout = data.StructLayout(
            {
                "bank_address": self.config.bank_address_width,
                "channels": first_layout["channels"].shape,
                "words": first_layout["words"].shape,
            }
        )
        m.submodules.transfers = transfers = StreamFifo(transfer_layout, depth=TRANSFERS_AHEAD)
        head, first, second = Signal(first_layout), Signal(first_layout), Signal(second_layout)
        asking = Signal()

        m.d.comb += [
            head.eq(self.commands.payload),
            self.request.payload.address.eq(second.map_address),
            self.request.payload.words.eq(first.words),
            transfers.i.payload.bank_address.eq(first.bank_address),
            transfers.i.payload.channels.eq(first.channels),
            transfers.i.payload.words.eq(first.words),
        ]
        with m.FSM(name="requests") as requests:
            with m.State("COMMAND"):
                m.d.comb += self.commands.ready.eq(1)
                m.d.sync += first.eq(head)
                with m.If(self.commands.valid & (head.opcode == Opcode.WORK)):
                    m.next = "SECOND"

            with m.State("SECOND"):
                m.d.comb += self.commands.ready.eq(1)
                m.d.sync += second.eq(self.commands.payload)
                with m.If(self.commands.valid):
                    m.next = "WAIT"

            with m.State("WAIT"):
                m.d.comb += transfers.i.valid.eq(
                    reached(self.delivered, first.wait_delivered) & reached(self.drained, second.wait_drained)
                )
                with m.If(transfers.i.valid & transfers.i.ready):
                    m.next = "REQUEST"

            with m.State("REQUEST"):
                m.d.comb += self.request.valid.eq(1)
                with m.If(self.request.ready):
                    m.d.sync += [
                        second.map_address.eq(second.map_address + second.channel_stride),
                        first.channels.eq(first.channels - 1),
                    ]
                    with m.If(first.channels == 1):
                        m.next = "COMMAND"
            m.d.comb += asking.eq(~requests.ongoing("COMMAND"))

        # A transfer begins in the cycle in which the one before takes its last word.
        active, address = Signal(), Signal.like(self.write_address)
        words, words_left = Signal.like(first.words), Signal.like(first.words)
        channels_left = Signal.like(first.channels)
        take, last = Signal(), Signal()
        m.d.comb += [
            self.words.ready.eq(active),
            take.eq(self.words.valid & active),
            last.eq(take & (words_left == 1) & (channels_left == 1)),
            transfers.o.ready.eq(~active | last),
        ]
        m.d.sync += [
            self.write_en.eq(take),
            self.write_address.eq(address),
            *(self.write_data[lane].eq(self.words.payload.word_select(lane, 16)) for lane in range(BUS_WORDS)),
        ]
        with m.If(take):
            m.d.sync += [address.eq(address + 1), words_left.eq(Mux(words_left == 1, words, words_left - 1))]
            with m.If(words_left == 1):
                m.d.sync += channels_left.eq(channels_left - 1)
        with m.If(transfers.o.ready):
            m.d.sync += [
                active.eq(transfers.o.valid),
                address.eq(transfers.o.payload.bank_address),
                words.eq(transfers.o.payload.words),
                words_left.eq(transfers.o.payload.words),
                channels_left.eq(transfers.o.payload.channels),
            ]

        # The word is written in the cycle after it was taken, and counted in the one after that.
        written = Signal()
        m.d.sync += written.eq(last)
        with m.If(self.start):
            m.d.sync += self.fetched.eq(0)
        with m.Elif(written):
            m.d.sync += self.fetched.eq(self.fetched + 1)
        m.d.comb += self.busy.eq(asking | (transfers.waiting != 0) | transfers.o.valid | active | written)
        return m
