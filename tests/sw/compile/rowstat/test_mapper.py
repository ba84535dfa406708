"""The search: limits, refusals, and numbers that are those of the models that read the tape."""

from dataclasses import replace

import numpy as np
import pytest

from eyrie.bench.rowstat_choice import coded_share
from eyrie.compile.rowstat.coding import Coding
from eyrie.compile.rowstat.estimate import estimate_cycles, n_filter_sets, n_passes, pass_cycles
from eyrie.compile.rowstat.layer import ConvShape
from eyrie.compile.rowstat.loops import Loops
from eyrie.compile.rowstat.mapper import UNLIMITED, Accesses, choose_mapping, mappings, preference
from eyrie.compile.rowstat.mapping import (
    Mapping,
    is_mapping,
    most_held_tiles,
    require_mapping,
    row_words,
    tile_size,
)
from eyrie.compile.rowstat.program import compile_layers
from eyrie.compile.rowstat.random_layers import draw_inputs, draw_layer, draw_mapping, draw_shape, share_weights
from eyrie.compile.rowstat.traffic import count_traffic
from eyrie.cycles.rowstat.model import RowstatCycleModel
from eyrie.errors import InputError
from eyrie.golden.convolution import forward
from eyrie.golden.rowstat.model import RowstatModel
from eyrie.rowstat.commands import Unit
from eyrie.rowstat.config import PAPER, TINY
from tests.sw.compile.rowstat.rowstat_cases import CONFIGS

CONV3 = ConvShape(
    name="conv3", batch=4, channels=256, height=13, width=13, filters=384, kernel=(3, 3), padding=(1,) * 4
)
SMALL = ConvShape(name="conv", batch=2, channels=12, height=16, width=16, filters=16, kernel=(3, 3), padding=(1,) * 4)
MAPPING = Mapping(filters=2, slots=1, slot_pairs=3, sets=1, strip_rows=4, steps=8, region=5, ring=2)


@pytest.mark.parametrize("seed", range(40))
def test_traffic_is_that_of_the_golden_model(seed: int) -> None:
    rng = np.random.default_rng(seed)
    config = CONFIGS[seed % len(CONFIGS)]
    shape = draw_shape(rng, "conv")
    mapping = draw_mapping(rng, shape, config)
    program = compile_layers([draw_layer(rng, shape, config)], config, [mapping])
    counts = RowstatModel(config, program.tape).run(program.filters, program.memory(draw_inputs(rng, shape, config)))
    traffic, counted = count_traffic(shape, config, mapping), counts.counts
    used = mapping.sets * mapping.strip_rows
    assert traffic.external_ifmaps == 4 * counted.map_reads
    assert traffic.external_filters == 4 * counted.filter_words == 4 * len(program.filters)
    assert traffic.external_outputs == 4 * counted.map_writes
    assert traffic.delivered == counted.ifmap_network
    assert traffic.bank_reads == counted.ifmap_bank_reads
    assert traffic.stored == 4 * counted.ifmap_bank_writes
    assert traffic.loaded == 4 * counted.filter_network
    assert traffic.multicast == counted.ifmap_writes
    assert traffic.filter_pad_writes == counted.filter_writes
    assert traffic.filter_pad_reads >= counted.filter_reads
    if config.filter_columns == 1:
        assert traffic.filter_pad_reads == traffic.multiplies
    assert traffic.multiplies == counted.multiplies + counted.gated
    assert traffic.psum_writes * config.columns == counted.psum_bank_writes * used
    reads = traffic.psum_reads - shape.outputs
    assert reads * config.columns == counted.psum_bank_reads * used
    assert counted.drain_reads == shape.outputs


