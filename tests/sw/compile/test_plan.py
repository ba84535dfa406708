"""Steps and host schedule, written out for small networks."""

from dataclasses import replace
from itertools import pairwise

import numpy as np

from eyrie.compile.compiled import CompiledNetwork
from eyrie.compile.mapping import map_network
from eyrie.compile.quantised import QuantisedLayer, QuantisedNetwork
from eyrie.compile.schedule import HostSchedule, Send
from eyrie.compress.interleave import Placement
from eyrie.eie.config import EieConfig
from eyrie.eie.program import STEP_WORDS, Step

CONFIG = EieConfig(n_pes=2, activation_depth=4, accumulator_depth=4)


def network(*sides: int, codebooks: list[list[int]] | None = None) -> QuantisedNetwork:
    layers = []
    for index, (columns, rows) in enumerate(pairwise(sides)):
        codebook = codebooks[index] if codebooks else [0, 10 + index]
        layers.append(
            QuantisedLayer(
                name=f"layer_{index}",
                codes=np.ones((rows, columns), np.uint8),
                codebook=np.array(codebook),
                weight_scale=1.0,
                bias=np.zeros(rows, np.int64),
                multiplier=np.ones(rows, np.int64),
                shift=np.zeros(rows, np.int64),
                relu=index < len(sides) - 2,
            )
        )
    return QuantisedNetwork(
        name="net", layers=tuple(layers), activation_width=16, scales=(1.0,) * len(sides), clip=(-8, 8)
    )


def plan(
    net: QuantisedNetwork, config: EieConfig = CONFIG, placements: list[Placement] | None = None
) -> tuple[list[Step], list[int], CompiledNetwork]:
    """Steps, the words after them, and all the rest."""
    compiled = map_network(net, config, sized=False, placements=placements).compiled
    words = compiled.program.tolist()
    steps: list[Step] = []
    while not (steps and steps[-1].last):
        begin = STEP_WORDS * len(steps)
        steps.append(Step.unpack(words[begin : begin + STEP_WORDS]))
    return steps, words[STEP_WORDS * len(steps) :], compiled


def transfers(schedule: HostSchedule) -> list[tuple[object, ...]]:
    return [
        ("send", part.tensor, part.start, part.count)
        if isinstance(part, Send)
        else ("receive", part.tensor, part.elements.tolist())
        for part in schedule.transfers
    ]


def test_layers_that_fit_take_a_step_each() -> None:
    steps, codebooks, compiled = plan(network(5, 3, 2))
    assert steps == [
        Step(
            load=True,
            count=5,
            codebook_count=2,
            codebook_base=12,
            drain=True,
            n_rows=2,
            open=True,
            swap=True,
            relu=True,
        ),
        Step(
            codebook_count=2,
            codebook_base=14,
            column_base=5,
            drain=True,
            n_rows=1,
            row_base=2,
            open=True,
            emit=True,
            emit_count=2,
            last=True,
        ),
    ]
    assert codebooks == [0, 10, 0, 11]
    assert compiled.pointers.shape == (2, 5 + 3 + 1)
    assert transfers(compiled.schedule) == [("send", 0, 0, 5), ("receive", 2, [0, 1])]


def test_passes_stay_side_by_side_in_the_bank() -> None:
    """Seven rows on two PEs with two accumulators each: two passes of one batch, loaded once."""
    steps, _, compiled = plan(network(5, 7, 1), replace(CONFIG, accumulator_depth=2))
    shown = [(s.load, s.column_base, s.n_rows, s.row_base, s.local_base, s.open, s.swap) for s in steps]
    assert shown == [
        (True, 0, 2, 0, 0, True, False),
        (False, 5, 2, 2, 2, False, True),
        (False, 10, 1, 4, 0, True, False),
    ]
    assert [part[:1] for part in transfers(compiled.schedule)] == [("send",), ("receive",)]


def test_batches_drain_once() -> None:
    steps, _, compiled = plan(network(19, 3))
    assert [(s.load, s.count, s.column_base, s.drain, s.emit) for s in steps] == [
        (True, 8, 0, False, False),
        (True, 8, 8, False, False),
        (True, 3, 16, True, True),
    ]
    assert transfers(compiled.schedule)[:3] == [("send", 0, 0, 8), ("send", 0, 8, 8), ("send", 0, 16, 3)]


def test_round_trip_streams_the_hidden_vector_again_for_every_pass() -> None:
    """Eleven hidden elements do not fit eight slots; the second layer's ten rows take two passes of two batches."""
    steps, _, compiled = plan(network(3, 11, 10))
    assert transfers(compiled.schedule) == [
        ("send", 0, 0, 3),
        ("receive", 1, [0, 1, 2, 3, 4, 5, 6, 7]),
        ("receive", 1, [8, 9, 10]),
        ("send", 1, 0, 8),
        ("send", 1, 8, 3),
        ("receive", 2, [0, 1, 2, 3, 4, 5, 6, 7]),
        ("send", 1, 0, 8),
        ("send", 1, 8, 3),
        ("receive", 2, [8, 9]),
    ]
    assert [s.row_base for s in steps if s.drain] == [0, 4, 6, 10]
    assert [s.local_base for s in steps] == [0] * len(steps)
    assert not any(s.swap for s in steps)


def test_receives_undo_a_permutation_and_drop_idle_slots() -> None:
    placement = Placement(n_pes=2, slot_of_row=np.array([4, 0, 3]), n_slots=6)
    steps, _, compiled = plan(network(2, 3), placements=[placement])
    assert transfers(compiled.schedule) == [("send", 0, 0, 2), ("receive", 1, [1, -1, -1, 2, 0, -1])]
    assert (steps[0].n_rows, steps[0].emit_count) == (3, 6)


def test_equal_codebooks_are_stored_once_and_copied_when_they_change() -> None:
    steps, codebooks, _ = plan(network(2, 2, 2, 2, codebooks=[[0, 5], [0, 5], [0, 6]]))
    assert [(s.codebook_count, s.codebook_base) for s in steps] == [(2, 18), (0, 0), (2, 20)]
    assert codebooks == [0, 5, 0, 6]


def test_negative_codebook_entries_are_twos_complement() -> None:
    assert plan(network(1, 1, codebooks=[[0, -3]]))[1] == [0, 0xFFFFFFFD]


def test_bias_and_scale_lie_at_their_slots() -> None:
    net = network(2, 3)
    layer = replace(net.layers[0], bias=np.array([7, 8, 9]), shift=np.array([1, 2, 3]), multiplier=np.array([1, 1, 5]))
    placement = Placement(n_pes=2, slot_of_row=np.array([4, 0, 3]), n_slots=6)
    compiled = plan(replace(net, layers=(layer,)), placements=[placement])[2]
    unit = 1 << CONFIG.multiplier_width
    assert compiled.bias.tolist() == [[8, 0, 7], [0, 9, 0]]
    assert compiled.scale.tolist() == [[1 + 2 * unit, 1, 1 + 1 * unit], [1, 5 + 3 * unit, 1]]
