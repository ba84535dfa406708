"""The certificate against every input and every order of additions."""

from itertools import permutations, product

import numpy as np
import pytest

from eyrie.compile.certify import Interval, certify_layer, certify_network, output_interval
from eyrie.compile.quantised import QuantisedLayer, QuantisedNetwork
from eyrie.compile.random_network import draw_case, draw_inputs
from eyrie.errors import InputError
from eyrie.golden.dense import forward


def layer(weight: np.ndarray, bias: list[int], shift: int = 0, relu: bool = False) -> QuantisedLayer:
    values = np.unique(weight[weight != 0])
    return QuantisedLayer(
        name="fc",
        codes=np.where(weight == 0, 0, np.searchsorted(values, weight) + 1).astype(np.uint8),
        codebook=np.concatenate([[0], values]),
        weight_scale=1.0,
        bias=np.array(bias),
        multiplier=np.ones(len(weight), np.int64),
        shift=np.full(len(weight), shift),
        relu=relu,
    )


def interval(low: list[int], high: list[int]) -> Interval:
    return Interval(low=np.array(low), high=np.array(high))


@pytest.mark.parametrize("seed", range(12))
def test_bound_is_reached_and_never_passed(seed: int) -> None:
    """Three columns: all inputs, all orders, and whatever the accumulator holds on the way from the bias."""
    rng = np.random.default_rng(seed)
    weight = rng.integers(-4, 5, (2, 3))
    bias = rng.integers(-30, 31, 2).tolist()
    low = rng.integers(-3, 1, 3)
    high = low + rng.integers(0, 4, 3)
    worst: list[tuple[int, int]] = []
    for row in range(2):
        sums = {bias[row]}
        for x in product(*(range(a, b + 1) for a, b in zip(low, high, strict=True))):
            products = [int(w) * v for w, v in zip(weight[row], x, strict=True) if v]
            for order in permutations(products):
                sums.update((bias[row] + np.cumsum(order)).tolist())
        worst.append((min(sums), max(sums)))
    certificate = certify_layer(layer(weight, bias), Interval(low=low, high=high), 32)
    assert (certificate.lowest, certificate.highest) == worst[certificate.row]
    assert max(max(high, -1 - low) for low, high in worst) == max(certificate.highest, -1 - certificate.lowest)


@pytest.mark.parametrize(
    ("weight", "bias", "bits"),
    [
        ([127], 0, 8),
        ([128], 0, 9),
        ([-128], 0, 8),
        ([-129], 0, 9),
        ([100], 27, 8),
        ([100], 28, 9),
        ([-100], -28, 8),
        ([-100], -29, 9),
        ([128], -1, 8),
        ([128, -1], -1, 8),
        ([127, -127], 1, 9),
        ([0], -128, 8),
        ([0], -129, 9),
        ([0], 127, 8),
    ],
)
def test_bits_at_the_edge(weight: list[int], bias: int, bits: int) -> None:
    columns = len(weight)
    certificate = certify_layer(layer(np.array([weight]), [bias]), interval([0] * columns, [1] * columns), 8)
    assert certificate.bits == bits
    assert certificate.holds == (bits <= 8)
    assert certificate.limit == 128


def test_a_partial_sum_can_be_worse_than_the_whole() -> None:
    """100 - 100: the whole is 0 whatever the input, but not on the way."""
    certificate = certify_layer(layer(np.array([[100, -100]]), [0]), interval([1, 1], [1, 1]), 7)
    assert (certificate.lowest, certificate.highest, certificate.holds) == (-100, 100, False)


def test_a_bias_shifts_the_partial_sums() -> None:
    """With -50 the sums run from -150 to 50, and no longer from -100 to 100."""
    certificate = certify_layer(layer(np.array([[100, -100]]), [-50]), interval([0, 0], [1, 1]), 8)
    assert (certificate.lowest, certificate.highest, certificate.holds) == (-150, 50, False)


def test_refusal_names_layer_row_and_numbers() -> None:
    network = QuantisedNetwork(
        name="net",
        layers=(layer(np.array([[1, 1], [200, 300]]), [0, 5]),),
        activation_width=8,
        scales=(1.0, 1.0),
        clip=(-128, 127),
    )
    message = "layer fc: sums of row 1 range from -63995 to 63505 and need 17 bits, but accumulators have 16"
    with pytest.raises(InputError, match=message):
        certify_network(network, 16)
    assert certify_network(network, 17)[0].row == 1


def test_relu_and_clip_narrow_what_follows() -> None:
    """The first layer makes 0 to 20, the second therefore 0 to 60: eight bits do for both."""
    first, second = layer(np.array([[2]]), [0], relu=True), layer(np.array([[3]]), [0])
    network = QuantisedNetwork(
        name="net", layers=(first, second), activation_width=16, scales=(1.0,) * 3, clip=(-10, 10)
    )
    certificates = certify_network(network, 8)
    assert [(c.lowest, c.highest) for c in certificates] == [(-20, 20), (0, 60)]


@pytest.mark.parametrize("seed", range(40))
def test_no_activation_leaves_the_interval(seed: int) -> None:
    network = draw_case(seed).network
    x = draw_inputs(seed, network, n_random=30)
    bounds = Interval(low=x.min(axis=0), high=x.max(axis=0))
    for index, part in enumerate(network.layers):
        bounds = output_interval(part, bounds, network.activation_width)
        y = forward(network.layers[: index + 1], x, activation_width=network.activation_width)
        assert (bounds.low <= y).all()
        assert (y <= bounds.high).all()
