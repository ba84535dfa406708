"""Quantisation: exact where numbers allow it, as fine as they allow elsewhere, refused where nothing is left."""

from dataclasses import replace

import numpy as np
import pytest

from eyrie.compile.calibrate import bound_ranges, measure_ranges
from eyrie.compile.certify import certify_network
from eyrie.compile.quantise import Quantisation, Requantise, quantise_network
from eyrie.eie.config import EieConfig
from eyrie.errors import InputError
from eyrie.golden.dense import forward
from eyrie.model.network import DenseLayer, Network

CONFIG = EieConfig()


def layer(weight: object, bias: object = None, relu: bool = False, name: str = "fc") -> DenseLayer:
    matrix = np.array(weight, float)
    return DenseLayer(
        name=name, weight=matrix, bias=np.zeros(len(matrix)) if bias is None else np.array(bias, float), relu=relu
    )


def quantise(
    *layers: DenseLayer, x: object = None, config: EieConfig = CONFIG, requantise: Requantise = "shift"
) -> Quantisation:
    network = Network(name="net", layers=layers)
    ranges = bound_ranges(network) if x is None else measure_ranges(network, np.array(x, float))
    return quantise_network(network, ranges, config, requantise=requantise)


def outputs(quantisation: Quantisation, x: np.ndarray) -> np.ndarray:
    """Samples that are exact at the input scale, through the integers and back."""
    network = quantisation.network
    integers = x / network.scales[0]
    assert np.array_equal(integers, np.rint(integers))
    y = forward(network.layers, integers.astype(np.int64), activation_width=network.activation_width)
    return y * network.scales[-1]


def test_small_dyadic_numbers_are_exact_throughout() -> None:
    """Weights, biases and activations of a few bits: every integer result is the float result, to the last bit."""
    first = layer([[0.5, -1.0, 0.0], [0.25, 0.0, 1.0]], [0.125, -0.5], relu=True, name="first")
    second = layer([[1.0, -2.0], [0.5, 0.5]], [0.0, 0.25], name="second")
    x = np.array([[1.0, -0.5, 0.25], [-1.0, 1.0, 0.5], [0.0, 0.0, 0.0]])
    quantisation = quantise(first, second, x=x)
    expected = Network(name="net", layers=(first, second)).forward(x)
    assert np.array_equal(outputs(quantisation, x), expected)


@pytest.mark.parametrize(
    ("highest", "scale"),
    [
        (1.0, 2.0**-14),
        (0.99, 2.0**-15),
        (2.0, 2.0**-13),
        (32767.0, 1.0),
        (32767.4, 1.0),
        (32767.5, 2.0),
        (100000.0, 4.0),
    ],
)
def test_activation_scale_is_the_smallest_power_of_two_that_fits(highest: float, scale: float) -> None:
    assert quantise(layer([[1.0]]), x=[[highest]]).network.scales[0] == scale


def test_input_is_clipped_to_the_calibrated_range() -> None:
    assert quantise(layer([[1.0, 1.0]]), x=[[1.0, -0.25]]).network.clip == (-(2**12), 2**14)
    assert quantise(layer([[1.0]])).network.clip == (-(2**14), 2**14)


@pytest.mark.parametrize("value", [1.0, -1.0, 0.75, 3.0, 1e-3, 1e-30, 1e30])
def test_weights_use_all_their_bits_where_accumulators_allow(value: float) -> None:
    codebook = (
        quantise(layer([[value]]), x=[[1e-3]], config=replace(CONFIG, accumulator_width=40)).network.layers[0].codebook
    )
    assert codebook.size == 2
    assert 2**14 <= abs(codebook[1]) < 2**15


def test_weight_scale_is_lowered_until_the_certificate_holds() -> None:
    """Inputs of 2 ** 14 and weights that sum up to 15.5 times the largest, of 2 ** 14 if nothing held them back."""
    weight = np.ones((1, 16))
    weight[0, 3] = 0.5
    quantisation = quantise(layer(weight), x=np.ones((1, 16)))
    certificate = quantisation.certificates[0]
    assert quantisation.network.layers[0].codebook.max() == 2**13
    assert certificate.bits == 32
    assert certificate.highest == 2**14 * (15 * 2**13 + 2**12)
    assert certify_network(quantisation.network, 32)[0] == certificate
    wider = quantise(layer(weight), x=np.ones((1, 16)), config=replace(CONFIG, accumulator_width=33))
    assert wider.network.layers[0].codebook.max() == 2**14


