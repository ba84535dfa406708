"""Deliver: every value to its place, in the order of the units, as far ahead as there is space and no farther."""

import dataclasses
import random
from dataclasses import dataclass
from typing import Any

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from eyrie.bench.component import STALLS, Run, Stall, run
from eyrie.rowstat.commands import COUNT_BITS, NO_CHANNEL, Opcode, pack
from eyrie.rowstat.config import TINY, RowstatConfig
from eyrie.rowstat.control_timing import (
    DELIVER_PASS_CYCLES,
    SHORTEST_DELIVERY,
    SPACE_LATENCY,
    UNIT_DELIVERED_LATENCY,
    VALUE_LATENCY,
    VALUES_SETTLE,
)
from eyrie.rowstat.deliver import Deliver
from eyrie.rowstat.ifmap_bank import IfmapBank
from eyrie.rowstat.layouts import column_id_width, ifmap_bus_layout

CONFIG = dataclasses.replace(TINY, rows=5, columns=6, ifmap_depth=32, ifmap_ahead=0)
WATCHED = ["ifmap", "unit_delivered", "unit_finished", "delivered", "busy", "column_id_en", "column_id", "read_en"]


class DeliverFromBank(wiring.Component):
    """Deliver with the bank that it reads, and a compute that finishes units that were delivered when ``finish`` is."""

    def __init__(self, config: RowstatConfig) -> None:
        self.config = config
        super().__init__(
            {
                "start": In(1),
                "commands": In(stream.Signature(64)),
                "fetched": In(COUNT_BITS),
                "computed": In(COUNT_BITS),
                "finish": In(1),
                "write_en": In(1),
                "write_address": In(config.bank_address_width),
                "write_data": In(64),
                "ifmap": Out(ifmap_bus_layout(config)),
                "column_id_en": Out(1),
                "column_id": Out(column_id_width()),
                "unit_delivered": Out(1),
                "unit_finished": Out(1),
                "delivered": Out(COUNT_BITS),
                "busy": Out(1),
                "read_en": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.deliver = deliver = Deliver(self.config)
        m.submodules.bank = bank = IfmapBank(self.config)
        wiring.connect(m, wiring.flipped(self.commands), deliver.commands)
        pending = Signal(16)
        m.d.comb += [
            deliver.start.eq(self.start),
            deliver.fetched.eq(self.fetched),
            deliver.computed.eq(self.computed),
            bank.write_en.eq(self.write_en),
            bank.write_address.eq(self.write_address),
            bank.write_data.eq(self.write_data),
            bank.read_en.eq(deliver.read_en),
            bank.read_address.eq(deliver.read_address),
            deliver.read_data.eq(bank.read_data),
            self.ifmap.eq(deliver.ifmap),
            self.column_id_en.eq(deliver.column_id_en),
            self.column_id.eq(deliver.column_id),
            self.unit_delivered.eq(deliver.unit_delivered),
            self.unit_finished.eq(self.finish & (pending != 0)),
            deliver.unit_finished.eq(self.unit_finished),
            self.delivered.eq(deliver.delivered),
            self.busy.eq(deliver.busy),
            self.read_en.eq(deliver.read_en),
        ]
        m.d.sync += pending.eq(pending + deliver.unit_delivered - self.unit_finished)
        return m


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A LAYER, its slots as (first_channel, channels), and its passes as (first_row, first_x)."""

    slots: tuple[tuple[int, int], ...]
    passes: tuple[tuple[int, int], ...]
    window: int = 3
    stride: int = 1
    region: int = 5
    steps: int = 4
    rows: int = 3
    tile: tuple[int, int, int] = (6, 4, 7)
    base: int = 0

    @property
    def advance(self) -> int:
        return min(self.window, self.stride)

    @property
    def pitch(self) -> int:
        return -(-self.tile[2] // 4)

    def words(self, seed: int = 0, wait_fetched: int = 0, wait_computed: int = 0) -> list[int]:
        draw = random.Random(seed)
        words = [
            *pack(
                "deliver_layer",
                opcode=Opcode.LAYER,
                slots=len(self.slots),
                window=self.window,
                advance=self.advance,
                stride=self.stride,
                region=self.region,
                steps=self.steps,
                rows=self.rows,
                tile_rows=self.tile[1],
                row_pitch=self.pitch,
                channel_pitch=self.tile[1] * self.pitch,
                width=self.tile[2],
            )
        ]
        for slot, (first_channel, channels) in enumerate(self.slots):
            words += pack("deliver_ids", opcode=Opcode.IDS, slot=slot, first_channel=first_channel, channels=channels)
            ids = self.ids(slot, draw)
            for first in range(0, len(ids), 4):
                words.append(sum(one << 16 * lane for lane, one in enumerate(ids[first : first + 4])))
        for first_row, first_x in self.passes:
            fields = {"wait_fetched": wait_fetched, "wait_computed": wait_computed, "base": self.base}
            words += pack("deliver_pass", opcode=Opcode.WORK, first_row=first_row, first_x=first_x, **fields)
        return words

    def ids(self, slot: int, draw: random.Random) -> list[int]:
        return [
            pack("row_id", channel=draw.choice([NO_CHANNEL, *range(6)]), offset=slot + draw.randrange(1000))[0]
            for _ in range(CONFIG.rows)
        ]

    def units(self, bank: list[list[int]]) -> list[tuple[int, list[dict[str, int]]]]:
        """Of every unit how far its values go, and what is on the bus for it."""
        units, end = [], 0
        _, height, width = self.tile
        for first_row, first_x in self.passes:
            for step in range(self.steps):
                words = self.window if step == 0 else self.advance
                begin, end = end, end + words
                for slot, (first_channel, channels) in enumerate(self.slots):
                    values = []
                    for channel in range(channels):
                        for row in range(self.rows):
                            for d in range(words):
                                x = first_x + step * self.stride + (self.window - words) + d
                                y, value = first_row + row, 0
                                if 0 <= y < height and 0 <= x < width:
                                    address = self.base + ((first_channel + channel) * height + y) * self.pitch
                                    value = bank[address + x // 4][x % 4]
                                values.append(
                                    {
                                        "valid": 1,
                                        "is_id": 0,
                                        "slot": slot,
                                        "channel": channel,
                                        "row": row,
                                        "address": slot * self.region + (begin + d) % self.region,
                                        "data": value,
                                    }
                                )
                    units.append((end, values))
        return units


LAYERS = {
    "two slots": Layer(slots=((0, 2), (3, 1)), passes=((-1, -1), (2, 1))),
    "an empty slot": Layer(slots=((1, 1), (0, 0), (2, 2)), passes=((0, 0),) * 2),
    "nothing but empty slots": Layer(slots=((0, 0), (0, 0)), passes=((0, 0),)),
    "one value a unit": Layer(slots=((0, 1),) * 3, rows=1, window=1, region=2, passes=((1, 2), (0, 0))),
    "stride over the window": Layer(slots=((0, 2),), window=2, stride=3, region=9, steps=3, passes=((0, -2), (1, -1))),
    "stride within the window": Layer(slots=((4, 2),), window=5, stride=2, region=6, passes=((-2, -2), (3, 0))),
    "one step": Layer(slots=((2, 3), (1, 4)), steps=1, window=4, region=4, passes=((0, 3), (-3, 5), (0, 0))),
    "region of one window": Layer(slots=((0, 1),) * 4, region=3, steps=5, passes=((0, 0), (1, 0))),
    "far outside": Layer(slots=((0, 1),), passes=((-40, 0), (40, 0), (0, -40), (0, 40))),
    "another base": Layer(slots=((1, 2),), base=77, tile=(6, 4, 9), region=8, passes=((1, 3), (-1, 6))),
    "many rows": Layer(slots=((0, 1), (1, 1)), rows=9, tile=(2, 12, 5), region=7, steps=6, passes=((0, 0), (3, -1))),
}


def bank_values() -> list[list[int]]:
    draw = random.Random(99)
    return [[draw.randint(-(1 << 15), (1 << 15) - 1) for _ in range(4)] for _ in range(CONFIG.ifmap_bank_words)]


BANK = bank_values()
PRELOAD = [
    {
        "write_en": 1,
        "write_address": address,
        "write_data": sum((value & 0xFFFF) << 16 * lane for lane, value in enumerate(word)),
    }
    for address, word in enumerate(BANK)
]


def play(words: list[int], finish: list[int] | list[bool], after: int, **options: Any) -> Run:
    levels = {"finish": finish, **options.pop("levels", {})}
    return run(
        DeliverFromBank(CONFIG),
        {"commands": words},
        {},
        levels=levels,
        preload=PRELOAD,
        watch=WATCHED,
        after=after,
        **options,
    )


def values_of(result: Run) -> tuple[list[dict[str, int]], list[int]]:
    times = [cycle for cycle, value in enumerate(result.watched["ifmap"]) if value["valid"] and not value["is_id"]]
    return [result.watched["ifmap"][cycle] for cycle in times], times


def ids_of(result: Run) -> list[tuple[int, int, int]]:
    sent = [value for value in result.watched["ifmap"] if value["valid"] and value["is_id"]]
    return [(value["slot"], value["row"], value["data"] & 0xFFFF) for value in sent]


def pulses(result: Run, port: str) -> list[int]:
    return [cycle for cycle, value in enumerate(result.watched[port]) if value]


@pytest.mark.parametrize("name", LAYERS)
def test_values_of_all_units_without_a_gap(name: str) -> None:
    layer = LAYERS[name]
    units = layer.units(BANK)
    result = play(layer.words(), [1], 20 + sum(3 + len(values) for _, values in units))
    values, times = values_of(result)
    assert values == [value for _, own in units for value in own]
    assert len(pulses(result, "unit_delivered")) == len(units)
    assert result.watched["delivered"][-1] == len(layer.passes)
    assert not result.watched["busy"][-1]
    draw = random.Random(0)
    assert ids_of(result) == [
        (slot, row, one) for slot in range(len(layer.slots)) for row, one in enumerate(layer.ids(slot, draw))
    ]
    if min(len(own) for _, own in units) > 2 and layer.region >= 2 * layer.window:
        assert times == list(range(times[0], times[0] + len(values)))


@pytest.mark.parametrize("stall", STALLS)
def test_stalls_of_the_commands(stall: Stall) -> None:
    layer = LAYERS["two slots"]
    result = play(layer.words(), [1], 200, stall=stall, seed=3)
    assert values_of(result)[0] == [value for _, own in layer.units(BANK) for value in own]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", LAYERS)
def test_as_early_as_space_allows_and_no_earlier(name: str, seed: int) -> None:
    layer, draw = LAYERS[name], random.Random(seed)
    units = layer.units(BANK)
    total = sum(len(values) for _, values in units)
    chance = [0.02, 0.05, 0.2, 0.5][seed]
    finish = [draw.random() < chance for _ in range(8000)]
    result = play(layer.words(), [*finish, 1], 300 + round(4 / chance) * len(units) + 3 * total)
    values, times = values_of(result)
    assert values == [value for _, own in units for value in own]
    slots = len(layer.slots)
    per_pass = slots * layer.steps
    finished, delivered = pulses(result, "unit_finished"), pulses(result, "unit_delivered")
    decided = first = -1
    for number, (end, own) in enumerate(units):
        # Units of this slot whose windows begin more than a region before the end of what is to come.
        held = [k for k in range(number % slots, number, slots) if end - (units[k][0] - layer.window) > layer.region]
        space = finished[held[-1]] + SPACE_LATENCY if held else 0
        v = max(len(units[number - 1][1]), SHORTEST_DELIVERY)
        at = delivered[number] - UNIT_DELIVERED_LATENCY - max(len(own), 1)
        if number == 0:
            first = at
            assert at >= space
        else:
            if number % per_pass == 0:
                v = max(v, 3)
            assert at == max(decided + v, space), f"unit {number}"
        decided = at
        if own:
            assert times[sum(len(o) for _, o in units[:number])] == at + 1 + VALUE_LATENCY
    assert first > 0


def test_a_pass_takes_its_cycles_and_waits_for_its_counts() -> None:
    layer = dataclasses.replace(LAYERS["two slots"], passes=((0, 0),))
    words = layer.words(wait_fetched=2, wait_computed=3)
    # A LAYER needs 0 passes computed when none was delivered.
    at_once = play(words, [1], 120, levels={"fetched": [2], "computed": [0] * 5 + [3]})
    taken = at_once.sent_at["commands"][-2]
    assert values_of(at_once)[1][0] == taken + DELIVER_PASS_CYCLES + 2 + 1 + VALUE_LATENCY
    fetched = play(words, [1], 200, levels={"fetched": [0] * 60 + [1] * 20 + [2], "computed": [0] * 5 + [3]})
    assert values_of(fetched)[1][0] == 80 + 2 + 1 + VALUE_LATENCY
    computed = play(words, [1], 200, levels={"fetched": [2], "computed": [0] * 5 + [2] * 65 + [3]})
    assert values_of(computed)[1][0] == 70 + 2 + 1 + VALUE_LATENCY


def test_a_layer_waits_until_all_is_computed() -> None:
    first, second = LAYERS["two slots"], LAYERS["another base"]
    words = [*first.words(), *second.words(1)]
    result = play(words, [1], 500, levels={"computed": [0] * 200 + [1] * 100 + [2]})
    assert values_of(result)[0] == [value for layer in (first, second) for _, own in layer.units(BANK) for value in own]
    assert result.sent_at["commands"][len(first.words())] == 300


def test_columns_wait_until_the_values_have_passed_all_rows() -> None:
    ids = [7, 0, 1023, 1, 2, 3]
    columns = [*pack("deliver_columns", opcode=Opcode.COLUMNS), 0x0001_03FF_0000_0007, 0x0003_0002]
    result = play([*LAYERS["two slots"].words(), *columns], [1], 200)
    at = pulses(result, "column_id_en")
    assert [result.watched["column_id"][cycle] for cycle in at] == ids
    last = values_of(result)[1][-1] - VALUE_LATENCY
    first = last + CONFIG.rows + VALUES_SETTLE + 1
    assert at == list(range(first, first + 6))


def test_a_word_is_read_once_for_values_that_follow_each_other() -> None:
    layer = Layer(slots=((0, 1),), rows=1, window=6, region=6, steps=1, tile=(1, 1, 8), passes=((0, 1), (0, 0)))
    result = play(layer.words(), [1], 100)
    assert values_of(result)[0] == [value for _, own in layer.units(BANK) for value in own]
    assert len(pulses(result, "read_en")) == 4


def test_start_clears_the_counter_and_junk_is_thrown_away() -> None:
    layer = LAYERS["one step"]
    result = play([0, 15, *layer.words()], [1], 500, levels={"start": [0] * 400 + [1, 0]})
    assert values_of(result)[0] == [value for _, own in layer.units(BANK) for value in own]
    assert result.watched["delivered"][399:402] == [3, 3, 0]