@pytest.mark.parametrize("seed", range(12))
def test_traffic_of_coded_maps_and_codes_is_that_of_the_golden_model(seed: int) -> None:
    """With the share of words that coding leaves; every row that is fetched takes about as many."""
    rng = np.random.default_rng(seed)
    config = replace(CONFIGS[seed % len(CONFIGS)], codebook_entries=16)
    shape = next(
        shape
        for shape in (draw_shape(rng, "conv") for _ in range(100))
        if any(True for _ in mappings(shape, config, Coding(inputs=0.5, outputs=0.5)))
    )
    x = draw_inputs(rng, shape, config)
    x[rng.random(x.shape) < 0.7] = 0
    layer = share_weights(rng, draw_layer(rng, shape, config), 16)
    outputs = forward([layer], x, activation_width=config.activation_width)
    coding = Coding(inputs=coded_share(x), outputs=coded_share(outputs), codes=True)
    mapping = draw_mapping(rng, shape, config, coding)
    program = compile_layers([layer], config, [mapping], coded=[coding.inputs, coding.outputs])
    counted = RowstatModel(config, program.tape).run(program.filters, program.memory(x)).counts
    traffic = count_traffic(shape, config, mapping, coding)
    assert traffic.external_outputs == 4 * counted.map_writes
    assert traffic.stored == 4 * counted.ifmap_bank_writes
    assert traffic.loaded == 4 * counted.filter_network
    assert traffic.external_filters == 4 * counted.filter_words
    assert abs(traffic.external_ifmaps - 4 * counted.map_reads) < 0.25 * traffic.external_ifmaps + 16
    plain = count_traffic(shape, config, mapping)
    assert traffic.loaded == plain.loaded == plain.external_filters
    assert traffic.stored == plain.external_ifmaps


def test_tiles_that_stay_for_the_next_filters() -> None:
    """They are fetched once less for every change of filters, and the outputs are the same."""
    mapping = replace(MAPPING, tile_strips=(1, 2), tiles=1, strip_rows=4)
    assert most_held_tiles(SMALL, TINY, mapping) > 2
    held = replace(mapping, held=most_held_tiles(SMALL, TINY, mapping))
    rng = np.random.default_rng(0)
    layer, x = draw_layer(rng, SMALL, TINY), draw_inputs(rng, SMALL, TINY)
    runs, cycles = [], []
    for each in (mapping, held):
        program = compile_layers([layer], TINY, [each])
        runs.append(RowstatModel(TINY, program.tape).run(program.filters, program.memory(x)))
        cycles.append(RowstatCycleModel(TINY, program.tape).run().cycles)
        assert (program.outputs(runs[-1].memory) == forward([layer], x, activation_width=16)).all()
        assert count_traffic(SMALL, TINY, each).external_ifmaps == 4 * runs[-1].counts.map_reads
    assert cycles[1] <= cycles[0]  # the next tiles are fetched while those that stayed are in use
    changes = n_filter_sets(SMALL, mapping) - 1
    fewer = runs[0].counts.map_reads - runs[1].counts.map_reads
    assert fewer == changes * held.held * tile_size(SMALL, mapping).bank_words
    with pytest.raises(InputError, match="tiles that stay for the next filters must be 0 to"):
        require_mapping(SMALL, TINY, replace(held, held=held.held + 1))


@pytest.mark.parametrize(("words", "most"), [(144, 4), (120, 1)])
def test_whole_groups_of_tiles_may_stay(words: int, most: int) -> None:
    """Four tiles of 24 words at a time: all but two places hold tiles that stay, if they are those of whole channel
    groups, and all but as many as are resident at a time otherwise."""
    config = replace(TINY, ifmap_bank_words=words)
    mapping = replace(MAPPING, filters=1, steps=16, tiles=4)
    assert tile_size(SMALL, mapping).bank_words == 24
    assert most_held_tiles(SMALL, config, mapping) == most
    rng = np.random.default_rng(words)
    layer, x = draw_layer(rng, SMALL, config), draw_inputs(rng, SMALL, config)
    for held in {1, most}:
        program = compile_layers([layer], config, [replace(mapping, held=held)])
        run = RowstatModel(config, program.tape).run(program.filters, program.memory(x))
        assert (program.outputs(run.memory) == forward([layer], x, activation_width=16)).all()


@pytest.mark.parametrize("seed", range(40))
def test_computation_is_that_of_the_cycle_model(seed: int) -> None:
    rng = np.random.default_rng(seed)
    config = CONFIGS[seed % len(CONFIGS)]
    shape = draw_shape(rng, "conv")
    mapping = draw_mapping(rng, shape, config)
    program = compile_layers([draw_layer(rng, shape, config)], config, [mapping])
    timing = RowstatCycleModel(config, program.tape).run()
    assert n_passes(shape, mapping) * pass_cycles(shape, mapping) == timing.busy[Unit.COMPUTE] + timing.idle["hazard"]


