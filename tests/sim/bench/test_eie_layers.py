"""The benchmark's layers: drawn as published, the same for the same seed, and within 32 bits."""

from dataclasses import replace

import numpy as np
import pytest

from eyrie.anchors.eie import published_layers
from eyrie.bench.eie_layers import draw_layer
from eyrie.compile.certify import certify_network
from eyrie.golden.dense import forward

SMALL = replace(
    published_layers()[0], name="small", inputs=1003, outputs=301, weight_density=0.07, activation_density=0.4
)


def test_shape_and_densities() -> None:
    layer = draw_layer(SMALL, 1)
    assert layer.codes.shape == (301, 1003)
    assert layer.network.inputs == layer.x.size == 1003
    assert np.count_nonzero(layer.x) == 401
    # Five standard deviations of a binomial distribution.
    expected = 301 * 1003 * 0.07
    assert abs(layer.n_nonzeros - expected) < 5 * expected**0.5


def test_every_weight_has_the_same_chance() -> None:
    counts = sum((draw_layer(SMALL, seed).codes != 0).astype(np.int64) for seed in range(20))
    # 20 draws of each of 301,903 weights; the probability of k non-zeros is binomial.
    found = np.bincount(counts.ravel(), minlength=21) / counts.size
    expected = np.convolve([1], [1])
    for _ in range(20):
        expected = np.convolve(expected, [1 - 0.07, 0.07])
    assert np.abs(found - expected).max() < 0.003


def test_codes_and_activations_cover_their_range() -> None:
    layer = draw_layer(SMALL, 1)
    shares = np.bincount(layer.codes.ravel(), minlength=16)[1:] / layer.n_nonzeros
    assert np.abs(shares - 1 / 15).max() < 0.01
    assert layer.network.layers[0].codebook[1:].all()
    assert layer.x.min() < -32000
    assert layer.x.max() > 32000
    assert (layer.network.clip, layer.network.activation_width) == ((-32768, 32767), 16)


def test_the_seed_and_the_name_decide() -> None:
    first, again, other_seed = draw_layer(SMALL, 3), draw_layer(SMALL, 3), draw_layer(SMALL, 4)
    other_name = draw_layer(replace(SMALL, name="other"), 3)
    assert np.array_equal(first.codes, again.codes)
    assert np.array_equal(first.x, again.x)
    assert np.array_equal(first.network.layers[0].codebook, again.network.layers[0].codebook)
    assert not np.array_equal(first.codes, other_seed.codes)
    assert not np.array_equal(first.codes, other_name.codes)


@pytest.mark.parametrize("density", [0.002, 0.3, 1.0])
def test_sums_fit_the_accumulators(density: float) -> None:
    layer = draw_layer(replace(SMALL, weight_density=density), 1)
    (certificate,) = certify_network(layer.network, 32)
    assert certificate.holds
    assert certificate.bits >= 29, "weights are much smaller than they could be"


def test_a_published_layer_fits_the_accumulators() -> None:
    layer = next(layer for layer in published_layers() if layer.name == "nt-we")
    assert certify_network(draw_layer(layer, 1).network, 32)[0].holds


def test_outputs_are_those_of_plain_matrices() -> None:
    layer = draw_layer(replace(SMALL, inputs=40_000, outputs=211, weight_density=0.01), 2)
    whole = forward(layer.network.layers, layer.x[None], activation_width=16)[0]
    assert np.array_equal(layer.outputs(), whole)
    assert layer.useful_multiplies == np.count_nonzero(layer.network.layers[0].weight[:, layer.x != 0])


def test_outputs_are_spread_over_the_range() -> None:
    y = draw_layer(SMALL, 1).outputs()
    assert 5000 < y.std() < 20000
    assert np.mean(np.abs(y) >= 32767) < 0.1
    assert np.unique(y).size > 250
