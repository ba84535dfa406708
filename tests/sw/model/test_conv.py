"""Convolutions against the sum written out, on small integers, for which all arithmetic is exact."""

import itertools

import numpy as np
import pytest

from eyrie.errors import InputError
from eyrie.model.conv import ConvLayer


def layer(shape=(2, 3, 3, 3), rng=None, **fields) -> ConvLayer:
    rng = np.random.default_rng(1) if rng is None else rng
    defaults = {"name": "conv", "relu": False}
    weight = rng.integers(-3, 4, shape).astype(np.float64)
    return ConvLayer(weight=weight, bias=rng.integers(-3, 4, shape[0]).astype(np.float64), **(defaults | fields))


def written_out(conv: ConvLayer, x: np.ndarray) -> np.ndarray:
    """The definition, one sum at a time."""
    filters, per_group, n_rows, n_columns = conv.weight.shape
    (top, left, bottom, right), (down, across) = conv.padding, conv.stride
    rows = (x.shape[2] + top + bottom - n_rows) // down + 1
    columns = (x.shape[3] + left + right - n_columns) // across + 1
    y = np.zeros((len(x), filters, rows, columns))
    for n, f, i, j in itertools.product(*map(range, y.shape)):
        first_channel = f // (filters // conv.groups) * per_group
        total = conv.bias[f]
        for c, r, s in itertools.product(range(per_group), range(n_rows), range(n_columns)):
            row, column = i * down + r - top, j * across + s - left
            if 0 <= row < x.shape[2] and 0 <= column < x.shape[3]:
                total += conv.weight[f, c, r, s] * x[n, first_channel + c, row, column]
        y[n, f, i, j] = total
    if conv.relu:
        y = np.maximum(y, 0)
    return y if conv.clip is None else np.minimum(y, conv.clip)


@pytest.mark.parametrize("seed", range(40))
def test_against_the_sum_written_out(seed):
    rng = np.random.default_rng(seed)
    groups = int(rng.integers(1, 4))
    per_group = int(rng.integers(1, 4)) if rng.random() < 0.7 else 1
    kernel = rng.integers(1, 5, 2)
    relu = bool(rng.random() < 0.5)
    conv = layer(
        (groups * int(rng.integers(1, 3)), per_group, *kernel),
        rng,
        stride=tuple(map(int, rng.integers(1, 4, 2))),
        padding=tuple(map(int, rng.integers(0, 4, 4))),
        groups=groups,
        relu=relu,
        clip=6.0 if relu and rng.random() < 0.5 else None,
    )
    x = rng.integers(-4, 5, (2, groups * per_group, *(kernel + rng.integers(0, 5, 2)))).astype(np.float64)
    before = x.copy()
    assert conv.output_shape(x.shape[1:]) == conv.forward(x).shape[1:]
    assert np.array_equal(conv.forward(x), written_out(conv, x))
    assert np.array_equal(x, before)


def test_sizes():
    conv = layer((6, 2, 5, 3), groups=3)
    assert (conv.filters, conv.channels, conv.kernel) == (6, 6, (5, 3))
    assert conv.output_shape((6, 28, 20)) == (6, 24, 18)


def test_padding_is_top_left_bottom_right():
    weight, bias = np.ones((1, 1, 1, 1)), np.zeros(1)
    conv = ConvLayer(name="conv", weight=weight, bias=bias, padding=(1, 2, 3, 4), relu=False)
    assert conv.output_shape((1, 10, 10)) == (1, 14, 16)
    y = conv.forward(np.full((1, 1, 10, 10), 7.0))
    inside = np.zeros((14, 16), dtype=bool)
    inside[1:11, 2:12] = True
    assert np.array_equal(y[0, 0], inside * 7.0)


def test_no_samples_give_no_outputs():
    assert layer().forward(np.zeros((0, 3, 5, 5))).shape == (0, 2, 3, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight": np.zeros((2, 3, 3))}, "weight must have shape (filters, channels_per_group, R, S) with no size 0"),
        ({"weight": np.zeros((2, 3, 0, 3))}, "weight must have shape (filters, channels_per_group, R, S) with no"),
        ({"weight": np.zeros((2, 1, 1, 1), np.float32)}, "weight must be an array of float64, not float32"),
        ({"weight": np.full((2, 1, 1, 1), np.nan)}, "weight[0, 0, 0, 0] is nan, it must be finite"),
        ({"bias": np.zeros(3)}, "bias must have one value for each of the 2 filters, not 3"),
        ({"bias": np.array([0, np.inf])}, "bias[1] is inf, it must be finite"),
        ({"stride": (1, 0)}, "stride must be two numbers (rows, columns), 1 or more, not (1, 0)"),
        ({"padding": (0, 0, 0, -1)}, "padding must be four numbers (top, left, bottom, right) from 0 to 1024, not"),
        ({"padding": (1025, 0, 0, 0)}, "padding must be four numbers (top, left, bottom, right) from 0 to 1024, not"),
        ({"padding": (1, 1)}, "padding must be four numbers (top, left, bottom, right) from 0 to 1024, not (1, 1)"),
        ({"groups": 3}, "2 filters cannot be divided into 3 groups"),
        ({"groups": 0}, "2 filters cannot be divided into 0 groups"),
        ({"clip": 6.0}, "clip must be above 0, finite and with ReLU, not 6.0"),
        ({"relu": True, "clip": 0.0}, "clip must be above 0, finite and with ReLU, not 0.0"),
        ({"relu": True, "clip": np.inf}, "clip must be above 0, finite and with ReLU, not inf"),
    ],
)
def test_a_layer_that_is_not_valid_is_named(change, message):
    fields = {"name": "conv", "weight": np.zeros((2, 3, 3, 3)), "bias": np.zeros(2), "relu": False} | change
    with pytest.raises(InputError) as caught:
        ConvLayer(**fields)
    assert str(caught.value).startswith(f"layer 'conv': {message}")


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((27,), "layer 'conv' takes samples of shape (channels, rows, columns), not (27,)"),
        ((3, 0, 5), "layer 'conv' takes samples of shape (channels, rows, columns), not (3, 0, 5)"),
        ((2, 5, 5), "layer 'conv' takes 3 channels, not samples of shape (2, 5, 5)"),
        ((3, 1, 5), "layer 'conv': a kernel of 3 x 3 does not fit maps of 1 x 5, with padding 2 x 5"),
    ],
)
def test_samples_that_do_not_fit_are_refused(shape, message):
    with pytest.raises(InputError) as caught:
        layer(padding=(1, 0, 0, 0)).output_shape(shape)
    assert str(caught.value) == message
