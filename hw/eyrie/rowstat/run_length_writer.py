"""Run-length writer: the words of coded rows of neighbouring columns, one after the other."""

from typing import Any

from amaranth.hdl import Assert, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from eyrie.common.lut_memory import LutMemory
from eyrie.rowstat.config import MAX_CODING_LANES, RowstatConfig
from eyrie.rowstat.external import map_write_layout
from eyrie.rowstat.layouts import activations_layout, map_row_layout, value_end_layout
from eyrie.rowstat.run_length_encoder import RunLengthEncoder

_AHEAD = 4


class RunLengthWriter(wiring.Component):
    """An encoder a column; words of the lowest column come at once, those of a second one when there are none of them.

    Values must leave time for that, as `drain_pause` has it: a word a cycle, where every three values and those that
    are left at a row's end make a word for each of their columns. Then no more than two words of the second column
    wait at a time. The last word of a command comes `CODED_WORD_LATENCY` cycles after the last value, with a second
    column `CODED_COLUMN_LATENCY` more, whether it has to wait so long or not.

    Parameters
    ----------
    config : RowstatConfig
        ``drain_lanes`` columns, at most `MAX_CODING_LANES`; ``activation_width``.

    Members
    -------
    valid : ``In(1)``
    values : ``In(activations_layout(config))``
        The next value of each column.
    end : ``In(value_end_layout(config))``
        What ends with it, and how many columns it is for.
    row : ``In(map_row_layout)``
        The row that it belongs to, while it is the row's first.
    write_en : ``Out(1)``
    write : ``Out(map_write_layout)``
        A word of a row, and where it goes.
    command_ends : ``Out(1)``
        It is the last one of a command.
    spare : ``Out(range(config.drain_lanes + 1))``
        So many words fewer will come than values were for.
    """

    def __init__(self, config: RowstatConfig) -> None:
        if config.drain_lanes > MAX_CODING_LANES:
            raise ValueError(f"coded maps need drain_lanes of at most {MAX_CODING_LANES}, not {config.drain_lanes}")
        self.config = config
        super().__init__(
            {
                "valid": In(1),
                "values": In(activations_layout(config)),
                "end": In(value_end_layout(config)),
                "row": In(map_row_layout),
                "write_en": Out(1),
                "write": Out(map_write_layout),
                "command_ends": Out(1),
                "spare": Out(range(config.drain_lanes + 1)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        lanes = range(self.config.drain_lanes)
        encoders = [RunLengthEncoder(self.config) for _ in lanes]
        word_layout = data.StructLayout({"write": map_write_layout, "command_ends": 1})

        # A row's address comes to its columns behind the last word of the row before, ahead of its own first one.
        row_begins, first_now, row = Signal(init=1), Signal(), Signal(map_row_layout)
        with m.If(self.valid):
            m.d.sync += row_begins.eq(self.end.row)
        m.d.sync += [first_now.eq(self.valid & row_begins), row.eq(self.row)]

        # A command ends with the last word of its highest column.
        ends = [Signal.like(self.end, name=f"end_{age}") for age in range(2)]
        m.d.sync += [ends[0].eq(self.end), ends[1].eq(ends[0])]

        words = [Signal(word_layout, name=f"word_{lane}") for lane in lanes]
        for lane, (encoder, word) in enumerate(zip(encoders, words, strict=True)):
            m.submodules[f"encoder_{lane}"] = encoder
            address = Signal(32, name=f"address_{lane}")
            m.d.comb += [
                encoder.valid.eq(self.valid & ((self.end.columns_above >= lane) if lane else 1)),
                encoder.value.eq(self.values[f"column_{lane}"]),
                encoder.row_end.eq(self.end.row),
                word.write.address.eq(address),
                word.write.data.eq(encoder.word),
                word.command_ends.eq(encoder.word_ends & ends[-1].command & (ends[-1].columns_above == lane)),
            ]
            with m.If(first_now):
                m.d.sync += address.eq(row.address + lane * row.stride)
            with m.Elif(encoder.word_en):
                m.d.sync += address.eq(address + 1)
        m.d.comb += self.spare.eq(sum(encoder.spare for encoder in encoders))

        lowest, word = encoders[0], Signal(word_layout)
        m.d.comb += [
            self.write_en.eq(lowest.word_en),
            word.eq(words[0]),
            self.write.eq(word.write),
            self.command_ends.eq(word.command_ends),
        ]
        if len(lanes) > 1:
            m.submodules.waiting = waiting = LutMemory(shape=word_layout, depth=_AHEAD)
            came, went, n_waiting = (Signal(range(_AHEAD), name=name) for name in ("came", "went", "n_waiting"))
            newest, goes = Signal(), Signal()  # whether the word came in the cycle before
            m.d.comb += [
                waiting.write_en.eq(encoders[1].word_en),
                waiting.write_address.eq(came),
                waiting.write_data.eq(words[1]),
                waiting.read_address.eq(went),
                n_waiting.eq(came - went),
                goes.eq((n_waiting != 0) & ~lowest.word_en & ~(waiting.read_data.command_ends & newest)),
                self.write_en.eq(lowest.word_en | goes),
                word.eq(Mux(lowest.word_en, words[0], waiting.read_data)),
            ]
            m.d.sync += [
                came.eq(came + encoders[1].word_en),
                went.eq(went + goes),
                newest.eq(encoders[1].word_en),
                Assert(n_waiting != _AHEAD - 1, "words of a second column wait for too long"),
            ]
        return m
