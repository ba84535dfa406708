"""Load: blocks of weights, or of their codes, to the addresses of the ring, a word a cycle while there is space."""

import dataclasses
import random
from typing import Any

import pytest

from eyrie.bench.component import STALLS, Run, Stall, run
from eyrie.rowstat.commands import Opcode, pack
from eyrie.rowstat.config import TINY
from eyrie.rowstat.control_timing import BLOCK_LOADED_LATENCY, BLOCK_SPACE_LATENCY, WEIGHT_LATENCY
from eyrie.rowstat.load import Load
from tests.hw.rowstat.by_hand import coded_words, words_of

CONFIG = dataclasses.replace(TINY, rows=6, columns=5)  # two groups of rows, the second not whole
WATCHED = ["filter", "block_loaded", "set_en", "set", "busy"]


def layer(block: int, sets: int, ring: int, blocks: int, *, wait_computed: int = 0, coded: bool = False) -> list[int]:
    fields = {"block": block, "sets": sets, "ring": ring, "blocks": blocks, "wait_computed": wait_computed}
    return [*pack("load_layer", opcode=Opcode.LAYER, **fields, coded=coded)]


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


def test_columns_come_when_the_last_word_is_on_the_bus() -> None:
    sets = [3, 0, 31, 7, 1]
    columns = [*pack("deliver_columns", opcode=Opcode.COLUMNS), 0x0007_001F_0000_0003, 1]
    shape = (3, 1, 2, 2)
    items = weights(12)
    result = run(
        Load(CONFIG), {"commands": [*columns, *layer(*shape), *columns], "filters": items}, {}, watch=WATCHED, after=60
    )
    at = pulses(result, "set_en")
    assert [result.watched["set"][cycle] for cycle in at] == sets * 2
    second = result.sent_at["filters"][-1] + 2
    assert result.watched["filter"][second]["valid"]
    assert at == [*range(1, 6), *range(second, second + 5)]


def test_reserved_opcodes_are_thrown_away() -> None:
    items = weights(2)
    result = run(Load(CONFIG), {"commands": [0, Opcode.WORK, *layer(1, 1, 1, 1)], "filters": items}, {}, watch=WATCHED)
    assert sent(result)[0] == expected(items, 1, 1, 1, 1)


def codebook(entries: list[int]) -> list[int]:
    return [*pack("load_codebook", opcode=Opcode.CODEBOOK, entries=len(entries)), *words_of(entries)]


def coded(items: list[list[int]], entries: list[int]) -> list[list[int]]:
    """Words of the FIFO, of codes in place of the weights."""
    words = coded_words([word for item in items for word in words_of(item)], entries)
    return [[(word >> 16 * lane ^ 0x8000) % (1 << 16) - 0x8000 for lane in range(4)] for word in words]


def shared_weights(entries: list[int], n: int, seed: int = 0) -> list[list[int]]:
    draw = random.Random(seed)
    return [[draw.choice(entries) for _ in range(4)] for _ in range(n)]


ENTRIES = [0, -32768, 32767, -1, 77]


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("shape", [(1, 1, 9, 9), (3, 2, 5, 4), (5, 1, 6, 3), (1, 1, 1, 1)])
def test_codes_come_a_word_a_cycle(shape: tuple[int, int, int, int], stall: Stall) -> None:
    """Two words of the bus for each of the FIFO; the last has a half to spare where their number is odd."""
    block, sets, _, blocks = shape
    config = dataclasses.replace(CONFIG, rows=3)  # one group of rows
    items = shared_weights(ENTRIES, block * sets * blocks)
    commands = [*codebook(ENTRIES), *layer(*shape, coded=True)]
    sources = {"commands": commands, "filters": coded(items, ENTRIES)}
    result = run(Load(config), sources, {}, stall=stall, seed=1, watch=WATCHED)
    words, times = sent(result)
    assert [word["weights"] for word in words] == items
    assert [word["address"] for word in words] == [
        number * block + i for number in range(blocks) for _ in range(sets) for i in range(block)
    ]
    assert times[1::2] == [at + WEIGHT_LATENCY for at in result.sent_at["filters"]][: len(times) // 2]
    ends = times[block * sets - 1 :: block * sets]
    assert pulses(result, "block_loaded") == [at + BLOCK_LOADED_LATENCY - WEIGHT_LATENCY for at in ends]
    assert not result.watched["busy"][-1]
    if stall == "never":
        begin = 1 + len(ENTRIES) + 2 + WEIGHT_LATENCY
        assert times == list(range(begin, begin + len(items)))


@pytest.mark.parametrize("n_entries", [1, 3, 4, 16])
def test_a_codebook_takes_a_cycle_an_entry(n_entries: int) -> None:
    draw = random.Random(n_entries)
    entries = [0, *(draw.randint(*CONFIG.weight_range) for _ in range(n_entries - 1))]
    items = shared_weights(entries, 4)
    sources = {"commands": [*codebook(entries), *layer(2, 1, 1, 1, coded=True)], "filters": coded(items, entries)}
    result = run(Load(CONFIG), sources, {}, watch=WATCHED)
    assert [word["weights"] for word in sent(result)[0]] == items
    assert result.sent_at["commands"][-1] == 1 + n_entries


def test_plain_and_coded_layers_in_turn() -> None:
    """A codebook serves until the next one, which replaces its first entries; a coded layer begins with a new word."""
    others = [0, 9, 5]
    mixed = others + ENTRIES[3:]
    shape = (3, 1, 2, 1)
    config = dataclasses.replace(CONFIG, rows=3)  # 3 words of the bus, 2 of the FIFO
    plain = weights(3)
    own = [shared_weights(entries, 3, seed) for seed, entries in enumerate((ENTRIES, ENTRIES, mixed))]
    commands = [
        *codebook(ENTRIES),
        *layer(*shape, coded=True),
        *layer(*shape),
        *layer(*shape, coded=True),
        *codebook(others),
        *layer(*shape, coded=True),
    ]
    filters = [*coded(own[0], ENTRIES), *plain, *coded(own[1], ENTRIES), *coded(own[2], mixed)]
    freed = [cycle % 30 == 29 for cycle in range(200)]
    result = run(
        Load(config), {"commands": commands, "filters": filters}, {}, levels={"block_freed": freed}, watch=WATCHED
    )
    assert [word["weights"] for word in sent(result)[0]] == [*own[0], *plain, *own[1], *own[2]]


def test_without_a_codebook_the_command_is_reserved() -> None:
    config = dataclasses.replace(CONFIG, codebook_entries=0)
    items = weights(2)
    commands = [pack("load_codebook", opcode=Opcode.CODEBOOK, entries=1)[0], *layer(1, 1, 1, 1)]
    result = run(Load(config), {"commands": commands, "filters": items}, {}, watch=WATCHED)
    assert sent(result)[0] == expected(items, 1, 1, 1, 1)
