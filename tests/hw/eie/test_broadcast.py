"""Broadcast: columns, what ``stop`` does, and what the output sees."""

import dataclasses
import random

import pytest

from eyrie.bench.component import STALLS, Sink, Stall, run, stalls
from eyrie.eie.broadcast import Broadcast
from eyrie.eie.config import TINY, EieConfig

BROADCAST = ("payload",)


def configuration(n_pes: int) -> EieConfig:
    return dataclasses.replace(TINY, n_pes=n_pes, table_depth=1 << 12, activation_depth=48)


def activations(config: EieConfig, n: int, seed: int) -> list[dict[str, int]]:
    draw = random.Random(f"{config.n_pes} {seed}")
    lowest, highest = config.activation_range
    return [
        {
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
        Broadcast(config, pe_width=8),
        {"i": items},
        {"valid": Sink(len(items), BROADCAST)},
        levels={"column_base": [column_base]},
    )
    assert result.received["valid"] == columns(config, items, column_base)
    assert result.sent_at["i"] == list(range(50))
    assert result.received_at["valid"] == list(range(2, 52))


@pytest.mark.parametrize("stop", STALLS)
@pytest.mark.parametrize("stall", STALLS)
def test_stop_loses_nothing(stall: Stall, stop: Stall) -> None:
    config = configuration(7)
    items = activations(config, 100, seed=1)
    stopping = stalls(stop, "stop")
    stops = [next(stopping) for _ in range(5000)]
    result = run(
        Broadcast(config, pe_width=4),
        {"i": items},
        {"valid": Sink(len(items), BROADCAST)},
        stall=stall,
        levels={"stop": stops},
        watch=["valid", "occupied"],
        after=100,
    )
    assert result.received["valid"] == columns(config, items, 0)
    for cycle, (stopped, valid) in enumerate(zip(stops, result.watched["valid"][1:], strict=False)):
        assert not (stopped and valid), f"stop in cycle {cycle}, an activation in cycle {cycle + 1}"
    for sent, received in zip(result.sent_at["i"], result.received_at["valid"], strict=True):
        assert all(result.watched["occupied"][sent + 1 : received + 1])
    assert not result.watched["occupied"][-1]


def test_stop_costs_as_many_cycles_as_it_lasts() -> None:
    config = configuration(7)
    items = activations(config, 30, seed=3)
    stops = [cycle in (9, 10, 11, 20) for cycle in range(30)]
    result = run(Broadcast(config, pe_width=4), {"i": items}, {"valid": Sink(30, BROADCAST)}, levels={"stop": stops})
    assert result.received_at["valid"] == [*range(2, 10), *range(13, 21), *range(22, 36)]


@pytest.mark.parametrize("to_output", [0, 1])
@pytest.mark.parametrize("stall", STALLS)
def test_output_is_what_the_tree_offers_or_zero(stall: Stall, to_output: int) -> None:
    config = configuration(5)
    items = activations(config, 40, seed=2)
    result = run(
        Broadcast(config, pe_width=4),
        {"i": items},
        {"valid": Sink(0)},
        stall=stall,
        levels={"to_output": [to_output]},
        watch=["output", "i.valid"],
    )
    offered = iter(items)
    expected = [next(offered)["value"] if valid else 0 for valid in result.watched["i.valid"]]
    assert result.watched["output"] == expected
    assert sum(result.watched["i.valid"]) == len(items)


@pytest.mark.parametrize("stall", STALLS)
def test_to_output_passes_by_the_array_and_heeds_no_stop(stall: Stall) -> None:
    config = configuration(5)
    items = activations(config, 40, seed=2)
    result = run(
        Broadcast(config, pe_width=4),
        {"i": items},
        {"valid": Sink(0)},
        stall=stall,
        levels={"to_output": [1], "stop": [0, 1] * 500},
        watch=["i.valid", "occupied"],
    )
    assert result.received["valid"] == []
    assert not any(result.watched["occupied"])
    # Each was taken in the cycle in which it was offered.
    assert [cycle for cycle, valid in enumerate(result.watched["i.valid"]) if valid] == result.sent_at["i"]
