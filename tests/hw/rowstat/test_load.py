"""Load: blocks of weights to the addresses of the ring, a word a cycle while there is space."""

import dataclasses
import random
from typing import Any

import pytest

from eyrie.bench.component import STALLS, Run, Stall, run
from eyrie.rowstat.commands import Opcode, pack
from eyrie.rowstat.config import TINY
from eyrie.rowstat.control_timing import BLOCK_LOADED_LATENCY, BLOCK_SPACE_LATENCY, WEIGHT_LATENCY, WEIGHTS_SETTLE
from eyrie.rowstat.load import Load

CONFIG = dataclasses.replace(TINY, rows=6, columns=5)  # two groups of rows, the second not whole
WATCHED = ["filter", "block_loaded", "set_en", "set", "busy"]


def layer(block: int, sets: int, ring: int, blocks: int, wait_computed: int = 0) -> list[int]:
    fields = {"block": block, "sets": sets, "ring": ring, "blocks": blocks, "wait_computed": wait_computed}
    return [*pack("load_layer", opcode=Opcode.LAYER, **fields)]


def weights(n: int, seed: int = 0) -> list[list[int]]:
    draw = random.Random(seed)
    return [[draw.randint(*CONFIG.weight_range) for _ in range(4)] for _ in range(n)]


def expected(items: list[list[int]], block: int, sets: int, ring: int, blocks: int) -> list[dict[str, Any]]:
    """What is on the bus, word after word."""
    places = [
        (number, one, group, i)
        for number in range(blocks)
        for one in range(sets)
        for group in range(CONFIG.row_groups)
        for i in range(block)
    ]
    return [
        {"valid": 1, "group": group, "set": one, "address": number % ring * block + i, "weights": item}
        for (number, one, group, i), item in zip(places, items, strict=True)
    ]


def sent(result: Run) -> tuple[list[dict[str, Any]], list[int]]:
    words, times = [], []
    for cycle, word in enumerate(result.watched["filter"]):
        if word["valid"]:
            words.append({**word, "weights": list(word["weights"].values())})
            times.append(cycle)
    return words, times


def pulses(result: Run, port: str) -> list[int]:
    return [cycle for cycle, value in enumerate(result.watched[port]) if value]


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("shape", [(1, 1, 9, 9), (3, 2, 5, 4), (5, 4, 6, 3)])
def test_no_gap_while_there_is_space(shape: tuple[int, int, int, int], stall: Stall) -> None:
    block, sets, _, blocks = shape
    words = block * sets * CONFIG.row_groups
    items = weights(words * blocks)
    result = run(Load(CONFIG), {"commands": layer(*shape), "filters": items}, {}, stall=stall, seed=1, watch=WATCHED)
    on_bus, times = sent(result)
    assert on_bus == expected(items, *shape)
    assert times == [at + WEIGHT_LATENCY for at in result.sent_at["filters"]]
    ends = result.sent_at["filters"][words - 1 :: words]
    assert pulses(result, "block_loaded") == [at + BLOCK_LOADED_LATENCY for at in ends]
    assert not result.watched["busy"][-1]
    if stall == "never":
        assert result.sent_at["filters"] == list(range(2, 2 + len(items)))


@pytest.mark.parametrize("shape", [(1, 1, 1, 8), (3, 2, 2, 7), (2, 1, 3, 10)])
def test_a_block_waits_for_space(shape: tuple[int, int, int, int]) -> None:
    block, sets, ring, blocks = shape
    words = block * sets * CONFIG.row_groups
    items = weights(words * blocks)
    period = 40
    freed = [cycle % period == period - 1 for cycle in range(period * (blocks + 1))]
    result = run(
        Load(CONFIG),
        {"commands": layer(*shape), "filters": items},
        {},
        levels={"block_freed": freed},
        watch=WATCHED,
        after=period * blocks,
    )
    assert sent(result)[0] == expected(items, *shape)
    begins = result.sent_at["filters"][::words]
    assert begins[:ring] == [2 + words * number for number in range(ring)]
    assert begins[ring:] == [period * number - 1 + BLOCK_SPACE_LATENCY for number in range(1, blocks - ring + 1)]


def test_a_layer_waits_for_its_count_and_for_the_blocks_before() -> None:
    first, second = (2, 1, 4, 2), (3, 2, 2, 2)
    items = weights(8 + 24)
    commands = layer(*first) + layer(*second, wait_computed=3)
    computed = [0] * 60 + [2] * 20 + [3]
    freed = [cycle in (30, 100) for cycle in range(120)]
    result = run(
        Load(CONFIG),
        {"commands": commands, "filters": items},
        {},
        levels={"computed": computed, "block_freed": freed},
        watch=WATCHED,
        after=60,
    )
    words, _ = sent(result)
    assert words == expected(items[:8], *first) + expected(items[8:], *second)
    # A block of the first layer was still held when the count was reached, until the pulse in cycle 100.
    assert result.sent_at["filters"][8] == 100 + 2
    freed = [cycle in (30, 50) for cycle in range(120)]
    result = run(
        Load(CONFIG),
        {"commands": commands, "filters": items},
        {},
        levels={"computed": computed, "block_freed": freed},
        watch=WATCHED,
        after=60,
    )
    assert result.sent_at["filters"][8] == 80 + 1


def test_columns_wait_until_the_words_have_passed_all_rows() -> None:
    sets = [3, 0, 31, 7, 1]
    columns = [*pack("deliver_columns", opcode=Opcode.COLUMNS), 0x0007_001F_0000_0003, 1]
    shape = (3, 1, 2, 2)
    items = weights(12)
    result = run(
        Load(CONFIG), {"commands": [*columns, *layer(*shape), *columns], "filters": items}, {}, watch=WATCHED, after=60
    )
    at = pulses(result, "set_en")
    assert [result.watched["set"][cycle] for cycle in at] == sets * 2
    second = result.sent_at["filters"][-1] + CONFIG.rows + WEIGHTS_SETTLE + 1
    assert at == [*range(1, 6), *range(second, second + 5)]


def test_reserved_opcodes_are_thrown_away() -> None:
    items = weights(2)
    result = run(Load(CONFIG), {"commands": [0, Opcode.WORK, *layer(1, 1, 1, 1)], "filters": items}, {}, watch=WATCHED)
    assert sent(result)[0] == expected(items, 1, 1, 1, 1)
