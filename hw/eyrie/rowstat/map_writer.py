"""Map writer: activations become words of feature maps, which leave for the external memory."""

from itertools import pairwise
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from eyrie.common.fifo import StreamFifo
from eyrie.common.lut_memory import LutMemory
from eyrie.rowstat.config import BUS_WORDS, MAX_CODING_LANES, RowstatConfig
from eyrie.rowstat.control_timing import ROWS_UNDER_WAY, WORDS_UNDER_WAY
from eyrie.rowstat.external import map_write_layout
from eyrie.rowstat.layouts import activations_layout, map_row_layout, value_end_layout
from eyrie.rowstat.run_length_writer import RunLengthWriter

_VALUE_BITS = 16


class MapWriter(wiring.Component):
    """Takes the values of rows, those of some neighbouring columns at a time and of each a row, and puts four of them
    into a word, or run-length codes them.

    Whoever sends values tells three things. Before the first of the values that a word is for, at the latest, that the
    words of all its columns begin: each pays for its place in the queue, and only while there is `room` may words
    begin. No later than that, and in the order of the values, where a row begins: of no more than `ROWS_UNDER_WAY` rows
    that were told the last value may still be to come. And with each value, whether a row or a command ends with it. A
    row's last word ends with the row. In a coded map a word is for three values (`word_values`), although it holds more
    of them where some are zero; what was paid too much comes back.

    Words that are complete at the same time leave one after the other, that of the lowest column first. The values that
    complete the next ones must come after the last of them has gone into the queue, a word a cycle: `drain_pause`. The
    first of them leaves two cycles after the value that completes it, at the earliest. A command's last word of a coded
    map leaves `CODED_WORD_LATENCY` cycles later than that, and `CODED_COLUMN_LATENCY` more if it is that of a second
    column.

    Parameters
    ----------
    config : RowstatConfig
        ``drain_lanes`` columns at a time; ``activation_width``. Coded maps need `MAX_CODING_LANES` columns or fewer.

    Members
    -------
    begun : ``In(range(config.drain_lanes + 1))``
        Words that begin: as many as columns, or 0.
    room : ``Out(1)``
        Words of all columns may begin.
    row_en : ``In(1)``
    row : ``In(map_row_layout)``
        The next row of words.
    valid : ``In(1)``
    values : ``In(activations_layout(config))``
        The next value of each column.
    end : ``In(value_end_layout(config))``
        What ends with it, and how many columns it is for.
    map_write : ``Out(stream.Signature(map_write_layout))``
        Words of four activations of 16 bits, the lowest first, or of run-length coded rows; what is left of a row's
        last word is 0.
    finished : ``Out(1)``
        The last word of a command leaves.
    idle : ``Out(1)``
        No word has begun that has not left.
    """

    map_write: stream.Interface

    def __init__(self, config: RowstatConfig) -> None:
        self.config = config
        super().__init__(
            {
                "begun": In(range(config.drain_lanes + 1)),
                "room": Out(1),
                "row_en": In(1),
                "row": In(map_row_layout),
                "valid": In(1),
                "values": In(activations_layout(config)),
                "end": In(value_end_layout(config)),
                "map_write": Out(stream.Signature(map_write_layout)),
                "finished": Out(1),
                "idle": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        lanes = range(self.config.drain_lanes)
        word_layout = data.StructLayout({"write": map_write_layout, "last": 1})
        m.submodules.rows = rows = LutMemory(shape=map_row_layout, depth=ROWS_UNDER_WAY)
        m.submodules.output = output = StreamFifo(word_layout, depth=WORDS_UNDER_WAY)

        # A credit is paid for each word, so that the queue has room.
        credits, leaves = Signal(range(WORDS_UNDER_WAY + 1), init=WORDS_UNDER_WAY), Signal()
        m.d.comb += [self.room.eq(credits >= len(lanes)), self.idle.eq(credits == WORDS_UNDER_WAY)]
        coded_en, coded, spare = Signal(), Signal(word_layout), Signal(range(len(lanes) + 1))
        m.d.sync += credits.eq(credits - self.begun + leaves + spare)

        # Rows wait in a small memory until their values have come as far.
        told, row = Signal(range(ROWS_UNDER_WAY)), Signal(range(ROWS_UNDER_WAY))
        m.d.comb += [
            rows.write_en.eq(self.row_en),
            rows.write_address.eq(told),
            rows.write_data.eq(self.row),
            rows.read_address.eq(row),
        ]
        m.d.sync += told.eq(told + self.row_en)

        # Words are put together.
        end, place, row_begins = self.end, Signal(range(BUS_WORDS)), Signal(init=1)
        address, next_address, word_ends, complete = Signal(32), Signal(32), Signal(), Signal()
        words = [Signal(64, name=f"word_{lane}") for lane in lanes]
        for lane, word in enumerate(words):
            value, lower = Signal(_VALUE_BITS), Signal(_VALUE_BITS * (BUS_WORDS - 1))
            m.d.comb += [
                value.eq(self.values[f"column_{lane}"]),
                word.eq(Cat(lower) | (value << Cat(Const(0, _VALUE_BITS.bit_length() - 1), place))),
            ]
            with m.If(self.valid):
                m.d.sync += lower.eq(Mux(word_ends, 0, word))
        m.d.comb += [
            word_ends.eq(end.row | (place == BUS_WORDS - 1)),
            complete.eq(self.valid & word_ends & ~rows.read_data.coded),
            address.eq(Mux(row_begins, rows.read_data.address, next_address)),
        ]
        with m.If(self.valid):
            m.d.sync += [
                place.eq(Mux(word_ends, 0, place + 1)),
                row_begins.eq(end.row),
                row.eq(row + end.row),
                next_address.eq(address + complete),
            ]

        if len(lanes) <= MAX_CODING_LANES:
            m.submodules.coder = coder = RunLengthWriter(self.config)
            m.d.comb += [
                coder.valid.eq(self.valid & rows.read_data.coded),
                coder.values.eq(self.values),
                coder.end.eq(end),
                coder.row.eq(rows.read_data),
                coded_en.eq(coder.write_en),
                coded.write.eq(coder.write),
                coded.last.eq(coder.command_ends),
                spare.eq(coder.spare),
            ]

        # Those of the columns over the lowest one wait for their turn; the next words come later than that.
        waiting, waiting_command = Signal(range(len(lanes))), Signal()
        held = [Signal(64, name=f"held_{lane}") for lane in lanes[1:]]
        above, stride = Signal(32), Signal.like(rows.read_data.stride)  # the next one's address
        plain = Signal(word_layout)
        m.d.sync += [lower.eq(higher) for lower, higher in pairwise(held)]
        with m.If(complete):
            m.d.sync += [word.eq(new) for word, new in zip(held, words[1:], strict=True)]
            m.d.sync += [
                waiting.eq(end.columns_above),
                waiting_command.eq(end.command),
                above.eq(address + rows.read_data.stride),
                stride.eq(rows.read_data.stride),
            ]
        with m.Elif(waiting != 0):
            m.d.sync += [waiting.eq(waiting - 1), above.eq(above + stride)]
        m.d.comb += [
            plain.write.address.eq(Mux(complete, address, above)),
            plain.write.data.eq(Mux(complete, words[0], held[0]) if held else words[0]),
            plain.last.eq(Mux(complete, end.command & (end.columns_above == 0), waiting_command & (waiting == 1))),
            output.i.valid.eq(complete | (waiting != 0) | coded_en),
            output.i.payload.eq(Mux(coded_en, coded, plain)),
            self.map_write.valid.eq(output.o.valid),
            self.map_write.payload.eq(output.o.payload.write),
            output.o.ready.eq(self.map_write.ready),
            leaves.eq(output.o.valid & output.o.ready),
            self.finished.eq(leaves & output.o.payload.last),
        ]
        return m
