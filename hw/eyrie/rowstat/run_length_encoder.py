"""Run-length encoder: the values of a row become words of pairs, each a run of zeros and the level behind it."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from eyrie.rowstat.config import LONGEST_RUN, PAIRS, RowstatConfig
from eyrie.rowstat.layouts import pair_layout


class RunLengthEncoder(wiring.Component):
    """Takes a value a cycle and gives a word of three pairs whenever a fourth one comes, and the last one of each row.

    A value that is not zero takes a pair, and so does a zero behind `LONGEST_RUN` others. A full word comes the cycle
    after the value whose pair has no place in it, a row's last word two cycles after the row's last value.

    Every three values of a row, and those that are left at its end, are worth a word; those in which none begins leave
    it to others.

    Parameters
    ----------
    config : RowstatConfig
        ``activation_width``.

    Members
    -------
    valid : ``In(1)``
    value : ``In(signed(config.activation_width))``
    row_end : ``In(1)``
        The row ends with this value.
    word_en : ``Out(1)``
    word : ``Out(64)``
        The next word, see `eyrie.rowstat.layouts.coded_word_layout`.
    word_ends : ``Out(1)``
        It is the last one of a row.
    spare : ``Out(1)``
        A word fewer will come than values were for, a cycle after the last of three values or of a row.
    """

    def __init__(self, config: RowstatConfig) -> None:
        self.config = config
        super().__init__(
            {
                "valid": In(1),
                "value": In(signed(config.activation_width)),
                "row_end": In(1),
                "word_en": Out(1),
                "word": Out(64),
                "word_ends": Out(1),
                "spare": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()

        # The run in front of a value, and whether both make a pair.
        run, makes_pair = Signal(range(LONGEST_RUN + 1)), Signal()
        value_now, pair_now, end_now, pair = Signal(), Signal(), Signal(), Signal(pair_layout())
        m.d.comb += makes_pair.eq((self.value != 0) | (run == LONGEST_RUN))
        m.d.sync += [
            value_now.eq(self.valid),
            pair_now.eq(self.valid & makes_pair),
            end_now.eq(self.valid & self.row_end),
            pair.run.eq(run),
            pair.level.eq(self.value),
        ]
        with m.If(self.valid):
            m.d.sync += run.eq(Mux(self.row_end | makes_pair, 0, run + 1))

        # The word that fills up, until a pair has no place in it or its row has ended.
        pairs, n_pairs = Signal(PAIRS * len(pair.as_value())), Signal(range(PAIRS + 1))
        kept, n_kept, ended = Signal.like(pairs), Signal.like(n_pairs), Signal()
        m.d.comb += [
            self.word_ends.eq(ended),
            self.word_en.eq(ended | (pair_now & (n_pairs == PAIRS))),
            self.word.eq(Cat(pairs, ended)),
            kept.eq(Mux(self.word_en, 0, pairs)),
            n_kept.eq(Mux(self.word_en, 0, n_pairs)),
        ]
        m.d.sync += [ended.eq(end_now), pairs.eq(kept), n_pairs.eq(n_kept)]
        with m.If(pair_now):
            m.d.sync += n_pairs.eq(n_kept + 1)
            with m.Switch(n_kept):
                for place in range(PAIRS):
                    with m.Case(place):
                        m.d.sync += pairs.eq(kept | Cat(Const(0, place * len(pair.as_value())), pair))

        # Whether a word has begun since the last one that values were for.
        row_begins, place, has_begun, begins = Signal(init=1), Signal(range(PAIRS)), Signal(), Signal()
        third = Signal()
        m.d.comb += [
            begins.eq(has_begun | row_begins | (pair_now & (n_pairs == PAIRS))),
            third.eq(end_now | (place == PAIRS - 1)),
            self.spare.eq(value_now & third & ~begins),
        ]
        with m.If(value_now):
            m.d.sync += [
                row_begins.eq(end_now),
                place.eq(Mux(third, 0, place + 1)),
                has_begun.eq(~third & begins),
            ]
        return m
