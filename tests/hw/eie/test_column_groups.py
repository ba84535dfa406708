"""The emitted engine with several groups of PEs, against the integer model: layers with and without split columns.

Cycles are those of the cycle model in every run.
"""

import dataclasses
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

from eyrie.bench.engine import SimulatedEngine
from eyrie.bench.simulation import Stall
from eyrie.cycles.model import CycleModel
from eyrie.eie.config import EieConfig
from tests.hw.eie.network import Layer, Program, compile_by_hand, layer_of, random_layer, random_vector, small

TWO = small(n_pes=6, column_groups=2, queue_depth=2, index_bits=2, activation_depth=5, accumulator_depth=5)
"""Three PEs a group; more than 30 inputs take batches, more than 12 rows passes of four."""

FOUR = small(n_pes=4, column_groups=4, queue_depth=1, lut_ram=False, skip_empty=False, accumulator_width=24)

engine = cache(SimulatedEngine)


def split(layer: Layer) -> Layer:
    return dataclasses.replace(layer, apart=True)


def one_layer(config: EieConfig, rows: int, columns: int, seed: int, **options: Any) -> list[Layer]:
    return [split(random_layer(config, rows, columns, seed, **options))]


def only_columns(config: EieConfig, group: Callable[[int], bool]) -> list[Layer]:
    """Entries in the columns of some groups alone."""
    codes = random_layer(config, 11, 18, 4, density=0.8).codes.copy()
    for column in range(18):
        if not group(column % config.n_pes // config.group_pes):
            codes[:, column] = 0
    return [split(layer_of(config, codes, 4))]


CASES: dict[str, tuple[EieConfig, list[Layer]]] = {
    "two groups": (TWO, one_layer(TWO, 12, 16, 1)),
    "four groups of one PE": (FOUR, one_layer(FOUR, 9, 13, 2)),
    "a group without entries": (TWO, only_columns(TWO, lambda group: group == 0)),
    "one group with all the work": (FOUR, only_columns(FOUR, lambda group: group == 2)),
    "rows not divisible by the PEs": (FOUR, one_layer(FOUR, 7, 9, 5)),
    "one row": (FOUR, one_layer(FOUR, 1, 9, 6, density=1)),
    "one column": (TWO, one_layer(TWO, 9, 1, 7, density=1)),
    "fully dense": (FOUR, one_layer(FOUR, 12, 60, 8, density=1)),
    "all-zero matrix": (TWO, [split(layer_of(TWO, np.zeros((6, 9), np.int64), 9))]),
    "apart, then together": (TWO, [*one_layer(TWO, 11, 13, 10, relu=True), random_layer(TWO, 9, 11, 11)]),
    "together, then apart": (FOUR, [random_layer(FOUR, 10, 13, 12), *one_layer(FOUR, 9, 10, 13)]),
    "apart twice, scaled": (
        FOUR,
        [*one_layer(FOUR, 11, 13, 14, scaled=True, relu=True), *one_layer(FOUR, 10, 11, 15, scaled=True)],
    ),
    "several passes": (TWO, [*one_layer(TWO, 29, 17, 16, relu=True), *one_layer(TWO, 17, 29, 17, scaled=True)]),
    "several batches": (TWO, [*one_layer(TWO, 11, 70, 18), *one_layer(TWO, 9, 11, 19)]),
    "batches, passes and a round trip": (TWO, [*one_layer(TWO, 40, 70, 20), *one_layer(TWO, 9, 40, 21)]),
}


def check(program: Program, x: list[int]) -> int:
    """Run the loaded program; returns its cycles."""
    inputs, expected = program.streams(x)
    simulated = engine(program.config)
    assert simulated.run(np.array(inputs, np.int64), len(expected)).tolist() == expected
    model = CycleModel(program.config, program.memories.packets())
    assert simulated.cycles == model.run(np.array(inputs, np.int64)).cycles
    return simulated.cycles


def load(program: Program, stall: Stall = "never") -> None:
    engine(program.config).set_stalls(stall, seed=1)
    engine(program.config).load(program.words.astype(np.uint32))


@pytest.mark.parametrize("stall", ["never", "random"])
@pytest.mark.parametrize("case", CASES)
def test_corner_case(case: str, stall: Stall) -> None:
    config, layers = CASES[case]
    columns = layers[0].codes.shape[1]
    program = compile_by_hand(config, layers)
    load(program, stall)
    for density in (1.0, 0.5, 0.05, 0.0):
        check(program, random_vector(config, columns, seed=1, density=density))


@pytest.mark.parametrize("groups", [[0], [3], [0, 2]])
def test_activations_of_some_groups_alone(groups: list[int]) -> None:
    # The others have nothing to send; those that have send as if they were alone.
    x = random_vector(FOUR, 14, seed=3, density=1)
    program = compile_by_hand(FOUR, one_layer(FOUR, 9, 14, 20))
    load(program)
    check(program, [value if slot % 4 in groups else 0 for slot, value in enumerate(x)])


def test_groups_broadcast_at_the_same_time() -> None:
    # Together 30 activations take 30 cycles. Apart each group sends half of them, and drains two rows rather than one.
    codes = np.eye(6, 30, dtype=np.int64)
    cycles = []
    for layer in (layer_of(TWO, codes), split(layer_of(TWO, codes))):
        program = compile_by_hand(TWO, [layer])
        load(program)
        cycles.append(check(program, [5] * 30))
    assert cycles[0] - cycles[1] == 15 - 1


def test_reset_at_any_time() -> None:
    config, layers = CASES["apart, then together"]
    program = compile_by_hand(config, layers)
    simulated = engine(config)
    x = random_vector(config, 13, seed=1, density=1)
    load(program)
    n_cycles = check(program, x)
    for after in range(0, n_cycles + 20, 3):
        load(program)
        simulated.start()
        simulated.exchange(np.array(x, np.int64), 0)
        simulated.core.wait(after)
        simulated.core.reset(cycles=1)
        load(program)
        assert check(program, x) == n_cycles, f"reset after {after} cycles"
