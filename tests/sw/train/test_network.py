"""The trained network as arrays."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from eyrie.errors import InputError
from eyrie.train.data import N_PIXELS, LabelledImages
from eyrie.train.network import Layer, Network


def layer(weight: list[list[float]], bias: list[float], name: str = "ip1") -> Layer:
    return Layer(name=name, weight=np.array(weight, np.float32), bias=np.array(bias, np.float32))


def test_outputs_are_those_of_exact_arithmetic() -> None:
    # Small integers: float64 computes them exactly, whatever the order of the additions.
    seed = 5
    generator = np.random.default_rng(seed)
    sizes = [7, 5, 4, 3]
    network = Network(
        layers=tuple(
            layer(generator.integers(-9, 10, (b, a)).tolist(), generator.integers(-9, 10, b).tolist())
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


def test_kept_and_distinct_weights_are_counted() -> None:
    one = layer([[0.5, 0.0, -0.5], [0.5, -0.0, 2.0]], [1, 1])
    assert one.n_kept == 4
    assert one.n_distinct == 3


def test_layers_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="ip2 takes 3 inputs but ip1 has 1 outputs"):
        Network(layers=(layer([[1, 2]], [0]), layer([[1, 2, 3]], [0], "ip2")))
    with pytest.raises(InputError, match="at least one layer"):
        Network(layers=())


@pytest.mark.parametrize(
    ("weight", "bias", "message"),
    [
        (np.zeros((2, 3)), np.zeros(2, np.float32), "weight of ip1 must be a float32 matrix, not float64"),
        (np.zeros(3, np.float32), np.zeros(2, np.float32), "weight of ip1 must be a float32 matrix"),
        (np.zeros((2, 3), np.float32), np.zeros(2), "bias of ip1 must be float32"),
        (np.zeros((2, 3), np.float32), np.zeros(3, np.float32), r"bias of ip1 must be float32 \(2,\)"),
        (np.full((2, 3), np.inf, np.float32), np.zeros(2, np.float32), "not finite"),
        (np.zeros((2, 3), np.float32), np.full(2, np.nan, np.float32), "not finite"),
    ],
)
def test_malformed_layer_is_refused(weight: np.ndarray, bias: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Layer(name="ip1", weight=weight, bias=bias)
