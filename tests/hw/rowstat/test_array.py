"""RowstatArray against a plain model and, pass by pass, against plain NumPy."""

import dataclasses
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from eyrie.bench.component import run
from eyrie.rowstat.array import RowstatArray
from eyrie.rowstat.config import BUS_WORDS, TINY, RowstatConfig
from eyrie.rowstat.timing import (
    COMMAND_AFTER_VALUE,
    COMMAND_AFTER_WEIGHT,
    DRAIN_READ_LATENCY,
    RESTORE_DISTANCE,
    VALUE_AFTER_COMMAND,
    WEIGHT_AFTER_COMMAND,
    X_LATENCY,
    written_latency,
)
from tests.hw.rowstat.array_model import ArrayModel
from tests.hw.rowstat.traffic import IDLE, extreme, random_commands

CONFIGS = {
    "tiny": TINY,
    "1 x 1": dataclasses.replace(TINY, rows=1, columns=1),
    "2 x 5": dataclasses.replace(TINY, rows=2, columns=5, max_slots=1, drain_lanes=4),
    "6 x 1": dataclasses.replace(TINY, rows=6, columns=1, psum_depth=1),
    "1 x 3": dataclasses.replace(TINY, rows=1, columns=3, ifmap_depth=2, ifmap_ahead=0, filter_depth=2, drain_lanes=1),
    "3 x 6, pads for 3": dataclasses.replace(TINY, columns=6, filter_columns=3),
    "2 x 4, pads for 4": dataclasses.replace(TINY, rows=2, filter_columns=4),
    "8 bits": dataclasses.replace(TINY, rows=5, activation_width=8, weight_width=8, accumulator_width=24),
}

Cycle = dict[str, Any]
"""What comes to the array in a cycle: a bus's fields by its name, column id, set, a drain's column, address and
lanes."""


def row_id(row: int, slot: int, channel: int, offset: int) -> Cycle:
    data = channel | offset << 6
    return {"ifmap": {"valid": 1, "is_id": 1, "slot": slot, "row": row, "data": data - (data >> 15 << 16)}}


def value(slot: int, channel: int, row: int, address: int, data: int) -> Cycle:
    fields = {"slot": slot, "channel": channel, "row": row, "address": address, "data": data}
    return {"ifmap": {"valid": 1, "is_id": 0, **fields}}


def weights(group: int, number: int, address: int, lanes: Sequence[int]) -> Cycle:
    return {"filter": {"valid": 1, "group": group, "set": number, "address": address, "weights": list(lanes)}}


def shifts(column_ids: Sequence[int], sets: Sequence[int]) -> list[Cycle]:
    return [{"column_id": column, "set": number} for column, number in zip(column_ids, sets, strict=True)]


def drain(column: int, address: int, lanes: int = 1) -> Cycle:
    """Bit k of ``lanes``: column ``column + k``."""
    return {"drain": (column, address, lanes)}


def play(config: RowstatConfig, cycles: Sequence[Cycle], after: int) -> dict[str, list[Any]]:
    """What the outputs were in these cycles and as many as ``after`` more."""
    flat: dict[str, list[Any]] = {}
    for name in ("ifmap", "filter", "command"):
        flat[name] = [*(cycle.get(name, IDLE) for cycle in cycles), IDLE]
    for name in ("column_id", "set"):
        flat[f"{name}_en"] = [*(int(name in cycle) for cycle in cycles), 0]
        flat[name] = [*(cycle.get(name, 0) for cycle in cycles), 0]
    for place, name in enumerate(("drain_column", "drain_address", "drain_en")):
        flat[name] = [*(cycle.get("drain", (0, 0, 0))[place] for cycle in cycles), 0]
    outputs = ["drained", "written", "gated"]
    return run(RowstatArray(config), {}, {}, levels=flat, watch=outputs, after=len(cycles) + after).watched


