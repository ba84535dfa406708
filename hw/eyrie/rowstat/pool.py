"""Pool: maxima and sums of windows of feature maps that lie in the ifmap bank."""

from itertools import pairwise
from typing import Any

from amaranth.hdl import Const, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from eyrie.common.lut_memory import LutMemory
from eyrie.rowstat.commands import COUNT_BITS, POOL_SCALES, Opcode
from eyrie.rowstat.config import BUS_WORDS, PAIRS, RowstatConfig
from eyrie.rowstat.layouts import bank_word_layout, command_layout
from eyrie.rowstat.timing import DRAIN_READ_LATENCY, IFMAP_BANK_READ_LATENCY
from eyrie.rowstat.waits import reached

_LANE_BITS = (BUS_WORDS - 1).bit_length()


class Pool(wiring.Component):
    """Reads a word of four values a cycle: those that a window's first row touches, then those of its other rows; then
    the next window of an output row, row by row, channel by channel, without a gap.

    A command takes a cycle for each of its words, waits in the next until its counter is reached, and reads its first
    word in the cycle after that. The command behind it is taken from the cycle after that of its last value on. The
    cycle of a value is that of its window's last word; it waits while the value would be the first of a word of the
    output and `room` is low.

    Values of a word outside of the window, or of the map's row, do not count; a word without any that count takes its
    cycle, but is not read. All rows of a window lie in the map: where some do not, the command has fewer.

    Parameters
    ----------
    config : RowstatConfig
        Geometry.

    Members
    -------
    commands : ``In(stream.Signature(64))``
        POOL commands, each with its `pool_scale` words behind it.
    fetched : ``In(COUNT_BITS)``
        The counter that commands wait for.
    read_en : ``Out(1)``
    read_address : ``Out(config.bank_address_width)``
    read_data : ``In(bank_word_layout(config))``
        The ifmap bank, whose word comes `IFMAP_BANK_READ_LATENCY` cycles after `read_en`.
    room : ``In(1)``
        A word of the output may begin.
    value : ``Out(1)``
        A value has its cycle.
    word_begins, row_begins, row_ends, last : ``Out(1)``
        It is the first of a word of the output, the first of a row, the last of a row, the last of the command.
    row_address : ``Out(32)``
        Where the row goes.
    coded : ``Out(1)``
        Rows of the command are to be run-length coded.
    pooled : ``Out(signed(config.accumulator_width))``
        The maximum or sum whose value had its cycle ``DRAIN_READ_LATENCY + 1`` cycles ago, if one had.
    scale : ``Out(command_layout("requantise"))``
        What it is to be requantised with.
    """

    commands: stream.Interface

    def __init__(self, config: RowstatConfig) -> None:
        self.config = config
        super().__init__(
            {
                "commands": In(stream.Signature(64)),
                "fetched": In(COUNT_BITS),
                "read_en": Out(1),
                "read_address": Out(config.bank_address_width),
                "read_data": In(bank_word_layout(config)),
                "room": In(1),
                "value": Out(1),
                "word_begins": Out(1),
                "row_begins": Out(1),
                "row_ends": Out(1),
                "last": Out(1),
                "row_address": Out(32),
                "coded": Out(1),
                "pooled": Out(signed(config.accumulator_width)),
                "scale": Out(command_layout("requantise")),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        first_layout, map_layout, place_layout, window_layout = (command_layout("pool", word) for word in range(4))
        scale_layout = command_layout("pool_scale")
        m.submodules.scales = scales = LutMemory(
            shape=data.StructLayout({name: scale_layout[name].shape for name in ("multiplier", "shift")}),
            depth=POOL_SCALES,
        )
        m.submodules.runs = runs = LutMemory(shape=scale_layout["behind"].shape, depth=POOL_SCALES)
        first, target, place = Signal(first_layout), Signal(map_layout), Signal(place_layout)
        window, head, new_scale = Signal(window_layout), Signal(first_layout), Signal(scale_layout)
        scales_taken, scale = Signal(range(POOL_SCALES)), Signal(range(POOL_SCALES))

        # The window's first value and its last one, the word of its row that is read, and where its rows lie.
        begin, end = Signal(signed(len(place.first_x) + 1)), Signal(signed(len(place.first_x) + 2))
        word, first_word = Signal(signed(len(end) - _LANE_BITS)), Signal()
        row, top, channel = (Signal(self.config.bank_address_width, name=name) for name in ("row", "top", "channel"))
        rows_of_window, steps_left, rows_left = (
            Signal.like(field, name=name)
            for field, name in (
                (window.kernel, "rows_of_window"),
                (place.steps, "steps_left"),
                (place.rows, "rows_left"),
            )
        )
        lane = Signal(_LANE_BITS)
        read, last_word, last_read, last_row, reading = (
            Signal(name=name) for name in ("read", "last_word", "last_read", "last_row", "reading")
        )
        m.d.comb += [
            head.eq(self.commands.payload),
            new_scale.eq(self.commands.payload),
            last_word.eq(word == end >> _LANE_BITS),
            last_read.eq(last_word & (rows_of_window == 1)),
            last_row.eq(self.row_ends & (rows_left == 1)),
            read.eq(reading & (~last_read | ~self.word_begins | self.room)),
            self.value.eq(read & last_read),
            self.word_begins.eq(lane == 0),
            self.row_ends.eq(steps_left == 1),
            self.last.eq(last_row & (first.channels == 1)),
            self.coded.eq(first.coded),
        ]
        with m.FSM(name="pool"):
            with m.State("COMMAND"):
                m.d.comb += self.commands.ready.eq(1)
                m.d.sync += first.eq(head)
                with m.If(self.commands.valid & (head.opcode == Opcode.POOL)):
                    m.next = "MAP"

            for state, fields, following in (("MAP", target, "PLACE"), ("PLACE", place, "WINDOW")):
                with m.State(state):
                    m.d.comb += self.commands.ready.eq(1)
                    m.d.sync += fields.eq(self.commands.payload)
                    with m.If(self.commands.valid):
                        m.next = following

            with m.State("WINDOW"):
                m.d.comb += self.commands.ready.eq(1)
                m.d.sync += [window.eq(self.commands.payload), scales_taken.eq(0)]
                with m.If(self.commands.valid):
                    m.next = "SCALES"

            with m.State("SCALES"):
                # In the cycle of the first of them the last value of the command before may still look at its own.
                m.d.comb += [self.commands.ready.eq(1), scales.write_en.eq(self.commands.valid)]
                with m.If(self.commands.valid):
                    m.d.sync += [scales_taken.eq(scales_taken + 1), first.scales.eq(first.scales - 1)]
                    with m.If(first.scales == 1):
                        m.next = "WAIT"

            with m.State("WAIT"):
                m.d.sync += [
                    begin.eq(place.first_x),
                    end.eq(place.first_x + window.window - 1),
                    word.eq(place.first_x >> _LANE_BITS),
                    first_word.eq(1),
                    rows_of_window.eq(window.kernel),
                    steps_left.eq(place.steps),
                    rows_left.eq(place.rows),
                    row.eq(first.bank_address),
                    top.eq(first.bank_address),
                    channel.eq(first.bank_address),
                    scale.eq(0),
                    lane.eq(0),
                    self.row_begins.eq(1),
                    self.row_address.eq(target.map_address),
                ]
                with m.If(reached(self.fetched, first.wait_fetched)):
                    m.next = "VALUES"

            with m.State("VALUES"):
                m.d.comb += reading.eq(1)
                with m.If(self.value & self.last):
                    m.next = "COMMAND"

        # From word to word, row to row of a window, window to window, output row to output row, channel to channel.
        next_begin, next_row = (begin + place.stride)[: len(begin)].as_signed(), (top + window.row_advance)[: len(top)]
        next_channel = (channel + window.channel_pitch)[: len(channel)]
        next_row_address = (self.row_address + target.row_stride)[:32]
        next_map_address = (target.map_address + target.channel_stride)[:32]
        with m.If(read):
            m.d.sync += [word.eq(word + 1), first_word.eq(last_word)]
            with m.If(last_word):
                m.d.sync += [
                    word.eq(begin >> _LANE_BITS),
                    row.eq(row + window.row_pitch),
                    rows_of_window.eq(rows_of_window - 1),
                ]
        with m.If(self.value):
            m.d.sync += [
                begin.eq(next_begin),
                end.eq(end + place.stride),
                word.eq(next_begin >> _LANE_BITS),
                row.eq(top),
                rows_of_window.eq(window.kernel),
                steps_left.eq(steps_left - 1),
                lane.eq(Mux(self.row_ends | (lane == Mux(first.coded, PAIRS, BUS_WORDS) - 1), 0, lane + 1)),
                scale.eq(scale + (steps_left - 1 == runs.read_data)),
                self.row_begins.eq(self.row_ends),
            ]
            with m.If(self.row_ends):
                m.d.sync += [
                    begin.eq(place.first_x),
                    end.eq(place.first_x + window.window - 1),
                    word.eq(place.first_x >> _LANE_BITS),
                    row.eq(next_row),
                    top.eq(next_row),
                    steps_left.eq(place.steps),
                    rows_left.eq(rows_left - 1),
                    scale.eq(0),
                    self.row_address.eq(next_row_address),
                ]
            with m.If(last_row):
                m.d.sync += [
                    row.eq(next_channel),
                    top.eq(next_channel),
                    channel.eq(next_channel),
                    rows_left.eq(place.rows),
                    first.channels.eq(first.channels - 1),
                    target.map_address.eq(next_map_address),
                    self.row_address.eq(next_map_address),
                ]
        m.d.comb += [
            scales.write_address.eq(scales_taken),
            scales.write_data.multiplier.eq(new_scale.multiplier),
            scales.write_data.shift.eq(new_scale.shift),
            runs.write_en.eq(scales.write_en),
            runs.write_address.eq(scales_taken),
            runs.write_data.eq(new_scale.behind),
            runs.read_address.eq(scale),
        ]

        # What counts of a word: not what comes before the window, behind it, or behind the row.
        covered, all_lanes = Signal(BUS_WORDS), Const((1 << BUS_WORDS) - 1, BUS_WORDS)
        edge_word, edge_lane = place.edge[_LANE_BITS:], place.edge[:_LANE_BITS]
        m.d.comb += covered.eq(
            Mux(first_word, all_lanes << begin[:_LANE_BITS], all_lanes)
            & Mux(last_word, all_lanes >> ~end[:_LANE_BITS], all_lanes)
            & Mux(word == edge_word, all_lanes >> ~edge_lane, all_lanes)
            & Mux((word >= 0) & (word <= edge_word), all_lanes, 0)
        )
        m.d.sync += [self.read_en.eq(read & covered.any()), self.read_address.eq(row + word)]

        # The word's values come two by two, then all of them to those of the window's words before.
        step_layout = data.StructLayout({"valid": 1, "covered": BUS_WORDS, "mean": 1, "first": 1, "scale": len(scale)})
        steps = [Signal(step_layout, name=f"step_{age}") for age in range(1, DRAIN_READ_LATENCY + 2)]
        window_begins = Signal(init=1)
        with m.If(read):
            m.d.sync += window_begins.eq(last_read)
        m.d.sync += [
            steps[0].valid.eq(read),
            steps[0].covered.eq(covered),
            steps[0].mean.eq(first.mean),
            steps[0].first.eq(window_begins),
            steps[0].scale.eq(scale),
            *(later.eq(earlier) for earlier, later in pairwise(steps)),
        ]
        width = self.config.activation_width
        read_step, pair_step = steps[IFMAP_BANK_READ_LATENCY], steps[IFMAP_BANK_READ_LATENCY + 1]
        nothing = Mux(read_step.mean, 0, -(1 << width - 1))
        values = [Mux(read_step.covered[lane], self.read_data[lane], nothing) for lane in range(BUS_WORDS)]
        pairs = [Signal(signed(width + 1), name=f"pair_{number}") for number in range(BUS_WORDS // 2)]
        for pair, low, high in zip(pairs, values[::2], values[1::2], strict=True):
            m.d.sync += pair.eq(_combined(read_step.mean, low, high))
        of_word, total = Signal(signed(width + 2)), Signal.like(self.pooled)
        m.d.comb += [
            of_word.eq(_combined(pair_step.mean, *pairs)),
            total.eq(Mux(pair_step.first, of_word, _combined(pair_step.mean, self.pooled, of_word))),
        ]
        with m.If(pair_step.valid):
            m.d.sync += self.pooled.eq(total)
        m.d.comb += [
            scales.read_address.eq(steps[-1].scale),
            self.scale.bias.eq(0),
            self.scale.multiplier.eq(scales.read_data.multiplier),
            self.scale.shift.eq(scales.read_data.shift),
        ]
        return m


def _combined(mean: Any, one: Any, other: Any) -> Any:
    """Sum or maximum."""
    return Mux(mean, one + other, Mux(one > other, one, other))
