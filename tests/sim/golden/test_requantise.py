"""Requantisation against Python's integers, which have no width."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eyrie.golden.requantise import requantise

PROPERTY = settings(derandomize=True, deadline=None, max_examples=500)
ACCUMULATORS = st.integers(-(2**47), 2**47 - 1) | st.sampled_from([-(2**47), -1, 0, 1, 2**47 - 1])
MULTIPLIERS = st.integers(1, 2**15 - 1) | st.sampled_from([1, 2**14, 2**15 - 1])


def reference(accumulator: int, multiplier: int, shift: int, relu: bool, width: int) -> int:
    rounded = (accumulator * multiplier + (1 << shift - 1 if shift else 0)) >> shift
    clamped = max(-(1 << width - 1), min((1 << width - 1) - 1, rounded))
    return max(clamped, 0) if relu else clamped


def one(accumulator: int, multiplier: int, shift: int, relu: bool = False, width: int = 16) -> int:
    columns = (np.array([value], np.int64) for value in (accumulator, multiplier, shift))
    return int(requantise(*columns, relu=relu, activation_width=width)[0])


@PROPERTY
@given(ACCUMULATORS, MULTIPLIERS, st.integers(0, 63), st.booleans(), st.integers(8, 16))
def test_equals_unbounded_integers(accumulator: int, multiplier: int, shift: int, relu: bool, width: int) -> None:
    assert one(accumulator, multiplier, shift, relu, width) == reference(accumulator, multiplier, shift, relu, width)


@PROPERTY
@given(st.integers(-1, 1), MULTIPLIERS, st.integers(0, 63), st.integers(-40000, 40000))
def test_equals_unbounded_integers_near_the_activation_range(
    beside: int, multiplier: int, shift: int, target: int
) -> None:
    """Accumulators that bring the result near ``target``, so that few results are clamped."""
    accumulator = max(-(2**47), min(2**47 - 1, (target << shift) // multiplier + beside))
    assert one(accumulator, multiplier, shift) == reference(accumulator, multiplier, shift, False, 16)


@pytest.mark.parametrize(
    ("accumulator", "rounded"),
    [(-7, -2), (-6, -1), (-5, -1), (-2, 0), (-1, 0), (0, 0), (1, 0), (2, 1), (5, 1), (6, 2), (7, 2)],
)
def test_rounds_half_up(accumulator: int, rounded: int) -> None:
    assert one(accumulator, 1, 2) == rounded


@pytest.mark.parametrize("shift", [0, 1, 62, 63])
@pytest.mark.parametrize("accumulator", [-(2**47), 2**47 - 1])
def test_widest_product(accumulator: int, shift: int) -> None:
    """A product of 62 bits and a sign: with half a unit of shift 63 it takes 63 of them."""
    assert one(accumulator, 2**15 - 1, shift) == reference(accumulator, 2**15 - 1, shift, False, 16)


def test_saturates_then_relu() -> None:
    accumulators = np.array([[40000, -40000, 32767, -32768, -1]], np.int64)
    zero, one_ = np.zeros(5, np.int64), np.ones(5, np.int64)
    plain = requantise(accumulators, one_, zero, relu=False, activation_width=16)
    relu = requantise(accumulators, one_, zero, relu=True, activation_width=16)
    assert plain.tolist() == [[32767, -32768, 32767, -32768, -1]]
    assert relu.tolist() == [[32767, 0, 32767, 0, 0]]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("multiplier", 0),
        ("multiplier", 2**15),
        ("shift", -1),
        ("shift", 64),
        ("accumulator", 2**47),
        ("accumulator", -(2**47) - 1),
    ],
)
def test_refuses_what_is_out_of_range(field: str, value: int) -> None:
    arguments = {"accumulator": 0, "multiplier": 1, "shift": 0} | {field: value}
    with pytest.raises(ValueError, match=f"{field}.* must be from"):
        one(**arguments)
