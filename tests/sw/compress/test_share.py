"""Weight sharing: exact where it can be, Lloyd's fixed point where it cannot.

Weights are small integers wherever a mean is compared, so that sums are exact and equality is the test.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eyrie.compress.share import Initialisation, SharedWeights, share_weights, sharing_error
from eyrie.errors import InputError

PROPERTY = settings(derandomize=True, deadline=None, max_examples=150)


def sparse_integers(seed: int, size: int, highest: int, density: float) -> np.ndarray:
    generator = np.random.default_rng(seed)
    weight = generator.integers(-highest, highest + 1, size).astype(np.float64)
    weight[generator.random(size) >= density] = 0
    return weight


def reference_lloyd(weights: list[float], n_clusters: int, iterations: int) -> list[float]:
    """Lloyd's algorithm from linear centroids, one weight at a time; raises where a cluster runs empty."""
    low, high = min(weights), max(weights)
    centroids = [low + (high - low) * k / (n_clusters - 1) for k in range(n_clusters)]
    for _ in range(iterations):
        clusters: list[list[float]] = [[] for _ in centroids]
        for weight in weights:
            clusters[min(range(n_clusters), key=lambda k: (abs(weight - centroids[k]), k))].append(weight)
        centroids = [sum(cluster) / len(cluster) for cluster in clusters]
    return centroids


@PROPERTY
@given(
    seed=st.integers(0, 2**32),
    codebook_bits=st.integers(1, 8),
    highest=st.sampled_from([1, 5, 60, 2000]),
    density=st.sampled_from([0.0, 0.1, 0.6, 1.0]),
    initialisation=st.sampled_from(["linear", "density", "random"]),
    iterations=st.sampled_from([1, 2, 50]),
)
def test_every_nonzero_weight_takes_its_nearest_entry(
    seed: int, codebook_bits: int, highest: int, density: float, initialisation: Initialisation, iterations: int
) -> None:
    weight = sparse_integers(seed, 300, highest, density).reshape(20, 15)
    shared = share_weights(weight, codebook_bits, initialisation=initialisation, iterations=iterations, seed=seed)
    entries = shared.codebook[1:]
    assert shared.codes.shape == weight.shape
    assert shared.codebook[0] == 0
    assert entries.size <= 2**codebook_bits - 1
    assert np.all(np.diff(entries) > 0)
    assert np.all(entries != 0)
    assert np.array_equal(np.unique(shared.codes[shared.codes > 0]), np.arange(1, entries.size + 1))
    assert np.all(shared.codes[weight == 0] == 0)
    n_distinct = np.unique(weight[weight != 0]).size
    if n_distinct <= 2**codebook_bits - 1:
        assert np.array_equal(shared.weight, weight)
        assert entries.size == n_distinct
    else:
        # Zero stands for a cluster of mean zero, so it is a neighbour where it was taken.
        nonzero = weight != 0
        neighbours = entries if np.all(shared.codes[nonzero]) else np.sort(shared.codebook)
        nearest = np.abs(weight[nonzero][:, None] - neighbours).min(axis=1)
        assert np.array_equal(np.abs(weight[nonzero] - shared.weight[nonzero]), nearest)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("codebook_bits", "iterations"), [(2, 1), (2, 60), (3, 1), (3, 60)])
def test_equals_lloyd_one_weight_at_a_time(seed: int, codebook_bits: int, iterations: int) -> None:
    weight = sparse_integers(seed, 200, 500, 0.7)
    expected = reference_lloyd(weight[weight != 0].tolist(), 2**codebook_bits - 1, iterations)
    shared = share_weights(weight, codebook_bits, iterations=iterations)
    assert shared.codebook.tolist() == [0.0, *expected]


@pytest.mark.parametrize("initialisation", ["linear", "density", "random"])
@pytest.mark.parametrize("seed", range(4))
def test_each_entry_is_the_mean_of_its_weights(seed: int, initialisation: Initialisation) -> None:
    weight = sparse_integers(seed, 2000, 1000, 0.5)
    shared = share_weights(weight, 4, initialisation=initialisation, iterations=1000, seed=seed)
    assert shared.codebook.size == 16
    for code in range(1, 16):
        members = weight[shared.codes == code]
        assert shared.codebook[code] == members.sum() / members.size


