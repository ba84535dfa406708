"""Activations that make the work of the paper's theoretical times."""

from dataclasses import replace

import numpy as np
import pytest

from eyrie.anchors.eie import PublishedLayer
from eyrie.bench.eie_layers import draw_layer
from eyrie.bench.eie_storage import paper_entries
from eyrie.bench.eie_work import with_theoretical_work
from tests.sim.bench.eie_layers import SMALL_LAYERS

SEED = 5


@pytest.mark.parametrize("share", [0.25, 0.8])
@pytest.mark.parametrize("layer", SMALL_LAYERS, ids=lambda layer: layer.name)
def test_entries_that_meet_an_activation_take_the_theoretical_time(layer: PublishedLayer, share: float) -> None:
    entries = paper_entries(draw_layer(layer, SEED).codes, layer.pes)
    wanted = replace(layer, theoretical_us=share * entries / layer.pes / layer.clock_mhz)
    changed = with_theoretical_work(wanted, SEED)
    drawn = draw_layer(changed, SEED)
    assert np.array_equal(drawn.codes, draw_layer(layer, SEED).codes)
    assert np.count_nonzero(drawn.x) == round(share * layer.inputs)


def test_no_more_activations_than_there_are() -> None:
    layer = replace(SMALL_LAYERS[0], theoretical_us=1000.0)
    assert with_theoretical_work(layer, SEED).activation_density == 1.0
