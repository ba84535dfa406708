# amaranth: UnusedElaboratable=no
"""Table: a word a cycle, two cycles after its address."""

import dataclasses
import random

import pytest

from eyrie.bench.component import run
from eyrie.eie.config import TINY, EieConfig
from eyrie.eie.table import Table

PORTS = ("read_en", "address", "write_en", "write_data")
LATENCY = 2


def configuration(table_depth: int) -> EieConfig:
    return dataclasses.replace(TINY, table_depth=table_depth)


@pytest.mark.parametrize("table_depth", [2, 3, 192])
def test_a_word_two_cycles_after_its_address(table_depth: int) -> None:
    config = configuration(table_depth)
    draw = random.Random(table_depth)
    words = [draw.getrandbits(config.table_width) for _ in range(table_depth)]
    cycles = [(0, address, 1, word) for address, word in enumerate(words)]
    expected = [None] * table_depth
    seen = None
    for _ in range(400):
        # Addresses are noise while nothing is read; the word read last stays.
        read_en, write_en, address = (*draw.choice([(1, 0), (1, 0), (0, 1), (0, 0)]), draw.randrange(table_depth))
        word = draw.getrandbits(config.table_width)
        cycles.append((read_en, address, write_en, word))
        if write_en:
            words[address] = word
        seen = words[address] if read_en else seen
        expected.append(seen)
    levels = {port: [values[place] for values in cycles] for place, port in enumerate(PORTS)}
    result = run(Table(config), {}, {}, levels=levels, watch=["word"], after=len(cycles) + LATENCY)
    first = next(cycle for cycle, word in enumerate(expected) if word is not None)
    assert result.watched["word"][first + LATENCY :] == expected[first:]


def test_a_word_is_not_read_while_one_is_written() -> None:
    # There is one address for both.
    with pytest.raises(AssertionError, match="read and write of one word in one cycle"):
        run(Table(TINY), {}, {}, levels={"read_en": [1], "write_en": [1], "address": [5]})
