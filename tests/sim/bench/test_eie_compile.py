"""A benchmark layer in memories: what each lever changes there, and what it leaves."""

from dataclasses import replace

import numpy as np
import pytest

from eyrie.bench.eie_bench import shared_config
from eyrie.bench.eie_compile import compile_layer, compile_layer_for, place_rows
from eyrie.bench.eie_layers import draw_layer
from eyrie.bench.eie_levers import LEVERS, PAPER, Levers
from eyrie.bench.eie_model import LayerModel
from eyrie.bench.eie_storage import ZeroRuns, stored_bits
from eyrie.cycles.model import CycleModel
from eyrie.driver.schedule import run_network
from eyrie.errors import InputError
from tests.sim.bench.eie_layers import SMALL_LAYERS

SPARSE = draw_layer(SMALL_LAYERS[0], 1)


def test_the_levers_lead_from_ours_to_the_papers() -> None:
    levers = Levers()
    for off in LEVERS.values():
        assert replace(levers, **off) != levers
        levers = replace(levers, **off)
    assert levers == PAPER
    assert Levers(balance=False, index_bits=4, queue_depth=8, skip_empty=False, column_groups=1) == PAPER


@pytest.mark.parametrize("levers", [Levers(), PAPER, Levers(index_bits="bits"), Levers(index_bits=1)])
def test_the_memories_compute_the_layer(levers: Levers) -> None:
    compiled = compile_layer(SPARSE, place_rows(SPARSE, 5, levers), levers, n_pes=5)
    assert np.array_equal(run_network(compiled.compiled, SPARSE.x[None])[0], SPARSE.outputs())
    assert (compiled.config.queue_depth, compiled.config.skip_empty) == (levers.queue_depth, levers.skip_empty)


def test_rows_are_interleaved_or_balanced() -> None:
    interleaved, balanced = place_rows(SPARSE, 5, PAPER), place_rows(SPARSE, 5, Levers())
    assert interleaved.slot_of_row.tolist() == list(range(330))

    def most_loaded(placement):
        return np.bincount(placement.pe_of_row, weights=np.count_nonzero(SPARSE.codes, axis=1)).max()

    assert most_loaded(balanced) < most_loaded(interleaved)


def test_index_bits_are_chosen_for_cycles_or_for_bits() -> None:
    levers = Levers(balance=False)
    placement = place_rows(SPARSE, 5, levers)
    runs = ZeroRuns.of(SPARSE.codes, placement)
    widths = {
        aim: compile_layer(SPARSE, placement, replace(levers, index_bits=aim), n_pes=5) for aim in ("cycles", "bits", 3)
    }
    assert widths[3].config.index_bits == 3
    size = {bits: (runs.n_nonzeros + runs.n_fillers(bits)) * (4 + bits) for bits in range(1, 9)}
    assert widths["bits"].config.index_bits == min(size, key=size.__getitem__)
    assert widths["cycles"].placed.n_fillers <= widths["bits"].placed.n_fillers < widths[3].placed.n_fillers
    assert runs.n_fillers(3) == widths[3].placed.n_fillers


@pytest.mark.parametrize("levers", [Levers(queue_depth=1), Levers(skip_empty=False)])
def test_other_queues_change_the_engine_alone(levers: Levers) -> None:
    compiled = compile_layer(SPARSE, place_rows(SPARSE, 5, Levers()), Levers(), n_pes=5)
    other = compile_layer(SPARSE, place_rows(SPARSE, 5, levers), levers, n_pes=5)
    assert compiled.config_with(levers) == other.config != compiled.config
    for ours, theirs in zip(compiled.compiled.packets(), other.compiled.packets(), strict=True):
        assert np.array_equal(ours.elements, theirs.elements)
    ours, theirs = LayerModel(compiled).run(other.config), LayerModel(other).run()
    assert np.array_equal(ours.outputs, theirs.outputs)
    assert ours.timing == theirs.timing == CycleModel(other.config, other.compiled.packets()).run(SPARSE.x)
    assert ours.timing != LayerModel(compiled).run().timing


def test_stored_bits_count_entries_and_quads() -> None:
    compiled = compile_layer(SPARSE, place_rows(SPARSE, 5, PAPER), PAPER, n_pes=5)
    entries = sum(array.size for array in compiled.compiled.entries)
    # 205 columns are 52 words on each of five PEs.
    assert stored_bits(compiled.placed, compiled.config) == 8 * entries + 52 * 5 * compiled.config.quad_width


def test_a_shared_engine_holds_all_layers() -> None:
    drawn = [draw_layer(layer, 1) for layer in SMALL_LAYERS]
    levers = Levers(index_bits=5)
    placements = [place_rows(layer, 5, levers) for layer in drawn]
    own = [
        compile_layer(layer, placement, levers, n_pes=5).config
        for layer, placement in zip(drawn, placements, strict=True)
    ]
    assert own[0].entry_depth != own[1].entry_depth
    shared = shared_config(own)
    assert shared == shared_config(own[::-1])
    for layer, placement in zip(drawn, placements, strict=True):
        compiled = compile_layer_for(layer, placement, shared)
        assert compiled.config == shared
        assert np.array_equal(run_network(compiled.compiled, layer.x[None])[0], layer.outputs())
    with pytest.raises(InputError, match="entry_depth"):
        compile_layer_for(drawn[0], placements[0], replace(shared, entry_depth=16))


def test_columns_are_split_where_that_is_faster() -> None:
    wide = draw_layer(replace(SMALL_LAYERS[0], inputs=400, outputs=20, weight_density=0.05, activation_density=1.0), 1)
    cycles = {}
    for groups in (1, 2, 4):
        levers = Levers(column_groups=groups)
        placement = place_rows(wide, 16, levers)
        compiled = compile_layer(wide, placement, levers, n_pes=16)
        assert (placement.n_pes, compiled.config.n_pes) == (16 // groups, 16)
        assert compiled.config.column_groups == groups
        outputs, timing = LayerModel(compiled).run()
        assert np.array_equal(outputs, wide.outputs())
        cycles[groups] = timing.cycles
    assert cycles[2] < 0.6 * cycles[1]
    assert cycles[4] < 0.7 * cycles[2]
    # Three PEs form no two groups.
    assert place_rows(wide, 3, Levers(column_groups=2)).n_pes == 3
