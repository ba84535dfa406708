"""IfmapBank: what was written comes back, later by its latency."""

import dataclasses
import random

import pytest

from eyrie.bench.component import run
from eyrie.rowstat.config import BUS_WORDS, TINY
from eyrie.rowstat.ifmap_bank import IfmapBank
from eyrie.rowstat.timing import IFMAP_BANK_READ_LATENCY


@pytest.mark.parametrize("activation_width", [8, 16])
@pytest.mark.parametrize("depth", [4, 7, 256])
def test_reads_between_writes(depth: int, activation_width: int) -> None:
    config = dataclasses.replace(TINY, ifmap_bank_words=depth, activation_width=activation_width)
    draw = random.Random(f"{depth} {activation_width}")
    low, high = config.activation_range
    words: dict[int, list[int]] = {}
    levels: dict[str, list[object]] = {
        name: [] for name in ("write_en", "write_address", "write_data", "read_en", "read_address")
    }
    expected: dict[int, list[int]] = {}
    shown = None
    for cycle in range(depth + 400):
        write, read = cycle if cycle < depth else draw.randrange(depth), draw.randrange(depth)
        writes = cycle < depth or draw.random() < 0.5
        reads = read in words and draw.random() < 0.7 and not (writes and write == read)
        data = [draw.choice([low, high, 0, draw.randint(low, high)]) for _ in range(BUS_WORDS)]
        for name, value in zip(levels, (int(writes), write, data, int(reads), read), strict=True):
            levels[name].append(value)
        if reads:
            shown = words[read]
        if shown is not None:
            expected[cycle + IFMAP_BANK_READ_LATENCY] = shown
        if writes:
            words[write] = data
    watched = run(IfmapBank(config), {}, {}, levels=levels, watch=["read_data"], after=depth + 400).watched["read_data"]
    assert {cycle: [*watched[cycle].values()] for cycle in expected if cycle < len(watched)} == {
        cycle: word for cycle, word in expected.items() if cycle < len(watched)
    }
