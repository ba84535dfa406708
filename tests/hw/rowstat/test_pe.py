"""The row-stationary ProcessingElement with its FilterScratchpad against a plain model, on traffic that keeps the rules
and no others."""

import dataclasses
import random
from collections.abc import Sequence
from typing import Any

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from eyrie.bench.component import run
from eyrie.rowstat.config import TINY, RowstatConfig
from eyrie.rowstat.filter_scratchpad import FilterScratchpad
from eyrie.rowstat.layouts import filter_x_layout
from eyrie.rowstat.pe import ProcessingElement
from eyrie.rowstat.timing import LINK_LATENCY
from tests.hw.rowstat.array_model import PeModel, wrapped
from tests.hw.rowstat.traffic import IDLE, extreme, filter_addresses, random_commands, staggered

CONFIGS = {
    "tiny": TINY,
    "8 bits": dataclasses.replace(TINY, activation_width=8, weight_width=8, accumulator_width=24),
    "8 x 16 bits": dataclasses.replace(TINY, activation_width=8, accumulator_width=42),
    "one psum": dataclasses.replace(TINY, psum_depth=1),
    "two words": dataclasses.replace(TINY, ifmap_depth=2, ifmap_ahead=0, filter_depth=2),
    "paper": dataclasses.replace(TINY, ifmap_depth=12, ifmap_ahead=4, filter_depth=224, psum_depth=24),
}
COLUMN = 5
INPUTS, OUTPUTS = ("ifmap", "command", "column_id", "below"), ("link", "gated")


