"""Run-length coding against a coder that looks at one value after the other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eyrie.golden.rowstat.run_length import CodedRows, encode, slot_words
from tests.sim.golden.coded_rows import NAMED, code, word

VALUES = st.one_of(st.just(0), st.just(0), st.integers(-(1 << 15), (1 << 15) - 1))


def coded(row: list[int]) -> list[int]:
    words, lengths = encode(np.array([row], np.int64))
    assert not words[0, lengths[0] :].any()
    return words[0, : lengths[0]].tolist()


@pytest.mark.parametrize("name", NAMED)
def test_named_rows(name: str) -> None:
    row, words = NAMED[name]
    assert code(row) == words
    assert coded(row) == words
    padded = np.array([words + [7] * (slot_words(len(row)) - len(words))], np.uint64)
    assert CodedRows.parse(padded).values(len(row))[0].tolist() == row


@pytest.mark.parametrize("width", range(1, 10))
def test_all_rows_of_zeros_and_others(width: int) -> None:
    rows = [[place + 1 if bits >> place & 1 else 0 for place in range(width)] for bits in range(1 << width)]
    words, lengths = encode(np.array(rows, np.int64))
    assert [one[:length].tolist() for one, length in zip(words, lengths, strict=True)] == [code(row) for row in rows]
    assert CodedRows.parse(words).values(width).tolist() == rows


@given(st.lists(VALUES, min_size=1, max_size=200))
def test_round_trip(row: list[int]) -> None:
    words = coded(row)
    assert words == code(row)
    assert len(words) <= slot_words(len(row))
    assert CodedRows.parse(np.array([words], np.uint64)).values(len(row))[0].tolist() == row


@given(st.lists(st.sampled_from([0] * 60 + [1]), min_size=1, max_size=400))
def test_round_trip_of_long_runs(row: list[int]) -> None:
    words = coded(row)
    assert words == code(row)
    assert CodedRows.parse(np.array([words], np.uint64)).values(len(row))[0].tolist() == row


def test_words_that_are_no_rows_are_refused() -> None:
    def parse(*rows: list[int]) -> CodedRows:
        return CodedRows.parse(np.array(rows, np.uint64))

    good = word((0, 1), last=True)
    with pytest.raises(ValueError, match="row 1 has no last word among 2"):
        parse([good, 0], [word((0, 1), (0, 1), (0, 1)), word((0, 1))])
    for wrong in ([word((0, 0), (0, 1), last=True), 0], [word((0, 1), (0, 1)), good], [word((0, 1)), word(last=True)]):
        with pytest.raises(ValueError, match="row 1 goes on behind a pair that is not used"):
            parse([good, 0], wrong)
    with pytest.raises(ValueError, match="row 1 goes on behind"):
        parse([good, 0], [word((0, 1), (0, 1), (0, 1)), word(last=True)])
    with pytest.raises(ValueError, match="row 1 has a value at 6, beyond its 6"):
        parse([good], [word((4, 1), (1, 1), last=True)]).values(6)
