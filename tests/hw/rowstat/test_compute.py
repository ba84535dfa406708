"""Compute: the commands of all units, one after the other, and what it waits for."""

import random
from collections.abc import Iterable
from typing import Any

import pytest

from eyrie.bench.component import Run, Sink, run
from eyrie.rowstat.commands import Opcode, pack
from eyrie.rowstat.compute import Compute
from eyrie.rowstat.config import TINY
from eyrie.rowstat.control_timing import COMMAND_LATENCY, FINISH_AHEAD, PSUM_HAZARD, READY_LATENCY

WATCHED = ["command", "unit_finished", "block_freed", "busy"]
MANY = 4000
SHAPES = [
    # slots, window, advance, region, steps, filters, ring
    (1, 3, 1, 6, 5, 3, 2),
    (2, 3, 2, 5, 4, 2, 3),
    (3, 1, 1, 3, 3, 1, 3),
    (2, 1, 1, 2, 3, 2, 5),
    (1, 5, 2, 9, 3, 1, 1),
    (4, 2, 2, 2, 2, 4, 4),
    (1, 1, 1, 8, 1, 1, 7),
    (2, 4, 3, 4, 1, 2, 2),
]


def layer(slots: int, window: int, advance: int, region: int, steps: int, filters: int, ring: int) -> list[int]:
    return [
        *pack(
            "compute_layer",
            opcode=Opcode.LAYER,
            slots=slots,
            window=window,
            advance=advance,
            region=region,
            steps=steps,
            filters=filters,
            block=filters * window,
            ring=ring,
        )
    ]


def a_pass(psum_base: int, *, first: int = 1, last_of_set: int = 0, wait_drained: int = 0) -> list[int]:
    fields = {"psum_base": psum_base, "first": first, "last_of_set": last_of_set, "wait_drained": wait_drained}
    return [*pack("compute_pass", opcode=Opcode.WORK, **fields)]


def expected(
    passes: list[tuple[int, int, int]],
    slots: int,
    window: int,
    advance: int,
    region: int,
    steps: int,
    filters: int,
    ring: int,
) -> list[list[dict[str, int]]]:
    """Commands of every unit; a pass is (psum_base, first, last_of_set)."""
    units, start, first_block, block = [], 0, 0, filters * window
    for psum_base, first, last_of_set in passes:
        for step in range(steps):
            for slot in range(slots):
                last_slot = slot == slots - 1
                units.append(
                    [
                        {
                            "valid": 1,
                            "ifmap_address": slot * region + (start + w) % region,
                            "filter_address": (first_block + slot) % ring * block + f * window + w,
                            "psum_address": f,
                            "first_word": int(w == 0),
                            "last_word": int(w == window - 1),
                            "first_slot": int(slot == 0),
                            "last_slot": int(last_slot),
                            **(
                                {"bank_address": psum_base + step * filters + f, "bank_first": first}
                                if last_slot and w == window - 1
                                else {}
                            ),
                            "pass_end": int(step == steps - 1 and last_slot and f == filters - 1 and w == window - 1),
                        }
                        for f in range(filters)
                        for w in range(window)
                    ]
                )
            start += advance if step < steps - 1 else window
        first_block += slots * last_of_set
    return units


def commands_of(result: Run) -> tuple[list[dict[str, int]], list[int]]:
    """The commands at the array and their cycles, without the fields that have no meaning."""
    commands, times = [], []
    for cycle, command in enumerate(result.watched["command"]):
        if command["valid"]:
            if not (command["last_slot"] and command["last_word"]):
                del command["bank_address"], command["bank_first"]
            commands.append(command)
            times.append(cycle)
    return commands, times


def pulses(result: Run, port: str) -> list[int]:
    return [cycle for cycle, value in enumerate(result.watched[port]) if value]


def play(words: list[int], levels: dict[str, Iterable[Any]], cycles: int, **options: Any) -> Run:
    return run(Compute(TINY), {"commands": words}, {}, levels=levels, watch=WATCHED, after=cycles, **options)


def three_passes(slots: int) -> tuple[list[tuple[int, int, int]], int]:
    """Passes on two sets of blocks, and the count of blocks."""
    return [(0, 1, 0), (64, 1, 1), (5, 0, 1)], 2 * slots


