"""Shapes and numbers of convolutional layers, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from eyrie.compile.rowstat.certificate import certify_filters, require_numbers
from eyrie.compile.rowstat.codebook import codebook_of
from eyrie.compile.rowstat.layer import ConvLayer, ConvShape
from eyrie.errors import InputError
from eyrie.rowstat.config import TINY

SHAPE = ConvShape(
    name="conv",
    batch=2,
    channels=4,
    height=9,
    width=8,
    filters=6,
    kernel=(3, 2),
    stride=(2, 3),
    padding=(1, 0, 2, 1),
    groups=2,
)


def layer(weight: int = 1, bias: int = 0) -> ConvLayer:
    return ConvLayer(
        shape=SHAPE,
        weight=np.full((6, 2, 3, 2), weight),
        bias=np.full(6, bias),
        multiplier=np.ones(6, np.int64),
        shift=np.zeros(6, np.int64),
        relu=False,
    )


def test_derived_numbers() -> None:
    assert (SHAPE.out_height, SHAPE.out_width) == (5, 3)
    assert (SHAPE.group_channels, SHAPE.group_filters, SHAPE.pairs, SHAPE.advance) == (2, 3, 6, 2)
    assert SHAPE.outputs == 2 * 6 * 5 * 3
    assert SHAPE.macs == SHAPE.outputs * 2 * 3 * 2
    assert SHAPE.weights == 6 * 2 * 3 * 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"channels": 0}, "layer conv: channels must be 1 to 65536, not 0"),
        ({"height": 2.0}, "layer conv: height must be 1 to 65536, not 2.0"),
        ({"kernel": (3,)}, "layer conv: kernel has 2 numbers, not 1"),
        ({"padding": (0, 0, -1, 0)}, "layer conv: padding must be 0 to 65536, not -1"),
        ({"stride": (0, 1)}, "layer conv: stride must be 1 to 65536, not 0"),
        ({"groups": 4}, "layer conv: 6 filters cannot be divided into 4 groups"),
        ({"groups": 3}, "layer conv: 4 channels cannot be divided into 3 groups"),
        ({"kernel": (13, 2)}, "layer conv: a kernel of 13 x 2 does not fit maps of 9 x 8 with padding"),
    ],
)
def test_wrong_shapes_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}"):
        replace(SHAPE, **change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight": np.zeros((6, 4, 3, 2), np.int64)}, r"weight must have shape \(6, 2, 3, 2\), not \(6, 4, 3, 2\)"),
        ({"bias": np.zeros(5, np.int64)}, r"bias must have shape \(6,\), not \(5,\)"),
        ({"shift": np.zeros(6)}, "shift must be signed integers, not float64"),
    ],
)
def test_wrong_arrays_are_refused(change: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(layer(), **change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight": np.full((6, 2, 3, 2), 1 << 15)}, "weight must be -32768 to 32767, not 32768 to 32768"),
        ({"multiplier": np.zeros(6, np.int64)}, "multiplier must be 1 to 32767, not 0 to 0"),
        ({"multiplier": np.full(6, 1 << 15)}, "multiplier must be 1 to 32767"),
        ({"shift": np.full(6, 64)}, "shift must be 0 to 63, not 64 to 64"),
        ({"bias": np.full(6, 1 << 31)}, "bias must be -2147483648 to 2147483647"),
    ],
)
def test_numbers_that_the_engine_cannot_hold_are_refused(change: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(InputError, match=f"layer conv: {message}"):
        require_numbers(replace(layer(), **change), TINY)


def test_certificate_is_exact() -> None:
    """12 products of a filter: the most negative activation times -w, or +w, and the bias."""
    config = replace(TINY, activation_width=8)
    certificate = certify_filters(layer(weight=-3, bias=5), config)
    assert certificate.highest == 12 * 3 * 128 + 5
    assert certificate.lowest == -12 * 3 * 127
    assert certificate.bits == 14
    assert certificate.holds


def test_overflow_is_refused_by_name_and_number() -> None:
    """12 * 128 * w is 2 ** 23 for w = 5461 1/3: one weight more than fits 24 bits."""
    config = replace(TINY, activation_width=8, accumulator_width=24)
    assert require_numbers(layer(weight=-5461), config).bits == 24
    with pytest.raises(InputError, match=r"layer conv: sums of filter 0 range from .* need 25 bits, but psums have 24"):
        require_numbers(layer(weight=-5462), config)


def shared(codebook: list[int], entries: int = 2) -> ConvLayer:
    """A layer with weights of the first entries."""
    book = np.array(codebook, np.int64)
    codes = np.arange(72) % min(entries, len(codebook))
    return replace(layer(), weight=book[codes].reshape(6, 2, 3, 2), codebook=book)


@pytest.mark.parametrize("codebook", [[0], [0, -7], [0, 5, -3], [0, 4, 4, 0, -9]])
def test_codes_stand_for_the_weights(codebook: list[int]) -> None:
    one = shared(codebook, entries=5)
    assert one.codes is not None
    assert one.codes.dtype == np.uint8
    assert np.array_equal(np.array(codebook)[one.codes], one.weight)
    assert layer().codes is None


@pytest.mark.parametrize(
    ("codebook", "message"),
    [
        (np.array([3, 0]), "a codebook must start with 0, not 3"),
        (np.zeros(257, np.int64), r"a codebook has 1 to 256 weights, not the shape \(257,\)"),
        (np.zeros(0, np.int64), r"a codebook has 1 to 256 weights, not the shape \(0,\)"),
        (np.zeros((1, 2), np.int64), r"a codebook has 1 to 256 weights, not the shape \(1, 2\)"),
        (np.zeros(3), "a codebook must be signed integers, not float64"),
        (np.array([0, 2]), "weight 1 is not in its codebook"),
    ],
)
def test_wrong_codebooks_are_refused(codebook: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=f"layer conv: {message}"):
        replace(layer(), codebook=codebook)


def test_a_codebook_that_the_engine_cannot_hold_is_refused() -> None:
    assert require_numbers(shared([0] * 16), TINY).holds
    with pytest.raises(InputError, match="layer conv: a codebook of 17 weights, the engine's holds 16"):
        require_numbers(shared([0] * 17), TINY)
    with pytest.raises(InputError, match="layer conv: a codebook of 1 weights, the engine's holds 0"):
        require_numbers(shared([0]), replace(TINY, codebook_entries=0))
    with pytest.raises(InputError, match="layer conv: codebook must be -32768 to 32767, not -32769 to 0"):
        require_numbers(shared([0, 0, -32769]), TINY)


def test_a_codebook_is_made_where_it_is_worth_its_entries() -> None:
    weight = np.array([5, -3, 0, 5, 5, 0, -3, 5] * 3)
    assert codebook_of(weight, 256).tolist() == [0, -3, 5]
    assert codebook_of(weight[:-1], 256) is None
    assert codebook_of(np.arange(1, 17).repeat(9), 16) is None
    assert codebook_of(np.arange(1, 16).repeat(9), 16).tolist() == list(range(16))
    assert codebook_of(np.zeros(9, np.int64), 0) is None
