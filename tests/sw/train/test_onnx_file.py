"""The exported model computes what the network computes."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

from eyrie.model.onnx_import import load_onnx
from eyrie.train.network import Layer, Network
from eyrie.train.onnx_file import to_onnx


def integer_network(sizes: list[int], seed: int) -> Network:
    """Weights small enough that float32 and float64 compute every sum exactly."""
    generator = np.random.default_rng(seed)
    return Network(
        layers=tuple(
            Layer(
                name=f"ip{number}",
                weight=generator.integers(-7, 8, (b, a)).astype(np.float32),
                bias=generator.integers(-7, 8, b).astype(np.float32),
            )
            for number, (a, b) in enumerate(pairwise(sizes), start=1)
        )
    )


@pytest.mark.parametrize(("sizes", "seed"), [([6, 5, 4, 3], 1), ([3, 1], 2), ([1, 9, 2], 3)])
def test_exported_model_computes_the_same_integers(sizes: list[int], seed: int) -> None:
    network = integer_network(sizes, seed)
    inputs = np.random.default_rng(seed + 100).integers(-7, 8, (5, sizes[0])).astype(np.float32)
    (scores,) = ReferenceEvaluator(onnx.load_from_string(to_onnx(network, "x"))).run(None, {"image": inputs})
    assert np.array_equal(scores, network.outputs(inputs))


def test_nodes_and_weights_have_the_names_of_the_layers() -> None:
    network = integer_network([6, 5, 4, 3], 1)
    graph = onnx.load_from_string(to_onnx(network, "some-name")).graph
    assert graph.name == "some-name"
    assert [(node.op_type, node.name) for node in graph.node] == [
        ("Gemm", "ip1"),
        ("Relu", "relu1"),
        ("Gemm", "ip2"),
        ("Relu", "relu2"),
        ("Gemm", "ip3"),
    ]
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for layer in network.layers:
        assert np.array_equal(values.pop(f"{layer.name}.weight"), layer.weight)
        assert np.array_equal(values.pop(f"{layer.name}.bias"), layer.bias)
    assert not values


def convolutional_network() -> Network:
    generator = np.random.default_rng(4)

    def drawn(name: str, *shape: int, pool: int = 1) -> Layer:
        weight, bias = generator.integers(-3, 4, shape), generator.integers(-3, 4, shape[0])
        return Layer(name=name, weight=weight.astype(np.float32), bias=bias.astype(np.float32), pool=pool)

    return Network(
        layers=(
            drawn("conv1", 3, 1, 3, 3, pool=2),
            drawn("conv2", 4, 3, 2, 2, pool=2),
            drawn("ip1", 6, 16),
            drawn("ip2", 2, 6),
        ),
        image_shape=(1, 12, 12),
    )


def test_exported_convolutions_compute_the_same_integers() -> None:
    network = convolutional_network()
    model = onnx.load_from_string(to_onnx(network, "x"))
    inputs = np.random.default_rng(5).integers(-3, 4, (5, 1, 12, 12)).astype(np.float32)
    (scores,) = ReferenceEvaluator(model).run(None, {"image": inputs})
    assert np.array_equal(scores, network.outputs(inputs.reshape(5, 144)))
    assert [(node.op_type, node.name) for node in model.graph.node] == [
        ("Conv", "conv1"),
        ("Relu", "relu1"),
        ("MaxPool", "pool1"),
        ("Conv", "conv2"),
        ("Relu", "relu2"),
        ("MaxPool", "pool2"),
        ("Flatten", "flatten"),
        ("Gemm", "ip1"),
        ("Relu", "relu3"),
        ("Gemm", "ip2"),
    ]


def test_exported_convolutions_come_back_as_they_were(tmp_path: Path) -> None:
    network = convolutional_network()
    (tmp_path / "net.onnx").write_bytes(to_onnx(network, "x"))
    imported = load_onnx(tmp_path / "net.onnx")
    assert [layer.name for layer in imported.layers] == ["conv1", "pool1", "conv2", "pool2", "flatten", "ip1", "ip2"]
    assert imported.input_shape == (1, 12, 12)
    weights = {layer.name: layer for layer in imported.layers}
    for layer in network.layers:
        assert np.array_equal(weights[layer.name].weight, layer.weight)
        assert np.array_equal(weights[layer.name].bias, layer.bias)
        assert weights[layer.name].relu == (layer.name != "ip2")


def test_same_network_gives_the_same_bytes() -> None:
    assert to_onnx(integer_network([6, 5, 3], 1), "x") == to_onnx(integer_network([6, 5, 3], 1), "x")
    assert to_onnx(integer_network([6, 5, 3], 1), "x") != to_onnx(integer_network([6, 5, 3], 2), "x")
