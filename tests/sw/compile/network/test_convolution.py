"""Convolutions in integers: scales, certificates, upper limits, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from eyrie.compile.network.convolution import QuantisedConvolution, convolution_scale, quantise_convolution
from eyrie.compile.rowstat.certificate import require_numbers
from eyrie.errors import InputError
from eyrie.golden.convolution import forward
from eyrie.model.conv import ConvLayer
from eyrie.rowstat.config import DEFAULT, RowstatConfig
from tests.sw.compile.network.network_cases import conv

WIDE = replace(DEFAULT, accumulator_width=42)
PSUMS_OF_32 = replace(DEFAULT, accumulator_width=32)
UNIT = 2.0**-15


def quantised(
    layer: ConvLayer,
    config: RowstatConfig = WIDE,
    scales: tuple[float, float] = (UNIT, UNIT),
    shape: tuple[int, int] = (4, 4),
) -> QuantisedConvolution:
    result = quantise_convolution(layer, (layer.channels, *shape), *scales, config)
    assert require_numbers(result.layer, config) == result.certificate
    return result


def test_weights_take_the_finest_power_of_two() -> None:
    """0.75 needs 15 bits behind the point; then psums are 2**15 finer than outputs of the inputs' scale."""
    result = quantised(conv([[[[0.75, -0.5]]]], [0.25]))
    assert result.layer.weight.tolist() == [[[[24576, -16384]]]]
    assert result.layer.bias.tolist() == [1 << 28]
    assert (result.layer.multiplier.tolist(), result.layer.shift.tolist()) == ([1], [15])
    assert (result.weight_scale, result.weight_bits, result.bits_given_up) == (UNIT, 16, 0)
    assert str(result) == "layer conv: weights of 16 bits; psums need 32 of 42 bits"


def test_weights_become_coarser_until_no_psum_overflows() -> None:
    """Three of 32,767 times -32,768 need 33 bits and a bit of sign; one bit less than two fits 32."""
    layer = conv(np.full((2, 1, 1, 3), 0.999))
    assert quantised(layer, replace(DEFAULT, accumulator_width=34)).bits_given_up == 0
    result = quantised(layer, PSUMS_OF_32)
    assert (result.bits_given_up, result.weight_bits) == (1, 15)
    assert result.layer.shift.tolist() == [14, 14]
    assert "weights of 15 bits, 1 fewer than would fit, so that no psum overflows" in str(result)


@pytest.mark.parametrize("seed", range(20))
def test_no_more_is_given_up_than_the_certificate_asks_for(seed: int) -> None:
    rng = np.random.default_rng(seed)
    layer = conv(rng.normal(size=(3, 4, 3, 3)), rng.normal(size=3))
    result = quantised(layer, PSUMS_OF_32)
    finer = replace(
        result.layer,
        weight=np.rint(layer.weight / result.weight_scale * 2).astype(np.int64),
        bias=np.rint(layer.bias / result.weight_scale / UNIT * 2).astype(np.int64),
    )
    if result.bits_given_up:
        with pytest.raises(InputError, match=r"psums have 32|weight must be"):
            require_numbers(finer, PSUMS_OF_32)


def test_shared_weights_stay_shared() -> None:
    values = np.random.default_rng(0).normal(size=16)
    layer = conv(values[np.random.default_rng(1).integers(16, size=(8, 3, 5, 5))])
    result = quantised(layer, shape=(5, 5))
    integers = result.layer.weight
    pairs = set(zip(layer.weight.ravel().tolist(), integers.ravel().tolist(), strict=True))
    assert len(pairs) == len({value for value, _ in pairs}) == len({value for _, value in pairs})
    assert result.layer.codebook is not None
    assert result.layer.codebook.tolist() == [0, *sorted({value for _, value in pairs})]
    assert "as codes of a codebook of 17; psums need" in str(result)


def test_weights_stay_plain_where_codes_save_nothing() -> None:
    """Too many values for the codebook, or an engine without one, or too few weights for a codebook of their own."""
    rng = np.random.default_rng(0)
    many = conv(np.resize(np.arange(1, 257) / 256, (8, 8, 5, 5)))
    assert quantised(many, shape=(5, 5)).layer.codebook is None
    layer = conv(rng.normal(size=16)[rng.integers(16, size=(8, 3, 5, 5))])
    assert quantised(layer, replace(WIDE, codebook_entries=16), shape=(5, 5)).layer.codebook is None
    assert quantised(layer, replace(WIDE, codebook_entries=0), shape=(5, 5)).layer.codebook is None
    assert quantised(conv([[[[0.75, -0.5]]]], [0.25])).layer.codebook is None


