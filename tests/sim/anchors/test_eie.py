"""The published figures: what the package holds is what the paper's tables say."""

import pytest

from eyrie.anchors.eie import published_design, published_layers


def test_nine_layers_in_the_papers_order() -> None:
    names = [layer.name for layer in published_layers()]
    assert names == ["alex-6", "alex-7", "alex-8", "vgg-6", "vgg-7", "vgg-8", "nt-we", "nt-wd", "nt-lstm"]


def test_a_layer_as_published() -> None:
    layer = {layer.name: layer for layer in published_layers()}["vgg-6"]
    assert (layer.inputs, layer.outputs) == (25088, 4096)
    assert (layer.weight_density, layer.activation_density) == (0.04, 0.183)
    assert (layer.theoretical_us, layer.actual_us) == (28.1, 34.4)
    assert (layer.clock_mhz, layer.pes, layer.mark) == (800, 64, "V")


def test_cycles_are_whole() -> None:
    # 30.3 us and so on at 800 MHz.
    assert [layer.cycles for layer in published_layers()] == [24240, 9760, 7920, 27520, 6960, 6720, 6400, 11120, 6000]


def test_expected_multiplies() -> None:
    layer = published_layers()[0]
    assert layer.expected_multiplies == pytest.approx(9216 * 4096 * 0.09 * 0.351)


def test_the_design_point() -> None:
    design = published_design()
    assert (design.pes, design.queue_depth, design.codebook_entries) == (64, 8, 16)
    assert (design.code_bits, design.index_bits, design.pointer_bits) == (4, 4, 16)
