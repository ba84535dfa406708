"""FrontEnd: every word to its queue, a word a cycle, and an end when nothing is left to do."""

import random

import pytest

from eyrie.bench.component import STALLS, Stall, run
from eyrie.rowstat.commands import Unit, pack
from eyrie.rowstat.config import TINY
from eyrie.rowstat.front_end import FrontEnd

UNITS = {"fetch": Unit.FETCH, "deliver": Unit.DELIVER, "load": Unit.LOAD, "compute": Unit.COMPUTE, "drain": Unit.DRAIN}
STARTED = [{"start": 1}]


def packets(seed: int) -> tuple[list[int], dict[str, list[int]]]:
    """A tape, and what each unit is to get of it."""
    draw = random.Random(seed)
    tape: list[int] = []
    words: dict[str, list[int]] = {unit: [] for unit in UNITS}
    for number in range(30):
        unit = draw.choice(list(UNITS))
        # Words that look like an END, and packets without any.
        own = [draw.choice([0, draw.getrandbits(64)]) for _ in range(draw.choice([0, 1, 2, 7]) if number else 255)]
        tape += [*pack("header", unit=UNITS[unit], count=len(own)), *own]
        words[unit] += own
    return [*tape, *pack("header", unit=Unit.END, count=0)], words


@pytest.mark.parametrize("stall", STALLS)
def test_words_go_where_their_headers_say(stall: Stall) -> None:
    tape, words = packets(1)
    result = run(
        FrontEnd(TINY),
        {"tape": tape},
        {unit: len(own) for unit, own in words.items()},
        seed=1,
        stall=stall,
        preload=STARTED,
        levels={"idle": [0] * 4000},
        watch=["busy", "done"],
    )
    assert {unit: result.received[unit] for unit in UNITS} == words
    assert set(result.watched["busy"]) == {1}
    assert set(result.watched["done"]) == {0}
    if stall == "never":
        assert result.sent_at["tape"] == list(range(len(tape)))


def test_one_unit_that_waits_holds_up_the_tape() -> None:
    tape = [*pack("header", unit=Unit.LOAD, count=2), 7, 8, *pack("header", unit=Unit.DRAIN, count=1), 9]
    result = run(
        FrontEnd(TINY), {"tape": tape}, {"load": 2, "drain": 1}, preload=STARTED, stall="never", stall_sinks=[True] * 20
    )
    assert result.sent_at["tape"] == [0, 20, 21, 22, 23]
    assert (result.received["load"], result.received["drain"]) == ([7, 8], [9])


@pytest.mark.parametrize(("idle", "cycles"), [([1], 2), ([0, 1], 2), ([0, 0, 1], 3), ([0] * 9 + [1], 10)])
def test_done_in_the_first_idle_cycle_after_the_end(idle: list[int], cycles: int) -> None:
    result = run(
        FrontEnd(TINY),
        {"tape": pack("header", unit=Unit.END, count=0)},
        {},
        preload=STARTED,
        levels={"idle": idle},
        watch=["busy", "done", "cycles"],
    )
    assert result.watched["done"][: cycles + 1] == [*[0] * (cycles - 1), 1, 0]
    assert result.watched["busy"][: cycles + 1] == [*[1] * cycles, 0]
    assert result.watched["cycles"][cycles:] == [cycles] * (len(result.watched["cycles"]) - cycles)


def test_nothing_is_taken_before_a_start() -> None:
    with pytest.raises(TimeoutError, match="tape sent 0 of 1"):
        run(FrontEnd(TINY), {"tape": pack("header", unit=Unit.END, count=0)}, {}, timeout=20)


@pytest.mark.parametrize("unit", [6, 7])
def test_words_for_no_unit_are_thrown_away(unit: int) -> None:
    tape = [unit | 3 << 3, 1, 2, 3, *pack("header", unit=Unit.DRAIN, count=1), 4]
    result = run(FrontEnd(TINY), {"tape": tape}, {name: 0 for name in UNITS} | {"drain": 1}, preload=STARTED)
    assert {name: result.received[name] for name in UNITS} == {name: [4] if name == "drain" else [] for name in UNITS}