def check(config: RowstatConfig, cycles: Sequence[Cycle], column_ids: Sequence[int], sets: Sequence[int]) -> list[int]:
    """Cycles after those that shift in ids, which are put in front, against the model; the drained psums."""
    head = shifts(column_ids, sets)
    model = ArrayModel(config, column_ids, sets)
    n = len(head) + len(cycles) + written_latency(config) + DRAIN_READ_LATENCY
    gated, written, psums = [0] * n, [0] * n, []
    lanes = range(config.drain_lanes)
    drained = [{f"column_{lane}": 0 for lane in lanes} for _ in range(n)]
    for now, cycle in enumerate(cycles, len(head)):
        if "filter" in cycle:
            model.load(cycle["filter"])
        if "drain" in cycle:
            first, address, wanted = cycle["drain"]
            read = {f"column_{lane}": model.banks[first + lane][address] for lane in lanes if wanted >> lane & 1}
            psums += read.values()
            drained[now + DRAIN_READ_LATENCY] |= read
        command = cycle.get("command", IDLE)
        if command.get("valid"):
            for row, flags in enumerate(model.execute(command)):
                for column, flag in enumerate(flags):
                    gated[now + row + X_LATENCY + 2] |= flag << row * config.columns + column
            written[now + written_latency(config)] = command["pass_end"]
        if cycle.get("ifmap", IDLE).get("valid"):
            model.deliver(cycle["ifmap"])
    watched = play(config, [*head, *cycles], n - len(head) - len(cycles))
    assert watched["gated"] == gated
    assert watched["written"] == written
    assert watched["drained"] == drained
    return psums


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", CONFIGS)
def test_random_traffic(name: str, seed: int) -> None:
    config, draw = CONFIGS[name], random.Random(f"{name} {seed}")
    assert (COMMAND_AFTER_VALUE, VALUE_AFTER_COMMAND) == (1, 0), "the model delivers after the command of the cycle"
    assert (COMMAND_AFTER_WEIGHT, WEIGHT_AFTER_COMMAND) == (0, 2), "the model loads before it"

    def random_row_id(row: int, slot: int) -> Cycle:
        return row_id(row, slot, draw.choice([0, 0, 1, 63]), draw.randrange(3))

    def random_value() -> Cycle:
        place = draw.randrange(config.max_slots), draw.randrange(2), draw.randrange(5)
        return value(*place, draw.randrange(config.ifmap_words), extreme(draw, config.activation_width))

    def random_weights(address: int) -> Cycle:
        lanes = [extreme(draw, config.weight_width, 0.9) for _ in range(BUS_WORDS)]
        return weights(draw.randrange(config.row_groups), draw.randrange(3), address, lanes)

    column_ids = [draw.randrange(3) for _ in range(config.columns)]
    sharing = config.filter_columns
    sets = [number for _ in range(0, config.columns, sharing) for number in [draw.randrange(2)] * sharing]
    cycles = [random_row_id(row, slot) for row in range(config.rows) for slot in range(config.max_slots)]
    for _ in range(2):
        cycles += [random_value() | random_weights(address) for address in range(config.filter_depth)]
    wait = written_latency(config) + 1
    known: list[list[int]] = [[], []]
    for phase in range(3):
        half = phase % 2
        commands = random_commands(config, 100, draw, half=half)
        last = max(at for at, c in enumerate(commands) if c["valid"] and c["last_word"] and c["last_slot"])
        commands[last]["pass_end"] = 1
        first_cycle = len(cycles)
        for command in commands:
            cycle: Cycle = {"command": command}
            kind = draw.random()
            if kind < 0.7:
                cycle |= random_value()
            elif kind < 0.8:
                cycle |= random_row_id(draw.randrange(config.rows), draw.randrange(config.max_slots))
            address = draw.randrange(config.filter_depth)
            before = cycles[-1].get("command", IDLE)
            if not (before.get("valid") and before["filter_address"] == address):
                cycle |= random_weights(address)
            if known[1 - half] and draw.random() < 0.7:
                column = draw.randrange(config.columns)
                lanes = draw.randrange(1, 1 << min(config.drain_lanes, config.columns - column))
                cycle |= drain(column, draw.choice(known[1 - half]), lanes)
            cycles.append(cycle)
        sending = [c for c in commands if c["valid"] and c["last_word"] and c["last_slot"]]
        known[half] = sorted({command["bank_address"] for command in sending})
        # The half is drained as soon as `written` was there for all of it.
        cycles += [{}] * (first_cycle + last + wait - len(cycles))
    cycles += [drain(column, address) for column in range(config.columns) for address in known[half]]
    psums = check(config, cycles, column_ids, sets)
    assert len(set(psums)) > 4


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pass:
    """A pass over an array whose scratch pads hold all values: what its loops are, as the mapper would choose them."""

    slots: int = 1
    window: int = 1
    filters: int = 1
    steps: int = 1
    stride: int = 1
    repeats: int = 1

    @property
    def region(self) -> int:
        """Values of a slot."""
        return (self.steps - 1) * self.stride + self.window

    @property
    def cycles(self) -> int:
        """Cycles of a unit."""
        return max(self.filters * self.window, self.window - 1 + RESTORE_DISTANCE)

    def commands(self, config: RowstatConfig) -> list[Cycle]:
        """The commands, unit after unit without a gap; the same pass again adds to its psums."""
        cycles: list[Cycle] = []
        for number in range(self.repeats):
            for step in range(self.steps):
                for slot in range(self.slots):
                    unit: list[Cycle] = []
                    for f in range(self.filters):
                        for word in range(self.window):
                            sends = slot == self.slots - 1 and word == self.window - 1
                            ends = sends and step == self.steps - 1 and f == self.filters - 1
                            fields = {
                                "valid": 1,
                                "ifmap_address": slot * self.region + step * self.stride + word,
                                "filter_address": (slot * self.filters + f) * self.window + word,
                                "psum_address": f,
                                "first_word": int(word == 0),
                                "last_word": int(word == self.window - 1),
                                "first_slot": int(slot == 0),
                                "last_slot": int(slot == self.slots - 1),
                                "bank_address": step * self.filters + f if sends else 0,
                                "bank_first": int(number == 0) if sends else 0,
                                "pass_end": int(ends),
                            }
                            unit.append({"command": fields})
                    cycles += [*unit, *[{}] * (self.cycles - len(unit))]
        return cycles


