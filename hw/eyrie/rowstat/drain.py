"""Drain: psums become activations, four of them a word, and leave for the external memory."""

from itertools import pairwise
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from eyrie.common.fifo import StreamFifo
from eyrie.common.lut_memory import LutMemory
from eyrie.rowstat.commands import COUNT_BITS, Opcode
from eyrie.rowstat.config import BUS_WORDS, RowstatConfig
from eyrie.rowstat.control_timing import REQUANTISE_LATENCY, WORDS_UNDER_WAY
from eyrie.rowstat.external import map_write_layout
from eyrie.rowstat.layouts import command_layout
from eyrie.rowstat.requantise import Requantise
from eyrie.rowstat.timing import DRAIN_READ_LATENCY
from eyrie.rowstat.waits import reached

_VALUE_LATENCY = 1 + DRAIN_READ_LATENCY + REQUANTISE_LATENCY
_SCALES = 16
_VALUE_BITS = 16


class Drain(wiring.Component):
    """Reads a psum a cycle, row by row and filter by filter, without a gap between them.

    A command takes a cycle for each of its words and waits from the next one on until its counter is reached. Its first
    `requantise` word is taken in the cycle after that, and the first value has its cycle in the next; the `requantise`
    word of each further filter is taken in the cycle of the last value of the one before, if it is there by then. The
    command behind it is taken from the cycle after that of its last value on. A value waits while it would be the
    first of a word and `WORDS_UNDER_WAY` are under way; one that leaves makes room in the next cycle.

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
    read_en : ``Out(1)``
    read_address : ``Out(config.psum_bank_address_width)``
    read_column : ``Out(max(1, (config.columns - 1).bit_length()))``
    psum : ``In(signed(config.accumulator_width))``
        The psum banks, which answer after `DRAIN_READ_LATENCY` cycles.
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
                "read_en": Out(1),
                "read_address": Out(config.psum_bank_address_width),
                "read_column": Out(max(1, (config.columns - 1).bit_length())),
                "psum": In(signed(config.accumulator_width)),
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
        m.submodules.requantise = requantise = Requantise(config)
        m.submodules.output = output = StreamFifo(word_layout, depth=WORDS_UNDER_WAY)

        # Where the next value lies, and where its word goes.
        head, first = Signal(first_layout), Signal(first_layout)
        target, shape = Signal(map_layout), Signal(steps_layout)
        filters_left, columns_left = Signal.like(first.filters), Signal.like(first.columns)
        steps_left, column, lane = Signal.like(shape.steps), Signal.like(self.read_column), Signal(2)
        filter_psum, psum = Signal(config.psum_bank_address_width), Signal(config.psum_bank_address_width)
        row_address, address = Signal(32), Signal(32)
        credits = Signal(range(WORDS_UNDER_WAY + 1), init=WORDS_UNDER_WAY)
        value, first_lane, last_lane = Signal(), Signal(), Signal()
        last_step, last_column, last_filter = Signal(), Signal(), Signal()
        take_scale, scale, leaves = Signal(), Signal(range(_SCALES)), Signal()
        m.d.comb += [
            head.eq(self.commands.payload),
            first_lane.eq(lane == 0),
            last_step.eq(steps_left == 1),
            last_lane.eq(last_step | (lane == BUS_WORDS - 1)),
            last_column.eq(last_step & (columns_left == 1)),
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
                    lane.eq(0),
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
                    value.eq(~first_lane | (credits != 0)),
                    take_scale.eq(value & last_column & ~last_filter),
                ]
                with m.If(value & last_filter):
                    m.next = "COMMAND"
                with m.Elif(take_scale & ~self.commands.valid):
                    m.next = "SCALE"
            m.d.comb += self.busy.eq(~drain.ongoing("COMMAND") | (credits != WORDS_UNDER_WAY))
        with m.If(take_scale):
            m.d.comb += self.commands.ready.eq(1)

        next_row = (row_address + target.row_stride)[:32]
        next_filter = (target.map_address + target.channel_stride)[:32]
        with m.If(value):
            m.d.sync += [steps_left.eq(steps_left - 1), psum.eq(psum + shape.filter_stride), lane.eq(lane + 1)]
            with m.If(last_lane):
                m.d.sync += [lane.eq(0), address.eq(address + 1)]
            with m.If(last_step):
                m.d.sync += [
                    steps_left.eq(shape.steps),
                    psum.eq(filter_psum),
                    columns_left.eq(columns_left - 1),
                    column.eq(column + 1),
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
            self.read_en.eq(value),
            self.read_address.eq(psum),
            self.read_column.eq(column),
            credits.eq(credits - (value & first_lane) + leaves),
        ]

        # Scales and addresses wait in small memories until the values have come as far.
        with m.If(take_scale & self.commands.valid):
            m.d.sync += scale.eq(scale + 1)
        begun, done = Signal(range(WORDS_UNDER_WAY)), Signal(range(WORDS_UNDER_WAY))
        with m.If(value & first_lane):
            m.d.sync += begun.eq(begun + 1)
        read_layout = data.StructLayout({"valid": 1, "scale": len(scale)})
        reads = [Signal(read_layout, name=f"read_{age}") for age in range(DRAIN_READ_LATENCY + 1)]
        end_layout = data.StructLayout({"relu": 1, "word": 1, "command": 1})
        ends = [Signal(end_layout, name=f"end_{age}") for age in range(_VALUE_LATENCY)]
        m.d.sync += [
            reads[0].valid.eq(value),
            reads[0].scale.eq(scale),
            ends[0].relu.eq(first.relu),
            ends[0].word.eq(last_lane),
            ends[0].command.eq(last_filter),
            *(later.eq(earlier) for earlier, later in pairwise(reads)),
            *(later.eq(earlier) for earlier, later in pairwise(ends)),
        ]
        m.d.comb += [
            scales.write_en.eq(take_scale & self.commands.valid),
            scales.write_address.eq(scale + 1),
            scales.write_data.eq(self.commands.payload),
            scales.read_address.eq(reads[-1].scale),
            addresses.write_en.eq(value & first_lane),
            addresses.write_address.eq(begun),
            addresses.write_data.eq(address),
            addresses.read_address.eq(done),
            requantise.i_valid.eq(reads[-1].valid),
            requantise.psum.eq(self.psum),
            requantise.scale.eq(scales.read_data),
        ]

        # Words are put together; a credit was paid for each, so that the queue has room.
        activation, end = Signal(_VALUE_BITS), ends[-1]
        lower, word, place = Signal(_VALUE_BITS * (BUS_WORDS - 1)), Signal(64), Signal(2)
        m.d.comb += [
            activation.eq(Mux(end.relu & requantise.o[-1], 0, requantise.o)),
            word.eq(Cat(lower) | (activation << Cat(Const(0, _VALUE_BITS.bit_length() - 1), place))),
            output.i.valid.eq(requantise.valid & end.word),
            output.i.payload.write.address.eq(addresses.read_data),
            output.i.payload.write.data.eq(word),
            output.i.payload.last.eq(end.command),
            self.map_write.valid.eq(output.o.valid),
            self.map_write.payload.eq(output.o.payload.write),
            output.o.ready.eq(self.map_write.ready),
            leaves.eq(output.o.valid & output.o.ready),
        ]
        with m.If(requantise.valid):
            m.d.sync += [lower.eq(word), place.eq(place + 1)]
            with m.If(end.word):
                m.d.sync += [lower.eq(0), place.eq(0), done.eq(done + 1)]
        with m.If(self.start):
            m.d.sync += self.drained.eq(0)
        with m.Elif(leaves & output.o.payload.last):
            m.d.sync += self.drained.eq(self.drained + 1)
        return m
