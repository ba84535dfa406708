"""Which shape operators leave samples alone: the rules against NumPy on real data, for several batch sizes."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from eyrie.model.onnx_shapes import BATCH, MovesValues, flattened, reshaped, squeezed, transposed, unsqueezed

SHAPES = [(), (1,), (6,), (2, 3), (1, 6), (6, 1), (1, 2, 3), (2, 1, 3), (1, 1, 1)]


def shape_if_untouched(shape, operation: Callable[[np.ndarray], np.ndarray]) -> tuple[int, ...] | None:
    """Shape of a sample after ``operation`` if it keeps each sample's values in order for batches of 1, 2 and 3."""
    after = set()
    for batch in (1, 2, 3):
        x = np.arange(batch * int(np.prod(shape))).reshape(batch, *shape)
        try:
            y = operation(x)
        except (ValueError, IndexError):
            return None
        if y.ndim == 0 or len(y) != batch or not np.array_equal(y.reshape(-1), x.reshape(-1)):
            return None
        after.add(y.shape[1:])
    return after.pop() if len(after) == 1 else None


def shape_or_none(function, *arguments):
    try:
        return function(*arguments)
    except MovesValues:
        return None


@pytest.mark.parametrize("shape", SHAPES)
def test_reshape(shape):
    def numpy_reshape(target):
        return lambda x: x.reshape([x.shape[i] if size == 0 else size for i, size in enumerate(target)])

    accepted = 0
    for length in range(4):
        for target in itertools.product((-1, 0, 1, 2, 3, 6), repeat=length):
            expected = shape_if_untouched(shape, numpy_reshape(target))
            assert shape_or_none(reshaped, shape, None, target, False) == expected, target
            accepted += expected is not None
    assert accepted > 0


def test_reshape_with_a_target_computed_from_the_batch():
    assert reshaped((2, 3), None, (BATCH, -1), True) == (6,)
    assert reshaped((2, 3), None, (BATCH, 3, 2), True) == (3, 2)
    assert shape_or_none(reshaped, (2, 3), None, (-1, BATCH), True) is None
    assert shape_or_none(reshaped, (2, 3), None, (BATCH, 5), True) is None
    assert reshaped((2, 3), None, (BATCH, 0, 3), False) == (2, 3)
    assert shape_or_none(reshaped, (2, 3), None, (BATCH, 0, 3), True) is None


def test_reshape_with_a_batch_that_the_model_fixes():
    assert reshaped((2, 3), 4, (4, 6), True) == (6,)
    assert reshaped((2, 3), 1, (1, -1), True) == (6,)
    assert shape_or_none(reshaped, (2, 3), 4, (2, 12), True) is None
    assert shape_or_none(reshaped, (2, 3), None, (1, 6), True) is None


@pytest.mark.parametrize("shape", SHAPES)
def test_flatten(shape):
    for axis in range(-5, 6):
        position = axis + 1 + len(shape) if axis < 0 else axis
        expected = None
        if 0 <= position <= 1 + len(shape):
            expected = shape_if_untouched(
                shape, lambda x, position=position: x.reshape(int(np.prod(x.shape[:position])), -1)
            )
        assert shape_or_none(flattened, shape, axis) == expected, axis


@pytest.mark.parametrize("shape", SHAPES)
def test_squeeze(shape):
    assert shape_or_none(squeezed, shape, None) is None
    for length in range(3):
        for axes in itertools.product(range(-4, 5), repeat=length):
            expected = shape_if_untouched(shape, lambda x, axes=axes: np.squeeze(x, axes))
            assert shape_or_none(squeezed, shape, axes) == expected, axes


@pytest.mark.parametrize("shape", SHAPES)
def test_unsqueeze(shape):
    for length in range(3):
        for axes in itertools.product(range(-4, 5), repeat=length):
            expected = shape_if_untouched(shape, lambda x, axes=axes: np.expand_dims(x, axes))
            assert shape_or_none(unsqueezed, shape, axes) == expected, axes


@pytest.mark.parametrize("shape", SHAPES)
def test_transpose(shape):
    rank = 1 + len(shape)
    assert shape_or_none(transposed, shape, None) == shape_if_untouched(shape, np.transpose)
    for order in itertools.product(range(-1, rank + 1), repeat=rank):
        expected = None
        if min(order) >= 0:
            expected = shape_if_untouched(shape, lambda x, order=order: np.transpose(x, order))
        assert shape_or_none(transposed, shape, order) == expected, order
