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
    """Five inputs, three hidden in slots 0 to 2, two outputs."""
    layers = tuple(
        QuantisedLayer(
            name=f"fc{index}",
            codes=np.ones((rows, columns), np.uint8),
            codebook=np.array([0, 5]),
            weight_scale=1.0,
            bias=np.ones(rows, np.int64),
            multiplier=np.ones(rows, np.int64),
            shift=np.zeros(rows, np.int64),
            relu=False,
        )
        for index, (columns, rows) in enumerate([(5, 3), (3, 2)])
    )
    network = QuantisedNetwork(name="net", layers=layers, activation_width=16, scales=(1.0,) * 3, clip=(-1, 1))
    return map_network(network, CONFIG, sized=False).compiled


def steps(network: CompiledNetwork) -> list[Step]:
    words = network.program.tolist()
    return [Step.unpack(words[begin : begin + STEP_WORDS]) for begin in (0, STEP_WORDS)]


def with_step(number: int, **changes: object) -> CompiledNetwork:
    network = compiled()
    parts = steps(network)
    parts[number] = replace(parts[number], **changes)  # type: ignore[arg-type]
    words = [word for step in parts for word in step.pack()] + network.program[2 * STEP_WORDS :].tolist()
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


BROKEN = {
    "no last step": (with_step(1, last=False), "step 2 of the program"),
    "codebook among the steps": (with_step(0, codebook_base=6), "step 0 .* among the steps"),
    "codebook past the program": (with_step(0, codebook_base=13), "copies program word 14 of 14"),
    "codebook too long": (with_step(0, codebook_count=17, codebook_base=12), "copies codebook entry 16 of 16"),
    "codebook without zero": (with_step(0, codebook_base=13, codebook_count=1), "must start with 0"),
    "no codebook": (with_step(0, codebook_count=0, codebook_base=0), "has code 1 of 0"),
    "code past the codebook": (with_step(0, codebook_count=1), "has code 1 of 1"),
    "load past the bank": (with_step(0, count=9), "loads local index 4 of 4"),
    "load of too few": (with_step(0, count=4), "sends 4 activations to a table of 5 columns"),
    "load of too many": (with_step(0, count=6), "sends 6 activations to a table of 5 columns"),
    "nothing to broadcast": (with_step(0, load=False, count=0), "step 0 .* broadcasts a bank that nothing"),
    "no swap": (with_step(0, swap=False), "step 1 .* sends 5 activations to a table of 3"),
    "rows past the accumulators": (with_step(0, n_rows=5), "drains row 4 of 4"),
    "rows past the table": (with_step(1, row_base=3), "reads bias 3 of 3"),
    "too few rows": (with_step(0, n_rows=1), "on PE 0, columns from 0: entry .* lies at row 1"),
    "drain past the bank": (with_step(0, local_base=3), "drains to local index 4 of 4"),
    "drain that leaves a gap": (with_step(0, local_base=1), "drains to local index 1 after 0"),
    "drain into an unopened bank": (with_step(1, open=False), "step 1 .* not opened"),
    "emission of too many": (with_step(1, emit_count=3), "emits 3 activations, more than there are"),
    "emission of too few": (with_step(1, emit_count=1), "host schedule differ"),
    "no drain": (
        with_step(0, drain=False, n_rows=0, open=False, swap=False),
        "step 1 .* sends 5 activations to a table of 3",
    ),
    "sums at the end": (with_step(1, drain=False, n_rows=0, emit=False, emit_count=0), "does not drain"),
    "entry past the rows": (with_entry(0, 1, 1 | 3 << 4), "step 0 .* on PE 0, columns from 0: entry 1 lies at row"),
    "column ends with a filler": (with_entry(1, 0, 15 << 4), "ends with the filler"),
    "bias of a row without work": (with_bias(1, 1), "a row without work has a bias"),
}


def test_the_unbroken_one_passes() -> None:
    verify_compiled(compiled())


@pytest.mark.parametrize("case", BROKEN)
def test_refuses(case: str) -> None:
    network, message = BROKEN[case]
    with pytest.raises(InputError, match=message):
        verify_compiled(network)
