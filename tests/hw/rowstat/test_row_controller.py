"""RowController: what reaches a row's X-buses, and what the next row gets."""

import dataclasses
import random
from typing import Any

import pytest

from eyrie.bench.component import run
from eyrie.rowstat.commands import NO_CHANNEL
from eyrie.rowstat.config import BUS_WORDS, TINY, RowstatConfig
from eyrie.rowstat.row_controller import RowController
from eyrie.rowstat.timing import NEXT_LATENCY, X_LATENCY
from tests.hw.rowstat.traffic import IDLE, extreme, filter_addresses, random_commands, staggered

CONFIGS = {
    "tiny": TINY,
    "one row, one slot": dataclasses.replace(TINY, rows=1, max_slots=1),
    "8 bits, 9 rows": dataclasses.replace(TINY, rows=9, activation_width=8, weight_width=8, max_slots=63),
    "64 rows": dataclasses.replace(TINY, rows=64),
}
BUSES = ("ifmap", "filter", "command")


def play(config: RowstatConfig, row: int, cycles: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """What was on all outputs of a row's controller; ``cycles`` say what comes on the buses."""
    n = len(cycles) + 8
    levels = {bus: [*(cycle.get(bus, IDLE) for cycle in cycles), IDLE] for bus in BUSES}
    outputs = [*(f"{bus}_{side}" for bus in BUSES for side in ("next", "x")), "filter_address"]
    return run(RowController(config), {}, {}, levels={**levels, "row": [row]}, watch=outputs, after=n).watched


def value(config: RowstatConfig, *, slot: int = 0, channel: int = 0, row: int = 0, **fields: int) -> dict[str, Any]:
    return {"ifmap": {"valid": 1, "is_id": 0, "slot": slot, "channel": channel, "row": row, "address": 1, **fields}}


def row_id(row: int, channel: int, offset: int, *, slot: int = 0) -> dict[str, Any]:
    data = channel | offset << 6
    data -= data >> 15 << 16
    return {"ifmap": {"valid": 1, "is_id": 1, "slot": slot, "channel": 1, "row": row, "address": 0, "data": data}}


def columns_taken(config: RowstatConfig, row: int, cycles: list[dict[str, Any]]) -> list[tuple[int, int]]:
    """Cycle of the bus and column tag of everything that came to the ifmap X-bus."""
    watched = play(config, row, cycles)["ifmap_x"]
    return [(cycle - X_LATENCY, x["column"]) for cycle, x in enumerate(watched) if x["valid"]]


@pytest.mark.parametrize("name", CONFIGS)
def test_all_is_handed_on_with_lanes_rotated(name: str) -> None:
    config, draw = CONFIGS[name], random.Random(name)
    commands = random_commands(config, 60, draw)
    cycles = []
    for command in commands:
        ifmap = {
            "valid": draw.randrange(2),
            "is_id": draw.randrange(2),
            "slot": draw.randrange(config.max_slots),
            "channel": draw.randrange(64),
            "row": draw.randrange(1024),
            "address": draw.randrange(config.ifmap_words),
            "data": extreme(draw, 16),
        }
        weights = {
            "pads": draw.randrange(1 << config.row_filter_pads),
            "group": draw.randrange(config.row_groups),
            "address": draw.randrange(config.filter_depth),
            "weights": [extreme(draw, config.weight_width) for _ in range(BUS_WORDS)],
        }
        cycles.append({"ifmap": ifmap, "filter": weights, "command": command})
    # Fields of arrays do not come out of the simulator as lists: weights are looked at below.
    watched = play(config, 0, cycles)
    for bus in ("ifmap", "command"):
        expected = [cycle[bus] for cycle in cycles]
        assert watched[f"{bus}_next"][NEXT_LATENCY : NEXT_LATENCY + len(cycles)] == expected
    for before, after in zip(cycles, watched["filter_next"][NEXT_LATENCY:], strict=False):
        weights = before["filter"]["weights"]
        assert {**after, "weights": [*after["weights"].values()]} == {
            **before["filter"],
            "weights": [*weights[1:], weights[0]],
        }


def test_commands_come_to_the_stages_in_their_cycles() -> None:
    commands = random_commands(TINY, 200, random.Random("stages"))
    watched = play(TINY, 1, [{"command": command} for command in commands])
    for output, expected in (("command_x", staggered(commands)), ("filter_address", filter_addresses(commands))):
        assert watched[output][X_LATENCY : X_LATENCY + len(expected)] == expected


@pytest.mark.parametrize("name", CONFIGS)
def test_weights_of_the_own_group_and_lane(name: str) -> None:
    config = CONFIGS[name]
    every = (1 << config.row_filter_pads) - 1
    cycles = [
        {"filter": {"pads": pads, "group": group, "address": 3 + group, "weights": [-1, 2, -3, 4]}}
        for pads in (every, every - 1, 0)
        for group in range(config.row_groups)
    ]
    for row in {0, config.rows // 2, config.rows - 1}:
        watched = play(config, row, cycles)["filter_x"]
        group = row // BUS_WORDS
        # Lane 0 of what comes to the row is its own.
        taken = [{"pads": pads, "address": 3 + group, "weight": -1} for pads in (every, every - 1)]
        at = [group + X_LATENCY, config.row_groups + group + X_LATENCY]
        assert [(cycle, x) for cycle, x in enumerate(watched) if x["pads"]] == [*zip(at, taken, strict=True)]


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", CONFIGS)
def test_values_are_taken_by_row_id(name: str, seed: int) -> None:
    config, draw = CONFIGS[name], random.Random(f"{name} {seed}")
    own = draw.randrange(config.rows)
    ids = {slot: (draw.choice([0, 1, 62]), draw.randrange(4)) for slot in range(config.max_slots)}
    cycles = [row_id(own, *ids[slot], slot=slot) for slot in ids]
    expected = []
    for cycle in range(len(cycles), len(cycles) + 300):
        slot = draw.randrange(config.max_slots)
        if draw.random() < 0.1:
            row = draw.choice([own, own ^ 1, own + 512])
            new = draw.choice([0, 1, 62, NO_CHANNEL]), draw.choice([0, 1, 1023])
            cycles.append(row_id(row, *new, slot=slot))
            if row == own:
                ids[slot] = new
            continue
        fields = {
            "channel": draw.choice([0, 1, 62]),
            "row": draw.choice([0, 1, 2, 5, 1023]),
            "address": draw.randrange(config.ifmap_words),
            "data": extreme(draw, config.activation_width),
            "valid": int(draw.random() < 0.9),
        }
        cycles.append(value(config, slot=slot, **fields))
        channel, offset = ids[slot]
        if fields["valid"] and channel == fields["channel"] and fields["row"] >= offset:
            taken = {
                "valid": 1,
                "column": fields["row"] - offset,
                "address": fields["address"],
                "value": fields["data"],
            }
            expected.append((cycle + X_LATENCY, taken))
    watched = play(config, own, cycles)["ifmap_x"]
    assert [(cycle, x) for cycle, x in enumerate(watched) if x["valid"]] == expected
    assert len(expected) >= 10


def test_a_value_meets_the_id_of_the_cycle_before() -> None:
    same = value(TINY, channel=3, row=5)
    cycles = [row_id(1, 4, 0), same, row_id(1, 3, 2), same, row_id(1, 3, 5), same, row_id(0, 3, 1), same]
    assert columns_taken(TINY, 1, cycles) == [(3, 3), (5, 0), (7, 0)]


def test_slots_have_their_own_ids() -> None:
    cycles = [
        row_id(0, 2, 0, slot=0),
        row_id(0, 2, 1, slot=3),
        *(value(TINY, slot=slot, channel=2, row=9) for slot in (0, 3)),
    ]
    assert columns_taken(TINY, 0, cycles) == [(2, 9), (3, 8)]


def test_a_row_before_the_filter_row_goes_nowhere() -> None:
    cycles = [row_id(0, 2, 3), *(value(TINY, channel=2, row=row) for row in (2, 3, 0, 1023))]
    assert columns_taken(TINY, 0, cycles) == [(2, 0), (4, 1020)]


def test_a_row_without_a_channel_takes_nothing() -> None:
    cycles = [row_id(0, NO_CHANNEL, 0), *(value(TINY, channel=channel) for channel in range(63))]
    assert columns_taken(TINY, 0, cycles) == []
