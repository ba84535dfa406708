"""Fetch: the right requests at the right time, and every word to its place in the bank."""

import random
from typing import Any

import pytest

from eyrie.bench.component import STALLS, Run, Sink, Stall, run
from eyrie.rowstat.commands import Opcode, pack
from eyrie.rowstat.config import TINY
from eyrie.rowstat.control_timing import FETCH_CYCLES, FETCHED_LATENCY, TRANSFERS_AHEAD
from eyrie.rowstat.fetch import Fetch
from tests.sim.golden.coded_rows import code


def a_fetch(map_address: int, bank_address: int, channels: int, words: int, stride: int, **waits: int) -> list[int]:
    fields = {"map_address": map_address, "channel_stride": stride, "bank_address": bank_address, "words": words}
    waits = {"wait_delivered": 0, "wait_drained": 0, **waits}
    return [*pack("fetch", opcode=Opcode.WORK, channels=channels, **fields, **waits)]


def a_coded_fetch(
    map_address: int, bank_address: int, channels: int, words: int, rows: int, slot_words: int, stride: int
) -> list[int]:
    fields = {"map_address": map_address, "channel_stride": stride, "bank_address": bank_address, "words": words}
    waits = {"wait_delivered": 0, "wait_drained": 0}
    return [
        *pack(
            "coded_fetch", opcode=Opcode.CODED, channels=channels, rows=rows, slot_words=slot_words, **fields, **waits
        )
    ]


def values(word: int) -> tuple[int, ...]:
    """The lanes of a word as the bank of a narrower engine keeps them."""
    lanes = [word >> 16 * lane & (1 << TINY.activation_width) - 1 for lane in range(4)]
    return tuple(lane - (1 << TINY.activation_width) * (lane >> TINY.activation_width - 1) for lane in lanes)


def written(result: Run) -> list[tuple[int, tuple[int, ...]]]:
    return [(address, tuple(data.values())) for address, data in result.received["write_en"]]


def play(commands: list[list[int]], words: list[int], n_requests: int, **options: Any) -> Run:
    options.setdefault("watch", ["fetched", "busy"])
    return run(
        Fetch(TINY),
        {"commands": [word for command in commands for word in command], "words": words},
        {"request": n_requests, "write_en": Sink(len(words), ("write_address", "write_data"))},
        **options,
    )


@pytest.mark.parametrize("stall", STALLS)
def test_requests_and_words(stall: Stall) -> None:
    draw = random.Random(1)
    commands, requests, places = [], [], []
    for _ in range(9):
        channels, words = draw.randint(1, 5), draw.randint(1, 6)
        address, stride, bank = draw.getrandbits(31), draw.getrandbits(16), draw.randrange(200)
        commands.append(a_fetch(address, bank, channels, words, stride))
        requests += [{"address": address + stride * c, "words": words, "coded": 0} for c in range(channels)]
        places += range(bank, bank + channels * words)
    words = [draw.getrandbits(64) for _ in places]
    result = play(commands, words, len(requests), seed=1, stall=stall, stall_sinks={"never": "never"}.get(stall, stall))
    assert result.received["request"] == requests
    assert written(result) == [(place, values(word)) for place, word in zip(places, words, strict=True)]
    assert result.received_at["write_en"] == [at + 1 for at in result.sent_at["words"]]
    assert result.watched["fetched"][-1] == len(commands)
    assert not result.watched["busy"][-1]


