"""Broadcast: columns, what ``stop`` does, and that all who send have a place, and no cycle is lost."""

import dataclasses
import random

import pytest

from eyrie.bench.component import STALLS, Sink, Stall, run, stalls
from eyrie.eie import broadcast
from eyrie.eie.broadcast import Broadcast
from eyrie.eie.config import TINY, EieConfig
from eyrie.eie.leading_nonzero_detect import tree_levels
from tests.hw.eie.sent_broadcast import SentBroadcast

LATENCY = 2
DEPTH = 32
LEVELS = [1, 5, 17, 65]
"""Numbers of PEs that have trees of 1 to 4 levels."""


def configuration(n_pes: int) -> EieConfig:
    return dataclasses.replace(TINY, n_pes=n_pes, table_depth=1 << 12, activation_depth=48)


def activations(config: EieConfig, n: int, seed: int) -> list[dict[str, int]]:
    draw = random.Random(f"{config.n_pes} {seed}")
    lowest, highest = config.activation_range
    return [
        {
            "valid": 1,
            "value": draw.randint(lowest, highest),
            "local": draw.choice([0, config.activation_depth - 1, draw.randrange(config.activation_depth)]),
            "pe": draw.choice([0, config.n_pes - 1, draw.randrange(config.n_pes)]),
        }
        for _ in range(n)
    ]


def columns(config: EieConfig, items: list[dict[str, int]], column_base: int) -> list[dict[str, int]]:
    return [
        {"value": item["value"], "column": column_base + item["local"] * config.n_pes + item["pe"]} for item in items
    ]


@pytest.mark.parametrize("n_pes", [1, 2, 3, 5, 7, 12, 16, 33, 64, 100, 255, 256])
def test_column_one_a_cycle_two_cycles_later(n_pes: int) -> None:
    config = configuration(n_pes)
    items = activations(config, 50, seed=0)
    column_base = 1000 + n_pes
    result = run(
        Broadcast(config, levels=tree_levels(n_pes)),
        {"valid": [{"i": item} for item in items]},
        {"o_valid": Sink(len(items), ("o",))},
        levels={"column_base": [column_base]},
    )
    assert result.received["o_valid"] == columns(config, items, column_base)
    assert result.sent_at["valid"] == list(range(50))
    assert result.received_at["o_valid"] == list(range(LATENCY, LATENCY + 50))


@pytest.mark.parametrize("stop", STALLS)
@pytest.mark.parametrize("stall", STALLS)
def test_stop_loses_nothing(stall: Stall, stop: Stall) -> None:
    config = configuration(7)
    items = activations(config, 100, seed=1)
    stopping = stalls(stop, "stop")
    stops = [next(stopping) for _ in range(5000)]
    dut = SentBroadcast(config)
    result = run(
        dut,
        {"i": items},
        {"o_valid": Sink(len(items), ("o",))},
        stall=stall,
        levels={"stop": stops},
        watch=["o_valid", "occupied"],
        after=100,
    )
    assert result.received["o_valid"] == columns(config, items, 0)
    for cycle, (stopped, valid) in enumerate(zip(stops, result.watched["o_valid"], strict=False)):
        assert not (stopped and valid), f"stop in cycle {cycle}, and an activation"
    inside = 1 + dut.levels  # from a PE that sends to the broadcast
    for sent, received in zip(result.sent_at["i"], result.received_at["o_valid"], strict=True):
        assert all(result.watched["occupied"][sent + inside + 1 : received + 1])
    assert not result.watched["occupied"][-1]


@pytest.mark.parametrize("stop", STALLS)
@pytest.mark.parametrize("n_pes", LEVELS)
def test_an_activation_leaves_after_every_cycle_without_a_stop(n_pes: int, stop: Stall) -> None:
    config = configuration(n_pes)
    items = activations(config, 150, seed=3)
    stopping = stalls(stop, f"{n_pes}")
    assert_none_is_missed(config, items, [next(stopping) for _ in range(3000)])


def assert_none_is_missed(config: EieConfig, items: list[dict[str, int]], stops: list[bool]) -> None:
    dut = SentBroadcast(config)
    result = run(dut, {"i": items}, {"o_valid": Sink(len(items), ("o",))}, levels={"stop": stops}, after=3)
    assert result.received["o_valid"] == columns(config, items, 0)
    at_head = 1 + dut.levels + LATENCY  # in which the first one could leave
    free = [cycle for cycle, stopped in enumerate(stops) if not stopped and cycle >= at_head]
    assert result.received_at["o_valid"] == free[: len(items)]


@pytest.mark.parametrize("n_pes", range(1, 257))
def test_never_overflows_and_misses_no_cycle_whatever_the_number_of_pes(n_pes: int) -> None:
    # Stopped until all places are taken, then for as long as it takes to fill them halfway, then here and there.
    draw = random.Random(n_pes)
    stops = [cycle < 70 for cycle in range(100)] + [True] * draw.randint(1, 20) + [False] * draw.randint(1, 20)
    stops += [draw.random() < 0.5 for _ in range(40)] + [False] * 100
    config = configuration(n_pes)
    assert_none_is_missed(config, activations(config, 110, seed=4), stops)


@pytest.mark.parametrize("n_pes", LEVELS)
def test_all_places_are_taken_behind_a_long_stop(n_pes: int) -> None:
    # Those in memory, and the one at the head; had it room for one more, the hold could have come a cycle later.
    config = configuration(n_pes)
    items = activations(config, 60, seed=5)
    with pytest.raises(TimeoutError, match=f"i sent {DEPTH + 1} of 60"):
        run(SentBroadcast(config), {"i": items}, {}, levels={"stop": [1]}, timeout=200)


@pytest.mark.parametrize("n_pes", LEVELS)
def test_a_hold_that_is_a_cycle_late_overflows(n_pes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    config = configuration(n_pes)
    monkeypatch.setattr(broadcast, "HOLD_LATENCY", broadcast.HOLD_LATENCY - 1)
    with pytest.raises(AssertionError, match="broadcast overflow"):
        run(SentBroadcast(config), {"i": activations(config, 60, seed=6)}, {}, levels={"stop": [1]}, timeout=200)