def test_bias_is_rounded_at_the_scale_of_the_accumulators() -> None:
    quantised = quantise(layer([[1.0]], [0.3]), x=[[1.0]]).network
    part = quantised.layers[0]
    assert part.weight_scale * quantised.scales[0] == 2.0**-28
    assert part.bias.tolist() == [round(0.3 * 2**28)]


def test_shift_leads_from_accumulator_to_output_scale() -> None:
    quantised = quantise(layer([[3.0]]), x=[[1.0]]).network
    part = quantised.layers[0]
    assert part.multiplier.tolist() == [1]
    assert part.weight_scale * quantised.scales[0] * 2.0 ** int(part.shift[0]) == quantised.scales[1]
    assert quantised.scales[1] == 2.0**-13


def test_output_is_no_finer_than_the_accumulator() -> None:
    """Coarse weights and inputs: the output would fit finer steps than the sums have, and takes theirs."""
    config = replace(CONFIG, weight_width=8, activation_width=8)
    quantised = quantise(layer([[1.0, -1.0]], [0.0]), x=[[1.0, 1.0], [1.0, 0.9999999]], config=config).network
    assert quantised.layers[0].shift.tolist() == [0]
    assert quantised.scales[1] == quantised.layers[0].weight_scale * quantised.scales[0]


def test_multiplier_uses_the_whole_activation_range() -> None:
    quantised = quantise(layer([[0.9, 0.3], [0.2, -0.1]]), x=[[0.7, 0.7]], requantise="multiplier").network
    part = quantised.layers[0]
    y = forward(quantised.layers, np.array([[32767, 32767]]), activation_width=16)
    assert quantised.clip == (0, 32767)
    assert part.scaled
    assert 2**14 <= part.multiplier[0] < 2**15
    # The multiplier is cut off, so that the calibrated maximum just fits: within a unit of the last place of 15 bits.
    assert 32764 <= y.max() <= 32767


def test_weights_that_fit_the_codebook_keep_their_codes() -> None:
    values = np.array([0.0, -1.5, -0.25, 0.125, 2.0])
    codes = np.arange(40).reshape(8, 5) % 5
    quantisation = quantise(layer(values[codes]), x=np.ones((1, 5)))
    part = quantisation.network.layers[0]
    assert quantisation.sharing[0].max_absolute == 0
    assert np.array_equal(part.codes, codes)
    assert np.array_equal(part.codebook * part.weight_scale, values)


def test_more_values_than_the_codebook_holds_are_shared_and_the_cost_said() -> None:
    rng = np.random.default_rng(0)
    weight = rng.normal(size=(20, 30))
    quantisation = quantise(layer(weight), x=np.ones((1, 30)))
    error = quantisation.sharing[0]
    shared = quantisation.shared[0].weight
    assert (error.n_distinct, error.n_shared) == (600, 15)
    assert error.max_absolute == np.abs(weight - shared).max() > 0
    assert quantisation.network.layers[0].codebook.size == 16


def test_values_that_round_to_zero_or_together_lose_their_codes() -> None:
    """Eight bits beside 1.0 leave nothing of 0.001, and make one value of 0.5 and 0.5001."""
    config = replace(CONFIG, weight_width=8)
    part = quantise(layer([[1.0, 0.001, 0.5, 0.5001, 0.0]]), x=np.ones((1, 5)), config=config).network.layers[0]
    assert part.codebook.tolist() == [0, 32, 64]
    assert part.codes.tolist() == [[2, 0, 1, 1, 0]]


@pytest.mark.parametrize("bias", [0.0, 5.0, -5.0, 1e30])
def test_all_zero_layer(bias: float) -> None:
    quantisation = quantise(layer(np.zeros((2, 3)), [bias, 0.0]), x=np.ones((1, 3)))
    part = quantisation.network.layers[0]
    assert part.codebook.tolist() == [0]
    assert part.codes.sum() == 0
    y = outputs(quantisation, np.zeros((1, 3)))[0]
    assert y[1] == 0
    assert abs(y[0] - bias) * 2**14 <= abs(bias)


def test_dead_relu_layer_still_wakes_up() -> None:
    """On the calibration input the hidden unit is zero; on another it makes 1, which its scale must hold."""
    quantisation = quantise(layer([[1.0, -1.0]], relu=True, name="a"), layer([[1.0]], name="b"), x=[[0.0, 1.0]])
    assert outputs(quantisation, np.array([[0.0, 0.5]])).tolist() == [[0.0]]
    assert quantisation.network.scales[1] > 0