PASSES = {
    "all of everything": (TINY, Pass(slots=2, window=3, filters=4, steps=2)),
    "one word, one filter, one slot, one step": (TINY, Pass(repeats=5)),
    "window 1": (TINY, Pass(slots=4, filters=3, steps=2)),
    "one filter": (TINY, Pass(slots=2, window=2, steps=3)),
    "one filter of window 1": (TINY, Pass(slots=4, steps=2, repeats=2)),
    "two filters of window 1": (TINY, Pass(slots=4, filters=2, steps=2)),
    "one slot": (TINY, Pass(window=3, filters=4, steps=6, repeats=2)),
    "one slot, window 1": (TINY, Pass(filters=3, repeats=3)),
    "stride": (TINY, Pass(slots=2, window=1, filters=2, steps=2, stride=3)),
    "one PE": (dataclasses.replace(TINY, rows=1, columns=1), Pass(slots=2, window=3, filters=2, steps=3)),
    "2 x 5 PEs": (dataclasses.replace(TINY, rows=2, columns=5), Pass(slots=2, window=2, filters=4, steps=3, repeats=2)),
    "five rows": (dataclasses.replace(TINY, rows=5), Pass(slots=3, window=2, filters=2, steps=2)),
    "two columns a pad": (dataclasses.replace(TINY, columns=6, filter_columns=2), Pass(slots=2, window=2, filters=2)),
    "8 bits": (
        dataclasses.replace(TINY, activation_width=8, weight_width=8, accumulator_width=24),
        Pass(slots=2, window=3, filters=3, steps=2),
    ),
}


def run_pass(
    config: RowstatConfig, shape: Pass, ifmap: np.ndarray, filters: np.ndarray, column_ids: list[int], sets: list[int]
) -> np.ndarray:
    """Psums by column, step and filter.

    The channel of slot s that row k takes is k, with filter row k: so ``ifmap`` has the shape (slots, rows, tile rows,
    region) and ``filters`` (sets, slots, rows, filters, window).
    """
    n_sets, slots, rows = filters.shape[:3]
    cycles = [row_id(row, slot, row, row) for row in range(rows) for slot in range(slots)]
    for slot, channel, row, x in np.ndindex(ifmap.shape):
        cycles.append(value(slot, channel, row, slot * shape.region + x, int(ifmap[slot, channel, row, x])))
    for number, slot, f, word in np.ndindex(n_sets, slots, shape.filters, shape.window):
        lanes = [*map(int, filters[number, slot, :, f, word]), *[9] * (-rows % BUS_WORDS)]
        for group in range(config.row_groups):
            address = (slot * shape.filters + f) * shape.window + word
            cycles.append(weights(group, number, address, lanes[BUS_WORDS * group :][:BUS_WORDS]))
    cycles += shape.commands(config)
    cycles += [{}] * (written_latency(config) + 1)
    n_psums = shape.steps * shape.filters
    cycles += [drain(column, address) for column in range(config.columns) for address in range(n_psums)]
    psums = check(config, cycles, column_ids, sets)
    return np.array(psums).reshape(config.columns, shape.steps, shape.filters)


