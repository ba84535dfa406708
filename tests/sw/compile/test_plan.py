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
from eyrie.eie.load_format import Memory
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
    """Behind one that sets the first biases. The table has two words for five columns, one for three, then biases."""
    steps, codebooks, compiled = plan(network(5, 3, 2))
    assert steps == [
        Step(broadcast=False, codebook_count=2, codebook_base=21, bias_base=3, bias_rows=2),
        Step(
            load=True,
            count=5,
            drain=True,
            n_rows=2,
            open=True,
            swap=True,
            relu=True,
            bias_base=5,
            bias_rows=1,
        ),
        Step(
            codebook_count=2,
            codebook_base=23,
            column_base=8,
            drain=True,
            n_rows=1,
            open=True,
            emit=True,
            emit_count=2,
            last=True,
        ),
    ]
    assert codebooks == [0, 10, 0, 11]
    assert compiled.counts.tolist() == [[2, 2, 2, 2, 2, 0, 0, 0, 1, 1, 1, 0], [1, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 0]]
    assert transfers(compiled.schedule) == [("send", 0, 0, 5), ("receive", 2, [0, 1])]


def test_passes_stay_side_by_side_in_the_bank() -> None:
    """Seven rows on two PEs with two accumulators each: two passes of one batch, loaded once."""
    steps, _, compiled = plan(network(5, 7, 1), replace(CONFIG, accumulator_depth=2))
    shown = [(s.load, s.column_base, s.n_rows, s.bias_base, s.bias_rows, s.local_base, s.open, s.swap) for s in steps]
    assert shown == [
        (False, 0, 0, 6, 2, 0, False, False),
        (True, 0, 2, 8, 2, 0, True, False),
        (False, 8, 2, 10, 1, 2, False, True),
        (False, 16, 1, 0, 0, 0, True, False),
    ]
    assert [part[:1] for part in transfers(compiled.schedule)] == [("send",), ("receive",)]


def test_batches_drain_once() -> None:
    steps, _, compiled = plan(network(19, 3))
    assert [(s.load, s.count, s.column_base, s.drain, s.emit) for s in steps] == [
        (False, 0, 0, False, False),
        (True, 8, 0, False, False),
        (True, 8, 8, False, False),
        (True, 3, 16, True, True),
    ]
    assert [s.bias_rows for s in steps] == [2, 0, 0, 0]
    assert transfers(compiled.schedule)[:3] == [("send", 0, 0, 8), ("send", 0, 8, 8), ("send", 0, 16, 3)]


def test_tiles_begin_at_multiples_of_four_columns() -> None:
    """Batches of six slots: words for six and one columns in each of two passes."""
    steps, _, compiled = plan(network(7, 3), replace(CONFIG, activation_depth=3, accumulator_depth=1))
    assert [s.column_base for s in steps if s.broadcast] == [0, 8, 12, 20]
    assert compiled.counts[0].tolist() == [*[1] * 6, 0, 0, 1, 0, 0, 0] * 2
    assert compiled.counts[1].tolist() == [*[1] * 6, 0, 0, 1, 0, 0, 0] + [0] * 12


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
    words = 2 * 1 + 2 * (2 + 1)
    assert [(s.bias_base - words, s.bias_rows) for s in steps if s.bias_rows] == [(0, 4), (4, 2), (6, 4), (10, 1)]
    assert [s.local_base for s in steps] == [0] * len(steps)
    assert not any(s.swap for s in steps)


def test_receives_undo_a_permutation_and_drop_idle_slots() -> None:
    placement = Placement(n_pes=2, slot_of_row=np.array([4, 0, 3]), n_slots=6)
    steps, _, compiled = plan(network(2, 3), placements=[placement])
    assert transfers(compiled.schedule) == [("send", 0, 0, 2), ("receive", 1, [1, -1, -1, 2, 0, -1])]
    assert (steps[1].n_rows, steps[1].emit_count) == (3, 6)


