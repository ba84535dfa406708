"""The engine model on memories written by hand, and its refusal of programs that break the contract."""

from dataclasses import replace

import numpy as np
import pytest

from eyrie.eie.config import TINY, EieConfig
from eyrie.eie.load_format import Memory, Packet
from eyrie.eie.program import STEP_WORDS, Step
from eyrie.errors import InputError
from eyrie.golden.engine import EngineModel

CONFIG = replace(TINY, n_pes=2, activation_depth=4, accumulator_depth=8, codebook_bits=2, index_bits=2)
CODEBOOK = (0, 5, -3, 100)
LONGEST = 3


def entry(code: int, run: int) -> int:
    return code | run << CONFIG.codebook_bits


FILLER = entry(0, LONGEST)


def program(*steps: Step, codebook: tuple[int, ...] = CODEBOOK) -> list[int]:
    """Steps whose first copies the codebook that follows them."""
    base = STEP_WORDS * len(steps)
    first = replace(steps[0], codebook_base=base, codebook_count=len(codebook))
    words = [word for step in (first, *steps[1:]) for word in step.pack()]
    return words + [value & 0xFFFFFFFF for value in codebook]


def packet(memory: Memory, pe: int, elements: list[int], address: int = 0) -> Packet:
    return Packet(memory=memory, pe=pe, address=address, elements=np.array(elements, np.int64))


def tables(rows: int, bias: int = 0, multiplier: int = 1, shift: int = 0, n_pes: int = 2) -> list[Packet]:
    """The same bias and scale for all rows."""
    word = multiplier | shift << CONFIG.multiplier_width
    return [
        packet(memory, pe, [value] * rows)
        for pe in range(n_pes)
        for memory, value in ((Memory.BIAS, bias), (Memory.SCALE, word))
    ]


# Two columns over two PEs. PE 0: column 0 has weight 5 at row 1 and -3 at row 6 (through a filler), column 1 nothing.
# PE 1: column 0 has nothing, column 1 weight 100 at row 0.
MATRIX = [
    packet(Memory.ENTRY, 0, [entry(1, 1), FILLER, entry(2, 0)]),
    packet(Memory.POINTER, 0, [0, 3, 3]),
    packet(Memory.ENTRY, 1, [entry(3, 0)]),
    packet(Memory.POINTER, 1, [0, 0, 1]),
]
DENSE = np.zeros((16, 2), np.int64)
DENSE[1 * 2 + 0, 0], DENSE[6 * 2 + 0, 0], DENSE[0 * 2 + 1, 1] = 5, -3, 100

LOAD = Step(load=True, count=2)
WIDE = replace(CONFIG, activation_depth=8)
WHOLE = replace(LOAD, drain=True, n_rows=8, open=True, emit=True, emit_count=16, last=True)


def model(words: list[int], packets: list[Packet], config: EieConfig = WIDE) -> EngineModel:
    return EngineModel(config, [packet(Memory.PROGRAM, 0, words), *packets])


def run(words: list[int], packets: list[Packet], i: list[list[int]], config: EieConfig = WIDE) -> np.ndarray:
    return model(words, packets, config).run(np.array(i, np.int64))


def test_slices_fillers_and_interleaving_by_hand() -> None:
    i = np.array([[7, 2], [0, 1], [-1, 0], [0, 0]])
    assert np.array_equal(run(program(WHOLE), [*MATRIX, *tables(8)], i.tolist()), i @ DENSE.T)


def test_bias_multiplier_shift_and_relu() -> None:
    words = program(replace(WHOLE, scaled=True, relu=True))
    o = run(words, [*MATRIX, *tables(8, bias=-10, multiplier=3, shift=1)], [[7, 2]])
    biased = (np.array([[7, 2]]) @ DENSE.T - 10) * 3
    assert np.array_equal(o, np.maximum((biased + 1) >> 1, 0))


def test_multiplier_counts_only_if_scaled() -> None:
    o = run(program(WHOLE), [*MATRIX, *tables(8, multiplier=3)], [[7, 2]])
    assert np.array_equal(o, np.array([[7, 2]]) @ DENSE.T)


