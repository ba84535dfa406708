"""The shipped network: its integers keep what its floats have learned."""

from pathlib import Path

import numpy as np
import pytest

from eyrie.compile.compiler import CompileResult, compile_network
from eyrie.compile.scaling import quantise_input
from eyrie.driver.schedule import run_network
from eyrie.golden.dense import forward
from eyrie.model.network import Network
from eyrie.model.onnx_import import load_onnx

MODELS = Path(__file__).parents[3] / "models"


def pixels(name: str) -> np.ndarray:
    return np.load(MODELS / name) / 255


@pytest.fixture(scope="module")
def network() -> Network:
    return load_onnx(MODELS / "lenet-300-100.onnx.gz")


@pytest.fixture(scope="module")
def result(network: Network) -> CompileResult:
    return compile_network(network, calibration=pixels("fashion-mnist-256-calibration.npy"))


def test_shared_weights_stay_exact(network: Network, result: CompileResult) -> None:
    """The codes are those of the model: equal weights have equal codes, and nothing was clustered again."""
    for layer, integers, report in zip(network.layers, result.quantised.layers, result.report.layers, strict=True):
        assert report.sharing.max_absolute == 0
        values = np.unique(layer.weight)
        ranks = np.searchsorted(values, layer.weight)
        assert np.array_equal(ranks, np.searchsorted(np.unique(integers.weight), integers.weight))


def test_predictions_are_those_of_the_float_network(network: Network, result: CompileResult) -> None:
    """Of the 500 shipped images at most five may change sides; engine model and dense reference agree on all."""
    x = pixels("fashion-mnist-500-images.npy")
    i = quantise_input(result.compiled, x)
    y = run_network(result.compiled, i)
    assert np.array_equal(y, forward(result.quantised.layers, i, activation_width=16))
    assert np.count_nonzero(y.argmax(axis=1) != network.forward(x).argmax(axis=1)) <= 5


def test_runs_in_one_pass_a_layer(result: CompileResult) -> None:
    assert [(layer.passes, layer.batches, layer.round_trip) for layer in result.report.layers] == [(1, 1, False)] * 3
    assert result.compiled.schedule.n_round_trips == 0
