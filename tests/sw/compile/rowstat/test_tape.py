"""Tapes: waits for the past alone, tiles inside their maps, long layers in sections."""

from dataclasses import replace

import numpy as np
import pytest

from eyrie.compile.rowstat import tape as tape_module
from eyrie.compile.rowstat.layer import ConvShape
from eyrie.compile.rowstat.loops import Loops
from eyrie.compile.rowstat.mapping import Mapping, bank_tiles
from eyrie.compile.rowstat.packets import LONGEST_WAIT, MAX_PACKET, CommandCount, Tape
from eyrie.compile.rowstat.program import compile_layers
from eyrie.compile.rowstat.random_layers import draw_inputs, draw_layer, draw_mapping, draw_shape
from eyrie.compile.rowstat.tape import block_sections
from eyrie.golden.convolution import forward
from eyrie.golden.rowstat.model import RowstatModel
from eyrie.golden.rowstat.tape import Tape as ReadTape
from eyrie.rowstat.commands import COUNT_BITS, Unit
from eyrie.rowstat.config import TINY

SHAPE = ConvShape(name="conv", batch=2, channels=4, height=9, width=9, filters=6, kernel=(3, 3))
MAPPING = Mapping(filters=2, slots=1, slot_pairs=3, sets=1, strip_rows=4, steps=7, region=5, ring=2)


def test_waits_look_back_only_so_far() -> None:
    count = CommandCount()
    assert count.wait(0) == 0
    for _ in range(70_000):
        count.issue()
    assert count.wait(70_000) == 70_000 % (1 << COUNT_BITS)
    assert count.wait(3) == (70_000 - LONGEST_WAIT) % (1 << COUNT_BITS)
    with pytest.raises(ValueError, match="cannot wait for 70001 commands of 70000"):
        count.wait(70_001)


def test_long_packets_are_cut() -> None:
    tape = Tape()
    tape.packet(Unit.DRAIN, tuple(range(MAX_PACKET + 2)))
    words = tape.end().tolist()
    assert words[0] == Unit.DRAIN | MAX_PACKET << 3
    assert words[MAX_PACKET + 1] == Unit.DRAIN | 2 << 3
    assert words[-1] == Unit.END
    assert len(words) == MAX_PACKET + 2 + 3


@pytest.mark.parametrize("seed", range(20))
def test_tiles_hold_what_their_strips_look_at(seed: int) -> None:
    """Every ifmap value that an output looks at lies in the strip's tile, at the place that the pass reads."""
    rng = np.random.default_rng(seed)
    shape = draw_shape(rng, "conv")
    loops = Loops(shape=shape, mapping=draw_mapping(rng, shape, TINY))
    seen = np.zeros((shape.batch, shape.out_height, shape.out_width), int)
    for tile in loops.tiles:
        assert 0 <= tile.row <= shape.height - loops.tile.rows
        for strip in tile.strips:
            for y in range(strip.rows):
                for x in range(strip.columns):
                    seen[strip.image, strip.row + y, strip.column + x] += 1
                    row = (strip.row + y) * shape.stride[0] - shape.padding[0]
                    value = (strip.column + x) * shape.stride[1] - shape.padding[1]
                    assert tile.row + strip.first_row + y * shape.stride[0] == row
                    assert 4 * tile.word + strip.first_value + x * shape.stride[1] == value
                    rows = [r for r in range(row, row + shape.kernel[0]) if 0 <= r < shape.height]
                    values = [v for v in range(value, value + shape.kernel[1]) if 0 <= v < shape.width]
                    assert all(tile.row <= r < tile.row + loops.tile.rows for r in rows)
                    assert all(0 <= v - 4 * tile.word < 4 * loops.tile.words for v in values)
    assert (seen == 1).all()


