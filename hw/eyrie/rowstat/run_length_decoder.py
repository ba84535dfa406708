"""Run-length decoder: words of pairs become the values of a row, four at a time."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from eyrie.rowstat.config import BUS_WORDS, LONGEST_RUN, PAIRS, RowstatConfig
from eyrie.rowstat.layouts import bank_word_layout, coded_word_layout, pair_layout


class RunLengthDecoder(wiring.Component):
    """Takes a pair a cycle and gives the four values in which its level lies as soon as that is the last of them.

    A run that goes beyond the last of four takes a cycle for these four and all other whole ones in it, and a pair that
    is not used stands for zeros up to the end of the row, as does the end of its last word. A row takes as many cycles
    as it has groups of four values and, beside them, pairs whose level is not the last of four. The next row follows
    without a gap.

    Parameters
    ----------
    config : RowstatConfig
        ``activation_width``; levels lose the bits above it.

    Members
    -------
    en : ``In(1)``
        Words are of coded rows.
    words : ``In(stream.Signature(64))``
        The words of rows one after the other, each up to and with its last one. Each stays until its last pair is
        taken, a row's last one until its last four values are given.
    four_en : ``Out(1)``
    four : ``Out(bank_word_layout(config))``
        The next four values, the lowest position first.
    row_end : ``In(1)``
        They are the row's last ones.
    """

    words: stream.Interface

    def __init__(self, config: RowstatConfig) -> None:
        self.config = config
        super().__init__(
            {
                "en": In(1),
                "words": In(stream.Signature(64)),
                "four_en": Out(1),
                "four": Out(bank_word_layout(config)),
                "row_end": In(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        word, pair = Signal(coded_word_layout()), Signal(pair_layout())
        number = Signal(range(PAIRS + 1))  # of the pair; PAIRS behind those of a last word
        filled = Signal(range(BUS_WORDS))  # of the four values
        left, goes_on = Signal.like(pair.run), Signal()  # of a run that began in front of these four
        place = Signal(range(BUS_WORDS + LONGEST_RUN))  # of the level
        valid, used, fits, row_done = Signal(), Signal(), Signal(), Signal()
        before = [Signal(signed(self.config.activation_width), name=f"before_{lane}") for lane in range(BUS_WORDS - 1)]
        m.d.comb += [
            word.eq(self.words.payload),
            valid.eq(self.en & self.words.valid),
            used.eq(pair.as_value() != 0),
            place.eq(filled + Mux(goes_on, left, pair.run)),
            fits.eq(used & (place < BUS_WORDS)),
            self.four_en.eq(valid & (~fits | (place == BUS_WORDS - 1))),
            row_done.eq(self.four_en & self.row_end),
            self.words.ready.eq(row_done | (valid & fits & (number == PAIRS - 1) & ~word.last)),
        ]
        with m.Switch(number):
            for one in range(PAIRS):
                with m.Case(one):
                    m.d.comb += pair.eq(word.pairs[one])
        for lane in range(BUS_WORDS):
            m.d.comb += self.four[lane].eq(before[lane] if lane < len(before) else 0)
            with m.If(fits & (place == lane)):
                m.d.comb += self.four[lane].eq(pair.level)
        with m.If(valid):
            m.d.sync += [
                *(value.eq(Mux(self.four_en, 0, self.four[lane])) for lane, value in enumerate(before)),
                filled.eq(Mux(self.four_en, 0, place + 1)),
                goes_on.eq(used & ~fits),
                left.eq(place - BUS_WORDS),
            ]
            with m.If(row_done):
                m.d.sync += number.eq(0)
            with m.Elif(fits):
                m.d.sync += number.eq(Mux((number == PAIRS - 1) & ~word.last, 0, number + 1))
        return m
