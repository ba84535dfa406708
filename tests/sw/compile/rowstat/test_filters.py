"""The filter stream, of weights and of codes, against a loop as plain as its description."""

from dataclasses import replace

import numpy as np
import pytest

from eyrie.compile.rowstat import tape as tape_module
from eyrie.compile.rowstat.filters import filter_stream
from eyrie.compile.rowstat.layer import ConvLayer
from eyrie.compile.rowstat.loops import Loops
from eyrie.compile.rowstat.random_layers import draw_layer, draw_mapping, draw_shape, share_weights
from eyrie.rowstat.config import TINY, RowstatConfig


def in_order(layer: ConvLayer, config: RowstatConfig, loops: Loops) -> list[int]:
    shape, mapping = loops.shape, loops.mapping
    expected = []
    for step in (step for step in loops.passes if step.last_of_set):
        for slot in range(mapping.slots):
            for column_set in range(mapping.sets):
                for group in range(config.row_groups):
                    for filter_number in range(mapping.filters):
                        m = (step.filter_set * mapping.sets + column_set) * mapping.filters + filter_number
                        for w in range(shape.kernel[1]):
                            for lane in range(4):
                                row = 4 * group + lane
                                pair = (step.channel_group * mapping.slots + slot) * mapping.slot_pairs + row
                                there = row < mapping.slot_pairs and pair < shape.pairs and m < shape.group_filters
                                c, i = divmod(pair, shape.kernel[0])
                                m_all = step.group * shape.group_filters + m
                                expected.append(int(layer.weight[m_all, c, i, w]) if there else 0)
    return expected


@pytest.mark.parametrize("seed", range(12))
def test_order_of_weights(seed: int) -> None:
    rng = np.random.default_rng(seed)
    config = replace(TINY, rows=int(rng.integers(1, 10)))
    shape = draw_shape(rng, "conv")
    layer = draw_layer(rng, shape, config)
    loops = Loops(shape=shape, mapping=draw_mapping(rng, shape, config))
    stream = filter_stream(layer, config, loops)
    assert stream.dtype == np.uint64
    assert stream.view(np.int16).tolist() == in_order(layer, config, loops)


@pytest.mark.parametrize("entries", [1, 2, 16, 256])
@pytest.mark.parametrize("seed", range(6))
def test_codes_of_every_section_begin_with_a_word(seed: int, entries: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a LAYER command could count no more than the blocks of one filter set, whose last word is half full."""
    rng = np.random.default_rng(seed)
    config = replace(TINY, rows=int(rng.choice([1, 2, 4, 9])))
    while True:
        shape = draw_shape(rng, "conv")
        loops = Loops(shape=shape, mapping=draw_mapping(rng, shape, config))
        layer = share_weights(rng, draw_layer(rng, shape, config), entries)
        plain = in_order(layer, config, loops)
        of_a_set = len(plain) // sum(step.last_of_set for step in loops.passes)
        if of_a_set % 8 and of_a_set < len(plain):
            break
    monkeypatch.setattr(tape_module, "MAX_BLOCKS", loops.mapping.slots)
    codes = filter_stream(layer, config, loops).view(np.uint8).tolist()
    for begin in range(0, len(plain), of_a_set):
        section = plain[begin : begin + of_a_set]
        taken, codes = codes[:of_a_set], codes[of_a_set + 4 :]
        assert [int(layer.codebook[code]) for code in taken] == section
    assert codes == []