def test_estimate_is_close_on_a_large_layer() -> None:
    choice = choose_mapping(CONV3, PAPER)
    layer = draw_layer(np.random.default_rng(0), CONV3, PAPER)
    layer = replace(layer, weight=np.zeros_like(layer.weight))
    timing = RowstatCycleModel(PAPER, compile_layers([layer], PAPER, [choice.mapping]).tape).run()
    assert abs(timing.cycles - choice.cycles.total) < choice.cycles.total // 100
    assert timing.cycles * 168 < 1.05 * CONV3.macs


@pytest.mark.parametrize(
    "change",
    [
        {"region": 3},  # a value comes once the window before is done with
        {"region": 6},
        {"slots": 2, "region": 4, "ring": 5},
        {"slots": 2, "region": 5, "ring": 2},  # filters come once the set before is done with
        {"slot_pairs": 2, "region": 8},  # ids change with the channels
        {"strip_rows": 1, "sets": 4, "ring": 5},
        {"bank": 24},  # a tile comes once the one before is done with
        {"bank": 48, "tiles": 2, "filter_sets": 2},  # while the other one is in use
        {"bank": 576, "tiles": 2, "keep": True},
        {"tiles": 2, "rolling": True, "turn": 2},
    ],
)
def test_estimate_is_close_where_units_wait(change: dict[str, int]) -> None:
    config = replace(TINY, ifmap_bank_words=change.get("bank", TINY.ifmap_bank_words))
    mapping = replace(MAPPING, **{field: value for field, value in change.items() if field != "bank"})
    layer = draw_layer(np.random.default_rng(0), SMALL, config)
    timing = RowstatCycleModel(config, compile_layers([layer], config, [mapping]).tape).run()
    estimate = estimate_cycles(SMALL, config, mapping)
    assert abs(timing.cycles - estimate.total) < 0.05 * timing.cycles


def test_choice_is_the_best_of_all() -> None:
    """The bound leaves nothing out: no mapping has fewer estimated cycles."""
    choice = choose_mapping(SMALL, TINY, about_as_fast=1.0)
    totals = [estimate_cycles(SMALL, TINY, mapping).total for mapping in mappings(SMALL, TINY)]
    assert choice.cycles.total == choice.fewest_cycles == min(totals)
    assert choice.tried < len(totals)
    assert 0 < choice.utilisation <= 1
    assert choice.active_pes <= TINY.n_pes


