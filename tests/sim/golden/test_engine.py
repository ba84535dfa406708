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

# Where the words of each kind lie in the tables of these tests; words for columns from 0 on.
BIASES, SCALES = 16, 48


def program(*steps: Step, codebook: tuple[int, ...] = CODEBOOK, bias_rows: int = 8) -> list[int]:
    """The steps after one that copies the codebook, which follows them, and sets all accumulators to their biases."""
    base = STEP_WORDS * (1 + len(steps))
    first = Step(
        broadcast=False, codebook_base=base, codebook_count=len(codebook), bias_base=BIASES, bias_rows=bias_rows
    )
    words = [word for step in (first, *steps) for word in step.pack()]
    return words + [value & 0xFFFFFFFF for value in codebook]


def then(step: Step, n_rows: int = 8, base: int = BIASES) -> Step:
    """A step that is not the last, and sets the accumulators to the biases of the next pass."""
    return replace(step, last=False, bias_base=base, bias_rows=n_rows)


def packet(memory: Memory, pe: int, elements: list[int], address: int = 0) -> Packet:
    return Packet(memory=memory, pe=pe, address=address, elements=np.array(elements, np.int64))


def columns(address: int, *counts: int) -> int:
    """A word for four columns, of which the third begins at this address."""
    return sum(
        count << CONFIG.entry_address_width + place * CONFIG.count_bits for place, count in enumerate(counts)
    ) | (address)


def biases(rows: int, bias: int = 0) -> list[Packet]:
    """The same bias for all rows."""
    return [packet(Memory.TABLE, pe, [bias] * rows, BIASES) for pe in range(2)]


def scales(rows: int, multiplier: int, shift: int) -> list[Packet]:
    """The same scale for all rows."""
    return [packet(Memory.TABLE, pe, [multiplier | shift << CONFIG.multiplier_width] * rows, SCALES) for pe in range(2)]


