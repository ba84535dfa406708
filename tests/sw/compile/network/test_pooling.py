"""Integer pooling against maxima and exact means, and its scales."""

from fractions import Fraction

import numpy as np
import pytest

from eyrie.compile.network.pooling import MaximumPool, MeanPool, quantise_pool
from eyrie.errors import InputError
from eyrie.model.pool import Pool
from tests.sw.compile.network.network_cases import draw_pool


def average(**fields: object) -> Pool:
    values = {"name": "pool", "kind": "average", "kernel": (2, 2), "stride": (2, 2)}
    return Pool(**(values | fields))  # type: ignore[arg-type]


def mean_pool(pool: Pool, shape: tuple[int, int, int], bounds: tuple[float, float] = (-32768, 32767)) -> MeanPool:
    pooling, _ = quantise_pool(pool, shape, 1.0, bounds, 16)
    assert isinstance(pooling, MeanPool)
    return pooling


def test_padding_is_no_maximum() -> None:
    pool = Pool(name="pool", kind="max", kernel=(2, 2), stride=(2, 2), padding=(1, 1, 0, 0))
    pooling, scale = quantise_pool(pool, (1, 3, 3), 0.25, (-1.0, 1.0), 16)
    assert isinstance(pooling, MaximumPool)
    assert scale == 0.25
    x = np.array([[[[-32768, -5, -7], [-3, -2, -9], [-4, -8, -6]]]])
    assert pooling.forward(x).tolist() == [[[[-32768, -5], [-3, -2]]]]


def test_halves_round_up() -> None:
    """Sums of 2, -2, 3 and -3 by four: halves go up, quarters to the nearest."""
    x = np.array([[[[2, 0, -2, 0, 3, 0, -3, 0], [0] * 8]]])
    assert mean_pool(average(), (1, 2, 8)).forward(x).tolist() == [[[[1, 0, 1, -1]]]]


def test_border_divides_by_what_lies_on_the_map() -> None:
    x = np.full((1, 1, 3, 3), 300)
    pool = average(kernel=(3, 3), stride=(1, 1), padding=(1, 1, 1, 1))
    assert mean_pool(pool, (1, 3, 3)).forward(x).tolist() == [[[[300] * 3] * 3]]
    counted = average(kernel=(3, 3), stride=(1, 1), padding=(1, 1, 1, 1), count_include_pad=True)
    row, middle = [133, 200, 133], [200, 300, 200]
    assert mean_pool(counted, (1, 3, 3)).forward(x).tolist() == [[[row, middle, row]]]


@pytest.mark.parametrize("value", [-32768, 32767])
@pytest.mark.parametrize("size", [1, 2, 3, 5, 7])
def test_extremes_stay(value: int, size: int) -> None:
    """A mean of equal values is that value, within the unit that a multiplier of 15 bits leaves."""
    pool = average(kernel=(size, size), stride=(size, size))
    y = mean_pool(pool, (1, size, size)).forward(np.full((1, 1, size, size), value))
    assert abs(int(y[0, 0, 0, 0]) - value) <= 1


@pytest.mark.parametrize("seed", range(40))
def test_means_are_exact_to_a_unit(seed: int) -> None:
    """Against fractions: half a unit of rounding, and one in 2**15 of the value for the multiplier."""
    rng = np.random.default_rng(seed)
    shape = (2, int(rng.integers(3, 8)), int(rng.integers(3, 8)))
    pool = draw_pool(rng, "pool", shape)
    while pool.kind != "average":
        pool = draw_pool(rng, "pool", shape)
    highest = float(rng.choice([40.0, 5000.0, 32767.0]))
    pooling, scale = quantise_pool(pool, shape, 1.0, (-highest, highest), 16)
    assert highest / scale <= 32767
    x = rng.integers(-int(highest), int(highest) + 1, (2, *shape))
    y = pooling.forward(x)
    sums = sum(values.astype(np.int64) for values in pool.window.taps(x, 0))
    counts = np.broadcast_to(pool.counts(shape), y.shape)
    for place in np.ndindex(*y.shape):
        exact = Fraction(int(sums[place]), int(counts[place])) / Fraction(scale)
        assert abs(int(y[place]) - exact) <= Fraction(1, 2) + abs(exact) / 2**15


@pytest.mark.parametrize(
    ("kernel", "highest", "scale"),
    [((2, 2), 100.0, 0.25), ((2, 2), 10000.0, 0.5), ((2, 2), 20000.0, 1.0), ((3, 3), 1.0, 1 / 16), ((1, 1), 1.0, 1.0)],
)
def test_means_take_a_finer_scale_where_it_fits(kernel: tuple[int, int], highest: float, scale: float) -> None:
    """No finer than the division makes use of: two bits for four values, four for nine, none for one."""
    assert quantise_pool(average(kernel=kernel), (1, 4, 4), 1.0, (0.0, highest), 16)[1] == scale


def test_a_multiplier_does_not_round_up_to_more_bits() -> None:
    """By 65,537: a hair below a power of two."""
    pool = average(kernel=(1, 65537), stride=(1, 1), count_include_pad=True)
    assert mean_pool(pool, (1, 1, 65537)).multiplier.tolist() == [[32767]]


def test_what_does_not_fit_is_refused() -> None:
    pooling = mean_pool(average(), (1, 4, 4))
    with pytest.raises(InputError, match=r"layer pool: maps of 4 x 6 have \(2, 3\) positions, not \(2, 2\)"):
        pooling.forward(np.zeros((1, 1, 4, 6), np.int64))
    one = np.ones((2, 2), np.int64)
    with pytest.raises(InputError, match="multiplier and shift must have one value for each position"):
        MeanPool(name="pool", window=pooling.window, multiplier=one, shift=one[:1], activation_width=16)
