"""Programs that break a promise are refused, each by what it breaks."""

from dataclasses import replace

import numpy as np
import pytest

from eyrie.compile.compiled import CompiledNetwork
from eyrie.compile.mapping import map_network
from eyrie.compile.quantised import QuantisedLayer, QuantisedNetwork
from eyrie.compile.verify import verify_compiled
from eyrie.eie.config import TINY
from eyrie.eie.program import STEP_WORDS, Step
from eyrie.errors import InputError

CONFIG = replace(TINY, n_pes=2, activation_depth=4, accumulator_depth=4)


def compiled() -> CompiledNetwork:
    """Five inputs, three hidden in slots 0 to 2, two outputs; the second layer has multipliers.

    On both PEs three words for columns (8, 4), three biases (2, 1) and a scale. Step 0 sets the first biases.
    """
    layers = tuple(
        QuantisedLayer(
            name=f"fc{index}",
            codes=np.ones((rows, columns), np.uint8),
            codebook=np.array([0, 5]),
            weight_scale=1.0,
            bias=np.ones(rows, np.int64),
            multiplier=np.full(rows, 1 + index),
            shift=np.zeros(rows, np.int64),
            relu=False,
        )
        for index, (columns, rows) in enumerate([(5, 3), (3, 2)])
    )
    network = QuantisedNetwork(name="net", layers=layers, activation_width=16, scales=(1.0,) * 3, clip=(-1, 1))
    return map_network(network, CONFIG, sized=False).compiled


def steps(network: CompiledNetwork) -> list[Step]:
    words = network.program.tolist()
    return [Step.unpack(words[STEP_WORDS * number : STEP_WORDS * (number + 1)]) for number in range(3)]


def with_step(number: int, **changes: object) -> CompiledNetwork:
    network = compiled()
    parts = steps(network)
    parts[number] = replace(parts[number], **changes)  # type: ignore[arg-type]
    words = [word for step in parts for word in step.pack()] + network.program[3 * STEP_WORDS :].tolist()
    return replace(network, program=np.array(words))


def with_entry(pe: int, number: int, word: int) -> CompiledNetwork:
    network = compiled()
    entries = [own.copy() for own in network.entries]
    entries[pe][number] = word
    return replace(network, entries=tuple(entries))


def with_bias(pe: int, row: int) -> CompiledNetwork:
    network = compiled()
    bias = network.bias.copy()
    bias[pe, row] = 1
    return replace(network, bias=bias)


def with_counts(counts: list[list[int]]) -> CompiledNetwork:
    """Other counts; PE 0 has ten entries in the first layer and three in the second, PE 1 five and three."""
    return replace(compiled(), counts=np.array(counts, np.uint16))


def with_config(**changes: int) -> CompiledNetwork:
    network = compiled()
    return replace(network, config=replace(network.config, **changes))


COUNTS = [[2, 2, 2, 2, 2, 0, 0, 0, 1, 1, 1, 0], [1, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 0]]
NO_DRAIN = {"drain": False, "n_rows": 0, "open": False, "swap": False}