def test_negative_bias_is_taken_modulo_its_width() -> None:
    stored = -10 % (1 << CONFIG.accumulator_width)
    o = run(program(WHOLE), [*MATRIX, *tables(8, bias=stored)], [[0, 0]])
    assert (o == -10).all()


def test_accumulators_wrap() -> None:
    """24 bits: 100 * 32767 five times over passes 2 ** 23."""
    config = replace(WIDE, accumulator_width=24)
    steps = [replace(LOAD) for _ in range(4)] + [WHOLE]
    o = run(program(*steps), [*MATRIX, *tables(8, shift=9)], [[0, 32767] * 5], config)
    total = 5 * 100 * 32767 - 2**24
    assert o[0, 1] == (total + 256) >> 9
    assert total < 0


def test_batches_accumulate_and_the_drain_clears() -> None:
    steps = [LOAD, replace(WHOLE, last=False), replace(WHOLE)]
    o = run(program(*steps), [*MATRIX, *tables(8)], [[1, 1, 2, 2, 4, 4]])
    row = DENSE.sum(axis=1)
    assert np.array_equal(o, [np.concatenate([3 * row, 4 * row])])


def test_layers_back_to_back_swap_banks() -> None:
    """The second layer reads what the first drained: slot 1 is row 0 of PE 1, which column 1 takes."""
    first = replace(LOAD, drain=True, n_rows=1, open=True, swap=True)
    second = replace(WHOLE, load=False, count=0)
    o = run(program(first, second), [*MATRIX, *tables(8, shift=2)], [[0, 6]])
    hidden = np.array([0, 100 * 6 // 4])
    assert np.array_equal(o[0], (DENSE @ hidden + 2) >> 2)


def test_a_load_takes_the_destination_and_swaps() -> None:
    """What was loaded before is in the destination bank after the second load, and is emitted from there."""
    first = replace(LOAD, broadcast=False)
    second = replace(LOAD, broadcast=False, emit=True, emit_count=2, last=True)
    assert run(program(first, second), [], [[7, 2, 30, 40]]).tolist() == [[7, 2]]


def test_passes_drain_side_by_side() -> None:
    """The second pass adds its rows to the bank after those of the first; a last step emits all of them."""
    packets = [
        packet(Memory.ENTRY, 0, [entry(1, 0), entry(2, 0)]),
        packet(Memory.POINTER, 0, [0, 1, 1, 2, 2]),
        packet(Memory.ENTRY, 1, [entry(3, 1)]),
        packet(Memory.POINTER, 1, [0, 0, 1, 1, 1]),
        *tables(3),
    ]
    first = replace(LOAD, drain=True, n_rows=2, open=True)
    second = Step(column_base=2, drain=True, row_base=2, n_rows=1, local_base=2)
    third = Step(broadcast=False, emit=True, emit_count=6, last=True)
    assert run(program(first, second, third), packets, [[7, 2]]).tolist() == [[5 * 7, 0, 0, 100 * 2, -3 * 7, 0]]


def test_emission_counts_from_the_local_base() -> None:
    first = replace(LOAD, drain=True, n_rows=2, open=True)
    second = Step(broadcast=False, drain=True, n_rows=6, local_base=2, emit=True, emit_count=12, last=True)
    packets = [packet(Memory.BIAS, pe, [10 * pe + row for row in range(8)]) for pe in range(2)]
    o = run(program(first, second), [*MATRIX, *tables(8), *packets], [[0, 0]])
    assert o.tolist() == [[10 * pe + row for row in range(6) for pe in range(2)]]


def test_later_codebook_replaces_the_one_before() -> None:
    words = program(replace(WHOLE, last=False), replace(WHOLE))
    base = len(words)
    second = replace(WHOLE, codebook_base=base, codebook_count=4)
    words[STEP_WORDS : 2 * STEP_WORDS] = second.pack()
    words += [0, 6, 7, 8]
    o = run(words, [*MATRIX, *tables(8)], [[1, 1, 1, 1]])
    other = np.select([DENSE == 5, DENSE == -3, DENSE == 100], [6, 7, 8], 0)
    assert np.array_equal(o, [np.concatenate([DENSE.sum(axis=1), other.sum(axis=1)])])


def test_codebook_words_are_taken_modulo_their_width() -> None:
    """Twelve bits: 0xFFD is -3 whatever stands above."""
    words = program(WHOLE, codebook=(0, 5, 0xABCDEFFD, 100))
    assert np.array_equal(run(words, [*MATRIX, *tables(8)], [[7, 2]], replace(WIDE, weight_width=12)), [DENSE @ [7, 2]])


def test_a_later_run_may_reach_more_columns() -> None:
    engine = model(program(WHOLE), [*MATRIX, *tables(8)])
    for i in ([[0, 0]], [[3, 0]], [[3, 4]], [[1, 0]]):
        assert np.array_equal(engine.run(np.array(i)), i @ DENSE.T)


def test_exchange_in_parts_equals_one_run() -> None:
    engine = model(program(LOAD, WHOLE), [*MATRIX, *tables(8)])
    i = np.array([[1, 2, 3, 4], [0, -5, 6, 0]])
    whole = engine.run(i)
    parts = engine.start(2)
    assert parts.exchange(i[:, :3], 0).shape == (2, 0)
    o = [parts.exchange(i[:, 3:], 5), parts.exchange(i[:, :0], 11)]
    parts.finish()
    assert np.array_equal(np.concatenate(o, axis=1), whole)


def test_counts() -> None:
    """Column 0 has two multiplies and a filler, column 1 one multiply; zeros are not broadcast."""
    engine = model(program(WHOLE), [*MATRIX, *tables(8)])
    work = engine.start(3)
    work.exchange(np.array([[7, 2], [0, 1], [4, 0]]), 16)
    work.finish()
    counts = work.counts
    assert (counts.activations, counts.entries, counts.multiplies, counts.fillers) == (4, 8, 6, 2)


def test_a_run_leaves_nothing_behind() -> None:
    engine = model(program(WHOLE), [*MATRIX, *tables(8)])
    assert np.array_equal(engine.run(np.array([[7, 2]])), engine.run(np.array([[7, 2]])))


def test_no_samples() -> None:
    assert model(program(WHOLE), [*MATRIX, *tables(8)]).run(np.zeros((0, 2), np.int64)).shape == (0, 16)


ONE = [[1, 1]]
SHORT = [part for part in MATRIX if part.memory is not Memory.POINTER]

BROKEN = {
    "a slice past the entries": (
        program(WHOLE),
        [*MATRIX, packet(Memory.POINTER, 1, [0, 0, 2]), *tables(8)],
        ONE,
        "past the 3|was not loaded",
    ),
    "a slice past all entries": (
        program(WHOLE),
        [*MATRIX, packet(Memory.POINTER, 1, [0, 0, 9]), *tables(8)],
        ONE,
        "ends at entry 9, past the 3",
    ),
    "pointers that descend": (
        program(WHOLE),
        [*MATRIX, packet(Memory.POINTER, 0, [2, 1, 3]), *tables(8)],
        ONE,
        "pointers of PE 0 descend at address 0",
    ),
    "a row past the accumulators": (
        program(WHOLE),
        [*MATRIX, packet(Memory.ENTRY, 0, [FILLER, FILLER, entry(1, 0)]), *tables(8)],
        ONE,
        "row 8 of PE 0 .* past the 8 accumulators",
    ),
    "pointers that were not loaded": (program(WHOLE), [*SHORT, *tables(8)], ONE, "reads POINTER memory"),
    "biases that were not loaded": (program(WHOLE), [*MATRIX, *tables(7)], ONE, "reads BIAS memory from 0 to 7"),
    "biases with a gap": (
        program(WHOLE),
        [*MATRIX, *(part for part in tables(8) if part.memory is Memory.SCALE)]
        + [packet(Memory.BIAS, pe, [1] * 3, address) for pe in range(2) for address in (0, 5)],
        ONE,
        "reads BIAS memory from 0 to 7",
    ),
    "a code without codebook entry": (
        program(WHOLE, codebook=(0, 5, -3)),
        [*MATRIX, *tables(8)],
        ONE,
        "code 3 has no codebook entry",
    ),
    "a codebook that is too long": (
        program(WHOLE, codebook=(0, 1, 2, 3, 4)),
        [*MATRIX, *tables(8)],
        ONE,
        "5 codebook entries, more than 4",
    ),
    "a load past the bank": (
        program(replace(WHOLE, count=17)),
        [*MATRIX, *tables(8)],
        [[0] * 17],
        "load reaches local index 8 of 8",
    ),
    "a drain past the bank": (
        program(replace(WHOLE, local_base=1)),
        [*MATRIX, *tables(8)],
        ONE,
        "drain reaches local index 8 of 8",
    ),
    "a drain of too many rows": (program(replace(WHOLE, n_rows=9)), [*MATRIX, *tables(9)], ONE, "drains 9 rows of 8"),
    "a drain into a bank that was not opened": (
        program(replace(WHOLE, open=False)),
        [*MATRIX, *tables(8)],
        ONE,
        "never opened",
    ),
    "a drain over what the bank holds": (
        program(replace(LOAD, drain=True, n_rows=8, open=True), replace(WHOLE, load=False, count=0, open=False)),
        [*MATRIX, *tables(8)],
        ONE,
        "holds activations already",
    ),
    "a drain that leaves sums": (
        program(replace(WHOLE, n_rows=6, emit_count=12)),
        [*MATRIX, *tables(8)],
        ONE,
        "not drained",
    ),
    "an emission past what there is": (
        program(replace(WHOLE, n_rows=7)),
        [*MATRIX, *tables(8)],
        ONE,
        "emits slot 15",
    ),
    "a broadcast of nothing": (
        program(replace(WHOLE, load=False, count=0)),
        [*MATRIX, *tables(8)],
        [[]],
        "broadcasts a bank that nothing was written to",
    ),
    "a multiplier of zero": (
        program(replace(WHOLE, scaled=True)),
        [*MATRIX, *tables(8, multiplier=0)],
        ONE,
        "a multiplier is 0",
    ),
    "too few inputs": (program(WHOLE), [*MATRIX, *tables(8)], [[1]], "waits for 2 inputs with 1 sent"),
    "too many inputs": (program(WHOLE), [*MATRIX, *tables(8)], [[1, 1, 1]], "1 inputs are left over"),
    "an input that is too wide": (program(WHOLE), [*MATRIX, *tables(8)], [[1 << 15, 1]], "inputs must be -32768"),
    "a program without end": (
        program(replace(WHOLE, last=False)),
        [*MATRIX, *tables(8)],
        ONE,
        "step 1 of the program|PROGRAM",
    ),
    "a step of no step's form": ([0xFFFFFFFF] * 6, [], ONE, "step 0 of the program"),
    "a packet for a PE that is not there": (program(WHOLE), [packet(Memory.BIAS, 2, [0])], ONE, "names PE 2 of 2"),
    "a packet past its memory": (
        program(WHOLE),
        [packet(Memory.BIAS, 0, [0], address=CONFIG.row_depth)],
        ONE,
        "do not fit BIAS memory of 64",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_refuses(case: str) -> None:
    words, packets, i, message = BROKEN[case]
    with pytest.raises(InputError, match=message):
        run(words, packets, i)


def test_refuses_to_give_more_than_the_program_emits() -> None:
    work = model(program(WHOLE), [*MATRIX, *tables(8)]).start(1)
    with pytest.raises(InputError, match="the program ends after 16 more outputs"):
        work.exchange(np.array(ONE), 17)


def test_refuses_outputs_that_nobody_takes() -> None:
    work = model(program(WHOLE), [*MATRIX, *tables(8)]).start(1)
    work.exchange(np.array(ONE), 15)
    with pytest.raises(InputError, match="1 outputs are left over"):
        work.finish()