@pytest.mark.parametrize("stall", STALLS)
def test_coded_rows_and_plain_words(stall: Stall) -> None:
    draw = random.Random(2)
    commands, requests, words, expected = [], [], [], []
    for number in range(10):
        channels, rows, width = draw.randint(1, 3), draw.randint(1, 4), draw.randint(1, 40)
        address, stride, bank = draw.getrandbits(31), draw.getrandbits(16), draw.randrange(100)
        fours, slot = -(-width // 4), -(-width // 3)
        if number % 3 == 2:
            commands.append(a_fetch(address, bank, channels, fours, stride))
            requests += [{"address": address + stride * c, "words": fours, "coded": 0} for c in range(channels)]
            own = [draw.getrandbits(64) for _ in range(channels * fours)]
            words += own
            expected += [(bank + place, values(word)) for place, word in enumerate(own)]
            continue
        commands.append(a_coded_fetch(address, bank, channels, fours, rows, slot, stride))
        begins = [address + stride * channel + slot * row for channel in range(channels) for row in range(rows)]
        requests += [{"address": begin % (1 << 32), "words": slot, "coded": 1} for begin in begins]
        share = draw.choice([0, 0.1, 0.5, 1])
        for place in range(channels * rows):
            row = [draw.randint(-(1 << 15), (1 << 15) - 1) if draw.random() < share else 0 for _ in range(width)]
            words += code(row)
            row += [0] * (-width % 4)
            expected += [(bank + place * fours + x // 4, tuple(row[x : x + 4])) for x in range(0, len(row), 4)]
    result = run(
        Fetch(TINY),
        {"commands": [word for command in commands for word in command], "words": words},
        {"request": len(requests), "write_en": Sink(len(expected), ("write_address", "write_data"))},
        stall=stall,
        seed=5,
        watch=["fetched", "busy"],
    )
    assert result.received["request"] == requests
    assert written(result) == expected
    assert result.watched["fetched"][-1] == len(commands)
    assert not result.watched["busy"][-1]


def test_coded_rows_follow_each_other_without_a_gap() -> None:
    """A cycle more for the command's third word, a request a cycle, and rows of zeros at the pace of plain words."""
    commands = [a_coded_fetch(100 * number, 10 * number, 2, 3, 4, 4, 16) for number in range(2)]
    words = [word for _ in range(16) for word in code([0] * 12)]
    result = run(
        Fetch(TINY),
        {"commands": [word for command in commands for word in command], "words": words},
        {"request": 16, "write_en": Sink(48, ("write_address", "write_data"))},
        watch=["fetched"],
    )
    first = FETCH_CYCLES + 1
    assert result.received_at["request"] == [first + number * (first + 8) + k for number in range(2) for k in range(8)]
    writes = result.received_at["write_en"]
    assert writes == list(range(writes[0], writes[0] + 48))
    assert result.sent_at["words"] == [at - 1 for at in writes[2::3]]
    assert [result.watched["fetched"].index(number) for number in (1, 2)] == [
        writes[end] - 1 + FETCHED_LATENCY for end in (23, 47)
    ]


def test_a_request_and_a_word_a_cycle() -> None:
    commands = [a_fetch(100 * number, 10 * number, 5, 2, 7) for number in range(3)]
    result = play(commands, list(range(30)), 15)
    first = FETCH_CYCLES
    assert result.received_at["request"] == [
        first + number * (FETCH_CYCLES + 5) + k for number in range(3) for k in range(5)
    ]
    words = result.sent_at["words"]
    # No gap from the first command to the second, whose requests were out by then.
    assert words[:20] == list(range(words[0], words[0] + 20))
    last = [words[9], words[19], words[29]]
    assert [result.watched["fetched"].index(number) for number in (1, 2, 3)] == [at + FETCHED_LATENCY for at in last]


def test_requests_run_ahead_of_words() -> None:
    # One command takes words, one is next, TRANSFERS_AHEAD wait behind them; the one after may not ask.
    words = [word for number in range(TRANSFERS_AHEAD + 4) for word in a_fetch(number, 0, 1, 3, 0)]
    with pytest.raises(TimeoutError, match=f"request received {TRANSFERS_AHEAD + 2} of {TRANSFERS_AHEAD + 4}"):
        run(Fetch(TINY), {"commands": words}, {"request": TRANSFERS_AHEAD + 4}, timeout=200)


@pytest.mark.parametrize(("counter", "wait"), [("delivered", "wait_delivered"), ("drained", "wait_drained")])
def test_a_command_waits_for_its_counts(counter: str, wait: str) -> None:
    other = "drained" if counter == "delivered" else "delivered"
    commands = [a_fetch(1, 0, 1, 1, 0), a_fetch(2, 0, 1, 1, 0, **{wait: 2}), a_fetch(3, 0, 1, 1, 0, **{wait: 0x8001})]
    levels = {counter: [0] * 50 + [1] * 50 + [2] * 50 + [0x8000] * 50 + [0x8001], other: [0]}
    result = play(commands, [1, 2, 3], 3, levels=levels)
    assert result.received_at["request"] == [FETCH_CYCLES, 101, 201]


def test_start_clears_the_counter_and_junk_is_thrown_away() -> None:
    words = [0, Opcode.LAYER, *a_fetch(1, 0, 1, 1, 0)]
    result = play([words], [9], 1, levels={"start": [0] * 40 + [1, 0]}, after=60)
    assert result.watched["fetched"][39:42] == [1, 1, 0]