BROKEN = {
    "no last step": (with_step(2, last=False), "step 3 of the program"),
    "codebook among the steps": (with_step(0, codebook_base=20), "step 0 .* among the steps"),
    "codebook past the program": (with_step(0, codebook_base=22), "copies program word 23 of 23"),
    "codebook too long": (with_step(0, codebook_count=17, codebook_base=21), "copies codebook entry 16 of 16"),
    "codebook without zero": (with_step(0, codebook_base=22, codebook_count=1), "must start with 0"),
    "no codebook": (with_step(0, codebook_count=0, codebook_base=0), "has code 1 of 0"),
    "code past the codebook": (with_step(0, codebook_count=1), "has code 1 of 1"),
    "load past the bank": (with_step(1, count=9), "loads local index 4 of 4"),
    "load of too few": (with_step(1, count=4), "sends 4 activations to a tile of 8 columns"),
    "load of too many": (with_step(1, count=9), "step 1 .* loads local index 4 of 4"),
    "nothing to broadcast": (with_step(1, load=False, count=0), "step 1 .* broadcasts a bank that nothing"),
    "no swap": (with_step(1, swap=False), "step 2 .* sends 5 activations to a tile of 4 columns"),
    "columns within a word": (with_step(1, column_base=1), "step 1 .* begin at 1, no multiple of 4"),
    "columns past the table": (with_step(1, column_base=12), "step 1 .* sends 5 activations to a tile of 0 columns"),
    "rows past the accumulators": (with_step(1, n_rows=5), "drains row 4 of 4"),
    "rows without a bias": (with_step(1, n_rows=3), "drains accumulator without bias 2 of 2"),
    "rows of a pass without a bias": (with_step(1, bias_rows=0), "step 2 .* drains accumulator without bias 0 of 0"),
    "too few biases": (with_step(0, bias_rows=1), "step 1 .* drains accumulator without bias 1 of 1"),
    "biases past the accumulators": (with_step(0, bias_rows=5), "sets accumulator 4 of 4"),
    "biases among the columns": (with_step(0, bias_base=2), "reads a bias from words 2 to 3 of the table; 3 lie there"),
    "biases past the last one": (with_step(0, bias_base=5), "reads a bias from words 5 to 6 of the table; 3 lie there"),
    "scales among the biases": (with_step(2, scale_base=5), "reads a scale from words 5 to 5 .*; 1 lie there, from 6"),
    "scales past the last one": (with_step(2, scale_base=7), "reads a scale from words 7 to 7 .*; 1 lie there, from 6"),
    "scales that no multiplier takes": (with_config(multipliers=False), "the configuration has no multipliers"),
    "too few rows": (with_step(1, n_rows=1), "on PE 0, columns from 0: entry .* lies at row 1"),
    "drain past the bank": (with_step(1, local_base=3), "drains to local index 4 of 4"),
    "drain that leaves a gap": (with_step(1, local_base=1), "drains to local index 1 after 0"),
    "drain into an unopened bank": (with_step(2, open=False), "step 2 .* not opened"),
    "emission of too many": (with_step(2, emit_count=3), "emits 3 activations, more than there are"),
    "emission of too few": (with_step(2, emit_count=1), "host schedule differ"),
    "biases over sums": (with_step(1, **NO_DRAIN), "step 1 .* sets accumulators to biases whose sums no step"),
    "sums at the end": (with_step(2, drain=False, n_rows=0, emit=False, emit_count=0), "does not drain"),
    "entry past the rows": (with_entry(0, 1, 1 | 3 << 4), "step 1 .* on PE 0, columns from 0: entry 1 lies at row"),
    "column ends with a filler": (with_entry(1, 0, 15 << 4), "ends with the filler"),
    "bias of a row without work": (with_bias(1, 1), "a row without work has a bias"),
    "columns that fill no word": (with_counts([row[:-1] for row in COUNTS]), "has 11 columns, no multiple of 4"),
    "more counts than entries": (with_counts([COUNTS[0], [*COUNTS[1][:-1], 1]]), "of PE 1 have 9 entries, its .* 8"),
    "fewer counts than entries": (with_counts([[1, *COUNTS[0][1:]], COUNTS[1]]), "of PE 0 have 12 entries, its .* 13"),
    "counts that move entries": (with_counts([[0, 4, *COUNTS[0][2:]], COUNTS[1]]), "on PE 0, .* lies at row 2"),
    "count too wide": (with_config(count_bits=1), "a column has 2 entries, more than 1 bits can count"),
    "entries past their memory": (with_config(entry_depth=12), "takes 13 words of a memory whose entry_depth is 12"),
    "words past the table": (with_config(table_depth=6), "takes 7 words of a memory whose table_depth is 6"),
}


def test_the_unbroken_one_passes() -> None:
    verify_compiled(compiled())


@pytest.mark.parametrize("case", BROKEN)
def test_refuses(case: str) -> None:
    network, message = BROKEN[case]
    with pytest.raises(InputError, match=message):
        verify_compiled(network)
