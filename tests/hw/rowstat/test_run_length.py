"""Run-length encoder and decoder against a coder that looks at one value after the other."""

import random
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from eyrie.bench.component import STALLS, Run, Sink, Stall, run
from eyrie.cycles.rowstat.coded_rows import decoder_cycles
from eyrie.golden.rowstat.run_length import CodedRows, slot_words
from eyrie.rowstat.config import TINY
from eyrie.rowstat.layouts import bank_word_layout
from eyrie.rowstat.run_length_decoder import RunLengthDecoder
from eyrie.rowstat.run_length_encoder import RunLengthEncoder
from tests.sim.golden.coded_rows import NAMED, code

Rows = list[list[int]]


def draw_rows(seed: int, n_rows: int, widths: tuple[int, int] = (1, 80)) -> Rows:
    """Dense rows, sparse ones and rows of zeros."""
    draw = random.Random(seed)
    rows = []
    for _ in range(n_rows):
        share = draw.choice([0, 0.02, 0.1, 0.5, 1])
        width = draw.randint(*widths)
        rows.append([draw.randint(-(1 << 15), (1 << 15) - 1) if draw.random() < share else 0 for _ in range(width)])
    return rows


ROWS = {
    **{name: [row, row] for name, (row, _) in NAMED.items()},
    **{f"width {width}": draw_rows(width, 40, (width, width)) for width in range(1, 10)},
    "one after the other": [row for row, _ in NAMED.values()],
    "drawn": draw_rows(0, 60),
}


def encoded(rows: Rows, **options: Any) -> Run:
    values = [{"value": value, "row_end": x == len(row) - 1} for row in rows for x, value in enumerate(row)]
    words = sum(map(len, map(code, rows)))
    sinks = {"word_en": Sink(words, ("word", "word_ends"))}
    return run(RunLengthEncoder(TINY), {"valid": values}, sinks, watch=["spare", "word_en"], after=8, **options)


@pytest.mark.parametrize("stall", STALLS)
def test_drawn_rows_become_words(stall: Stall) -> None:
    rows = draw_rows(1, 60)
    result = encoded(rows, stall=stall, seed=3)
    expected = [(word, int(word >> 63)) for row in rows for word in code(row)]
    assert result.received["word_en"] == expected


@pytest.mark.parametrize("name", ROWS)
def test_every_row_s_words_at_their_time(name: str) -> None:
    rows = ROWS[name]
    result = encoded(rows)
    assert [word for word, _ in result.received["word_en"]] == [word for row in rows for word in code(row)]
    ends = [at for at, (_, last) in zip(result.received_at["word_en"], result.received["word_en"], strict=True) if last]
    lasts = np.cumsum([len(row) for row in rows]) - 1
    assert ends == [result.sent_at["valid"][last] + 2 for last in lasts]
    # What every three values were for is either a word or spare.
    assert sum(result.watched["spare"]) == sum(slot_words(len(row)) - len(code(row)) for row in rows)


@pytest.mark.parametrize("name", ROWS)
def test_no_word_comes_that_was_not_paid_for(name: str) -> None:
    """Every three values pay for a word as the first of them comes; spare ones are paid back."""
    rows = ROWS[name]
    result = encoded(rows)
    pays = [x % 3 == 0 for row in rows for x in range(len(row))]
    paid = np.zeros(len(result.watched["spare"]), np.int64)
    np.add.at(paid, np.array(result.sent_at["valid"])[pays], 1)
    left = np.cumsum(paid) - np.cumsum(result.watched["spare"]) - np.cumsum(result.watched["word_en"])
    assert left.min() >= 0
    assert left[-1] == 0


class CountedDecoder(wiring.Component):
    """The decoder, with rows of so many times four values."""

    def __init__(self, fours: int) -> None:
        self.fours = fours
        super().__init__(
            {
                "words": In(stream.Signature(64)),
                "four_en": Out(1),
                "four": Out(bank_word_layout(TINY)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.decoder = decoder = RunLengthDecoder(TINY)
        number = Signal(range(self.fours))
        wiring.connect(m, wiring.flipped(self.words), decoder.words)
        m.d.comb += [
            decoder.en.eq(1),
            decoder.row_end.eq(number == self.fours - 1),
            self.four_en.eq(decoder.four_en),
            self.four.eq(decoder.four),
        ]
        with m.If(decoder.four_en):
            m.d.sync += number.eq(Mux(decoder.row_end, 0, number + 1))
        return m


def decoded(rows: Rows, **options: Any) -> Run:
    """Rows one after the other, each as long as the longest."""
    fours = max(-(-len(row) // 4) for row in rows)
    words = [word for row in rows for word in code(row)]
    result = run(
        CountedDecoder(fours), {"words": words}, {"four_en": Sink(fours * len(rows), ("four",))}, after=8, **options
    )
    values = [value for four in result.received["four_en"] for value in four.values()]
    assert values == [value for row in rows for value in row + [0] * (4 * fours - len(row))]
    return result


@pytest.mark.parametrize("stall", STALLS)
def test_drawn_words_become_rows(stall: Stall) -> None:
    decoded(draw_rows(2, 60), stall=stall, seed=4)


@pytest.mark.parametrize("name", ROWS)
def test_every_row_takes_its_cycles(name: str) -> None:
    rows = ROWS[name]
    result = decoded(rows)
    fours = len(result.received["four_en"]) // len(rows)
    slots = np.zeros((len(rows), max(len(code(row)) for row in rows)), np.uint64)
    for slot, row in zip(slots, rows, strict=True):
        slot[: len(code(row))] = code(row)
    ends = np.cumsum(decoder_cycles(CodedRows.parse(slots), fours)) - 1
    assert result.received_at["four_en"][fours - 1 :: fours] == ends.tolist()


def test_dense_rows_take_a_cycle_a_value() -> None:
    result = decoded([[1] * 16] * 5)
    assert result.received_at["four_en"] == list(range(3, 80, 4))


def test_rows_of_zeros_take_a_cycle_a_word() -> None:
    result = decoded([[0] * 16] * 5)
    assert result.received_at["four_en"] == list(range(20))
