"""Weight sharing: one small codebook for all weights of a layer.

Deep Compression (Han et al., ICLR 2016), section 3: the non-zero weights are clustered by k-means and each is replaced
by the centroid of its cluster. Entry 0 of the codebook is zero and belongs to the pruned weights.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from eyrie.compress.checks import require_integer, require_weights
from eyrie.errors import InputError

Initialisation = Literal["linear", "density", "random"]


@dataclass(frozen=True, kw_only=True, eq=False)
class SharedWeights:
    """Weights as indices into a codebook.

    Parameters
    ----------
    codebook : float64 (n,), 1 <= n <= 256
        ``codebook[0]`` is 0.0; the others are not zero and ascend. It holds values in use only, so n may be less than
        a power of two.
    codes : uint8, the shape of the weights
        Index into the codebook; 0 wherever the weight is zero.

    Raises
    ------
    InputError
        If a type is wrong, the codebook has a non-finite entry or does not start with zero, or a code lies beyond it.
    """

    codebook: np.ndarray
    codes: np.ndarray

    def __post_init__(self) -> None:
        if self.codebook.dtype != np.float64 or self.codebook.ndim != 1 or not 1 <= self.codebook.size <= 256:
            raise InputError(
                f"a codebook must be float64 with 1 to 256 entries, not {self.codebook.dtype} {self.codebook.shape}"
            )
        if self.codebook[0] != 0 or not np.isfinite(self.codebook).all():
            raise InputError(f"a codebook must be finite and start with 0, not {self.codebook[:4].tolist()}...")
        if self.codes.dtype != np.uint8:
            raise InputError(f"codes must be uint8, not {self.codes.dtype}")
        if self.codes.size and self.codes.max() >= self.codebook.size:
            raise InputError(f"code {self.codes.max()} lies beyond a codebook of {self.codebook.size} entries")

    @property
    def weight(self) -> np.ndarray:
        """The weights that the codes stand for: float64, the shape of ``codes``."""
        return self.codebook[self.codes]


@dataclass(frozen=True, kw_only=True)
class SharingError:
    """What sharing costs, over the entries that are not zero before or after.

    Parameters
    ----------
    max_absolute : float
        Largest absolute difference; 0.0 where sharing is exact.
    rms : float
        Root of the mean squared difference.
    n_distinct : int
        Distinct non-zero values before sharing.
    n_shared : int
        Distinct non-zero values after it.
    """

    max_absolute: float
    rms: float
    n_distinct: int
    n_shared: int


def share_weights(
    weight: np.ndarray,
    codebook_bits: int,
    *,
    initialisation: Initialisation = "linear",
    iterations: int = 100,
    seed: int = 0,
) -> SharedWeights:
    """Replace the non-zero weights by at most ``2**codebook_bits - 1`` shared values.

    Weights with no more distinct non-zero values than that keep them exactly. Otherwise the values are the centroids of
    Lloyd's k-means. A cluster that runs empty is restarted at the weight that lies farthest from its centroid; one that
    is still empty at the end is left out. A cluster whose mean is exactly zero takes code 0: the same value, and one
    entry less to store.

    Parameters
    ----------
    weight : array of real numbers, any shape
        Finite and within the range of float32.
    codebook_bits : int
        Width of a code, 1 to 8.
    initialisation : "linear", "density" or "random"
        First centroids: evenly from the lowest to the highest non-zero weight; evenly over their cumulative
        distribution; or drawn from the weights.
    iterations : int
        Most iterations of Lloyd's algorithm, 1 or more; it ends earlier once no weight changes its cluster.
    seed : int
        For the initialisation "random"; the others do not depend on it.

    Raises
    ------
    InputError
        If an argument is outside its range, or ``weight`` holds a NaN, an infinity or something that is not a number.
    """
    n_shared = 2 ** require_integer(codebook_bits, "codebook_bits", 1, 8) - 1
    require_integer(iterations, "iterations", 1, 2**31)
    require_integer(seed, "seed", 0, 2**63 - 1)
    if initialisation not in get_args(Initialisation):
        raise InputError(f"initialisation must be one of {get_args(Initialisation)}, not {initialisation!r}")
    require_weights(weight)
    occupied = weight != 0
    nonzeros = weight[occupied].astype(np.float64)
    values, counts = np.unique(nonzeros, return_counts=True)
    codes = np.zeros(weight.shape, dtype=np.uint8)
    if values.size <= n_shared:
        codes[occupied] = np.searchsorted(values, nonzeros) + 1
        return SharedWeights(codebook=np.concatenate([[0.0], values]), codes=codes)
    centroids = _initial_centroids(values, counts, n_shared, initialisation, seed)
    centroids = _lloyd(values, counts, centroids, iterations)
    cluster = np.searchsorted(_midpoints(centroids), nonzeros)
    kept = (np.bincount(cluster, minlength=n_shared) > 0) & (centroids != 0)
    code_of_cluster = np.where(kept, np.cumsum(kept), 0).astype(np.uint8)
    codes[occupied] = code_of_cluster[cluster]
    return SharedWeights(codebook=np.concatenate([[0.0], centroids[kept]]), codes=codes)


def sharing_error(weight: np.ndarray, shared: SharedWeights) -> SharingError:
    """Compare weights with their shared form.

    Raises
    ------
    InputError
        If the shapes differ or ``weight`` is not accepted by `share_weights`.
    """
    require_weights(weight)
    if weight.shape != shared.codes.shape:
        raise InputError(f"weights of shape {weight.shape} cannot be compared with codes of shape {shared.codes.shape}")
    occupied = (weight != 0) | (shared.codes != 0)
    before = weight[occupied].astype(np.float64)
    after = shared.codebook[shared.codes[occupied]]
    difference = np.abs(before - after)
    return SharingError(
        max_absolute=float(difference.max(initial=0.0)),
        rms=float(np.sqrt(np.mean(difference**2))) if difference.size else 0.0,
        n_distinct=np.unique(before[before != 0]).size,
        n_shared=np.unique(after[after != 0]).size,
    )


def _initial_centroids(
    values: np.ndarray, counts: np.ndarray, n_centroids: int, initialisation: Initialisation, seed: int
) -> np.ndarray:
    if initialisation == "linear":
        return np.linspace(values[0], values[-1], n_centroids)
    if initialisation == "density":
        quantiles = (np.arange(n_centroids) + 0.5) / n_centroids
        cumulative = np.cumsum(counts)
        return values[np.searchsorted(cumulative, quantiles * cumulative[-1])]
    generator = np.random.default_rng(seed)
    return generator.choice(values, n_centroids, replace=False, p=counts / counts.sum())


def _midpoints(centroids: np.ndarray) -> np.ndarray:
    """Upper bounds (inclusive) of all clusters but the last; a value in the middle goes to the lower centroid."""
    return (centroids[:-1] + centroids[1:]) / 2


def _lloyd(values: np.ndarray, counts: np.ndarray, centroids: np.ndarray, iterations: int) -> np.ndarray:
    """Sorted centroids of sorted distinct values with multiplicities, of which there are more than centroids."""
    sums = values * counts
    cumulative = np.concatenate([[0], np.cumsum(counts)])
    previous = np.empty(0, dtype=np.int64)
    for _ in range(iterations):
        centroids = np.sort(centroids)
        bounds = np.concatenate([[0], np.searchsorted(values, _midpoints(centroids), side="right"), [values.size]])
        if np.array_equal(bounds, previous):
            break
        previous = bounds
        nonempty = bounds[:-1] < bounds[1:]
        starts, ends = bounds[:-1][nonempty], bounds[1:][nonempty]
        means = np.add.reduceat(sums, starts) / (cumulative[ends] - cumulative[starts])
        # Rounding must not carry a mean out of its cluster, least of all one of equal values.
        centroids = np.clip(means, values[starts], values[ends - 1])
        n_empty = nonempty.size - centroids.size
        if n_empty:
            distance = np.abs(values - np.repeat(centroids, ends - starts)) * counts
            farthest = np.argsort(distance, kind="stable")[-n_empty:]
            centroids = np.concatenate([centroids, values[farthest]])
    return np.sort(centroids)
