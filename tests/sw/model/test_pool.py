"""Pooling against every window written out, on integers; means are divided once, there and here."""

import itertools

import numpy as np
import pytest

from eyrie.errors import InputError
from eyrie.model.pool import Pool


def pool(kind="max", kernel=(2, 2), stride=(2, 2), **fields) -> Pool:
    return Pool(name="pool", kind=kind, kernel=kernel, stride=stride, **fields)


def written_out(layer: Pool, x: np.ndarray) -> np.ndarray:
    (top, left, bottom, right), (down, across), (n_rows, n_columns) = layer.padding, layer.stride, layer.kernel
    rows = (x.shape[2] + top + bottom - n_rows) // down + 1
    columns = (x.shape[3] + left + right - n_columns) // across + 1
    y = np.zeros((*x.shape[:2], rows, columns))
    for i, j in itertools.product(range(rows), range(columns)):
        row, column = i * down - top, j * across - left
        window = x[:, :, max(row, 0) : row + n_rows, max(column, 0) : column + n_columns]
        if layer.kind == "max":
            y[:, :, i, j] = window.max(axis=(2, 3))
        else:
            count = n_rows * n_columns if layer.count_include_pad else window.shape[2] * window.shape[3]
            y[:, :, i, j] = window.sum(axis=(2, 3)) / count
    return y


@pytest.mark.parametrize("seed", range(40))
def test_against_the_windows_written_out(seed):
    rng = np.random.default_rng(seed)
    kind = ["max", "average"][rng.integers(2)]
    kernel = tuple(map(int, rng.integers(1, 5, 2)))
    layer = pool(
        kind,
        kernel,
        tuple(map(int, rng.integers(1, 4, 2))),
        padding=tuple(int(rng.integers(size)) for size in kernel * 2),
        count_include_pad=kind == "average" and bool(rng.random() < 0.5),
    )
    x = rng.integers(-9, 0 if seed % 2 else 10, (2, 3, *(kernel + rng.integers(0, 5, 2)))).astype(np.float64)
    assert layer.output_shape(x.shape[1:]) == layer.forward(x).shape[1:]
    assert np.array_equal(layer.forward(x), written_out(layer, x))


def test_global_average_pooling_is_a_window_as_large_as_the_map():
    x = np.arange(2 * 3 * 4 * 5, dtype=np.float64).reshape(2, 3, 4, 5)
    y = pool("average", (4, 5), (1, 1)).forward(x)
    assert np.array_equal(y, x.mean(axis=(2, 3), keepdims=True))


def test_counts_leave_the_padding_out_unless_it_is_included():
    layer = pool("average", (3, 3), (2, 2), padding=(1, 1, 1, 1))
    assert np.array_equal(layer.counts((5, 5, 5)), [[4, 6, 4], [6, 9, 6], [4, 6, 4]])
    layer = pool("average", (3, 3), (2, 2), padding=(1, 1, 1, 1), count_include_pad=True)
    assert np.array_equal(layer.counts((5, 5, 5)), np.full((3, 3), 9))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "lp"}, "layer 'pool': kind must be one of ('max', 'average'), not 'lp'"),
        ({"kernel": (0, 2)}, "layer 'pool': kernel must be two numbers (rows, columns), 1 or more, not (0, 2)"),
        ({"stride": (2, -1)}, "layer 'pool': stride must be two numbers (rows, columns), 1 or more, not (2, -1)"),
        (
            {"padding": (0, 0, 0, 2)},
            "layer 'pool': padding (0, 0, 0, 2) must be smaller than the kernel of 2 x 2, or a window holds no value",
        ),
        ({"count_include_pad": True}, "layer 'pool': only a mean can count the padding"),
    ],
)
def test_a_layer_that_is_not_valid_is_named(fields, message):
    with pytest.raises(InputError) as caught:
        pool(**fields)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((4,), "layer 'pool' takes samples of shape (channels, rows, columns), not (4,)"),
        ((3, 2, 1), "layer 'pool': a kernel of 2 x 2 does not fit maps of 2 x 1, with padding 2 x 1"),
    ],
)
def test_samples_that_do_not_fit_are_refused(shape, message):
    with pytest.raises(InputError) as caught:
        pool().output_shape(shape)
    assert str(caught.value) == message
