"""The trained network as arrays."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from eyrie.errors import InputError
from eyrie.train.data import N_PIXELS, LabelledImages
from eyrie.train.network import CHUNK, Layer, Network


def layer(weight: list[list[float]], bias: list[float], name: str = "ip1") -> Layer:
    return Layer(name=name, weight=np.array(weight, np.float32), bias=np.array(bias, np.float32))


def test_outputs_are_those_of_exact_arithmetic() -> None:
    # Small integers: float64 computes them exactly, whatever the order of the additions.
    seed = 5
    generator = np.random.default_rng(seed)
    sizes = [7, 5, 4, 3]
    network = Network(
        layers=tuple(
            layer(generator.integers(-9, 10, (b, a)).tolist(), generator.integers(-9, 10, b).tolist(), f"ip{a}")
            for a, b in pairwise(sizes)
        )
    )
    inputs = generator.integers(-9, 10, (6, 7)).astype(np.float32)
    for row, outputs in zip(inputs, network.outputs(inputs), strict=True):
        x = [Fraction(float(value)) for value in row]
        for number, one in enumerate(network.layers):
            if number:
                x = [max(value, Fraction(0)) for value in x]
            x = [
                sum((Fraction(float(w)) * v for w, v in zip(weights, x, strict=True)), Fraction(float(b)))
                for weights, b in zip(one.weight, one.bias, strict=True)
            ]
        assert [Fraction(float(value)) for value in outputs] == x, f"seed {seed}"


def test_right_images_are_counted() -> None:
    # Class 3 wins where pixel 0 is set, class 0 elsewhere.
    weight = np.zeros((10, N_PIXELS), np.float32)
    weight[3, 0] = 1
    bias = np.zeros(10, np.float32)
    bias[0] = 0.5
    network = Network(layers=(Layer(name="ip1", weight=weight, bias=bias),))
    pixels = np.zeros((5, N_PIXELS), np.uint8)
    pixels[[1, 4], 0] = 255
    images = LabelledImages(pixels=pixels, labels=np.array([0, 3, 3, 0, 0], np.uint8))
    assert network.count_right(images) == 3


def convolutional_network(seed: int, side: int = 6) -> Network:
    """Two channels of ``side`` x ``side``; a pooling behind the first convolution alone. Small integers."""
    generator = np.random.default_rng(seed)

    def drawn(name: str, *shape: int, pool: int = 1) -> Layer:
        weight, bias = generator.integers(-3, 4, shape), generator.integers(-3, 4, shape[0])
        return Layer(name=name, weight=weight.astype(np.float32), bias=bias.astype(np.float32), pool=pool)

    after = (side - 2) // 2 - 1
    layers = drawn("conv1", 3, 2, 3, 3, pool=2), drawn("conv2", 4, 3, 2, 2), drawn("ip1", 5, 4 * after**2)
    return Network(layers=layers, image_shape=(2, side, side))


def test_convolutions_with_relu_and_pooling_written_out() -> None:
    network = convolutional_network(7)
    conv1, conv2, ip1 = network.layers
    inputs = np.random.default_rng(8).integers(-3, 4, (CHUNK + 3, 72)).astype(np.float32)
    for row, outputs in list(zip(inputs, network.outputs(inputs), strict=True))[:: CHUNK // 3]:
        maps = row.reshape(2, 6, 6)
        maps = np.array(
            [[[(maps[:, i : i + 3, j : j + 3] * w).sum() for j in range(4)] for i in range(4)] for w in conv1.weight]
        )
        maps = np.maximum(maps + conv1.bias[:, None, None], 0)
        maps = np.array([[[m[i : i + 2, j : j + 2].max() for j in (0, 2)] for i in (0, 2)] for m in maps])
        values = np.array([(maps * w).sum() for w in conv2.weight])
        values = np.maximum(values + conv2.bias, 0)
        assert np.array_equal(outputs, ip1.weight @ values + ip1.bias)


def test_no_images_give_no_scores() -> None:
    assert convolutional_network(7).outputs(np.zeros((0, 72), np.float32)).shape == (0, 5)


def test_the_compilers_network_has_the_same_weights() -> None:
    network = convolutional_network(9, side=10)
    converted = network.as_float("some-name")
    assert (converted.name, converted.input_shape) == ("some-name", (2, 10, 10))
    assert [layer.name for layer in converted.layers] == ["conv1", "conv1.pool", "conv2", "flatten", "ip1"]
    weights = {layer.name: layer for layer in converted.layers}
    for layer in network.layers:
        assert np.array_equal(weights[layer.name].weight, layer.weight)
        assert np.array_equal(weights[layer.name].bias, layer.bias)
        assert weights[layer.name].relu == (layer.name != "ip1")


def test_kept_and_distinct_weights_are_counted() -> None:
    one = layer([[0.5, 0.0, -0.5], [0.5, -0.0, 2.0]], [1, 1])
    assert one.n_kept == 4
    assert one.n_distinct == 3


def test_layers_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="ip2 takes 3 inputs but ip1 has 1 outputs"):
        Network(layers=(layer([[1, 2]], [0]), layer([[1, 2, 3]], [0], "ip2")))
    network = convolutional_network(7)
    with pytest.raises(InputError, match=r"layer 'ip1' takes samples of shape \(4,\), not \(36,\)"):
        replace(network, image_shape=(2, 10, 10))
    with pytest.raises(InputError, match="layer 'conv2' takes 3 channels"):
        Network(layers=network.layers[1:], image_shape=(2, 6, 6))
    with pytest.raises(InputError, match="needs an input shape"):
        replace(network, image_shape=())
    with pytest.raises(InputError, match="two layers named 'ip1'"):
        Network(layers=(layer([[1]], [0]), layer([[1]], [0])))
    with pytest.raises(InputError, match="at least one layer"):
        Network(layers=())


@pytest.mark.parametrize(
    ("weight", "bias", "message"),
    [
        (
            np.zeros((2, 3)),
            np.zeros(2, np.float32),
            "weight of ip1 must be float32 of two dimensions, or four for a convolution, not float64",
        ),
        (np.zeros(3, np.float32), np.zeros(2, np.float32), "weight of ip1 must be float32 of two dimensions"),
        (np.zeros((2, 3), np.float32), np.zeros(2), "bias of ip1 must be float32"),
        (np.zeros((2, 3), np.float32), np.zeros(3, np.float32), r"bias of ip1 must be float32 \(2,\)"),
        (np.full((2, 3), np.inf, np.float32), np.zeros(2, np.float32), "not finite"),
        (np.zeros((2, 3), np.float32), np.full(2, np.nan, np.float32), "not finite"),
    ],
)
def test_malformed_layer_is_refused(weight: np.ndarray, bias: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Layer(name="ip1", weight=weight, bias=bias)


@pytest.mark.parametrize(("shape", "pool"), [((2, 3), 2), ((2, 3, 1, 1), 0)])
def test_pooling_that_cannot_be_is_refused(shape: tuple[int, ...], pool: int) -> None:
    with pytest.raises(InputError, match=f"pool of ip1 must be 1, or more behind a convolution, not {pool}"):
        Layer(name="ip1", weight=np.ones(shape, np.float32), bias=np.zeros(2, np.float32), pool=pool)