def test_equal_codebooks_are_stored_once_and_copied_when_they_change() -> None:
    steps, codebooks, _ = plan(network(2, 2, 2, 2, codebooks=[[0, 5], [0, 5], [0, 6]]))
    assert [(s.codebook_count, s.codebook_base) for s in steps] == [(2, 28), (0, 0), (0, 0), (2, 30)]
    assert codebooks == [0, 5, 0, 6]


def test_negative_codebook_entries_are_twos_complement() -> None:
    assert plan(network(1, 1, codebooks=[[0, -3]]))[1] == [0, 0xFFFFFFFD]


def with_scales(net: QuantisedNetwork, index: int, multiplier: list[int], shift: list[int]) -> QuantisedNetwork:
    layers = list(net.layers)
    layers[index] = replace(layers[index], multiplier=np.array(multiplier), shift=np.array(shift))
    return replace(net, layers=tuple(layers))


def test_bias_and_scale_lie_at_their_slots() -> None:
    net = with_scales(network(2, 3), 0, [1, 1, 5], [1, 2, 3])
    net = replace(net, layers=(replace(net.layers[0], bias=np.array([7, 8, 9])),))
    placement = Placement(n_pes=2, slot_of_row=np.array([4, 0, 3]), n_slots=6)
    compiled = plan(net, placements=[placement])[2]
    unit = 1 << CONFIG.multiplier_width
    assert compiled.bias.tolist() == [[8, 0, 7], [0, 9, 0]]
    assert compiled.scale.tolist() == [[1 + 2 * unit, 1, 1 + 1 * unit], [1, 5 + 3 * unit, 1]]


def test_scales_are_there_for_layers_that_need_them() -> None:
    """Multipliers in the second layer, shifts that differ in the fourth; the others have a shift in their steps."""
    net = with_scales(network(2, 3, 5, 1, 3), 0, [1] * 3, [9] * 3)
    net = with_scales(with_scales(net, 1, [3] * 5, [4] * 5), 3, [1, 1, 1], [5, 6, 5])
    steps, _, compiled = plan(net)
    words, biases = 1 + 1 + 2 + 1, 2 + 3 + 1 + 2
    shown = [(s.scaled, s.scale_base, s.shift) for s in steps if s.drain]
    assert shown == [(False, 0, 9), (True, words + biases, 0), (False, 0, 0), (True, words + biases + 3, 0)]
    assert compiled.scale.shape == (2, 3 + 2)
    assert compiled.table.n_words == words + biases + 3 + 2


def test_scales_of_every_pass() -> None:
    net = with_scales(network(2, 7), 0, [2] * 7, [1] * 7)
    steps, _, compiled = plan(net, replace(CONFIG, accumulator_depth=2))
    assert [(s.n_rows, s.scale_base) for s in steps if s.drain] == [(2, 6), (2, 8)]
    assert compiled.table.scale_base == 6


def test_a_table_holds_columns_then_biases_then_scales() -> None:
    """Written out for PE 0: five columns of two entries, one of them filling a word, two rows."""
    net = with_scales(network(5, 3), 0, [2, 3, 4], [1, 1, 1])
    net = replace(net, layers=(replace(net.layers[0], bias=np.array([7, -8, -9])),))
    config = replace(CONFIG, entry_depth=16, count_bits=3, accumulator_width=24)
    compiled = plan(net, config)[2]
    table = next(packet for packet in compiled.packets() if packet.memory is Memory.TABLE and packet.pe == 0)
    assert table.address == 0
    assert table.elements.tolist() == [
        4 | 2 << 4 | 2 << 7 | 2 << 10 | 2 << 13,  # columns 0 to 3: the third begins at entry 4
        10 | 2 << 4,  # column 4; what would be column 6 begins at entry 10
        7,
        2**24 - 9,
        2 | 1 << 15,
        4 | 1 << 15,
    ]
