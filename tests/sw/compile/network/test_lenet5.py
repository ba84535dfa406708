"""The shipped LeNet-5: its integers keep what its floats have learned, and both engines compute them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eyrie.compile.network.compiler import SegmentedResult, compile_segments
from eyrie.driver.segments import GoldenSegments
from eyrie.model.network import Network
from eyrie.model.onnx_import import load_onnx
from eyrie.rowstat.config import DEFAULT

MODELS = Path(__file__).parents[4] / "models"


def pixels(name: str) -> np.ndarray:
    return np.load(MODELS / name).reshape(-1, 1, 28, 28) / 255


@pytest.fixture(scope="module")
def network() -> Network:
    return load_onnx(MODELS / "lenet-5.onnx.gz")


@pytest.fixture(scope="module")
def result(network: Network) -> SegmentedResult:
    return compile_segments(network, calibration=pixels("fashion-mnist-256-calibration.npy"))


def test_predictions_are_those_of_the_float_network(network: Network, result: SegmentedResult) -> None:
    """Of the 500 shipped images at most two may change sides."""
    x = pixels("fashion-mnist-500-images.npy")
    y = result.quantisation.integers.forward(result.compiled.interface.quantise_input(x))
    assert np.count_nonzero(y.argmax(axis=1) != network.forward(x).argmax(axis=1)) <= 2


def test_engines_compute_the_integers(result: SegmentedResult) -> None:
    x = result.compiled.interface.quantise_input(pixels("fashion-mnist-500-images.npy")[:4])
    run = GoldenSegments(result.compiled).run(x, timed=True)
    assert np.array_equal(run.outputs, result.quantisation.integers.forward(x))
    assert [(segment.name, segment.place) for segment in run.segments] == [
        ("conv1, pool1, conv2, pool2", "rowstat"),
        ("ip1, ip2", "eie"),
    ]


def test_shared_weights_stay_shared(network: Network, result: SegmentedResult) -> None:
    """Equal weights are equal integers; values may merge, for psums of 29 bits leave 11 and 9 bits."""
    for number, quantised in zip((0, 2), result.quantisation.convolutions, strict=True):
        weight = network.layers[number].weight  # type: ignore[attr-defined]
        pairs = set(zip(weight.ravel().tolist(), quantised.layer.weight.ravel().tolist(), strict=True))
        assert len(pairs) == len(np.unique(weight))
        assert np.abs(quantised.layer.weight * quantised.weight_scale - weight).max() <= quantised.weight_scale / 2
    assert [quantised.weight_bits for quantised in result.quantisation.convolutions] == [11, 9]


def test_the_larger_convolution_sends_codes(network: Network, result: SegmentedResult) -> None:
    """Only its filters are worth a codebook, and the tape that loads it computes the same."""
    first, second = (quantised.layer for quantised in result.quantisation.convolutions)
    assert first.codebook is None
    assert second.codebook is not None
    assert second.codebook.tolist() == [0, *np.unique(second.weight[second.weight != 0])]
    plain = compile_segments(
        network,
        calibration=pixels("fashion-mnist-256-calibration.npy"),
        rowstat=replace(DEFAULT, codebook_entries=0),
    )
    coded, same = result.programs[0], plain.programs[0]
    assert len(coded.filters) < 0.55 * len(same.filters)
    assert np.array_equal(
        result.quantisation.convolutions[1].layer.weight, plain.quantisation.convolutions[1].layer.weight
    )
