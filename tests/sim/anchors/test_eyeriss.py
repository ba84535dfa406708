"""Eyeriss's figures: what the package holds is what the paper's tables say."""

from itertools import pairwise

import pytest

from eyrie.anchors.eyeriss import NETWORKS, published_convolutions


def test_layers_in_order() -> None:
    assert [layer.layer for layer in published_convolutions("alexnet")] == [f"conv{n}" for n in range(1, 6)]
    assert [layer.layer for layer in published_convolutions("vgg16")] == [
        f"conv{block}-{number}"
        for block, count in enumerate((2, 2, 3, 3, 3), start=1)
        for number in range(1, count + 1)
    ]


def test_multiplies_are_those_of_the_tables() -> None:
    # Millions for a batch of 4 in table V; thousands of millions for a batch of 3 in table VI.
    alexnet, vgg16 = (published_convolutions(network) for network in NETWORKS)
    assert [round(layer.batch * layer.macs / 1e6) for layer in alexnet] == [422, 896, 598, 449, 299]
    assert [round(layer.batch * layer.macs / 1e9, 2) for layer in vgg16] == [
        *(0.26, 5.55, 2.77, 5.55, 2.77, 5.55, 5.55, 2.77, 5.55, 5.55, 1.39, 1.39, 1.39)
    ]


def test_a_layer_as_published() -> None:
    layer = published_convolutions("alexnet")[1]
    assert (layer.channels, layer.size, layer.filters, layer.kernel) == (96, 27, 256, 5)
    assert (layer.stride, layer.padding, layer.groups, layer.output_size) == (1, 2, 2, 27)
    assert (layer.processing_ms, layer.active_pes, layer.glb_mb, layer.dram_mb, layer.mark) == (
        39.2,
        135,
        77.6,
        4.0,
        "V",
    )
    assert layer.processing_cycles == 7_840_000


def test_zeros_of_outputs_are_those_of_what_comes_next() -> None:
    alexnet, vgg16 = (published_convolutions(network) for network in NETWORKS)
    for layers in (alexnet, vgg16):
        for layer, after in pairwise(layers):
            assert layer.output_zero_fraction == after.ifmap_zero_fraction
    assert round(alexnet[-1].output_zero_fraction, 3) == 0.649
    assert round(vgg16[-1].output_zero_fraction, 3) == 0.817


@pytest.mark.parametrize(("network", "milliseconds"), [("alexnet", 103.5), ("vgg16", 3755.3)])
def test_times_of_whole_networks(network: str, milliseconds: float) -> None:
    layers = published_convolutions("alexnet" if network == "alexnet" else "vgg16")
    assert round(sum(layer.processing_ms for layer in layers), 1) == milliseconds