def test_first_centroids_are_linear_in_the_values_by_default() -> None:
    """After one iteration the means tell where the first centroids were: at 1, 5.5 and 10."""
    weight = np.array([1.0, 2.0, 3.0, 4.0, 9.0, 10.0])
    assert share_weights(weight, 2, iterations=1).codebook.tolist() == [0.0, 2.0, 4.0, 9.5]


def test_first_centroids_by_density_follow_the_distribution() -> None:
    """They are at 1, 2 and 4, the middles of thirds of the weights; linear ones would start at 1, 5.5 and 10."""
    weight = np.array([1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 4.0, 4.0, 10.0])
    shared = share_weights(weight, 2, initialisation="density", iterations=1)
    assert shared.codebook.tolist() == [0.0, 1.0, 2.0, 6.0]


def test_random_centroids_depend_on_the_seed_alone() -> None:
    weight = sparse_integers(0, 500, 1000, 1.0)
    books = [share_weights(weight, 3, initialisation="random", iterations=1, seed=seed).codebook for seed in (5, 5, 6)]
    assert np.array_equal(books[0], books[1])
    assert not np.array_equal(books[0], books[2])


@pytest.mark.parametrize("seed", range(10))
def test_random_centroids_are_drawn_from_the_weights_as_often_as_they_occur(seed: int) -> None:
    """1, 2 and 3 are nearly all of the weights, so that they are the first centroids and 3 takes all the others."""
    weight = np.concatenate([np.repeat([1.0, 2.0, 3.0], 10**6), np.arange(100.0, 120.0)])
    shared = share_weights(weight, 2, initialisation="random", iterations=1, seed=seed)
    assert shared.codebook[:3].tolist() == [0.0, 1.0, 2.0]


def test_mean_of_equal_weights_is_their_value() -> None:
    """Three times 0.1, divided by three, is not 0.1 in floating point."""
    weight = np.array([0.1, 0.1, 0.1, 5.0, 5.5, 9.0])
    assert share_weights(weight, 2).codebook.tolist() == [0.0, 0.1, 5.25, 9.0]


def test_weights_that_fit_the_codebook_stay_exact() -> None:
    weight = np.array([[0.1, 0.0, -0.3], [-0.0, 0.7, 0.1]], dtype=np.float32)
    shared = share_weights(weight, 2)
    assert shared.codebook.tolist() == [0.0, float(np.float32(-0.3)), float(np.float32(0.1)), float(np.float32(0.7))]
    assert shared.codes.tolist() == [[2, 0, 1], [0, 3, 2]]
    assert np.array_equal(shared.weight.astype(np.float32), weight)


def test_neighbouring_floats_stay_apart() -> None:
    """Their midpoint rounds to one of them, which must not merge them."""
    weight = np.array([1.0, np.nextafter(1.0, 2.0), np.nextafter(1.0, 0.0)])
    assert np.array_equal(share_weights(weight, 2).weight, weight)


@pytest.mark.parametrize("codebook_bits", range(1, 9))
def test_as_many_values_as_entries_is_exact_and_one_more_is_not(codebook_bits: int) -> None:
    weight = np.arange(1, 2**codebook_bits, dtype=np.float64)
    assert np.array_equal(share_weights(weight, codebook_bits).weight, weight)
    more = np.append(weight, 2.0**codebook_bits)
    assert sharing_error(more, share_weights(more, codebook_bits)).max_absolute > 0


def test_all_zero_matrix_has_the_zero_entry_only() -> None:
    shared = share_weights(np.zeros((3, 4)), 4)
    assert shared.codebook.tolist() == [0.0]
    assert not shared.codes.any()


def test_codebook_of_one_entry_is_the_mean() -> None:
    shared = share_weights(np.array([0.0, 1.0, 2.0, 0.0, 6.0]), 1)
    assert shared.codebook.tolist() == [0.0, 3.0]
    assert shared.codes.tolist() == [0, 1, 1, 0, 1]


