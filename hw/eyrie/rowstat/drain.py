"""Drain: psums become activations, four of them a word, and leave for the external memory."""

from itertools import pairwise
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from eyrie.common.fifo import StreamFifo
from eyrie.common.lut_memory import LutMemory
from eyrie.rowstat.commands import COUNT_BITS, Opcode
from eyrie.rowstat.config import BUS_WORDS, RowstatConfig
from eyrie.rowstat.control_timing import REQUANTISE_LATENCY, WORDS_UNDER_WAY
from eyrie.rowstat.external import map_write_layout
from eyrie.rowstat.layouts import command_layout, drained_layout
from eyrie.rowstat.requantise import Requantise
from eyrie.rowstat.timing import DRAIN_READ_LATENCY
from eyrie.rowstat.waits import reached

_VALUE_LATENCY = 1 + DRAIN_READ_LATENCY + REQUANTISE_LATENCY
_SCALES = 16
_VALUE_BITS = 16


class Drain(wiring.Component):
    """Reads a psum of each of ``drain_lanes`` neighbouring columns a cycle: rows of these columns, then of the next
    ones, filter by filter, without a gap but for those that `drain_pause` says.

    A command takes a cycle for each of its words and waits from the next one on until its counter is reached. Its first
    `requantise` word is taken in the cycle after that, and the first values have their cycle in the next; the
    `requantise` word of each further filter is taken in the cycle of the last values of the one before, if it is there
    by then. The command behind it is taken from the cycle after that of its last values on. Words that are complete at
    the same time leave one after the other, that of the lowest column first; values that would complete the next ones
    before the last of them wait. Values wait while they would be the first of words and fewer than ``drain_lanes`` of
    `WORDS_UNDER_WAY` are free; a word that leaves makes room in the next cycle.

    Parameters
    ----------
    config : RowstatConfig
        Geometry.

    Members
    -------
    start : ``In(1)``
        `drained` is 0 from the next cycle on.
    commands : ``In(stream.Signature(64))``
        DRAIN commands, each with the `requantise` words of its filters behind it.
    computed : ``In(COUNT_BITS)``
        The counter that commands wait for.
    read_en : ``Out(config.drain_lanes)``
    read_address : ``Out(config.psum_bank_address_width)``
    read_column : ``Out(max(1, (config.columns - 1).bit_length()))``
        The psum banks: bit k reads column ``read_column + k``.
    psums : ``In(drained_layout(config))``
        What they answer, `DRAIN_READ_LATENCY` cycles later.
    map_write : ``Out(stream.Signature(map_write_layout))``
        Words of four activations of 16 bits, the lowest first; what is left of a row's last word is 0.
    drained : ``Out(COUNT_BITS)``
        Commands whose last word has left.
    busy : ``Out(1)``
        A command is at work; says nothing of those in the queue.
    """

    commands: stream.Interface
    map_write: stream.Interface

    def __init__(self, config: RowstatConfig) -> None:
        self.config = config
        super().__init__(
            {
                "start": In(1),
                "commands": In(stream.Signature(64)),
                "computed": In(COUNT_BITS),
                "read_en": Out(config.drain_lanes),
                "read_address": Out(config.psum_bank_address_width),
                "read_column": Out(max(1, (config.columns - 1).bit_length())),
                "psums": In(drained_layout(config)),
                "map_write": Out(stream.Signature(map_write_layout)),
                "drained": Out(COUNT_BITS),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config
        first_layout, map_layout, steps_layout = (command_layout("drain", word) for word in range(3))
        scale_layout = command_layout("requantise")
        word_layout = data.StructLayout({"write": map_write_layout, "last": 1})
        m.submodules.scales = scales = LutMemory(shape=scale_layout, depth=_SCALES)
        m.submodules.addresses = addresses = LutMemory(shape=32, depth=WORDS_UNDER_WAY)
        m.submodules.output = output = StreamFifo(word_layout, depth=WORDS_UNDER_WAY)
        lanes = range(config.drain_lanes)
        requantise = [Requantise(config) for _ in lanes]
        for lane, one in enumerate(requantise):
            m.submodules[f"requantise_{lane}"] = one

        # Where the next values lie, and where the word of the lowest column goes.
        head, first = Signal(first_layout), Signal(first_layout)
        target, shape = Signal(map_layout), Signal(steps_layout)
        filters_left, columns_left = Signal.like(first.filters), Signal.like(first.columns)
        steps_left, column, step = Signal.like(shape.steps), Signal.like(self.read_column), Signal(range(BUS_WORDS))
        columns_now, pause = Signal(range(len(lanes) + 1)), Signal(range(len(lanes)))
        filter_psum, psum = Signal(config.psum_bank_address_width), Signal(config.psum_bank_address_width)
        row_address, address = Signal(32), Signal(32)
        credits = Signal(range(WORDS_UNDER_WAY + 1), init=WORDS_UNDER_WAY)
        value, first_value, last_value = Signal(), Signal(), Signal()
        last_step, last_column, last_filter = Signal(), Signal(), Signal()
        take_scale, scale, leaves = Signal(), Signal(range(_SCALES)), Signal()
        m.d.comb += [
            head.eq(self.commands.payload),
            columns_now.eq(Mux(columns_left < len(lanes), columns_left, len(lanes))),
            first_value.eq(step == 0),
            last_step.eq(steps_left == 1),
            last_value.eq(last_step | (step == BUS_WORDS - 1)),
            last_column.eq(last_step & (columns_left <= len(lanes))),
            last_filter.eq(last_column & (filters_left == 1)),
        ]
        with m.FSM(name="drain") as drain:
            with m.State("COMMAND"):
                m.d.comb += self.commands.ready.eq(1)
                m.d.sync += first.eq(head)
                with m.If(self.commands.valid & (head.opcode == Opcode.WORK)):
                    m.next = "MAP"

            with m.State("MAP"):
                m.d.comb += self.commands.ready.eq(1)
                m.d.sync += target.eq(self.commands.payload)
                with m.If(self.commands.valid):
                    m.next = "STEPS"

            with m.State("STEPS"):
                m.d.comb += self.commands.ready.eq(1)
                m.d.sync += shape.eq(self.commands.payload)
                with m.If(self.commands.valid):
                    m.next = "WAIT"

            with m.State("WAIT"):
                m.d.sync += [
                    filters_left.eq(first.filters),
                    columns_left.eq(first.columns),
                    steps_left.eq(shape.steps),
                    column.eq(first.first_column),
                    step.eq(0),
                    filter_psum.eq(first.psum_base),
                    psum.eq(first.psum_base),
                    row_address.eq(target.map_address),
                    address.eq(target.map_address),
                ]
                with m.If(reached(self.computed, first.wait_computed)):
                    m.next = "SCALE"

            with m.State("SCALE"):
                m.d.comb += take_scale.eq(1)
                with m.If(self.commands.valid):
                    m.next = "VALUES"

            with m.State("VALUES"):
                m.d.comb += [
                    value.eq((~first_value | (credits >= len(lanes))) & (~last_value | (pause == 0))),
                    take_scale.eq(value & last_column & ~last_filter),
                ]
                with m.If(value & last_filter):
                    m.next = "COMMAND"
                with m.Elif(take_scale & ~self.commands.valid):
                    m.next = "SCALE"
            m.d.comb += self.busy.eq(~drain.ongoing("COMMAND") | (credits != WORDS_UNDER_WAY))
        with m.If(take_scale):
            m.d.comb += self.commands.ready.eq(1)

        next_row = (row_address + target.row_stride * len(lanes))[:32]
        next_filter = (target.map_address + target.channel_stride)[:32]
        with m.If(pause != 0):
            m.d.sync += pause.eq(pause - 1)
        with m.If(value):
            m.d.sync += [steps_left.eq(steps_left - 1), psum.eq(psum + shape.filter_stride), step.eq(step + 1)]
            with m.If(last_value):
                # All words that are complete now are in the queue when the next ones are.
                m.d.sync += [step.eq(0), address.eq(address + 1), pause.eq(columns_now - 1)]
            with m.If(last_step):
                m.d.sync += [
                    steps_left.eq(shape.steps),
                    psum.eq(filter_psum),
                    columns_left.eq(columns_left - len(lanes)),
                    column.eq(column + len(lanes)),
                    row_address.eq(next_row),
                    address.eq(next_row),
                ]
            with m.If(last_column):
                m.d.sync += [
                    filter_psum.eq(filter_psum + 1),
                    psum.eq(filter_psum + 1),
                    columns_left.eq(first.columns),
                    column.eq(first.first_column),
                    filters_left.eq(filters_left - 1),
                    target.map_address.eq(next_filter),
                    row_address.eq(next_filter),
                    address.eq(next_filter),
                ]
        m.d.sync += [
            self.read_en.eq(Cat(value & (columns_now > lane) for lane in lanes)),
            self.read_address.eq(psum),
            self.read_column.eq(column),
            credits.eq(credits - Mux(value & first_value, columns_now, 0) + leaves),
        ]

        # Scales and addresses wait in small memories until the values have come as far.
        with m.If(take_scale & self.commands.valid):
            m.d.sync += scale.eq(scale + 1)
        addressed, done = Signal(range(WORDS_UNDER_WAY)), Signal(range(WORDS_UNDER_WAY))
        above, columns_above = Signal(32), Signal(range(len(lanes)))  # of the columns over the lowest one
        with m.If(value & last_value):
            m.d.sync += [
                addressed.eq(addressed + 1),
                above.eq(address + target.row_stride),
                columns_above.eq(columns_now - 1),
            ]
        with m.Elif(columns_above != 0):
            m.d.sync += [
                addressed.eq(addressed + 1),
                above.eq(above + target.row_stride),
                columns_above.eq(columns_above - 1),
            ]
        read_layout = data.StructLayout({"valid": 1, "scale": len(scale)})
        reads = [Signal(read_layout, name=f"read_{age}") for age in range(DRAIN_READ_LATENCY + 1)]
        end_layout = data.StructLayout({"relu": 1, "word": 1, "command": 1, "columns_above": len(columns_above)})
        ends = [Signal(end_layout, name=f"end_{age}") for age in range(_VALUE_LATENCY)]
        m.d.sync += [
            reads[0].valid.eq(value),
            reads[0].scale.eq(scale),
            ends[0].relu.eq(first.relu),
            ends[0].word.eq(last_value),
            ends[0].command.eq(last_filter),
            ends[0].columns_above.eq(columns_now - 1),
            *(later.eq(earlier) for earlier, later in pairwise(reads)),
            *(later.eq(earlier) for earlier, later in pairwise(ends)),
        ]
        m.d.comb += [
            scales.write_en.eq(take_scale & self.commands.valid),
            scales.write_address.eq(scale + 1),
            scales.write_data.eq(self.commands.payload),
            scales.read_address.eq(reads[-1].scale),
            addresses.write_en.eq((value & last_value) | (columns_above != 0)),
            addresses.write_address.eq(addressed),
            addresses.write_data.eq(Mux(value & last_value, address, above)),
            addresses.read_address.eq(done),
        ]
        for lane, one in enumerate(requantise):
            m.d.comb += [
                one.i_valid.eq(reads[-1].valid),
                one.psum.eq(self.psums[f"column_{lane}"]),
                one.scale.eq(scales.read_data),
            ]

        # Words are put together; a credit was paid for each, so that the queue has room.
        end, valid, place = ends[-1], requantise[0].valid, Signal(range(BUS_WORDS))
        words = [Signal(64, name=f"word_{lane}") for lane in lanes]
        for one, word in zip(requantise, words, strict=True):
            activation, lower = Signal(_VALUE_BITS), Signal(_VALUE_BITS * (BUS_WORDS - 1))
            m.d.comb += [
                activation.eq(Mux(end.relu & one.o[-1], 0, one.o)),
                word.eq(Cat(lower) | (activation << Cat(Const(0, _VALUE_BITS.bit_length() - 1), place))),
            ]
            with m.If(valid):
                m.d.sync += lower.eq(Mux(end.word, 0, word))
        with m.If(valid):
            m.d.sync += place.eq(Mux(end.word, 0, place + 1))

        # Those of the columns over the lowest one wait for their turn; the next words come later than that.
        complete, waiting, waiting_command = Signal(), Signal.like(columns_above), Signal()
        held = [Signal(64, name=f"held_{lane}") for lane in lanes[1:]]
        m.d.sync += [lower.eq(higher) for lower, higher in pairwise(held)]
        with m.If(complete):
            m.d.sync += [word.eq(new) for word, new in zip(held, words[1:], strict=True)]
            m.d.sync += [waiting.eq(end.columns_above), waiting_command.eq(end.command)]
        with m.Elif(waiting != 0):
            m.d.sync += waiting.eq(waiting - 1)
        with m.If(output.i.valid):
            m.d.sync += done.eq(done + 1)
        m.d.comb += [
            complete.eq(valid & end.word),
            output.i.valid.eq(complete | (waiting != 0)),
            output.i.payload.write.address.eq(addresses.read_data),
            output.i.payload.write.data.eq(Mux(complete, words[0], held[0]) if held else words[0]),
            output.i.payload.last.eq(
                Mux(complete, end.command & (end.columns_above == 0), waiting_command & (waiting == 1))
            ),
            self.map_write.valid.eq(output.o.valid),
            self.map_write.payload.eq(output.o.payload.write),
            output.o.ready.eq(self.map_write.ready),
            leaves.eq(output.o.valid & output.o.ready),
        ]
        with m.If(self.start):
            m.d.sync += self.drained.eq(0)
        with m.Elif(leaves & output.o.payload.last):
            m.d.sync += self.drained.eq(self.drained + 1)
        return m