def test_filters_of_the_turn_stay() -> None:
    """Eight residencies of four channel groups on the same filters: the last group of one is the first of the next."""
    loops = Loops(shape=SHAPE, mapping=MAPPING)
    order = [step.channel_group for step in loops.passes if step.filter_set == 0]
    assert order == [0, 1, 2, 3, 3, 2, 1, 0, 0, 1, 2, 3, 3, 2, 1, 0]
    assert sum(step.last_of_set for step in loops.passes) == 3 * (4 * 4 - 3)


def test_filters_of_the_turn_stay_where_tiles_are_kept() -> None:
    """Four tiles, each under three filter sets of two channel groups: the last filters of a tile are the next one's
    first, and only for the first tile none are there."""
    mapping = replace(MAPPING, slots=2, region=4, ring=4, keep=True)
    passes = Loops(shape=SHAPE, mapping=mapping).passes
    order = [(step.filter_set, step.channel_group) for step in passes]
    first = [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)]
    second = [(2, 1), (2, 0), (1, 1), (1, 0), (0, 1), (0, 0)]
    assert order == 2 * (first + second)
    assert sum(step.last_of_set for step in passes) == 4 * 6 - 3


@pytest.mark.parametrize("most", [1, 4, 9])
def test_layers_with_many_blocks_run_in_sections(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a LAYER command could not count farther: the same outputs, and as many LAYER commands as it takes."""
    loops = Loops(shape=SHAPE, mapping=MAPPING)
    monkeypatch.setattr(tape_module, "MAX_BLOCKS", most)
    sections = block_sections(loops)
    blocks = sum(step.last_of_set for step in loops.passes)
    assert sum(sections.values()) == blocks
    assert len(sections) == -(-blocks // most)
    rng = np.random.default_rng(most)
    layer, x = draw_layer(rng, SHAPE, TINY), draw_inputs(rng, SHAPE, TINY)
    program = compile_layers([layer], TINY, [MAPPING])
    assert len(ReadTape.parse(TINY, program.tape).named("load_layer")) == len(sections)
    memory = RowstatModel(TINY, program.tape).run(program.filters, program.memory(x)).memory
    assert (program.outputs(memory) == forward([layer], x, activation_width=16)).all()


def test_fetches_run_ahead_and_drains_behind() -> None:
    """The second tile is asked for before the first pass; the first drain stands behind the pass that follows."""
    program = compile_layers([draw_layer(np.random.default_rng(0), SHAPE, TINY)], TINY, [MAPPING])
    read = ReadTape.parse(TINY, program.tape)
    passes, fetches, drains = (read.named(name) for name in ("compute_pass", "fetch", "drain"))
    assert fetches[1].last < passes[0].first
    assert fetches[2].last < passes[1].first
    assert passes[4].last < drains[0].first < passes[5].last < drains[-1].first
    rolling = compile_layers(
        [draw_layer(np.random.default_rng(0), SHAPE, TINY)], TINY, [replace(MAPPING, tiles=2, rolling=True)]
    )
    assert len(ReadTape.parse(TINY, rolling.tape).named("drain")) == len(drains)


def test_fetches_run_ahead_of_the_newest_tile() -> None:
    """Tiles 0, 1 and 2 stay for the second of two filter sets. When their turn comes again, tile 5 takes the place of
    tile 0, of the bank's five, as soon as that is done with: not later because a pass goes back to tile 1."""
    config = replace(TINY, ifmap_bank_words=5 * 18)
    mapping = replace(MAPPING, filters=1, filter_sets=2, tiles=3)
    loops = Loops(shape=SHAPE, mapping=mapping)
    assert [step.job for step in loops.passes[:8]] == [0, 1, 2, 0, 1, 2, 3, 4]
    assert bank_tiles(SHAPE, config, mapping) == 5
    program = compile_layers([draw_layer(np.random.default_rng(0), SHAPE, config)], config, [mapping])
    read = ReadTape.parse(config, program.tape)
    passes, fetches = (read.named(name) for name in ("compute_pass", "fetch"))
    assert passes[3].last < fetches[5].first < passes[4].first