def test_cluster_of_mean_zero_takes_code_zero() -> None:
    shared = share_weights(np.array([-1.0, 1.0, -1.0, 1.0]), 1)
    assert shared.codebook.tolist() == [0.0]
    assert not shared.codes.any()


def test_empty_cluster_is_restarted() -> None:
    """The middle one of three linear centroids has no weight; all three are in use at the end."""
    shared = share_weights(np.array([-100.0, -98.0, 98.0, 100.0]), 2)
    assert shared.codebook.size == 4
    assert sharing_error(np.array([-100.0, -98.0, 98.0, 100.0]), shared).max_absolute == 1.0


@pytest.mark.parametrize("seed", range(5))
def test_iterations_lower_the_error(seed: int) -> None:
    weight = sparse_integers(seed, 3000, 10000, 0.4)
    errors = [sharing_error(weight, share_weights(weight, 3, iterations=n)).rms for n in (1, 4, 100)]
    assert errors[0] > errors[1] > errors[2] > 0


def test_sharing_error_over_nonzeros() -> None:
    shared = SharedWeights(codebook=np.array([0.0, 2.0, 9.0]), codes=np.array([0, 1, 1, 2, 1], dtype=np.uint8))
    error = sharing_error(np.array([0.0, 1.0, 3.0, 16.0, -5.0]), shared)
    assert (error.max_absolute, error.rms, error.n_distinct, error.n_shared) == (7.0, 5.0, 4, 2)
    pruned = sharing_error(np.array([0.0, 3.0]), SharedWeights(codebook=np.zeros(1), codes=np.zeros(2, dtype=np.uint8)))
    assert (pruned.max_absolute, pruned.rms, pruned.n_distinct, pruned.n_shared) == (3.0, 3.0, 1, 0)
    nothing = sharing_error(np.zeros(3), share_weights(np.zeros(3), 4))
    assert (nothing.max_absolute, nothing.rms, nothing.n_distinct, nothing.n_shared) == (0.0, 0.0, 0, 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"codebook_bits": 0}, "codebook_bits must be an integer from 1 to 8, not 0"),
        ({"codebook_bits": 9}, "codebook_bits must be an integer from 1 to 8, not 9"),
        ({"codebook_bits": 4.0}, "codebook_bits must be an integer"),
        ({"codebook_bits": 4, "iterations": 0}, "iterations must be"),
        ({"codebook_bits": 4, "seed": -1}, "seed must be"),
        ({"codebook_bits": 4, "initialisation": "forgy"}, "initialisation must be one of"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        share_weights(np.ones(3), **arguments)


def test_weights_that_are_not_finite_are_refused() -> None:
    with pytest.raises(InputError, match=r"index \(1,\) is nan"):
        share_weights(np.array([0.0, np.nan]), 4)


@pytest.mark.parametrize(
    ("codebook", "codes", "message"),
    [
        (np.array([1.0]), np.zeros(2, np.uint8), "start with 0"),
        (np.array([0.0, np.inf]), np.zeros(2, np.uint8), "finite"),
        (np.zeros(257), np.zeros(2, np.uint8), "1 to 256 entries"),
        (np.zeros(0), np.zeros(2, np.uint8), "1 to 256 entries"),
        (np.zeros(2, np.float32), np.zeros(2, np.uint8), "float64"),
        (np.zeros((2, 2)), np.zeros(2, np.uint8), "1 to 256 entries"),
        (np.zeros(2), np.zeros(2, np.int64), "codes must be uint8"),
        (np.zeros(2), np.full(2, 2, np.uint8), "code 2 lies beyond a codebook of 2 entries"),
    ],
)
def test_inconsistent_shared_weights_are_refused(codebook: np.ndarray, codes: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        SharedWeights(codebook=codebook, codes=codes)


def test_error_of_another_shape_is_refused() -> None:
    with pytest.raises(InputError, match=r"\(2,\) cannot be compared with codes of shape \(3,\)"):
        sharing_error(np.zeros(2), share_weights(np.zeros(3), 4))
