"""Ranges: measured exactly, bounded safely, refused when inputs make no sense."""

import numpy as np
import pytest

from eyrie.compile.calibrate import bound_ranges, measure_ranges
from eyrie.errors import InputError
from eyrie.model.network import DenseLayer, Network


def network(*layers: tuple[list[list[float]], list[float], bool]) -> Network:
    return Network(
        name="net",
        layers=tuple(
            DenseLayer(name=f"fc{index}", weight=np.array(weight), bias=np.array(bias), relu=relu)
            for index, (weight, bias, relu) in enumerate(layers)
        ),
    )


TWO = network(([[1.0, -2.0], [0.5, 0.0]], [0.0, -3.0], True), ([[1.0, 8.0]], [-0.25], False))


def test_measured_on_samples() -> None:
    """Hidden row 1 stays zero; row 0 makes 3 and 0. A quarter more, but no output below -0.25 is possible."""
    ranges = measure_ranges(TWO, np.array([[1.0, -1.0], [0.5, 4.0]]))
    assert ranges.bounds == ((-1.0, 4.0), (0.0, 3.75), (-0.25, 3.4375))
    assert ranges.source == "measured on 2 calibration inputs"


def test_every_range_includes_zero() -> None:
    """Inputs from 2 to 3, outputs -0.25: zero is added to both; the hidden units sleep and take their bound."""
    assert measure_ranges(TWO, np.array([[3.0, 2.0]])).bounds == ((0.0, 3.0), (0.0, 3.0), (-0.25, 0.0))


def test_bounded_without_samples() -> None:
    """Row 0 reaches -3 to 3, after ReLU 0 to 3; row 1 never leaves 0."""
    ranges = bound_ranges(TWO)
    assert ranges.bounds == ((-1.0, 1.0), (0.0, 3.0), (-0.25, 2.75))
    assert ranges.source == "bounded by interval arithmetic for inputs from -1 to 1"


def test_a_tensor_that_stays_zero_takes_its_bound() -> None:
    """Hidden units sleep on the only sample but can reach 2 on others of its range."""
    net = network(([[1.0, -1.0]], [0.0], True), ([[3.0]], [0.0], False))
    assert measure_ranges(net, np.array([[-1.0, 2.0], [0.0, 1.0]])).bounds == ((-1.0, 2.0), (0.0, 3.0), (0.0, 9.0))


@pytest.mark.parametrize("seed", range(20))
def test_bounds_hold_what_is_measured(seed: int) -> None:
    rng = np.random.default_rng(seed)
    net = network(
        (rng.normal(size=(5, 4)).tolist(), rng.normal(size=5).tolist(), True),
        (rng.normal(size=(3, 5)).tolist(), rng.normal(size=3).tolist(), False),
    )
    x = rng.uniform(-1, 1, (50, 4))
    outside = bound_ranges(net).bounds
    for inner, outer in zip(measure_ranges(net, x).bounds, outside, strict=True):
        assert outer[0] <= inner[0] <= inner[1] <= outer[1]


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((0, 2)), "calibration inputs have no samples"),
        (np.zeros((3, 2)), "all calibration inputs are zero"),
        (np.ones((3, 3)), r"calibration inputs must have shape \(samples, 2\), not \(3, 3\)"),
        (np.ones(2), r"must have shape \(samples, 2\), not \(2,\)"),
        (np.array([[1.0, 2.0], [np.nan, 1.0]]), "element 0 of sample 1 is nan"),
        (np.array([[1.0, -np.inf]]), "element 1 of sample 0 is -inf"),
        (np.array([["a", "b"]]), "must be an array of real numbers, not <U1"),
        (np.ones((2, 2), complex), "must be an array of real numbers, not complex128"),
        (np.full((2, 2), 1e39), "leave the range of float32"),
    ],
    ids=["empty", "zero", "columns", "vector", "nan", "infinity", "text", "complex", "huge"],
)
def test_refuses_inputs(x: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        measure_ranges(TWO, x)


def test_refuses_a_network_whose_outputs_explode() -> None:
    net = network(([[1e30]], [0.0], False), ([[1e30]], [0.0], False))
    with pytest.raises(InputError, match="layer fc1: its outputs can leave the range of float32"):
        bound_ranges(net)
