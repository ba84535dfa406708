# amaranth: UnusedElaboratable=no
"""LutMemory against a list."""

import random

import pytest
from amaranth.hdl import signed

from eyrie.bench.component import run
from eyrie.common.lut_memory import LutMemory

PORTS = ("write_en", "write_address", "write_data", "read_address")


@pytest.mark.parametrize("depth", [1, 2, 3, 16])
def test_shows_a_word_in_the_cycle_of_its_address(depth: int) -> None:
    draw = random.Random(depth)
    # All words are written first.
    cycles = [(1, word, draw.randrange(-128, 128), 0) for word in range(depth)]
    cycles += [
        (draw.randrange(2), draw.randrange(depth), draw.randrange(-128, 128), draw.randrange(depth)) for _ in range(600)
    ]
    words = [0] * depth
    expected, clashes = [], 0
    for write_en, write_address, write_data, read_address in cycles:
        expected.append(words[read_address])
        if write_en:
            clashes += write_address == read_address and words[read_address] != write_data
            words[write_address] = write_data
    assert clashes > 10, "a word that is being written is seen as it was before, if it is ever seen"
    levels = {port: [values[place] for values in cycles] for place, port in enumerate(PORTS)}
    result = run(LutMemory(shape=signed(8), depth=depth), {}, {}, levels=levels, watch=["read_data"], after=len(cycles))
    assert result.watched["read_data"][depth:] == expected[depth:]


def test_refuses_a_memory_of_nothing() -> None:
    with pytest.raises(ValueError, match="memory depth must be at least 1, not 0"):
        LutMemory(shape=8, depth=0)
