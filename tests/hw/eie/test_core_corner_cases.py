"""EieCore: the corner cases, each by its name."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from eyrie.eie import activation_queue
from eyrie.eie.activation_queue import BROADCAST_SLACK
from eyrie.eie.config import EieConfig
from tests.hw.eie.network import (
    Layer,
    Program,
    compile_by_hand,
    encode_column,
    layer_of,
    random_layer,
    random_vector,
    small,
)
from tests.hw.eie.session import Session, infer, play, play_network

CONFIG = small(n_pes=3, index_bits=2, queue_depth=2)

ROOT_DEPTH = 17
"""Activations that wait at the root of the tree, with the one at its head."""

LIMITED = small(n_pes=1, index_bits=3, accumulator_depth=64, activation_depth=64)
"""One PE whose entries hold runs of up to 7 zeros."""


def random_codes(rows: int, columns: int, seed: int, density: float = 0.4) -> Any:
    return random_layer(CONFIG, rows, columns, seed, density=density).codes.copy()


def with_zeros(rows: Any = (), columns: Any = ()) -> list[Layer]:
    codes = random_codes(11, 14, 1, density=0.8)
    codes[list(rows), :] = 0
    codes[:, list(columns)] = 0
    return [layer_of(CONFIG, codes, 1)]


def runs_of(*zeros: int) -> list[Layer]:
    """In each column these runs of zeros, each with a code after it, up to the last row."""
    column = [code for run in zeros for code in [0] * run + [1 + run % 15]]
    return [layer_of(LIMITED, np.array([column, column[::-1]]).T, 2)]


def only_pe(busy: Callable[[int], bool]) -> list[Layer]:
    codes = random_codes(18, 10, 3, density=0.9)
    for row in range(18):
        if not busy(row % CONFIG.n_pes):
            codes[row] = 0
    return [layer_of(CONFIG, codes, 3)]


CASES: dict[str, tuple[EieConfig, list[Layer]]] = {
    "all-zero row": (CONFIG, with_zeros(rows=[4])),
    "all-zero column": (CONFIG, with_zeros(columns=[6])),
    "several empty columns in a row": (CONFIG, with_zeros(columns=[3, 4, 5, 6, 7, 8, 10, 11])),
    "first and last columns empty": (CONFIG, with_zeros(columns=[0, 1, 12, 13])),
    "all-zero matrix": (CONFIG, with_zeros(rows=range(11))),
    "zero run one below the limit": (LIMITED, runs_of(6, 6, 6)),
    "zero run at the limit": (LIMITED, runs_of(7, 7, 7)),
    "zero run one over the limit": (LIMITED, runs_of(8, 8, 8)),
    "zero runs several times over the limit": (LIMITED, runs_of(15, 16, 24)),
    "a PE with no work": (CONFIG, only_pe(lambda pe: pe != 1)),
    "one PE with all of it": (CONFIG, only_pe(lambda pe: pe == 2)),
    "fully dense": (CONFIG, [layer_of(CONFIG, random_codes(12, 12, 4, density=1), 4)]),
    "one row": (CONFIG, [random_layer(CONFIG, 1, 13, 5)]),
    "one column": (CONFIG, [random_layer(CONFIG, 13, 1, 6, density=0.8)]),
    "one row and one column": (CONFIG, [random_layer(CONFIG, 1, 1, 7, density=1)]),
    "rows not divisible by the PEs": (
        CONFIG,
        [random_layer(CONFIG, 10, 8, 8, relu=True), random_layer(CONFIG, 11, 10, 9)],
    ),
    "codebook of one entry": (
        CONFIG,
        [Layer(**{**vars(layer_of(CONFIG, np.zeros((4, 5)), 1)), "codebook": np.zeros(1, np.int64)})],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_corner_case(case: str) -> None:
    config, layers = CASES[case]
    columns = layers[0].codes.shape[1]
    play_network(compile_by_hand(config, layers), [random_vector(config, columns, seed=1, density=1)])


@pytest.mark.parametrize("value", [0, CONFIG.activation_range[0], CONFIG.activation_range[1]])
def test_activations_all_the_same(value: int) -> None:
    # All zero, all at the most negative value, all at the largest; after a vector that leaves something behind.
    layers = [layer_of(CONFIG, random_codes(12, 12, 4, density=1), 4)]
    vectors = [random_vector(CONFIG, 12, seed=2), [value] * 12]
    play_network(compile_by_hand(CONFIG, layers), vectors)


def test_the_zero_runs_take_the_fillers_that_they_are_meant_to() -> None:
    def fillers(case: str) -> int:
        column = CASES[case][1][0].codes[:, 0].tolist()
        return sum(code == 0 for code, _ in encode_column(column, LIMITED.max_run))

    assert fillers("zero run one below the limit") == 0
    assert fillers("zero run at the limit") == 0
    assert fillers("zero run one over the limit") == 3
    assert fillers("zero runs several times over the limit") == 1 + 2 + 3


def test_hidden_vector_of_zeros() -> None:
    # Nothing is left to broadcast in the second layer: its outputs are those of its biases.
    first = random_layer(CONFIG, 9, 6, 1, relu=True)
    silent = Layer(**{**vars(first), "bias": np.full(9, -(1 << 31)), "codes": first.codes * 0})
    play_network(compile_by_hand(CONFIG, [silent, random_layer(CONFIG, 7, 9, 2)]), [[1] * 6, [0] * 6])


def slow_pe(queue_depth: int, columns: int) -> Program:
    """A PE with 72 entries in each column holds up all others; its queue stops the broadcast again and again."""
    config = small(
        n_pes=2,
        queue_depth=queue_depth,
        index_bits=1,
        codebook_bits=1,
        count_bits=7,
        entry_depth=8192,
        accumulator_depth=72,
        activation_depth=128,
    )
    codes = np.zeros((144, columns), np.int64)
    codes[0::2] = 1
    return compile_by_hand(config, [layer_of(config, codes, 1)])


@pytest.mark.parametrize("queue_depth", [1, 2])
def test_queue_full_for_a_thousand_cycles(queue_depth: int) -> None:
    # Stopped and held at the last moment: more columns than queue, slack and root can take, one in each cycle.
    columns = queue_depth + BROADCAST_SLACK + ROOT_DEPTH + 8
    program = slow_pe(queue_depth, columns)

    async def scenario(session: Session) -> None:
        await session.load(program.words.tolist())
        await infer(session, program, random_vector(program.config, columns, 1, density=1))
        assert 1000 < 72 * columns < session.cycles < 72 * columns + 72 + 80

    play(program.config, scenario)


def test_a_slack_that_is_one_too_small_overflows_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    # A depth and a slack of 9 slices in all take 16 words, of 8 only 8: there the ninth finds no room.
    queue_depth, columns = 1, 24
    assert queue_depth + BROADCAST_SLACK == 9
    monkeypatch.setattr(activation_queue, "BROADCAST_SLACK", BROADCAST_SLACK - 1)
    program = slow_pe(queue_depth, columns)
    # A configuration of its own, for which no simulator with the true slack is ready.
    config = dataclasses.replace(program.config, program_depth=256)
    program = compile_by_hand(config, program.layers)
    with pytest.raises(AssertionError, match="activation queue overflow"):
        play_network(program, [random_vector(config, columns, 1, density=1)])


def test_one_pe_of_a_second_group_with_all_of_it() -> None:
    # What commands, stops and busy pass in groups of sixteen PEs: it is the seventeenth that is late with everything.
    # Most PEs have the turn, and hand it on, while they are held.
    config = small(n_pes=17, queue_depth=1, activation_depth=3, accumulator_depth=3, codebook_bits=2, count_bits=4)
    codes = np.zeros((3 * 17, 45), np.int64)
    codes[16::17] = np.random.default_rng(1).integers(1, 4, (3, 45))
    program = compile_by_hand(config, [layer_of(config, codes, 1)])

    async def scenario(session: Session) -> None:
        await session.load(program.words.tolist())
        await infer(session, program, random_vector(config, 45, 1, density=1))
        assert session.cycles > 3 * 45

    play(config, scenario)


@pytest.mark.parametrize("n_entries", [1, 5, 14])
def test_one_entry_a_cycle(n_entries: int) -> None:
    # Two more entries in each of 12 columns cost 24 cycles, whatever else a run takes; the last column stays the same.
    config = small(n_pes=1)
    cycles = []

    async def scenario(session: Session) -> None:
        for n in (n_entries, n_entries + 2):
            codes = np.arange(16)[:, None] < [*[n] * 12, 14]
            program = compile_by_hand(config, [layer_of(config, codes, 1)])
            await session.load(program.words.tolist())
            await infer(session, program, [3] * 13)
            cycles.append(session.cycles)

    play(config, scenario)
    assert cycles[1] - cycles[0] == 24


@pytest.mark.parametrize("skip_empty", [True, False])
def test_empty_columns_cost_the_multiplier_nothing_or_a_cycle_each(skip_empty: bool) -> None:
    wide = small(n_pes=1, queue_depth=8, activation_depth=64, skip_empty=skip_empty)
    full = np.ones((16, 8), np.int64)
    spread = np.zeros((16, 36), np.int64)
    spread[:, ::5] = 1
    cycles = []

    async def scenario(session: Session) -> None:
        for codes in (full, spread):
            program = compile_by_hand(wide, [layer_of(wide, codes, 1)])
            await session.load(program.words.tolist())
            await infer(session, program, [3] * codes.shape[1])
            cycles.append(session.cycles)

    play(wide, scenario)
    assert cycles[1] - cycles[0] == (0 if skip_empty else 28)
