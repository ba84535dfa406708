"""Pruning by magnitude against a full sort."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eyrie.compress.prune import prune_by_magnitude
from eyrie.errors import InputError

PROPERTY = settings(derandomize=True, deadline=None, max_examples=150)


def reference_prune(weight: np.ndarray, density: float) -> np.ndarray:
    """Keep by sorting (magnitude descending, flat index ascending)."""
    values = weight.ravel().tolist()
    order = sorted(range(len(values)), key=lambda index: (-abs(values[index]), index))
    kept = set(order[: round(density * len(values))])
    return np.array([v if i in kept else 0 for i, v in enumerate(values)], dtype=weight.dtype).reshape(weight.shape)


@PROPERTY
@given(
    seed=st.integers(0, 2**32),
    rows=st.integers(0, 12),
    columns=st.integers(0, 12),
    levels=st.sampled_from([1, 3, 1000]),
    density=st.floats(0, 1),
    dtype=st.sampled_from([np.dtype(name) for name in ("f4", "f8", "f2", "i1", "i8")]),
)
def test_equals_the_full_sort_with_ties(
    seed: int, rows: int, columns: int, levels: int, density: float, dtype: np.dtype
) -> None:
    drawn = np.random.default_rng(seed).integers(-levels, levels + 1, (rows, columns))
    weight = drawn.clip(-128, 127).astype(dtype)
    before = weight.copy()
    pruned = prune_by_magnitude(weight, density)
    assert pruned.dtype == weight.dtype
    assert np.array_equal(pruned, reference_prune(weight, density))
    assert np.array_equal(weight, before)


@pytest.mark.parametrize(("density", "n_kept"), [(0.0, 0), (0.08, 314), (0.5, 1960), (0.75, 2940), (1.0, 3920)])
def test_keeps_exactly_the_rounded_share(density: float, n_kept: int) -> None:
    weight = np.random.default_rng(0).standard_normal((40, 98)).astype(np.float32)
    assert np.count_nonzero(prune_by_magnitude(weight, density)) == n_kept


def test_lower_flat_index_wins_a_tie() -> None:
    weight = np.array([[1.0, -2.0], [2.0, 2.0]])
    assert prune_by_magnitude(weight, 0.5).tolist() == [[0.0, -2.0], [2.0, 0.0]]


def test_most_negative_integer_is_the_largest_magnitude() -> None:
    assert prune_by_magnitude(np.array([127, -128, 1], dtype=np.int8), 1 / 3).tolist() == [0, -128, 0]


def test_columns_of_a_transposed_view_are_counted_in_row_major_order() -> None:
    weight = np.array([[1.0, 1.0], [1.0, 1.0]])[:, ::-1].T
    assert prune_by_magnitude(weight, 0.5).tolist() == [[1.0, 1.0], [0.0, 0.0]]


@pytest.mark.parametrize("density", [-0.01, 1.01, float("nan"), float("inf")])
def test_density_outside_0_to_1_is_refused(density: float) -> None:
    with pytest.raises(InputError, match="density must be from 0 to 1, not"):
        prune_by_magnitude(np.ones(4), density)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e39])
@pytest.mark.parametrize("dtype", [np.dtype("f2"), np.dtype("f8")], ids=str)
def test_weights_that_are_not_finite_are_named_with_their_index(value: float, dtype: np.dtype) -> None:
    with np.errstate(over="ignore"):
        weight = np.array([[0.0, 1.0], [2.0, value]]).astype(dtype)
    with pytest.raises(InputError, match=r"weight at index \(1, 1\) is .*finite"):
        prune_by_magnitude(weight, 0.5)


@pytest.mark.parametrize("weight", [np.array(["a"]), np.array([1j]), np.array([True]), [1.0, 2.0]])
def test_other_than_real_numbers_are_refused(weight: np.ndarray) -> None:
    with pytest.raises(InputError, match="real numbers"):
        prune_by_magnitude(weight, 0.5)
