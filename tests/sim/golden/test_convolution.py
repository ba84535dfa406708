"""The reference for convolutions against sums written out."""

import itertools

import numpy as np
import pytest

from eyrie.golden.convolution import convolve, forward
from tests.sim.golden.rowstat_tapes import Layer


def by_loops(
    x: np.ndarray, weight: np.ndarray, stride: tuple[int, int], padding: tuple[int, int, int, int], groups: int
) -> np.ndarray:
    """The sums, a multiply at a time."""
    batch, channels, height, width = x.shape
    filters, own, kernel_rows, kernel_columns = weight.shape
    top, left, bottom, right = padding
    rows = (height + top + bottom - kernel_rows) // stride[0] + 1
    columns = (width + left + right - kernel_columns) // stride[1] + 1
    sums = np.zeros((batch, filters, rows, columns), np.int64)
    for b, m, y, z in np.ndindex(*sums.shape):
        first = m // (filters // groups) * own
        for c, i, j in itertools.product(range(own), range(kernel_rows), range(kernel_columns)):
            row, column = y * stride[0] + i - top, z * stride[1] + j - left
            if 0 <= row < height and 0 <= column < width:
                sums[b, m, y, z] += int(x[b, first + c, row, column]) * int(weight[m, c, i, j])
    assert channels == own * groups
    return sums


@pytest.mark.parametrize("seed", range(30))
def test_equals_loops(seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups = int(rng.integers(1, 4))
    own, filters = int(rng.integers(1, 4)), groups * int(rng.integers(1, 4))
    kernel = tuple(rng.integers(1, 5, 2))
    x = rng.integers(-(2**15), 2**15, (int(rng.integers(1, 3)), own * groups, *rng.integers(4, 9, 2)))
    weight = rng.integers(-(2**15), 2**15, (filters, own, *kernel))
    stride = (int(rng.integers(1, 6)), int(rng.integers(1, 6)))
    top, left, bottom, right = (int(v) for v in rng.integers(0, 4, 4))
    sums = convolve(x, weight, stride=stride, padding=(top, left, bottom, right), groups=groups)
    assert sums.dtype == np.int64
    assert np.array_equal(sums, by_loops(x, weight, stride, (top, left, bottom, right), groups))


def test_is_exact_where_float64_is_not() -> None:
    x = np.full((1, 3, 1, 1), (1 << 31) - 1)
    weight = np.array([[[[1 << 29]], [[1]], [[1 << 29]]]])
    assert int(convolve(x, weight)[0, 0, 0, 0]) == ((1 << 31) - 1) * ((1 << 30) + 1)


def test_the_most_negative_values() -> None:
    x, weight = np.full((1, 8, 5, 5), -(1 << 15)), np.full((2, 8, 3, 3), -(1 << 15))
    assert (convolve(x, weight) == 72 << 30).all()


def test_blocks_of_rows_join(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    x, weight = rng.integers(-100, 100, (2, 3, 11, 6)), rng.integers(-100, 100, (4, 3, 3, 2))
    whole = convolve(x, weight, stride=(2, 1), padding=(1, 0, 1, 0))
    monkeypatch.setattr("eyrie.golden.convolution._BLOCK", 2 * 18 * 5)
    assert np.array_equal(convolve(x, weight, stride=(2, 1), padding=(1, 0, 1, 0)), whole)


def test_two_layers_by_hand() -> None:
    one = np.array([1, 1])
    first = Layer(
        weight=np.array([[[[1, 2]]], [[[-1, 0]]]]), bias=np.array([0, 10]), multiplier=one, shift=one * 0, relu=True
    )
    second = Layer(
        weight=np.array([[[[3]], [[1]]]]),
        bias=np.array([1]),
        multiplier=one[:1],
        shift=one[:1],
        stride=(1, 2),
        padding=(0, 0, 0, 1),
    )
    x = np.array([[[[1, -2, 3, 4]]]])
    # Filter 0: 1 - 4, -2 + 6, 3 + 8 with ReLU 0, 4, 11; filter 1: -1, 2, -3 with bias 9, 12, 7. Every second position:
    # (0 + 9 + 1) / 2 and (33 + 7 + 1) / 2, half up; the padding adds none.
    assert forward([first, second], x, activation_width=16).tolist() == [[[[5, 21]]]]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"x": np.zeros((1, 2, 3))}, "4 dimensions"),
        ({"stride": (0, 1)}, "at least 1"),
        ({"padding": (0, 0, -1, 0)}, "at least 0"),
        ({"groups": 2}, "in 2 groups"),
        ({"x": np.zeros((1, 3, 4, 4), np.int64)}, "3 channels"),
        ({"x": np.zeros((1, 2, 2, 4), np.int64)}, "larger than the padded map"),
    ],
)
def test_refuses_what_does_not_fit(values: dict, message: str) -> None:
    arguments = {"x": np.zeros((1, 2, 4, 4), np.int64), "weight": np.zeros((3, 2, 3, 3), np.int64)} | values
    with pytest.raises(ValueError, match=message):
        convolve(**arguments)