@pytest.mark.parametrize("shape", SHAPES)
def test_no_gap_when_all_is_there(shape: tuple[int, ...]) -> None:
    passes, n_blocks = three_passes(shape[0])
    units = expected(passes, *shape)
    words = layer(*shape)
    for psum_base, first, last_of_set in passes:
        words += a_pass(psum_base, first=first, last_of_set=last_of_set)
    result = play(
        words,
        {"unit_delivered": [1] * len(units) + [0], "block_loaded": [1] * n_blocks + [0]},
        sum(map(len, units)) * 3 + 50,
    )
    commands, times = commands_of(result)
    assert commands == [command for unit in units for command in unit]
    cycles = max(shape[5] * shape[1], shape[1] + PSUM_HAZARD)
    starts = [times[0] + cycles * number for number in range(len(units))]
    assert times == [at + k for at, unit in zip(starts, units, strict=True) for k in range(len(unit))]
    assert pulses(result, "unit_finished") == [at + cycles - 1 - FINISH_AHEAD for at in starts]
    steps, slots = shape[4], shape[0]
    freeing = [n for n in range(len(units)) if n // slots % steps == steps - 1 and passes[n // slots // steps][2]]
    assert pulses(result, "block_freed") == [starts[n] + cycles - 1 for n in freeing]
    assert result.watched["busy"][-1]  # the array has not said that the psums are written


@pytest.mark.parametrize("seed", range(8))
def test_units_wait_for_values_and_blocks(seed: int) -> None:
    draw = random.Random(seed)
    shape = SHAPES[seed]
    passes, n_blocks = three_passes(shape[0])
    units = expected(passes, *shape)
    words = layer(*shape)
    for psum_base, first, last_of_set in passes:
        words += a_pass(psum_base, first=first, last_of_set=last_of_set)
    delivered = [draw.random() < 0.1 for _ in range(MANY)]
    loaded = [draw.random() < 0.05 for _ in range(MANY)]
    values_at = [cycle for cycle, pulse in enumerate(delivered) if pulse][: len(units)]
    blocks_at = [cycle for cycle, pulse in enumerate(loaded) if pulse][:n_blocks]
    levels = {
        "unit_delivered": [cycle in values_at for cycle in range(MANY)],
        "block_loaded": [cycle in blocks_at for cycle in range(MANY)],
    }
    result = play(words, levels, max(values_at[-1], blocks_at[-1]) + 200)
    commands, times = commands_of(result)
    assert commands == [command for unit in units for command in unit]
    # Every unit comes as early as what it waits for and the unit before allow.
    slots, steps = shape[0], shape[4]
    cycles = max(shape[5] * shape[1], shape[1] + PSUM_HAZARD)
    free, block_set = 6, 0  # three cycles for the LAYER, one for the PASS, two to the first unit
    for number in range(len(units)):
        ready = READY_LATENCY + max(values_at[number], blocks_at[block_set * slots + number % slots])
        decided = max(free, ready)
        assert times[sum(map(len, units[:number]))] == decided + COMMAND_LATENCY
        free = decided + cycles
        if (number + 1) % (slots * steps) == 0:
            block_set += passes[number // (slots * steps)][2]


def test_a_pass_waits_for_its_count_of_drains() -> None:
    shape = SHAPES[0]
    words = [*layer(*shape), *a_pass(0, last_of_set=1, wait_drained=5), *a_pass(0, last_of_set=1, wait_drained=9)]
    drained = [0] * 100 + [5] * 150 + [8] * 50 + [9]
    result = play(words, {"unit_delivered": [1] * 10 + [0], "block_loaded": [1, 1, 0], "drained": drained}, 500)
    _, times = commands_of(result)
    assert times[0] == 100 + 2 + COMMAND_LATENCY
    assert times[len(times) // 2] == 300 + 2 + COMMAND_LATENCY


def test_counts_wrap() -> None:
    shape = SHAPES[6]
    words = [*layer(*shape), *a_pass(0, last_of_set=1, wait_drained=0x0001)]
    drained = [0xFFFE] * 50 + [0xFFFF] * 50 + [0] * 50 + [1]
    result = play(words, {"unit_delivered": [1, 0], "block_loaded": [1, 0], "drained": drained}, 300)
    assert commands_of(result)[1] == [150 + 2 + COMMAND_LATENCY]


def test_passes_are_counted_when_they_are_written() -> None:
    shape = SHAPES[6]
    words = [*layer(*shape), *a_pass(0, last_of_set=1), *a_pass(0, last_of_set=1)]
    written = [0] * 60 + [1, 0, 0, 1, 0]
    dut = Compute(TINY)
    result = run(
        dut,
        {"commands": words},
        {"unit_finished": Sink(2)},
        levels={"unit_delivered": [1, 1, 0], "block_loaded": [1, 1, 0], "pass_written": written},
        watch=["computed", "busy"],
        after=80,
    )
    assert result.watched["computed"][60:66] == [0, 1, 1, 1, 2, 2]
    assert result.watched["busy"][60:66] == [1, 1, 1, 1, 0, 0]


def test_the_next_layer_starts_at_the_first_position_and_block() -> None:
    first, second = SHAPES[0], SHAPES[1]
    words = [*layer(*first), *a_pass(3, last_of_set=1), *layer(*second), *a_pass(7, last_of_set=1)]
    units = expected([(3, 1, 1)], *first) + expected([(7, 1, 1)], *second)
    result = play(words, {"unit_delivered": [1] * len(units) + [0], "block_loaded": [1, 1, 1, 0]}, 400)
    commands, times = commands_of(result)
    assert commands == [command for unit in units for command in unit]
    # The LAYER is taken in the cycle after the last unit has ended, which is COMMAND_LATENCY - 1 cycles before its
    # last command; three cycles, one for the PASS, then two more to the decision.
    n_first = sum(len(unit) for unit in units[:5])
    assert times[n_first] - times[n_first - 1] == 1 - (COMMAND_LATENCY - 1) + 3 + 1 + 2 + COMMAND_LATENCY


def test_reserved_opcodes_are_thrown_away() -> None:
    shape = SHAPES[6]
    words = [0, 15, Opcode.IDS, *layer(*shape), Opcode.COLUMNS, *a_pass(0, last_of_set=1)]
    result = play(words, {"unit_delivered": [1, 0], "block_loaded": [1, 0]}, 50)
    assert len(commands_of(result)[0]) == 1
