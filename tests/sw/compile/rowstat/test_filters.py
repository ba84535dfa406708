"""The filter stream against a loop as plain as its description."""

from dataclasses import replace

import numpy as np
import pytest

from eyrie.compile.rowstat.filters import filter_stream
from eyrie.compile.rowstat.loops import Loops
from eyrie.compile.rowstat.random_layers import draw_layer, draw_mapping, draw_shape
from eyrie.rowstat.config import TINY


@pytest.mark.parametrize("seed", range(12))
def test_order_of_weights(seed: int) -> None:
    rng = np.random.default_rng(seed)
    config = replace(TINY, rows=int(rng.integers(1, 10)))
    shape = draw_shape(rng, "conv")
    layer = draw_layer(rng, shape, config)
    loops = Loops(shape=shape, mapping=draw_mapping(rng, shape, config))
    mapping = loops.mapping
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
                                expected.append(layer.weight[m_all, c, i, w] if there else 0)
    stream = filter_stream(layer, config, loops)
    assert stream.dtype == np.uint64
    assert stream.view(np.int16).tolist() == expected