def test_refuses_when_bits_run_out() -> None:
    message = r"layer fc: accumulators of 24 bits leave \d bits to weights of up to 1 .* fewer than 4"
    with pytest.raises(InputError, match=message):
        quantise(layer(np.ones((1, 2000))), x=np.ones((1, 2000)), config=replace(CONFIG, accumulator_width=24))


def test_refuses_a_bias_beside_which_the_weights_vanish() -> None:
    with pytest.raises(InputError, match=r"biases of up to 1e\+09"):
        quantise(layer([[1e-3]], [1e9]), x=[[1.0]])


def test_refuses_a_bias_that_no_integer_holds_beside_the_weights() -> None:
    """At the scale of the weights the bias would need more than 64 bits."""
    with pytest.raises(InputError, match=r"weights of up to 1e-12 beside biases of up to 1, fewer than 4"):
        quantise(layer([[1e-12]], [1.0]), x=[[1.0]], config=replace(CONFIG, accumulator_width=48))


def test_a_row_that_is_dead_anyway_costs_no_precision() -> None:
    """ReLU holds the second row at zero whether its bias is -1e9 or -6; the third lives and keeps its own."""
    weight, x = [[1.0, 0.5], [1.0, 2.0], [0.0, 1.0]], np.array([[1.0, 1.0], [0.5, 0.25]])
    quantisation = quantise(layer(weight, [0.25, -1e9, -0.5], relu=True), x=x)
    part = quantisation.network.layers[0]
    assert (part.bias * part.weight_scale * quantisation.network.scales[0]).tolist() == [0.25, -6.0, -0.5]
    assert outputs(quantisation, x).tolist() == [[1.75, 0.0, 0.5], [0.875, 0.0, 0.0]]
    assert part.codebook.max() >= 2**13


def test_without_relu_no_bias_is_touched() -> None:
    with pytest.raises(InputError, match=r"biases of up to 1e\+09"):
        quantise(layer([[1e-3], [1e-3]], [0.0, -1e9]), x=[[1.0]])


def test_refuses_weights_beyond_float32_with_the_layer() -> None:
    network = Network(name="net", layers=(layer([[1e39]], name="big"),))
    ranges = bound_ranges(Network(name="net", layers=(layer([[1.0]]),)))
    with pytest.raises(InputError, match="layer big: weight at index"):
        quantise_network(network, ranges, CONFIG)


def test_refuses_an_unknown_requantisation() -> None:
    with pytest.raises(InputError, match="requantise must be one of"):
        quantise(layer([[1.0]]), requantise="channel")  # type: ignore[arg-type]


@pytest.mark.parametrize("requantise", ["shift", "multiplier"])
@pytest.mark.parametrize("seed", range(30))
def test_random_networks_stay_close_to_the_float_network(seed: int, requantise: Requantise) -> None:
    """Rounding alone: weights of at most 15 values are not shared. The error stays within what the steps explain."""
    rng = np.random.default_rng(seed)
    sides = rng.integers(1, 30, 4)
    layers = []
    for index in range(3):
        columns, rows = sides[index : index + 2]
        values = rng.normal(0, 10.0 ** rng.integers(-3, 3), 15)
        weight = values[rng.integers(0, 15, (rows, columns))] * (rng.random((rows, columns)) < 0.5)
        layers.append(layer(weight, rng.normal(0, np.abs(values).mean(), rows), relu=index < 2, name=f"fc{index}"))
    network = Network(name="net", layers=tuple(layers))
    x = rng.uniform(-1, 1, (20, sides[0]))
    quantisation = quantise_network(network, measure_ranges(network, x), CONFIG, requantise=requantise)
    certify_network(quantisation.network, CONFIG.accumulator_width)
    integers = quantisation.network
    activations = np.clip(np.rint(x / integers.scales[0]), *integers.clip).astype(np.int64)
    y = forward(integers.layers, activations, activation_width=16) * integers.scales[-1]
    # Propagated bound: each layer rounds its input, its weights, its bias and its output by half a step.
    error = np.full(x.shape, integers.scales[0])
    float_x = x
    for part, exact, scale in zip(integers.layers, network.layers, integers.scales[1:], strict=True):
        weight = np.abs(part.weight) * part.weight_scale
        step = np.where(exact.weight != 0, part.weight_scale, 0)
        error = error @ weight.T + np.abs(float_x) @ step.T + 2 * scale
        float_x = Network(name="one", layers=(exact,)).forward(float_x)
    assert (np.abs(y - float_x) <= error).all()