def test_biases_limit_the_scale_too() -> None:
    """A bias of 2**20 outputs leaves 12 bits of 32 behind the point, the sign and a psum of one input unit beside."""
    result = quantised(conv([[[[0.5]]]], [2.0**20 * UNIT]), PSUMS_OF_32)
    assert result.layer.shift.tolist() == [10]
    assert result.layer.bias.tolist() == [1 << 30]


def test_a_dead_filter_does_not_widen_the_psums() -> None:
    """ReLU keeps it at zero for every input: its bias need not be as low as the model has it."""
    weight = [[[[0.5]]], [[[-0.25]]]]
    dead = quantised(conv(weight, [0.0, -1e9], relu=True), PSUMS_OF_32)
    assert dead.bits_given_up == 0
    x = np.array([[[[-32768, 0, 32767]]]])
    assert forward([dead.layer], x, activation_width=16)[0].tolist() == [[[0, 0, 16384]], [[0, 0, 0]]]


def test_an_alive_filter_keeps_its_bias() -> None:
    result = quantised(conv([[[[1.0]]]], [-0.75], relu=True))
    assert forward([result.layer], np.array([[[[32767, 24577, 24576]]]]), activation_width=16).tolist() == [
        [[[8191, 1, 0]]]
    ]


def test_coarse_psums_are_multiplied() -> None:
    """Weights of up to 60,000 make psums coarser than outputs; the multiplier brings them to their scale."""
    result = quantised(conv([[[[60000.0]]]]), scales=(UNIT, UNIT))
    assert (result.layer.multiplier.tolist(), result.layer.shift.tolist()) == ([2], [0])
    assert forward([result.layer], np.array([[[[0, -1, 1]]]]), activation_width=16).tolist() == [[[[0, -32768, 32767]]]]
    assert result.layer.weight.tolist() == [[[[30000]]]]


def test_upper_limit_is_reached_exactly() -> None:
    """The largest activation stands for 6 itself; what follows takes that scale into its weights."""
    scale = convolution_scale((0.0, 6.0), 6.0, 16)
    assert scale == 6.0 / 32767
    result = quantised(conv([[[[8.0]]]], relu=True, clip=6.0), scales=(UNIT, scale))
    y = forward([result.layer], np.array([[[[32767, 24576, 24575, -9]]]]), activation_width=16)
    assert y.tolist() == [[[[32767, 32767, 32766, 0]]]]
    assert result.weight_scale == pytest.approx(scale * 2.0 ** -int(result.layer.shift[0]) / UNIT)
    after = quantised(conv([[[[0.5]]]]), scales=(scale, 2.0**-13))
    assert forward([after.layer], y, activation_width=16)[0, 0, 0, 0] == 3 * 2**13


@pytest.mark.parametrize(
    ("bounds", "clip", "scale"),
    [
        ((0.0, 0.9), None, UNIT),
        ((0.0, 1.0), None, 2 * UNIT),
        ((-1.5, 0.9), None, 2 * UNIT),
        ((0.0, 0.0), None, 1.0),
        ((0.0, 3.0), 6.0, 4 * UNIT),  # never comes near the limit
        ((0.0, 5.0), 6.0, 6.0 / 32767),
    ],
)
def test_scale_of_outputs(bounds: tuple[float, float], clip: float | None, scale: float) -> None:
    assert convolution_scale(bounds, clip, 16) == scale


def test_zero_weights_and_no_bias() -> None:
    result = quantised(conv(np.zeros((1, 1, 2, 2))))
    assert forward([result.layer], np.full((1, 1, 4, 4), 32767), activation_width=16).max() == 0


def test_zero_weights_and_a_bias() -> None:
    result = quantised(conv(np.zeros((1, 1, 2, 2)), [0.5]))
    assert (forward([result.layer], np.full((1, 1, 4, 4), 32767), activation_width=16) == 16384).all()


def test_what_leaves_too_little_is_refused_by_name_and_number() -> None:
    narrow = replace(DEFAULT, accumulator_width=24)
    with pytest.raises(InputError, match="layer conv: psums of 24 bits leave 1 bits to weights of up to 1 beside"):
        quantised(conv(np.ones((1, 64, 3, 3))), narrow)
    with pytest.raises(InputError, match=r"a multiplier of 2\*\*17 would bring its psums to the scale of its outputs"):
        quantised(conv([[[[2.0**31]]]]))
