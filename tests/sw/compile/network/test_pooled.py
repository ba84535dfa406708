"""Pooling behind convolutions belongs to their program; elsewhere, and where it does not fit, to the host."""

from dataclasses import replace

import numpy as np
import pytest

from eyrie.compile.network.compiler import compile_segments
from eyrie.compile.network.pooled import pool_layer
from eyrie.compile.network.pooling import quantise_pool
from eyrie.compile.rowstat.reference import forward
from eyrie.driver.segments import GoldenSegments
from eyrie.eie.config import EieConfig
from eyrie.model.network import Network
from eyrie.model.pool import Pool
from eyrie.rowstat.config import TINY
from tests.sw.compile.network.network_cases import conv, draw_pool, draw_samples

HUGE = Pool(name="huge", kind="max", kernel=(9, 9), stride=(1, 1), padding=(4, 4, 4, 4))


def names(network: Network, x: np.ndarray) -> list[tuple[str, str]]:
    """Segments and places, after a run whose outputs are those of the integers."""
    config = replace(TINY, ifmap_bank_words=64)
    result = compile_segments(network, calibration=x, rowstat=config, eie=EieConfig(n_pes=2))
    i = result.compiled.interface.quantise_input(x)
    run = GoldenSegments(result.compiled).run(i)
    assert np.array_equal(run.outputs, result.quantisation.integers.forward(i))
    return [(segment.name, segment.place) for segment in run.segments]


def network(*layers: object) -> Network:
    return Network(name="net", input_shape=(1, 34, 34), layers=layers)  # type: ignore[arg-type]


def test_what_is_on_the_tape_and_what_is_not() -> None:
    rng = np.random.default_rng(0)
    one = conv(rng.normal(size=(2, 1, 3, 1)), name="a", stride=(2, 1))
    two = conv(rng.normal(size=(2, 2, 1, 3)), name="b", relu=True)
    first = Pool(name="first", kind="average", kernel=(1, 2), stride=(1, 1))
    second = Pool(name="second", kind="average", kernel=(3, 3), stride=(2, 2), padding=(1, 1, 1, 1))
    third = Pool(name="third", kind="max", kernel=(2, 1), stride=(2, 1))
    net = network(first, one, second, third, two, replace(third, name="fourth"))
    x = draw_samples(rng, net, 3)
    assert names(net, x) == [("first", "host"), ("a, second, third, b, fourth", "rowstat")]


def test_what_does_not_fit_stays_with_the_host() -> None:
    rng = np.random.default_rng(1)
    one = conv(rng.normal(size=(1, 1, 3, 1)), name="a")
    small = Pool(name="small", kind="max", kernel=(2, 2), stride=(2, 2))
    net = network(one, HUGE, small, replace(one, name="b"), replace(small, name="last"))
    x = draw_samples(rng, net, 2)
    expected = [("a", "rowstat"), ("huge", "host"), ("small", "host"), ("b, last", "rowstat")]
    assert names(net, x) == expected


@pytest.mark.parametrize("seed", range(20))
def test_layers_of_the_tape_pool_as_stages_do(seed: int) -> None:
    rng = np.random.default_rng(seed)
    maps = (2, 3, int(rng.integers(1, 9)), int(rng.integers(1, 9)))
    pool = draw_pool(rng, "pool", maps[1:])
    pooling, _ = quantise_pool(pool, maps[1:], 1.0, (-30000.0, 30000.0), 16)
    x = rng.integers(-(1 << 15), 1 << 15, maps)
    layer = pool_layer(pooling, maps)
    assert np.array_equal(forward([layer], x, activation_width=16), pooling.forward(x))
