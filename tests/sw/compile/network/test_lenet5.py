"""The shipped LeNet-5: its integers keep what its floats have learned, and both engines compute them."""

from pathlib import Path

import numpy as np
import pytest

from eyrie.compile.network.compiler import SegmentedResult, compile_segments
from eyrie.driver.segments import GoldenSegments
from eyrie.model.network import Network
from eyrie.model.onnx_import import load_onnx

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
        ("conv1", "rowstat"),
        ("pool1", "host"),
        ("conv2", "rowstat"),
        ("pool2", "host"),
        ("ip1, ip2", "eie"),
    ]


def test_shared_weights_stay_shared(network: Network, result: SegmentedResult) -> None:
    """Equal weights are equal integers; values may merge, for psums of 32 bits leave 14 and 12 bits."""
    for number, quantised in zip((0, 2), result.quantisation.convolutions, strict=True):
        weight = network.layers[number].weight  # type: ignore[attr-defined]
        pairs = set(zip(weight.ravel().tolist(), quantised.layer.weight.ravel().tolist(), strict=True))
        assert len(pairs) == len(np.unique(weight))
        assert np.abs(quantised.layer.weight * quantised.weight_scale - weight).max() <= quantised.weight_scale / 2
    assert [quantised.weight_bits for quantised in result.quantisation.convolutions] == [14, 12]
