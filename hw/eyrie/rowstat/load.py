"""Load: brings blocks of filters from their FIFO into the PEs' filter scratch pads."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from eyrie.rowstat.commands import COUNT_BITS, Opcode
from eyrie.rowstat.config import BUS_WORDS, RowstatConfig
from eyrie.rowstat.filter_decoder import FilterDecoder, filter_word_layout
from eyrie.rowstat.layouts import command_layout, filter_bus_layout, set_width
from eyrie.rowstat.waits import reached


class Load(wiring.Component):
    """Sends a word of weights a cycle while there is space for its block, without a gap between blocks.

    It takes a word from the filter FIFO for each of them, or, in a layer that is coded, for every second one: the low
    half holds the codes of the first. The words of a LAYER begin with a new one, and if their number is odd, the high
    half of the last is left over.

    Words come set by set, in each group by group of rows, and there in the order of their addresses. A block begins
    when a place in the ring is free. A LAYER takes one cycle, waits from the next one on until its counter is reached
    and all blocks of the layer before are freed, and then takes words from the next cycle on; the command behind it is
    taken in the cycle after the last word. A COLUMNS takes one cycle and one more for each column. A CODEBOOK takes one
    cycle and one more for each entry, which it replaces for the layers behind it; without a codebook it is a reserved
    command.

    Parameters
    ----------
    config : RowstatConfig
        Geometry.

    Members
    -------
    commands : ``In(stream.Signature(64))``
        LOAD commands.
    computed : ``In(COUNT_BITS)``
        The counter that layers wait for.
    block_freed : ``In(1)``
        The oldest block is wanted no more; the cycle of the last command that read it is this one or an earlier one.
    filters : ``In(stream.Signature(filter_word_layout(config)))``
        Weights or codes.
    filter : ``Out(filter_bus_layout(config))``
        To the array.
    set_en : ``Out(1)``
    set : ``Out(set_width())``
        To the array, column 0 first.
    block_loaded : ``Out(1)``
        The last word of a block is on the bus.
    busy : ``Out(1)``
        A command is at work; says nothing of those in the queue.
    """

    commands: stream.Interface
    filters: stream.Interface

    def __init__(self, config: RowstatConfig) -> None:
        self.config = config
        super().__init__(
            {
                "commands": In(stream.Signature(64)),
                "computed": In(COUNT_BITS),
                "block_freed": In(1),
                "filters": In(stream.Signature(filter_word_layout(config))),
                "filter": Out(filter_bus_layout(config)),
                "set_en": Out(1),
                "set": Out(set_width()),
                "block_loaded": Out(1),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config
        layer_layout = command_layout("load_layer")
        head, layer = Signal(layer_layout), Signal(layer_layout)
        codebook_head = Signal(command_layout("load_codebook"))
        m.submodules.decoder = decoder = FilterDecoder(config)
        column = Signal(range(config.columns))
        held = Signal.like(layer.ring)  # blocks begun and not freed
        base = Signal(config.filter_address_width)
        place, blocks_left = Signal.like(layer.ring), Signal.like(layer.blocks)
        word, group, number = Signal.like(layer.block), Signal.like(self.filter.group), Signal.like(layer.sets)
        begun, wants, take = Signal(), Signal(), Signal()
        high = Signal()  # the codes are those in the high half
        entry, entries = Signal(8), Signal.like(codebook_head.entries)
        last_word, last_group, last = Signal(), Signal(), Signal()

        m.d.comb += [
            head.eq(self.commands.payload),
            codebook_head.eq(self.commands.payload),
            self.set.eq(self.commands.payload.word_select(column[:2], 16)),
            last_word.eq(word == layer.block - 1),
            last_group.eq(group == config.row_groups - 1),
            last.eq(last_word & last_group & (number == layer.sets - 1)),
        ]
        with m.FSM(name="load") as load:
            with m.State("COMMAND"):
                m.d.sync += [column.eq(0), entry.eq(0), entries.eq(codebook_head.entries)]
                m.d.comb += self.commands.ready.eq(1)
                with m.If(self.commands.valid):
                    with m.Switch(head.opcode):
                        with m.Case(Opcode.COLUMNS):
                            m.next = "COLUMNS"
                        with m.Case(Opcode.LAYER):
                            m.d.sync += layer.eq(head)
                            m.next = "WAIT"
                        if config.codebook_entries:
                            with m.Case(Opcode.CODEBOOK):
                                m.next = "CODEBOOK"

            with m.State("COLUMNS"):
                last_column = column == config.columns - 1
                m.d.comb += [
                    self.set_en.eq(self.commands.valid),
                    self.commands.ready.eq(last_column | (column[:2] == BUS_WORDS - 1)),
                ]
                with m.If(self.commands.valid):
                    m.d.sync += column.eq(column + 1)
                    with m.If(last_column):
                        m.next = "COMMAND"

            with m.State("CODEBOOK"):
                last_entry = entry == (entries - 1)[:8]
                m.d.comb += [
                    decoder.entry_en.eq(self.commands.valid),
                    self.commands.ready.eq(last_entry | (entry[:2] == BUS_WORDS - 1)),
                ]
                with m.If(self.commands.valid):
                    m.d.sync += entry.eq(entry + 1)
                    with m.If(last_entry):
                        m.next = "COMMAND"

            with m.State("WAIT"):
                m.d.sync += [base.eq(0), place.eq(0), blocks_left.eq(layer.blocks), high.eq(0)]
                with m.If(reached(self.computed, layer.wait_computed) & (held == 0)):
                    m.next = "WORK"

            with m.State("WORK"):
                m.d.comb += [
                    wants.eq((blocks_left != 0) & (begun | (held < layer.ring))),
                    take.eq(self.filters.valid & wants),
                    self.filters.ready.eq(wants & (~layer.coded | high | (last & (blocks_left == 1)))),
                ]
                with m.If((blocks_left == 0) | (take & last & (blocks_left == 1))):
                    m.next = "COMMAND"
            m.d.comb += self.busy.eq(~load.ongoing("COMMAND"))

        m.d.sync += held.eq(held + (take & ~begun) - self.block_freed)
        with m.If(take):
            m.d.sync += [begun.eq(~last), word.eq(word + 1), high.eq(~high)]
            with m.If(last_word):
                m.d.sync += [word.eq(0), group.eq(group + 1)]
                with m.If(last_group):
                    m.d.sync += [group.eq(0), number.eq(number + 1)]
            with m.If(last):
                wraps = place == layer.ring - 1
                m.d.sync += [
                    number.eq(0),
                    place.eq(Mux(wraps, 0, place + 1)),
                    base.eq(Mux(wraps, 0, base + layer.block)),
                    blocks_left.eq(blocks_left - 1),
                ]

        # Beside the decoder.
        taken, block_taken = Signal(filter_bus_layout(config)), Signal()
        m.d.comb += [
            decoder.word.eq(self.filters.payload),
            decoder.take.eq(take),
            decoder.coded.eq(layer.coded),
            decoder.high.eq(high),
            decoder.entry_address.eq(entry),
            decoder.entry.eq(self.commands.payload.word_select(entry[:2], 16)),
        ]
        m.d.sync += [
            taken.valid.eq(take),
            taken.group.eq(group),
            taken.set.eq(number),
            taken.address.eq(base + word),
            block_taken.eq(take & last),
            self.filter.eq(taken),
            self.filter.weights.eq(decoder.weights),
            self.block_loaded.eq(block_taken),
        ]
        return m