# Two columns over two PEs. PE 0: column 0 has weight 5 at row 1 and -3 at row 6 (through a filler), column 1 nothing.
# PE 1: column 0 has nothing, column 1 weight 100 at row 0.
MATRIX = [
    packet(Memory.ENTRY, 0, [entry(1, 1), FILLER, entry(2, 0)]),
    packet(Memory.TABLE, 0, [columns(3, 3, 0)]),
    packet(Memory.ENTRY, 1, [entry(3, 0)]),
    packet(Memory.TABLE, 1, [columns(1, 0, 1)]),
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
    assert np.array_equal(run(program(WHOLE), [*MATRIX, *biases(8)], i.tolist()), i @ DENSE.T)


@pytest.mark.parametrize("column_base", range(8))
def test_columns_in_all_places_of_a_word(column_base: int) -> None:
    """Two words for columns of 2, 1, 0, 3 and 1, 2, 1, 0 entries; each column meets an activation of its own."""
    counts = (2, 1, 0, 3, 1, 2, 1, 0)
    packets = [
        packet(Memory.ENTRY, 0, [entry(1, 0)] * 10),
        packet(Memory.ENTRY, 1, [entry(3, 0)] * 10),
        *(packet(Memory.TABLE, pe, [columns(3, *counts[:4]), columns(9, *counts[4:])]) for pe in range(2)),
    ]
    n = 8 - column_base
    words = program(replace(WHOLE, column_base=column_base, count=n))
    o = run(words, [*packets, *biases(8)], np.eye(n, dtype=int).tolist())
    for sample, count in zip(o, counts[column_base:], strict=True):
        assert sample.tolist() == [5, 100] * count + [0, 0] * (8 - count)


def test_bits_above_a_word_are_nobodys() -> None:
    """Words of the table are as wide as the widest kind; here a bias is, and words for columns and scales are not."""
    config = replace(WIDE, accumulator_width=48)
    assert config.table_width == 48 > config.quad_width > config.scale_width
    above = [(1 << config.table_width) - (1 << width) for width in (config.quad_width, config.scale_width)]
    packets = [
        *MATRIX,
        *(packet(Memory.TABLE, pe, [word + above[0]]) for pe, word in ((0, columns(3, 3, 0)), (1, columns(1, 0, 1)))),
        *biases(8),
        *(packet(Memory.TABLE, pe, [3 + above[1]] * 8, SCALES) for pe in range(2)),
    ]
    o = run(program(replace(WHOLE, scaled=True, scale_base=SCALES)), packets, [[7, 2]], config)
    assert np.array_equal(o, 3 * (np.array([[7, 2]]) @ DENSE.T))


@pytest.mark.parametrize("first", range(8))
def test_addresses_of_entries_are_taken_modulo_their_range(first: int) -> None:
    """Eight entries in a memory of eight, which four slices of two read from any address on."""
    config = replace(WIDE, entry_depth=8)
    codes = [1, 2, 3, 1, 1, 2, 3, 3]
    quad = (first + 4) % 8 | sum(2 << 3 + place * config.count_bits for place in range(4))
    packets = [packet(Memory.ENTRY, pe, [entry(code, 0) for code in codes]) for pe in range(2)]
    packets += [packet(Memory.TABLE, pe, [quad]) for pe in range(2)]
    o = run(program(replace(WHOLE, count=4)), [*packets, *biases(8)], np.eye(4, dtype=int).tolist(), config)
    weights = [CODEBOOK[codes[(first + number) % 8]] for number in range(8)]
    for place in range(4):
        assert o[place, ::2].tolist() == [*weights[2 * place : 2 * place + 2], *[0] * 6]


def test_bias_multiplier_shift_and_relu() -> None:
    words = program(replace(WHOLE, scaled=True, scale_base=SCALES, relu=True))
    o = run(words, [*MATRIX, *biases(8, -10), *scales(8, multiplier=3, shift=1)], [[7, 2]])
    biased = (np.array([[7, 2]]) @ DENSE.T - 10) * 3
    assert np.array_equal(o, np.maximum((biased + 1) >> 1, 0))


def test_every_row_has_its_own_bias_and_scale() -> None:
    numbers = np.arange(16).reshape(8, 2)
    packets = [
        packet(Memory.TABLE, pe, words.tolist(), base)
        for pe in range(2)
        for base, words in (
            (BIASES, 40 * numbers[:, pe]),
            (SCALES, 1 + numbers[:, pe] | numbers[:, pe] % 3 << CONFIG.multiplier_width),
        )
    ]
    o = run(program(replace(WHOLE, scaled=True, scale_base=SCALES)), [*MATRIX, *packets], [[0, 0]])
    slots = numbers.ravel()
    assert o[0].tolist() == [(40 * n * (1 + n) + [0, 1, 2][n % 3]) >> n % 3 for n in slots.tolist()]


def test_a_step_that_is_not_scaled_has_one_shift() -> None:
    o = run(program(replace(WHOLE, shift=2)), [*MATRIX, *biases(8, 5), *scales(8, multiplier=3, shift=1)], [[7, 2]])
    assert np.array_equal(o, (np.array([[7, 2]]) @ DENSE.T + 5 + 2) >> 2)


@pytest.mark.parametrize("above", [0, 1])
def test_a_negative_bias_ends_where_an_accumulator_does(above: int) -> None:
    config = replace(WIDE, accumulator_width=24)
    assert config.table_width > 25
    o = run(program(WHOLE), [*MATRIX, *biases(8, -10 % (1 << 24) + (above << 24))], [[0, 0]], config)
    assert (o == -10).all()


def test_accumulators_wrap() -> None:
    """24 bits: 100 * 32767 five times over passes 2 ** 23."""
    config = replace(WIDE, accumulator_width=24)
    steps = [replace(LOAD) for _ in range(4)] + [replace(WHOLE, shift=9)]
    o = run(program(*steps), [*MATRIX, *biases(8)], [[0, 32767] * 5], config)
    total = 5 * 100 * 32767 - 2**24
    assert o[0, 1] == (total + 256) >> 9
    assert total < 0


def test_batches_accumulate_and_the_drain_sets_the_next_biases() -> None:
    steps = [LOAD, then(WHOLE, base=SCALES), WHOLE]
    others = [packet(Memory.TABLE, pe, [1000 + row for row in range(8)], SCALES) for pe in range(2)]
    o = run(program(*steps), [*MATRIX, *biases(8, -7), *others], [[1, 1, 2, 2, 4, 4]])
    row = DENSE.sum(axis=1)
    assert np.array_equal(o, [np.concatenate([3 * row - 7, 4 * row + 1000 + np.arange(16) // 2])])


def test_biases_without_a_drain_leave_other_accumulators_alone() -> None:
    """Two steps: eight rows at -7, then the first three of them at 1000 and more."""
    packets = [*MATRIX, *biases(8, -7), *(packet(Memory.TABLE, pe, [1000, 1001, 1002], SCALES) for pe in range(2))]
    o = run(program(Step(broadcast=False, bias_base=SCALES, bias_rows=3), WHOLE), packets, [[0, 0]])
    assert o.tolist() == [[1000, 1000, 1001, 1001, 1002, 1002, *[-7] * 10]]


def test_only_what_is_added_to_must_have_a_bias() -> None:
    """Seven rows reach down to the -3 of column 0; column 1 only needs the first; zeros and fillers need none."""
    drained = replace(WHOLE, n_rows=1, emit_count=2)
    assert run(program(drained, bias_rows=1), [*MATRIX, *biases(1)], [[0, 2]]).tolist() == [[0, 200]]
    drained = replace(WHOLE, n_rows=7, emit_count=14)
    assert run(program(drained, bias_rows=7), [*MATRIX, *biases(7)], [[1, 0]])[0, 12] == -3
    ends_with_filler = [packet(Memory.ENTRY, 0, [entry(1, 1), FILLER]), packet(Memory.TABLE, 0, [columns(2, 2, 0)])]
    drained = replace(WHOLE, n_rows=2, emit_count=4)
    o = run(program(drained, bias_rows=2), [*MATRIX, *ends_with_filler, *biases(2)], [[1, 0]])
    assert o.tolist() == [[0, 0, 5, 0]]


def test_layers_back_to_back_swap_banks() -> None:
    """The second layer reads what the first drained: slot 1 is row 0 of PE 1, which column 1 takes."""
    first = then(replace(LOAD, drain=True, n_rows=1, open=True, swap=True, shift=2))
    second = replace(WHOLE, load=False, count=0, shift=2)
    o = run(program(first, second), [*MATRIX, *biases(8)], [[0, 6]])
    hidden = np.array([0, 100 * 6 // 4])
    assert np.array_equal(o[0], (DENSE @ hidden + 2) >> 2)


def test_a_load_takes_the_destination_and_swaps() -> None:
    """What was loaded before is in the destination bank after the second load, and is emitted from there."""
    first = replace(LOAD, broadcast=False)
    second = replace(LOAD, broadcast=False, emit=True, emit_count=2, last=True)
    assert run(program(first, second), biases(8), [[7, 2, 30, 40]]).tolist() == [[7, 2]]


def test_passes_drain_side_by_side() -> None:
    """The second pass adds its rows to the bank after those of the first; a last step emits all of them."""
    packets = [
        packet(Memory.ENTRY, 0, [entry(1, 0), entry(2, 0)]),
        packet(Memory.TABLE, 0, [columns(1, 1, 0), columns(2, 1, 0)]),
        packet(Memory.ENTRY, 1, [entry(3, 1)]),
        packet(Memory.TABLE, 1, [columns(1, 0, 1), columns(1, 0, 0)]),
        *biases(3),
    ]
    first = then(replace(LOAD, drain=True, n_rows=2, open=True), 1, BIASES + 2)
    second = Step(column_base=4, drain=True, n_rows=1, local_base=2)
    third = Step(broadcast=False, emit=True, emit_count=6, last=True)
    words = program(first, second, third, bias_rows=2)
    assert run(words, packets, [[7, 2]]).tolist() == [[5 * 7, 0, 0, 100 * 2, -3 * 7, 0]]


def test_emission_counts_from_the_local_base() -> None:
    """The second drain opens the bank, so that it holds nothing below its own local index."""
    first = then(replace(LOAD, drain=True, n_rows=2, open=True))
    second = Step(broadcast=False, drain=True, n_rows=6, local_base=2, open=True, emit=True, emit_count=12, last=True)
    packets = [packet(Memory.TABLE, pe, [10 * pe + row for row in range(8)], BIASES) for pe in range(2)]
    o = run(program(first, second), [*MATRIX, *packets], [[0, 0]])
    assert o.tolist() == [[10 * pe + row for row in range(6) for pe in range(2)]]


def test_later_codebook_replaces_the_one_before() -> None:
    words = program(then(WHOLE), WHOLE)
    base = len(words)
    second = replace(WHOLE, codebook_base=base, codebook_count=4)
    words[2 * STEP_WORDS : 3 * STEP_WORDS] = second.pack()
    words += [0, 6, 7, 8]
    o = run(words, [*MATRIX, *biases(8)], [[1, 1, 1, 1]])
    other = np.select([DENSE == 5, DENSE == -3, DENSE == 100], [6, 7, 8], 0)
    assert np.array_equal(o, [np.concatenate([DENSE.sum(axis=1), other.sum(axis=1)])])


def test_codebook_words_are_taken_modulo_their_width() -> None:
    """Twelve bits: 0xFFD is -3 whatever stands above."""
    words = program(WHOLE, codebook=(0, 5, 0xABCDEFFD, 100))
    assert np.array_equal(run(words, [*MATRIX, *biases(8)], [[7, 2]], replace(WIDE, weight_width=12)), [DENSE @ [7, 2]])


def test_a_later_run_may_reach_more_columns() -> None:
    engine = model(program(WHOLE), [*MATRIX, *biases(8)])
    for i in ([[0, 0]], [[3, 0]], [[3, 4]], [[1, 0]]):
        assert np.array_equal(engine.run(np.array(i)), i @ DENSE.T)


def test_exchange_in_parts_equals_one_run() -> None:
    engine = model(program(LOAD, WHOLE), [*MATRIX, *biases(8)])
    i = np.array([[1, 2, 3, 4], [0, -5, 6, 0]])
    whole = engine.run(i)
    parts = engine.start(2)
    assert parts.exchange(i[:, :3], 0).shape == (2, 0)
    o = [parts.exchange(i[:, 3:], 5), parts.exchange(i[:, :0], 11)]
    parts.finish()
    assert np.array_equal(np.concatenate(o, axis=1), whole)


def test_counts() -> None:
    """Column 0 has two multiplies and a filler, column 1 one multiply; zeros are not broadcast."""
    engine = model(program(WHOLE), [*MATRIX, *biases(8)])
    work = engine.start(3)
    work.exchange(np.array([[7, 2], [0, 1], [4, 0]]), 16)
    work.finish()
    counts = work.counts
    assert (counts.activations, counts.entries, counts.multiplies, counts.fillers) == (4, 8, 6, 2)


def test_a_run_leaves_nothing_behind() -> None:
    engine = model(program(WHOLE), [*MATRIX, *biases(8)])
    assert np.array_equal(engine.run(np.array([[7, 2]])), engine.run(np.array([[7, 2]])))


def test_no_samples() -> None:
    assert model(program(WHOLE), [*MATRIX, *biases(8)]).run(np.zeros((0, 2), np.int64)).shape == (0, 16)


ONE = [[1, 1]]
SHORT = [part for part in MATRIX if part.memory is not Memory.TABLE]
NO_STEP = [0xFFFFFFFF] * STEP_WORDS

BROKEN = {
    "a slice past the entries of its PE": (
        program(WHOLE),
        [*MATRIX, packet(Memory.TABLE, 1, [columns(2, 0, 2)]), *biases(8)],
        ONE,
        "column 1 reads entry 1 of PE 1, which was not loaded",
    ),
    "a slice past all entries": (
        program(WHOLE),
        [*MATRIX, packet(Memory.TABLE, 1, [columns(9, 0, 9)]), *biases(8)],
        ONE,
        "column 1 reads entry 1 of PE 1, which was not loaded",
    ),
    "a slice before the first entry": (
        program(WHOLE),
        [*MATRIX, packet(Memory.TABLE, 0, [columns(0, 3, 0)]), *biases(8)],
        ONE,
        "column 0 reads entry 509 of PE 0, which was not loaded",
    ),
    "a row past the accumulators": (
        program(WHOLE),
        [*MATRIX, packet(Memory.ENTRY, 0, [FILLER, FILLER, entry(1, 0)]), *biases(8)],
        ONE,
        "row 8 of PE 0 in column 0 is past the 8 accumulators",
    ),
    "columns that were not loaded": (program(WHOLE), [*SHORT, *biases(8)], ONE, "reads TABLE memory from 0 to 0"),
    "biases that were not loaded": (program(WHOLE), [*MATRIX, *biases(7)], ONE, "reads TABLE memory from 16 to 23"),
    "biases with a gap": (
        program(WHOLE),
        [*MATRIX, *(packet(Memory.TABLE, pe, [1] * 3, BIASES + first) for pe in range(2) for first in (0, 5))],
        ONE,
        "reads TABLE memory from 16 to 23",
    ),
    "scales that were not loaded": (
        program(replace(WHOLE, scaled=True, scale_base=SCALES)),
        [*MATRIX, *biases(8)],
        ONE,
        "step 1 .* reads TABLE memory from 48 to 55",
    ),
    "biases past the accumulators": (
        program(WHOLE, bias_rows=9),
        [*MATRIX, *biases(9)],
        ONE,
        "step 0 .* sets 9 accumulators of 8",
    ),
    "products for an accumulator without bias": (
        program(WHOLE, bias_rows=6),
        [*MATRIX, *biases(8)],
        ONE,
        "step 1 .* adds to row 6, but only 6 rows have a bias",
    ),
    "products for an accumulator that was drained": (
        program(replace(WHOLE, last=False), WHOLE),
        [*MATRIX, *biases(8)],
        [[1, 1, 1, 1]],
        "step 2 .* adds to row 6, but only 0 rows have a bias",
    ),
    "products for an accumulator to which the drain gave no bias": (
        program(then(WHOLE, 5), WHOLE),
        [*MATRIX, *biases(8)],
        [[1, 1, 1, 1]],
        "step 2 .* adds to row 6, but only 5 rows have a bias",
    ),
    "a drain of an accumulator without bias": (
        program(replace(WHOLE, broadcast=False), bias_rows=7),
        [*MATRIX, *biases(8)],
        ONE,
        "step 1 .* drains 8 rows, but only 7 have a bias",
    ),
    "a drain of what was drained": (
        program(then(WHOLE, 5), Step(broadcast=False, drain=True, n_rows=6, open=True, last=True)),
        [*MATRIX, *biases(8)],
        ONE,
        "step 2 .* drains 6 rows, but only 5 have a bias",
    ),
    "a code without codebook entry": (
        program(WHOLE, codebook=(0, 5, -3)),
        [*MATRIX, *biases(8)],
        ONE,
        "code 3 has no codebook entry",
    ),
    "a codebook that is too long": (
        program(WHOLE, codebook=(0, 1, 2, 3, 4)),
        [*MATRIX, *biases(8)],
        ONE,
        "5 codebook entries, more than 4",
    ),
    "a load past the bank": (
        program(replace(WHOLE, count=17)),
        [*MATRIX, *biases(8)],
        [[0] * 17],
        "load reaches local index 8 of 8",
    ),
    "a drain past the bank": (
        program(replace(WHOLE, local_base=1, emit=False, emit_count=0)),
        [*MATRIX, *biases(8)],
        ONE,
        "drain reaches local index 8 of 8",
    ),
    "a drain of too many rows": (program(replace(WHOLE, n_rows=9)), [*MATRIX, *biases(9)], ONE, "drains 9 rows of 8"),
    "a drain into a bank that was not opened": (
        program(replace(WHOLE, open=False)),
        [*MATRIX, *biases(8)],
        ONE,
        "never opened",
    ),
    "a drain over what the bank holds": (
        program(then(replace(LOAD, drain=True, n_rows=8, open=True)), replace(WHOLE, load=False, count=0, open=False)),
        [*MATRIX, *biases(8)],
        ONE,
        "holds activations already",
    ),
    "sums that nothing drains": (
        program(LOAD, Step(broadcast=False, last=True)),
        [*MATRIX, *biases(8)],
        ONE,
        "not drained",
    ),
    "a drain that leaves sums": (
        program(replace(WHOLE, n_rows=6, emit_count=12)),
        [*MATRIX, *biases(8)],
        ONE,
        "not drained",
    ),
    "an emission past what there is": (
        program(replace(WHOLE, n_rows=7)),
        [*MATRIX, *biases(8)],
        ONE,
        "emits slot 15",
    ),
    "a broadcast of nothing": (
        program(replace(WHOLE, load=False, count=0)),
        [*MATRIX, *biases(8)],
        [[]],
        "broadcasts a bank that nothing was written to",
    ),
    "a multiplier of zero": (
        program(replace(WHOLE, scaled=True, scale_base=SCALES)),
        [*MATRIX, *biases(8), *scales(8, multiplier=0, shift=5)],
        ONE,
        "a multiplier is 0",
    ),
    "too few inputs": (program(WHOLE), [*MATRIX, *biases(8)], [[1]], "waits for 2 inputs with 1 sent"),
    "too many inputs": (program(WHOLE), [*MATRIX, *biases(8)], [[1, 1, 1]], "1 inputs are left over"),
    "an input that is too wide": (program(WHOLE), [*MATRIX, *biases(8)], [[1 << 15, 1]], "inputs must be -32768"),
    "a program without end": (
        program(replace(WHOLE, last=False)),
        [*MATRIX, *biases(8)],
        ONE,
        "step 2 of the program|PROGRAM",
    ),
    "a step of no step's form": (NO_STEP, [], ONE, "step 0 of the program"),
    "a packet for a PE that is not there": (program(WHOLE), [packet(Memory.TABLE, 2, [0])], ONE, "names PE 2 of 2"),
    "a packet past its memory": (
        program(WHOLE),
        [packet(Memory.TABLE, 0, [0], address=CONFIG.table_depth)],
        ONE,
        "do not fit TABLE memory of 192",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_refuses(case: str) -> None:
    words, packets, i, message = BROKEN[case]
    with pytest.raises(InputError, match=message):
        run(words, packets, i)


def test_refuses_to_scale_without_multipliers() -> None:
    words = program(replace(WHOLE, scaled=True, scale_base=SCALES))
    packets = [*MATRIX, *biases(8), *scales(8, multiplier=1, shift=0)]
    assert run(words, packets, ONE).shape == (1, 16)
    with pytest.raises(InputError, match="the configuration has no multipliers"):
        run(words, packets, ONE, replace(WIDE, multipliers=False))


def test_refuses_to_give_more_than_the_program_emits() -> None:
    work = model(program(WHOLE), [*MATRIX, *biases(8)]).start(1)
    with pytest.raises(InputError, match="the program ends after 16 more outputs"):
        work.exchange(np.array(ONE), 17)


def test_refuses_outputs_that_nobody_takes() -> None:
    work = model(program(WHOLE), [*MATRIX, *biases(8)]).start(1)
    work.exchange(np.array(ONE), 15)
    with pytest.raises(InputError, match="1 outputs are left over"):
        work.finish()
