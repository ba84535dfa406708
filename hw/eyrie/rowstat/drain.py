"""Drain: psums, or pooled windows, become activations, which the map writer sends to the external memory."""

from itertools import pairwise
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from eyrie.common.lut_memory import LutMemory
from eyrie.rowstat.commands import COUNT_BITS, Opcode
from eyrie.rowstat.config import BUS_WORDS, PAIRS, RowstatConfig
from eyrie.rowstat.control_timing import REQUANTISE_LATENCY
from eyrie.rowstat.external import map_write_layout
from eyrie.rowstat.layouts import bank_word_layout, command_layout, drained_layout, value_end_layout
from eyrie.rowstat.map_writer import MapWriter
from eyrie.rowstat.pool import Pool
from eyrie.rowstat.requantise import Requantise
from eyrie.rowstat.timing import DRAIN_READ_LATENCY
from eyrie.rowstat.waits import reached

_VALUE_LATENCY = 1 + DRAIN_READ_LATENCY + REQUANTISE_LATENCY
_SCALES = 16


class Drain(wiring.Component):
    """Reads a psum of each of ``drain_lanes`` neighbouring columns a cycle: rows of these columns, then of the next
    ones, filter by filter, without a gap but for those that `drain_pause` says.

    A command takes a cycle for each of its words and waits from the next one on until its counter is reached. Its first
    `requantise` word is taken in the cycle after that, and the first values have their cycle in the next; the
    `requantise` word of each further filter is taken in the cycle of the last values of the one before, if it is there
    by then. The command behind it is taken from the cycle after that of its last values on. Words that are complete at
    the same time leave one after the other, that of the lowest column first; values that would complete the next ones
    before the last of them wait. Coded maps keep to that, as if their words had three values. Values wait while they
    would be the first of words and fewer than ``drain_lanes`` of `WORDS_UNDER_WAY` are free; a word that leaves makes
    room in the next cycle.

    A POOL between DRAIN commands is the work of `Pool`: a value at a time, for the lowest column, which becomes an
    activation as psums do and in as many cycles.

    Parameters
    ----------
    config : RowstatConfig
        Geometry.

    Members
    -------
    start : ``In(1)``
        `drained` is 0 from the next cycle on.
    commands : ``In(stream.Signature(64))``
        DRAIN commands, each with the `requantise` words of its filters behind it, and POOL commands.
    computed, fetched : ``In(COUNT_BITS)``
        The counters that DRAIN and POOL commands wait for.
    read_en : ``Out(config.drain_lanes)``
    read_address : ``Out(config.psum_bank_address_width)``
    read_column : ``Out(max(1, (config.columns - 1).bit_length()))``
        The psum banks: bit k reads column ``read_column + k``.
    psums : ``In(drained_layout(config))``
        What they answer, `DRAIN_READ_LATENCY` cycles later.
    bank_read_en : ``Out(1)``
    bank_read_address : ``Out(config.bank_address_width)``
    bank_read_data : ``In(bank_word_layout(config))``
        The ifmap bank, for POOL.
    map_write : ``Out(stream.Signature(map_write_layout))``
        Words of four activations of 16 bits, the lowest first, or of run-length coded rows; what is left of a row's
        last word is 0.
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
                "fetched": In(COUNT_BITS),
                "read_en": Out(config.drain_lanes),
                "read_address": Out(config.psum_bank_address_width),
                "read_column": Out(max(1, (config.columns - 1).bit_length())),
                "psums": In(drained_layout(config)),
                "bank_read_en": Out(1),
                "bank_read_address": Out(config.bank_address_width),
                "bank_read_data": In(bank_word_layout(config)),
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
        m.submodules.scales = scales = LutMemory(shape=scale_layout, depth=_SCALES)
        m.submodules.pool = pool = Pool(config)
        m.submodules.writer = writer = MapWriter(config)
        lanes = range(config.drain_lanes)
        requantise = [Requantise(config) for _ in lanes]
        for lane, one in enumerate(requantise):
            m.submodules[f"requantise_{lane}"] = one

        # Where the next values lie, and where the row of the lowest column goes.
        head, first = Signal(first_layout), Signal(first_layout)
        target, shape = Signal(map_layout), Signal(steps_layout)
        filters_left, columns_left = Signal.like(first.filters), Signal.like(first.columns)
        steps_left, column, step = Signal.like(shape.steps), Signal.like(self.read_column), Signal(range(BUS_WORDS))
        columns_now, pause = Signal(range(len(lanes) + 1)), Signal(range(len(lanes)))
        filter_psum, psum = Signal(config.psum_bank_address_width), Signal(config.psum_bank_address_width)
        row_address, row_begins = Signal(32), Signal()
        value, first_value, last_value = Signal(), Signal(), Signal()
        last_step, last_column, last_filter = Signal(), Signal(), Signal()
        take_scale, scale, pooling = Signal(), Signal(range(_SCALES)), Signal()
        m.d.comb += [
            head.eq(self.commands.payload),
            columns_now.eq(Mux(columns_left < len(lanes), columns_left, len(lanes))),
            first_value.eq(step == 0),
            last_step.eq(steps_left == 1),
            last_value.eq(last_step | (step == Mux(first.coded, PAIRS, BUS_WORDS) - 1)),
            last_column.eq(last_step & (columns_left <= len(lanes))),
            last_filter.eq(last_column & (filters_left == 1)),
        ]
        with m.FSM(name="drain") as drain:
            with m.State("COMMAND"):
                m.d.comb += self.commands.ready.eq(1)
                m.d.sync += first.eq(head)
                with m.If(self.commands.valid & (head.opcode == Opcode.WORK)):
                    m.next = "MAP"
                with m.If(self.commands.valid & (head.opcode == Opcode.POOL)):
                    m.d.comb += pool.commands.valid.eq(1)
                    m.next = "POOL"

            with m.State("POOL"):
                m.d.comb += [
                    pool.commands.valid.eq(self.commands.valid),
                    self.commands.ready.eq(pool.commands.ready),
                ]
                with m.If(pool.value & pool.last):
                    m.next = "COMMAND"

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
                    row_begins.eq(1),
                ]
                with m.If(reached(self.computed, first.wait_computed)):
                    m.next = "SCALE"

            with m.State("SCALE"):
                m.d.comb += take_scale.eq(1)
                with m.If(self.commands.valid):
                    m.next = "VALUES"

            with m.State("VALUES"):
                m.d.comb += [
                    value.eq((~first_value | writer.room) & (~last_value | (pause == 0))),
                    take_scale.eq(value & last_column & ~last_filter),
                ]
                with m.If(value & last_filter):
                    m.next = "COMMAND"
                with m.Elif(take_scale & ~self.commands.valid):
                    m.next = "SCALE"
            m.d.comb += [
                self.busy.eq(~drain.ongoing("COMMAND") | ~writer.idle),
                pooling.eq(drain.ongoing("POOL")),
            ]
        with m.If(take_scale):
            m.d.comb += self.commands.ready.eq(1)

        next_row = (row_address + target.row_stride * len(lanes))[:32]
        next_filter = (target.map_address + target.channel_stride)[:32]
        with m.If(pause != 0):
            m.d.sync += pause.eq(pause - 1)
        with m.If(value):
            m.d.sync += [
                steps_left.eq(steps_left - 1),
                psum.eq(psum + shape.filter_stride),
                step.eq(step + 1),
                row_begins.eq(last_step),
            ]
            with m.If(last_value):
                # All words that are complete now are in the queue when the next ones are.
                m.d.sync += [step.eq(0), pause.eq(columns_now - 1)]
            with m.If(last_step):
                m.d.sync += [
                    steps_left.eq(shape.steps),
                    psum.eq(filter_psum),
                    columns_left.eq(columns_left - len(lanes)),
                    column.eq(column + len(lanes)),
                    row_address.eq(next_row),
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
                ]
        m.d.sync += [
            self.read_en.eq(Cat(value & (columns_now > lane) for lane in lanes)),
            self.read_address.eq(psum),
            self.read_column.eq(column),
        ]
        m.d.comb += [
            writer.begun.eq(Mux(pooling, pool.value & pool.word_begins, Mux(value & first_value, columns_now, 0))),
            writer.row_en.eq(Mux(pooling, pool.value & pool.row_begins, value & row_begins)),
            writer.row.address.eq(Mux(pooling, pool.row_address, row_address)),
            writer.row.stride.eq(target.row_stride),
            writer.row.coded.eq(Mux(pooling, pool.coded, first.coded)),
            pool.commands.payload.eq(self.commands.payload),
            pool.fetched.eq(self.fetched),
            pool.room.eq(writer.room),
            pool.read_data.eq(self.bank_read_data),
            self.bank_read_en.eq(pool.read_en),
            self.bank_read_address.eq(pool.read_address),
        ]

        # Scales wait in a small memory until the values have come as far.
        with m.If(take_scale & self.commands.valid):
            m.d.sync += scale.eq(scale + 1)
        read_layout = data.StructLayout({"valid": 1, "pool": 1, "scale": len(scale)})
        reads = [Signal(read_layout, name=f"read_{age}") for age in range(DRAIN_READ_LATENCY + 1)]
        end_layout = data.StructLayout({"relu": 1, "end": value_end_layout(config)})
        ends = [Signal(end_layout, name=f"end_{age}") for age in range(_VALUE_LATENCY)]
        m.d.sync += [
            reads[0].valid.eq(value | pool.value),
            reads[0].pool.eq(pooling),
            reads[0].scale.eq(scale),
            ends[0].relu.eq(first.relu & ~pooling),
            ends[0].end.row.eq(Mux(pooling, pool.row_ends, last_step)),
            ends[0].end.command.eq(Mux(pooling, pool.last, last_filter)),
            ends[0].end.columns_above.eq(Mux(pooling, 0, columns_now - 1)),
            *(later.eq(earlier) for earlier, later in pairwise(reads)),
            *(later.eq(earlier) for earlier, later in pairwise(ends)),
        ]
        m.d.comb += [
            scales.write_en.eq(take_scale & self.commands.valid),
            scales.write_address.eq(scale + 1),
            scales.write_data.eq(self.commands.payload),
            scales.read_address.eq(reads[-1].scale),
        ]
        for lane, one in enumerate(requantise):
            of_column = self.psums[f"column_{lane}"]
            m.d.comb += [
                one.i_valid.eq(reads[-1].valid),
                one.psum.eq(of_column if lane else Mux(reads[-1].pool, pool.pooled, of_column)),
                one.scale.eq(scales.read_data if lane else Mux(reads[-1].pool, pool.scale, scales.read_data)),
                writer.values[f"column_{lane}"].eq(Mux(ends[-1].relu & one.o[-1], 0, one.o)),
            ]
        m.d.comb += [writer.valid.eq(requantise[0].valid), writer.end.eq(ends[-1].end)]

        wiring.connect(m, writer.map_write, wiring.flipped(self.map_write))
        with m.If(self.start):
            m.d.sync += self.drained.eq(0)
        with m.Elif(writer.finished):
            m.d.sync += self.drained.eq(self.drained + 1)
        return m