class PeWithPad(wiring.Component):
    """A PE and a filter scratch pad of its own."""

    def __init__(self, config: RowstatConfig) -> None:
        self.pe, self.pad = ProcessingElement(config), FilterScratchpad(config)
        members = {name: self.pe.signature.members[name] for name in (*INPUTS, *OUTPUTS)}
        members["filter"] = In(filter_x_layout(dataclasses.replace(config, columns=1)))
        super().__init__(members | {"filter_address": In(config.filter_address_width)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.pe, m.submodules.pad = self.pe, self.pad
        m.d.comb += [getattr(self.pe, name).eq(getattr(self, name)) for name in INPUTS]
        m.d.comb += [getattr(self, name).eq(getattr(self.pe, name)) for name in OUTPUTS]
        m.d.comb += [
            self.pad.write_en.eq(self.filter.pads),
            self.pad.write_address.eq(self.filter.address),
            self.pad.write_weight.eq(self.filter.weight),
            self.pad.read_en.eq(self.pe.weight_en),
            self.pad.read_address.eq(self.filter_address),
            self.pe.weight.eq(self.pad.weight),
        ]
        return m


def check(
    config: RowstatConfig,
    commands: Sequence[dict[str, Any]],
    *,
    values: Sequence[dict[str, int]] = (),
    weights: Sequence[dict[str, int]] = (),
    below: Sequence[int] = (),
) -> list[int]:
    """A PE against its model; what is on the link after each command that sends.

    All lists have an entry a cycle. The command of a cycle reads a value as it was before that of the cycle is written,
    and a weight as it is after.
    """
    model = PeModel(config)
    n = len(commands) + LINK_LATENCY + 2
    values, weights = ([*given, *[IDLE] * (n - len(given))] for given in (values, weights))
    below = [*below, *[0] * (n - len(below))]
    gated, links, sums = [0] * n, [0] * n, []
    for cycle, command in enumerate(commands):
        if weights[cycle] and weights[cycle]["pads"]:
            model.weights[weights[cycle]["address"]] = weights[cycle]["weight"]
        if command.get("valid"):
            is_gated, psum = model.execute(command)
            gated[cycle + 2] = int(is_gated)
            if psum is not None:
                sent = wrapped(psum + below[cycle + LINK_LATENCY - 1], config.accumulator_width)
                links[cycle + LINK_LATENCY :] = [sent] * (n - cycle - LINK_LATENCY)
                sums.append(sent)
        if values[cycle] and values[cycle]["column"] == COLUMN:
            model.values[values[cycle]["address"]] = values[cycle]["value"]
    levels = {
        "ifmap": [{"valid": 1, **value} if value else IDLE for value in values],
        "filter": weights,
        "command": [*staggered(commands), IDLE],
        "filter_address": [*filter_addresses(commands), 0],
        "column_id": [COLUMN],
        "below": below,
    }
    result = run(PeWithPad(config), {}, {}, levels=levels, watch=["link", "gated"], after=n)
    assert result.watched["gated"] == gated
    assert result.watched["link"] == links
    return sums


def command(**fields: int) -> dict[str, Any]:
    """A command that begins and ends everything, but for ``fields``."""
    names = ("ifmap_address", "filter_address", "psum_address")
    flags = ("valid", "first_word", "last_word", "first_slot", "last_slot")
    return {**dict.fromkeys(names, 0), **dict.fromkeys(flags, 1), **fields}


GAP = command(valid=0)


def check_products(
    config: RowstatConfig, pairs: Sequence[tuple[int, int]], commands: Sequence[dict[str, Any]]
) -> list[int]:
    """The same after pairs of a value and a weight were written to addresses 0, 1, ..."""
    values = [{"column": COLUMN, "address": address, "value": value} for address, (value, _) in enumerate(pairs)]
    weights = [{"pads": 1, "address": address, "weight": weight} for address, (_, weight) in enumerate(pairs)]
    return check(config, [*[GAP] * len(pairs), *commands], values=values, weights=weights)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", CONFIGS)
def test_random_traffic(name: str, seed: int) -> None:
    config, draw = CONFIGS[name], random.Random(f"{name} {seed}")
    fill = max(config.ifmap_words, config.filter_depth)
    commands = [*[GAP] * fill, *random_commands(config, 500, draw)]
    values: list[dict[str, int]] = []
    weights: list[dict[str, int]] = []
    for cycle in range(len(commands)):
        first = cycle < fill
        values.append(
            {
                "column": COLUMN if first else draw.choice([COLUMN, COLUMN, COLUMN ^ 1, COLUMN + 512]),
                "address": cycle % config.ifmap_words if first else draw.randrange(config.ifmap_words),
                "value": extreme(draw, config.activation_width),
            }
        )
        address = cycle % config.filter_depth if first else draw.randrange(config.filter_depth)
        # The command of the cycle before is reading its weight.
        clashes = not first and commands[cycle - 1]["valid"] and commands[cycle - 1]["filter_address"] == address
        weight = {
            "pads": 1 if first else draw.choice([0, 1, 1]),
            "address": address,
            "weight": extreme(draw, config.weight_width, 0.9),
        }
        weights.append(IDLE if clashes else weight)
    below = [extreme(draw, config.accumulator_width) for _ in commands]
    assert len(check(config, commands, values=values, weights=weights, below=below)) > 20


@pytest.mark.parametrize("name", CONFIGS)
def test_one_word_one_filter_one_slot(name: str) -> None:
    config = CONFIGS[name]
    assert check_products(config, [(7, -3)], [command()]) == [-21]


def test_one_slot_leaves_the_psum_scratchpad_alone() -> None:
    commands = [
        command(last_slot=0),
        *[command(ifmap_address=1, filter_address=1)] * 3,
        command(first_slot=0, ifmap_address=1, filter_address=1),
    ]
    assert check_products(TINY, [(7, -3), (2, 5)], commands) == [10, 10, 10, -11]


def test_most_negative_values() -> None:
    lowest = -(1 << 15)
    commands = [command(last_word=0), command(first_word=0, ifmap_address=1, filter_address=1)]
    assert check_products(dataclasses.replace(TINY, accumulator_width=33), [(lowest, lowest)] * 2, commands) == [
        1 << 31
    ]


def test_sums_wrap() -> None:
    lowest = -(1 << 15)
    commands = [command(last_word=0), command(first_word=0, ifmap_address=1, filter_address=1)]
    assert check_products(TINY, [(lowest, lowest)] * 2, commands) == [-(1 << 31)]


def test_zeros_are_gated_and_add_nothing() -> None:
    # The weight in front of the multiplier is still that of the word before.
    pairs = [(3, 100), (0, 1000), (0, 1000), (-1, 10), (0, 7)]
    words = [
        command(ifmap_address=word, filter_address=word, first_word=word == 0, last_word=word == 4)
        for word in range(len(pairs))
    ]
    assert check_products(TINY, pairs, words) == [290]


def test_all_zeros() -> None:
    words = [
        command(ifmap_address=word, filter_address=word, first_word=word == 0, last_word=word == 3) for word in range(4)
    ]
    assert check_products(TINY, [(0, -1)] * 4, words) == [0]


def test_idle_cycles_within_a_window_change_nothing() -> None:
    words = [command(last_word=0), GAP, GAP, command(first_word=0, last_word=0), GAP, command(first_word=0)]
    assert check_products(TINY, [(7, -3)], words) == [-63]


def test_a_psum_is_restored_three_cycles_after_it_was_saved_and_not_earlier() -> None:
    save, restore = command(last_slot=0), command(first_slot=0)
    assert check_products(TINY, [(7, -3)], [save, GAP, GAP, restore]) == [-42]
    with pytest.raises(AssertionError, match="read and write of one word in one cycle"):
        check_products(TINY, [(7, -3)], [save, GAP, restore])