def expected_psums(
    shape: Pass, ifmap: np.ndarray, filters: np.ndarray, column_ids: list[int], sets: list[int]
) -> np.ndarray:
    slots, rows = ifmap.shape[:2]
    psums = np.zeros((len(column_ids), shape.steps, shape.filters), dtype=np.int64)
    for column, slot, row, step in np.ndindex(len(column_ids), slots, rows, shape.steps):
        window = ifmap[slot, row, column_ids[column] + row, step * shape.stride :][: shape.window]
        psums[column, step] += filters[sets[column], slot, row] @ window
    return psums * shape.repeats


@pytest.mark.parametrize("name", PASSES)
def test_passes_against_plain_sums(name: str) -> None:
    check_pass(name)


@pytest.mark.parametrize("name", ["all of everything", "8 bits"])
def test_most_negative_values(name: str) -> None:
    check_pass(name, extremes=True)


def check_pass(name: str, *, extremes: bool = False) -> None:
    config, shape = PASSES[name]
    generator = np.random.default_rng(sum(map(ord, name)))
    column_ids = [column // 2 * shape.stride for column in range(config.columns)]
    sets = [column // config.filter_columns % 2 for column in range(config.columns)]
    tile_rows = column_ids[-1] + config.rows
    ifmap = generator.integers(-100, 101, (shape.slots, config.rows, tile_rows, shape.region))
    ifmap[generator.random(ifmap.shape) < 0.3] = 0
    filters = generator.integers(-100, 101, (2, shape.slots, config.rows, shape.filters, shape.window))
    if extremes:
        ifmap[:], filters[:] = config.activation_range[0], config.weight_range[0]
        config = dataclasses.replace(config, accumulator_width=42)
    psums = run_pass(config, shape, ifmap, filters, column_ids, sets)
    assert np.array_equal(psums, expected_psums(shape, ifmap, filters, column_ids, sets))


def one_psum(n_psums: int) -> list[Cycle]:
    """Commands that send one product after the other, and what waits until they are in the banks."""
    fields = dict.fromkeys(("valid", "first_word", "last_word", "first_slot", "last_slot", "bank_first"), 1)
    fields |= dict.fromkeys(("ifmap_address", "filter_address", "psum_address", "pass_end"), 0)
    return [{"command": {**fields, "bank_address": number}} for number in range(n_psums)]


def test_new_column_ids_part_old_values_from_new_ones() -> None:
    config = dataclasses.replace(TINY, rows=5, columns=2)
    ids = [row_id(row, 0, 0, row) for row in range(config.rows)]
    load = [weights(group, 0, 0, [1, 10, 100, 1000]) for group in (0, 1)]

    def values(data: int) -> list[Cycle]:
        return [value(0, 0, row, 0, data) for row in range(config.rows)]

    # Rows take tile row 0 + their number for column 0; column 1 has an id that none has, then they change places.
    swap = [{"column_id": 700, "set": 0}, {"column_id": 0, "set": 0}]
    cycles = [*swap[::-1], *ids, *load, *values(3), *[{}] * config.rows, *swap, *values(5), *[{}] * COMMAND_AFTER_VALUE]
    cycles += [*one_psum(1), *[{}] * (written_latency(config) + 1), drain(0, 0), drain(1, 0)]
    watched = [psums["column_0"] for psums in play(config, cycles, DRAIN_READ_LATENCY)["drained"]]
    total = 1 + 10 + 100 + 1000 + 1
    assert watched[-2:] == [3 * total, 5 * total]


def test_new_sets_part_old_weights_from_new_ones() -> None:
    config = dataclasses.replace(TINY, rows=5, columns=2)
    ids = [row_id(row, 0, 0, row) for row in range(config.rows)]
    both = [{"column_id": 0, "set": 1}, {"column_id": 0, "set": 7}]
    swap = [{"set": 7}, {"set": 1}]

    def load(weight: int) -> list[Cycle]:
        return [weights(group, 1, 0, [weight] * BUS_WORDS) for group in (0, 1)]

    cycles = [*both, *ids, *(value(0, 0, row, 0, 1) for row in range(config.rows))]
    cycles += [*load(3)[:-1], load(3)[-1] | swap[0], swap[1], *load(5)]
    cycles += [*one_psum(1), *[{}] * (written_latency(config) + 1), drain(0, 0), drain(1, 0)]
    watched = [psums["column_0"] for psums in play(config, cycles, DRAIN_READ_LATENCY)["drained"]]
    assert watched[-2:] == [15, 25]
