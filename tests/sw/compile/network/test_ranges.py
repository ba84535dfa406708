"""Ranges of networks with maps."""

import numpy as np
import pytest

from eyrie.compile import calibrate
from eyrie.compile.calibrate import bound_ranges, measure_ranges
from eyrie.errors import InputError
from eyrie.model.network import Network
from eyrie.model.pool import Pool
from tests.sw.compile.network.network_cases import conv, draw_network, draw_samples

EDGE = Network(
    name="net",
    input_shape=(1, 1, 3),
    layers=(
        conv([[[[-2.0, 1.0]]]], [0.5], padding=(0, 0, 0, 1), relu=True, clip=2.25),
        Pool(name="pool", kind="average", kernel=(1, 3), stride=(1, 1)),
    ),
)


def test_bounds_by_hand() -> None:
    """Inputs from 0 to 1: sums from -1.5 to 1.5, at the padding to 0.5; their means to (1.5 + 1.5 + 0.5) / 3."""
    assert bound_ranges(EDGE, (0.0, 1.0)).bounds == ((0.0, 1.0), (0.0, 1.5), (0.0, 3.5 / 3))


def test_upper_limits_bound() -> None:
    assert bound_ranges(EDGE, (-1.0, 1.0)).bounds[1] == (0.0, 2.25)


@pytest.mark.parametrize("seed", range(30))
def test_bounds_hold_what_is_measured(seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = draw_network(rng)
    x = draw_samples(rng, network, 20)
    outer = bound_ranges(network, (min(x.min(), 0.0), max(x.max(), 0.0))).bounds
    for (low, high), tensor in zip(outer, [x, *network.activations(x)], strict=True):
        assert low - 1e-9 <= tensor.min() <= tensor.max() <= high + 1e-9


@pytest.mark.parametrize("seed", range(5))
def test_samples_by_parts_are_the_whole(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(seed)
    network = draw_network(rng)
    x = draw_samples(rng, network, 7)
    whole = measure_ranges(network, x)
    monkeypatch.setattr(calibrate, "_MAX_VALUES", 1)
    parts = measure_ranges(network, x)
    assert np.allclose(parts.bounds, whole.bounds, rtol=1e-12)
    assert parts.n_samples == 7


def test_sums_beyond_float32_are_refused_whatever_follows() -> None:
    for weight, clip in ((1e39, 6.0), (-1e39, None)):
        layer = conv([[[[weight]]]], relu=True, clip=clip)
        with pytest.raises(InputError, match="layer conv: its outputs can leave the range of float32"):
            bound_ranges(Network(name="net", input_shape=(1, 1, 1), layers=(layer,)), (0.0, 1.0))


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.ones((2, 4)), r"calibration inputs must have shape \(samples, 1, 1, 3\), not \(2, 4\)"),
        (np.full((2, 1, 1, 3), np.nan), r"calibration inputs: element \[0, 0, 0\] of sample 0 is nan"),
        (np.zeros((2, 1, 1, 3)), "all calibration inputs are zero"),
    ],
)
def test_refuses_inputs(x: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        measure_ranges(EDGE, x)
