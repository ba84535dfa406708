"""EieArray: when commands arrive, when it is busy, and where activations go."""

import dataclasses
import random
from typing import Any

import pytest

from eyrie.bench.component import Run, run
from eyrie.eie.array import BUSY_LATENCY, COMMAND_LATENCY, EieArray
from eyrie.eie.config import TINY
from eyrie.eie.layouts import Op
from eyrie.eie.leading_nonzero_detect import tree_levels
from eyrie.eie.pe import EMIT_LATENCY

SIZES = [1, 3, 5, 17]

SLICE_LATENCY = 4
"""Cycles from a broadcast to its slices: the second register of commands, and the pointer read."""
FIRST_TURN = 5
"""Cycles from a REWIND to PE 0's turn."""
SEND_LATENCY = 4
"""Cycles from a PE that sends to the broadcast, besides those of the tree."""


def vector(n: int, seed: int, density: float) -> list[int]:
    draw = random.Random(seed)
    return [draw.choice([-5, 7, 1 << 14]) if draw.random() < density else 0 for _ in range(n)]


def run_array(dut: EieArray, values: list[int], commands: list[tuple[Op, int, int]], *, to_output: int = 0) -> Run:
    """Store a vector in bank 1, slot by slot; then commands with their data and PE. Cycles count from the first."""
    n_pes = dut.config.n_pes
    elements = [(Op.STORE if value else Op.SKIP, value % (1 << 16)) for value in values]
    before = [(Op.OPEN, 1, 0), *((op, data, slot % n_pes) for slot, (op, data) in enumerate(elements))]
    return run(
        dut,
        {},
        {},
        preload=[{"command": command(op, data), "pe": pe} for op, data, pe in before],
        levels={
            "command": [*(command(op, data) for op, data, _ in commands), command(Op.NONE, 0)],
            "pe": [pe for _, _, pe in commands],
            "to_output": [to_output],
        },
        watch=["output_valid", "output", "broadcasting", "busy"],
        after=len(commands) + 4 * n_pes + 40,
    )


def command(op: Op, data: int) -> dict[str, Any]:
    return {"op": op, "address": 0, "data": data}


@pytest.mark.parametrize("density", [0, 0.5, 1])
@pytest.mark.parametrize("n_pes", SIZES)
def test_emitted_activations_zeros_included(n_pes: int, density: float) -> None:
    values = vector(3 * n_pes + 1, n_pes, density)
    emits = [(Op.EMIT, 0, slot % n_pes) for slot in range(len(values))]
    begin = 3
    dut = EieArray(dataclasses.replace(TINY, n_pes=n_pes))
    result = run_array(dut, values, [(Op.REWIND, 1, 0), *[(Op.NONE, 0, 0)] * (begin - 1), *emits], to_output=1)
    latency = COMMAND_LATENCY + EMIT_LATENCY + tree_levels(n_pes)
    assert dut.output_latency == latency
    seen = result.watched
    assert [cycle for cycle, valid in enumerate(seen["output_valid"]) if valid] == [
        begin + latency + slot for slot in range(len(values))
    ]
    assert seen["output"][begin + latency : begin + latency + len(values)] == values
    assert not any(seen["broadcasting"])


@pytest.mark.parametrize("density", [0, 0.3, 1])
@pytest.mark.parametrize("n_pes", SIZES)
def test_busy_from_the_command_to_the_last_activation_without_a_gap(n_pes: int, density: float) -> None:
    values = vector(4 * n_pes - 1, n_pes, density)
    dut = EieArray(dataclasses.replace(TINY, n_pes=n_pes))
    seen = run_array(dut, values, [(Op.REWIND, 3, 0)]).watched
    # One PE after the other: an activation a cycle, and a cycle for a PE that has none. The last may have none.
    cycle, sent = FIRST_TURN, []
    for pe in range(n_pes):
        n_own = sum(value != 0 for value in values[pe::n_pes])
        sent += [number + SEND_LATENCY + tree_levels(n_pes) for number in range(cycle, cycle + n_own)]
        cycle += max(n_own, 1)
    assert [cycle for cycle, broadcasting in enumerate(seen["broadcasting"]) if broadcasting] == sent
    # From the command until what the last PE sends would have come to the root, and all slices are found empty.
    last = max([cycle - 1 + 1 + tree_levels(n_pes), *(at + SLICE_LATENCY for at in sent)])
    busy = [cycle for cycle, is_busy in enumerate(seen["busy"]) if is_busy]
    assert busy == [cycle + BUSY_LATENCY for cycle in range(2, last + 1)]
    assert not any(seen["output_valid"])


@pytest.mark.parametrize("n_own", [1, 2])
@pytest.mark.parametrize("only", [0, 16])
def test_a_turn_passes_by_pes_that_have_nothing(only: int, n_own: int) -> None:
    # With a single activation in the last PE, every place between it and the multiplier is the only one occupied.
    values = [9 * (slot % 17 == only) for slot in range(n_own * 17)]
    dut = EieArray(dataclasses.replace(TINY, n_pes=17))
    seen = run_array(dut, values, [(Op.REWIND, 3, 0)]).watched
    first = FIRST_TURN + only + SEND_LATENCY + tree_levels(17)
    sent = list(range(first, first + n_own))
    assert [cycle for cycle, broadcasting in enumerate(seen["broadcasting"]) if broadcasting] == sent
    last_turn = FIRST_TURN + 16 + n_own - 1
    last = max(last_turn + 1 + tree_levels(17), sent[-1] + SLICE_LATENCY)
    busy = [cycle for cycle, is_busy in enumerate(seen["busy"]) if is_busy]
    assert busy == [cycle + BUSY_LATENCY for cycle in range(2, last + 1)]
