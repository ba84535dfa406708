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
from eyrie.rowstat.run_length_decoder import RunLengthDecoder
from eyrie.rowstat.waits import reached


class Fetch(wiring.Component):
    """Asks for a run of words a channel, a request a cycle, and writes a word a cycle as they come. Of coded maps it
    asks for each row, and writes what `RunLengthDecoder` makes of them as fast as that does.

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
        FETCH and CODED commands.
    delivered, drained : ``In(COUNT_BITS)``
        Counters that commands wait for.
    request : ``Out(stream.Signature(map_read_request_layout))``
        What is wanted from external memory.
    words : ``In(stream.Signature(64))``
        What comes from there. Plain words stall only when they come within two cycles of their request.
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
        first_layout, second_layout, rows_layout = (command_layout("coded_fetch", word) for word in range(3))
        transfer_layout = data.StructLayout(
            {
                "bank_address": self.config.bank_address_width,
                "channels": first_layout["channels"].shape,
                "rows": rows_layout["rows"].shape,
                "words": first_layout["words"].shape,
                "coded": 1,
            }
        )
        m.submodules.transfers = transfers = StreamFifo(transfer_layout, depth=TRANSFERS_AHEAD)
        m.submodules.decoder = decoder = RunLengthDecoder(self.config)
        head, first, second = Signal(first_layout), Signal(first_layout), Signal(second_layout)
        rows, rows_left, coded = Signal(rows_layout), Signal(rows_layout["rows"].shape), Signal()
        row_address, next_channel, asking = Signal(32), Signal(32), Signal()

        # A channel of a plain map is asked for as a single row.
        m.d.comb += [
            head.eq(self.commands.payload),
            coded.eq(first.opcode == Opcode.CODED),
            next_channel.eq(second.map_address + second.channel_stride),
            self.request.payload.address.eq(row_address),
            self.request.payload.words.eq(Mux(coded, rows.slot_words, first.words)),
            self.request.payload.coded.eq(coded),
            transfers.i.payload.bank_address.eq(first.bank_address),
            transfers.i.payload.channels.eq(first.channels),
            transfers.i.payload.rows.eq(rows.rows),
            transfers.i.payload.words.eq(first.words),
            transfers.i.payload.coded.eq(coded),
        ]
        with m.FSM(name="requests") as requests:
            with m.State("COMMAND"):
                m.d.comb += self.commands.ready.eq(1)
                m.d.sync += [first.eq(head), rows.rows.eq(1)]
                with m.If(self.commands.valid & ((head.opcode == Opcode.WORK) | (head.opcode == Opcode.CODED))):
                    m.next = "SECOND"

            with m.State("SECOND"):
                m.d.comb += self.commands.ready.eq(1)
                m.d.sync += second.eq(self.commands.payload)
                with m.If(self.commands.valid):
                    m.next = "WAIT"
                    with m.If(coded):
                        m.next = "ROWS"

            with m.State("ROWS"):
                m.d.comb += self.commands.ready.eq(1)
                m.d.sync += rows.eq(self.commands.payload)
                with m.If(self.commands.valid):
                    m.next = "WAIT"

            with m.State("WAIT"):
                m.d.sync += [row_address.eq(second.map_address), rows_left.eq(rows.rows)]
                m.d.comb += transfers.i.valid.eq(
                    reached(self.delivered, first.wait_delivered) & reached(self.drained, second.wait_drained)
                )
                with m.If(transfers.i.valid & transfers.i.ready):
                    m.next = "REQUEST"

            with m.State("REQUEST"):
                m.d.comb += self.request.valid.eq(1)
                with m.If(self.request.ready):
                    m.d.sync += [row_address.eq(row_address + rows.slot_words), rows_left.eq(rows_left - 1)]
                    with m.If(rows_left == 1):
                        m.d.sync += [
                            row_address.eq(next_channel),
                            second.map_address.eq(next_channel),
                            rows_left.eq(rows.rows),
                            first.channels.eq(first.channels - 1),
                        ]
                        with m.If(first.channels == 1):
                            m.next = "COMMAND"
            m.d.comb += asking.eq(~requests.ongoing("COMMAND"))

        # A transfer begins in the cycle in which the one before takes its last word.
        active = Signal()
        transfer, words_left = Signal(transfer_layout), Signal.like(first.words)
        transfer_rows_left = Signal.like(rows_left)
        write, last = Signal(), Signal()
        m.d.comb += [
            decoder.en.eq(active & transfer.coded),
            decoder.words.valid.eq(self.words.valid),
            decoder.words.payload.eq(self.words.payload),
            decoder.row_end.eq(words_left == 1),
            self.words.ready.eq(Mux(transfer.coded, decoder.words.ready, active)),
            write.eq(Mux(transfer.coded, decoder.four_en, self.words.valid & active)),
            last.eq(write & (words_left == 1) & (transfer_rows_left == 1) & (transfer.channels == 1)),
            transfers.o.ready.eq(~active | last),
        ]
        m.d.sync += [self.write_en.eq(write), self.write_address.eq(transfer.bank_address)]
        for lane in range(BUS_WORDS):
            plain = self.words.payload.word_select(lane, 16)
            m.d.sync += self.write_data[lane].eq(Mux(transfer.coded, decoder.four[lane], plain))
        with m.If(write):
            m.d.sync += [transfer.bank_address.eq(transfer.bank_address + 1), words_left.eq(words_left - 1)]
            with m.If(words_left == 1):
                m.d.sync += [words_left.eq(transfer.words), transfer_rows_left.eq(transfer_rows_left - 1)]
                with m.If(transfer_rows_left == 1):
                    m.d.sync += [transfer_rows_left.eq(transfer.rows), transfer.channels.eq(transfer.channels - 1)]
        with m.If(transfers.o.ready):
            m.d.sync += [
                active.eq(transfers.o.valid),
                transfer.eq(transfers.o.payload),
                words_left.eq(transfers.o.payload.words),
                transfer_rows_left.eq(transfers.o.payload.rows),
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
