"""Pruning by magnitude against a full sort; balanced pruning against weights dealt out one by one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eyrie.compress.interleave import MAX_PES, Placement
from eyrie.compress.prune import prune_balanced, prune_by_magnitude
from eyrie.errors import InputError

PROPERTY = settings(derandomize=True, deadline=None, max_examples=150)


def reference_prune(weight: np.ndarray, density: float) -> np.ndarray:
    """Keep by sorting (magnitude descending, flat index ascending)."""
    values = weight.ravel().tolist()
    order = sorted(range(len(values)), key=lambda index: (-abs(values[index]), index))
    kept = set(order[: round(density * len(values))])
    return np.array([v if i in kept else 0 for i, v in enumerate(values)], dtype=weight.dtype).reshape(weight.shape)


def reference_balanced(weight: np.ndarray, density: float, n_pes: int) -> np.ndarray:
    """PEs in turn keep their largest entry that is left (magnitude descending, flat index ascending)."""
    rows, columns = weight.shape
    parts = [
        sorted(
            ((row, column) for row in range(pe, rows, n_pes) for column in range(columns)),
            key=lambda index: (-abs(float(weight[index])), index),
        )
        for pe in range(n_pes)
    ]
    pruned = np.zeros_like(weight)
    left = round(density * weight.size)
    while left:
        for part in parts:
            if part and left:
                index = part.pop(0)
                pruned[index] = weight[index]
                left -= 1
    return pruned


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


@PROPERTY
@given(
    seed=st.integers(0, 2**32),
    rows=st.integers(0, 12),
    columns=st.integers(0, 12),
    n_pes=st.integers(1, 14),
    levels=st.sampled_from([1, 3, 1000]),
    density=st.floats(0, 1),
    dtype=st.sampled_from([np.dtype(name) for name in ("f4", "f8", "i1")]),
)
def test_balanced_pruning_equals_dealing_one_by_one(
    seed: int, rows: int, columns: int, n_pes: int, levels: int, density: float, dtype: np.dtype
) -> None:
    drawn = np.random.default_rng(seed).integers(-levels, levels + 1, (rows, columns))
    weight = drawn.clip(-128, 127).astype(dtype)
    before = weight.copy()
    pruned = prune_balanced(weight, density, n_pes)
    assert pruned.dtype == weight.dtype
    assert np.array_equal(pruned, reference_balanced(weight, density, n_pes))
    assert np.array_equal(weight, before)


@pytest.mark.parametrize(
    ("rows", "n_pes", "density", "expected"),
    [
        pytest.param(300, 16, 0.08, 1176, id="rows-not-divisible"),
        pytest.param(300, 64, 0.08, 294, id="more-rows-on-some"),
        pytest.param(10, 4, 0.25, 490, id="few-rows"),
    ],
)
def test_every_pe_keeps_as_many(rows: int, n_pes: int, density: float, expected: int) -> None:
    generator = np.random.default_rng(1)
    weight = generator.standard_normal((rows, 784)) * generator.uniform(0.5, 2, (rows, 1))
    kept = np.count_nonzero(prune_balanced(weight, density, n_pes), axis=1)
    assert np.bincount(Placement.interleaved(rows, n_pes).pe_of_row, kept).tolist() == n_pes * [expected]


def test_full_parts_leave_the_rest_to_the_others() -> None:
    # PEs 0 and 1 have two rows, PE 2 has one, which is full before the others have kept as much as they may.
    weight = np.arange(1.0, 16.0).reshape(5, 3)
    kept = np.count_nonzero(prune_balanced(weight, 13 / 15, 3), axis=1)
    assert kept.tolist() == [2, 2, 3, 3, 3]
    assert np.array_equal(prune_balanced(weight, 1.0, 3), weight)
    # Of more PEs than rows, some have nothing to keep.
    assert np.count_nonzero(prune_balanced(weight, 7 / 15, 64), axis=1).tolist() == [2, 2, 1, 1, 1]


def test_balanced_over_one_pe_is_pruning_by_magnitude() -> None:
    weight = np.random.default_rng(2).standard_normal((30, 20))
    assert np.array_equal(prune_balanced(weight, 0.3, 1), prune_by_magnitude(weight, 0.3))


def test_what_is_pruned_stays_pruned_while_the_density_falls() -> None:
    weight = np.random.default_rng(3).standard_normal((31, 20))
    gradual = weight
    for density in np.linspace(1, 0.1, 40):
        before, gradual = gradual, prune_balanced(gradual, density, 7)
        assert not (gradual[before == 0]).any()
        assert np.array_equal(gradual, prune_balanced(weight, density, 7))


@pytest.mark.parametrize("n_pes", [0, MAX_PES + 1, 2.0])
def test_number_of_pes_out_of_range_is_refused(n_pes: int) -> None:
    with pytest.raises(InputError, match="n_pes must be an integer from 1"):
        prune_balanced(np.ones((4, 4)), 0.5, n_pes)


@pytest.mark.parametrize(
    ("weight", "density", "message"),
    [
        (np.ones(4), 0.5, r"a matrix of \(rows, columns\), not \(4,\)"),
        (np.ones((2, 2)), 1.5, "density must be from 0 to 1"),
        (np.full((2, 2), np.nan), 0.5, r"weight at index \(0, 0\)"),
    ],
)
def test_balanced_pruning_refuses_what_it_cannot_prune(weight: np.ndarray, density: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        prune_balanced(weight, density, 2)
