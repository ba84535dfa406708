"""Fetch: the right requests at the right time, and every word to its place in the bank."""

import random
from typing import Any

import pytest

from eyrie.bench.component import STALLS, Run, Sink, Stall, run
from eyrie.rowstat.commands import Opcode, pack
from eyrie.rowstat.config import TINY
from eyrie.rowstat.control_timing import FETCH_CYCLES, FETCHED_LATENCY, TRANSFERS_AHEAD
from eyrie.rowstat.fetch import Fetch


def a_fetch(map_address: int, bank_address: int, channels: int, words: int, stride: int, **waits: int) -> list[int]:
    fields = {"map_address": map_address, "channel_stride": stride, "bank_address": bank_address, "words": words}
    waits = {"wait_delivered": 0, "wait_drained": 0, **waits}
    return [*pack("fetch", opcode=Opcode.WORK, channels=channels, **fields, **waits)]


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
        requests += [{"address": address + stride * channel, "words": words} for channel in range(channels)]
        places += range(bank, bank + channels * words)
    words = [draw.getrandbits(64) for _ in places]
    result = play(commands, words, len(requests), seed=1, stall=stall, stall_sinks={"never": "never"}.get(stall, stall))
    assert result.received["request"] == requests
    assert written(result) == [(place, values(word)) for place, word in zip(places, words, strict=True)]
    assert result.received_at["write_en"] == [at + 1 for at in result.sent_at["words"]]
    assert result.watched["fetched"][-1] == len(commands)
    assert not result.watched["busy"][-1]


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
