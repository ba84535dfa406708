"""The dense reference against sums written out."""

from dataclasses import dataclass

import numpy as np
import pytest

from eyrie.golden.dense import forward


@dataclass
class Layer:
    weight: np.ndarray
    bias: np.ndarray
    multiplier: np.ndarray
    shift: np.ndarray
    relu: bool


def integers(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def test_two_layers_by_hand() -> None:
    first = Layer(np.array([[1, -2, 0], [3, 0, 5]]), integers(10, -200), integers(1, 3), integers(0, 1), relu=True)
    second = Layer(np.array([[7, 1]]), integers(-1), integers(1), integers(2), relu=False)
    x = np.array([[4, 2, 100], [-20, 1, 0]])
    # Sample 0: 4 - 4 + 10 = 10 and (12 + 500 - 200) * 3 / 2 = 468; (70 + 468 - 1) / 4 = 134.25.
    # Sample 1: -20 - 2 + 10 and -60 - 200, both made 0; -1 / 4 = -0.25.
    assert forward([first, second], x, activation_width=16).tolist() == [[134], [0]]


@pytest.mark.parametrize("seed", range(5))
def test_equals_loops(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, columns = rng.integers(1, 8, 2)
    layer = Layer(
        rng.integers(-(2**15), 2**15, (rows, columns)),
        rng.integers(-(2**20), 2**20, rows),
        np.ones(rows, np.int64),
        np.full(rows, 15),
        relu=False,
    )
    x = rng.integers(-(2**15), 2**15, (3, columns))
    expected = [
        [
            max(
                -(2**15),
                min(2**15 - 1, (sum(int(w) * int(v) for w, v in zip(row, sample, strict=True)) + int(b) + 2**14) >> 15),
            )
            for row, b in zip(layer.weight, layer.bias, strict=True)
        ]
        for sample in x
    ]
    assert forward([layer], x, activation_width=16).tolist() == expected