def test_limits_of_accesses() -> None:
    free = choose_mapping(SMALL, TINY)
    for name, limit in (("external", free.fewest_accesses), ("buffer", free.traffic.buffer * 9 // 10)):
        assert limit < getattr(free.traffic, name)
        choice = choose_mapping(SMALL, TINY, limits=Accesses(**{name: limit}))
        assert getattr(choice.traffic, name) <= limit
        assert choice.cycles.total >= free.fewest_cycles
    with pytest.raises(InputError, match="layer conv: no mapping fits this engine with at most 9 external accesses"):
        choose_mapping(SMALL, TINY, limits=Accesses(external=9))


def test_wanted_accesses() -> None:
    """The fastest mapping that keeps to them; where none does, the one that goes beyond them least."""
    fastest = choose_mapping(SMALL, TINY, about_as_fast=1.0)
    wanted = Accesses(external=fastest.traffic.external * 9 // 10)
    kept = choose_mapping(SMALL, TINY, about_as_fast=1.5, wanted=wanted)
    assert not wanted.excess(kept.traffic)
    assert kept.cycles.total == choose_mapping(SMALL, TINY, limits=wanted, about_as_fast=1.0).cycles.total
    least = choose_mapping(SMALL, TINY, about_as_fast=1.5, wanted=Accesses(external=9))
    assert least.traffic.external < 1.01 * min(kept.traffic.external, fastest.traffic.external)
    assert choose_mapping(SMALL, TINY, about_as_fast=1.5, wanted=UNLIMITED).cycles.total == fastest.cycles.total
    slightly = Accesses(external=fastest.traffic.external - 1)
    assert preference(fastest.cycles, fastest.traffic, slightly) == (1, fastest.cycles.total)


def test_a_rival_that_is_faster() -> None:
    fewest = choose_mapping(SMALL, TINY).fewest_cycles
    assert choose_mapping(SMALL, TINY, rival=fewest).fewest_cycles == fewest
    with pytest.raises(InputError, match="layer conv: no mapping fits this engine"):
        choose_mapping(SMALL, TINY, rival=fewest // 2)


def test_coded_maps_need_whole_rows() -> None:
    coding = Coding(inputs=0.5, outputs=0.5)
    for mapping in mappings(SMALL, TINY, coding):
        assert mapping.steps == SMALL.out_width
        assert tile_size(SMALL, mapping).words == row_words(SMALL.width)
    choice = choose_mapping(SMALL, TINY, coding=coding)
    assert 2 * choice.traffic.external_ifmaps == choice.traffic.stored
    with pytest.raises(InputError, match="coded output maps need strips of whole rows, 16 output columns, not 8"):
        require_mapping(SMALL, TINY, MAPPING, Coding(outputs=0.5))
    with pytest.raises(InputError, match="coded input maps need tiles of whole rows, 4 words, not 3"):
        require_mapping(SMALL, TINY, replace(MAPPING, steps=4), Coding(inputs=0.5))


def test_less_energy_for_more_cycles() -> None:
    fast, frugal = (choose_mapping(SMALL, TINY, about_as_fast=factor) for factor in (1.0, 1.5))
    assert frugal.traffic.energy < fast.traffic.energy
    assert fast.cycles.total < frugal.cycles.total <= 1.5 * fast.cycles.total
    assert "most others wait for" in frugal.reason


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kernel": (3, 9)}, "values of a filter row must be at most 8 for this engine, not 9"),
        ({"stride": (64, 1), "height": 80}, "the stride must be at most 63"),
        ({"height": 4096, "width": 64}, "words of an input map must be at most 65535 for this engine, not 65536"),
    ],
)
def test_layers_that_no_mapping_fits(change: dict[str, object], message: str) -> None:
    shape = replace(SMALL, **change)
    with pytest.raises(InputError, match=f"layer conv: {message}"):
        choose_mapping(shape, TINY)


def test_a_row_that_no_bank_holds() -> None:
    shape = ConvShape(name="wide", channels=1, height=600, width=200, filters=1, kernel=(500, 8))
    with pytest.raises(InputError, match="layer wide: no mapping fits this engine"):
        choose_mapping(shape, TINY)


def test_a_bank_that_holds_few_channels() -> None:
    """Two channels of the tile fit the bank, so that a slot takes no more than their rows."""
    shape = replace(SMALL, kernel=(1, 3), padding=(0, 1, 0, 1), stride=(5, 1))
    config = replace(TINY, rows=8, ifmap_bank_words=16)
    assert choose_mapping(shape, config).mapping.slot_pairs < 8


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"filters": 5}, "filters of a PE must be 1 to 4, not 5"),
        ({"sets": 2}, "columns in use must be 1 to 4, not 8"),
        ({"slots": 4}, "window words of the ifmap scratch pad must be 1 to 8, not 12"),
        ({"region": 11}, "words of an ifmap region must be 3 to 10, not 11"),
        ({"ring": 6}, "blocks of the filter scratch pad must be 1 to 5, not 6"),
        ({"slot_pairs": 4}, "rows of the array for a slot must be 1 to 3, not 4"),
        ({"steps": 6}, "strips of 6 output columns do not fill words of 4"),
        ({"tiles": 5}, "psums of a column's half bank must be 1 to 64, not 80"),
        ({"tile_strips": (0, 1)}, "strips down a tile must be 1 to 65536, not 0"),
        ({"filter_sets": 2, "tiles": 2, "tile_strips": (1, 2), "strip_rows": 2}, "psums of a column's half bank"),
        ({"keep": True, "steps": 16, "tile_strips": (2, 1), "filters": 1}, "tiles that the ifmap bank must hold"),
    ],
)
def test_wrong_mappings_are_refused(change: dict[str, object], message: str) -> None:
    require_mapping(SMALL, TINY, MAPPING)
    mapping = replace(MAPPING, **change)
    assert is_mapping(SMALL, TINY, MAPPING)
    assert not is_mapping(SMALL, TINY, mapping)
    with pytest.raises(InputError, match=f"layer conv: {message}"):
        require_mapping(SMALL, TINY, mapping)


def test_whole_filters_stay_in_the_scratch_pads() -> None:
    """All weights of a set in one pass: they are loaded once, whatever runs on them."""
    shape = replace(SMALL, channels=1)
    mapping = replace(MAPPING, filters=2, filter_sets=1)
    assert Loops(shape=shape, mapping=mapping).n_channel_groups == 1
    assert count_traffic(shape, TINY, mapping).external_filters == 8 * 2 * 3 * 4
