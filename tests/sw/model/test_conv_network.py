"""Networks of convolutional, pooling, flatten and fully connected layers together."""

import numpy as np
import pytest

from eyrie.errors import InputError
from eyrie.model.conv import ConvLayer
from eyrie.model.dense import DenseLayer
from eyrie.model.flatten import Flatten
from eyrie.model.network import Network
from eyrie.model.pool import Pool

SHAPE = (1, 6, 7)


def layers() -> tuple[ConvLayer, Pool, Flatten, DenseLayer]:
    rng = np.random.default_rng(2)

    def small(*shape: int) -> np.ndarray:
        return rng.integers(-2, 3, shape).astype(np.float64)

    return (
        ConvLayer(name="conv", weight=small(3, 1, 3, 3), bias=small(3), relu=True),
        Pool(name="pool", kind="max", kernel=(2, 2), stride=(2, 2)),
        Flatten(name="flatten"),
        DenseLayer(name="fc", weight=small(5, 12), bias=small(5), relu=False),
    )


def network() -> Network:
    return Network(name="n", layers=layers(), input_shape=SHAPE)


def dense(name="fc", inputs=2, outputs=3) -> DenseLayer:
    return DenseLayer(name=name, weight=np.ones((outputs, inputs)), bias=np.zeros(outputs), relu=False)


def test_shapes_from_the_input_to_after_each_layer():
    assert network().shapes == (SHAPE, (3, 4, 5), (3, 2, 2), (12,), (5,))
    assert network().output_shape == (5,)


def test_forward_is_the_layers_one_after_the_other():
    conv, pool, flatten, fc = layers()
    x = np.random.default_rng(3).integers(-4, 5, (4, *SHAPE))
    maps = conv.forward(x.astype(np.float64))
    pooled = pool.forward(maps)
    # Written out: channel is the slowest of the three, column the fastest.
    rows = np.array([[pooled[n, c, i, j] for c in range(3) for i in range(2) for j in range(2)] for n in range(len(x))])
    assert np.array_equal(flatten.forward(pooled), rows)
    activations = network().activations(x)
    for actual, expected in zip(activations, (maps, pooled, rows, rows @ fc.weight.T + fc.bias), strict=True):
        assert np.array_equal(actual, expected)
    assert np.array_equal(network().forward(x), activations[-1])


def test_flatten_orders_by_channel_then_row_then_column():
    assert np.array_equal(Flatten(name="f").forward(np.arange(24).reshape(1, 2, 3, 4)), [np.arange(24)])
    assert Flatten(name="f").output_shape((2, 3, 4)) == (24,)


def test_a_network_may_end_with_maps():
    convolutional = Network(name="n", layers=layers()[:2], input_shape=SHAPE)
    assert convolutional.forward(np.zeros((2, *SHAPE))).shape == (2, 3, 2, 2)


def test_the_input_shape_of_fully_connected_layers_may_be_left_out():
    assert Network(name="n", layers=(dense(), dense("out", 3, 1))).shapes == ((2,), (3,), (1,))
    assert Network(name="n", layers=(dense(),), input_shape=(2,)).input_shape == (2,)


def test_dense_is_the_same_network_where_all_layers_are_fully_connected():
    fully_connected = Network(name="n", layers=(dense(),))
    assert fully_connected.dense() is fully_connected


@pytest.mark.parametrize("use", [Network.dense, lambda n: n.inputs, lambda n: n.outputs])
def test_other_networks_do_not_pass_for_fully_connected_ones(use):
    with pytest.raises(InputError) as caught:
        use(network())
    assert str(caught.value) == (
        "network 'n': layer 'conv' is a ConvLayer; only networks of fully connected layers alone fit here"
    )


CONV, POOL, FLATTEN, FC = layers()


@pytest.mark.parametrize(
    ("chain", "shape", "message"),
    [
        ((CONV,), (), "network 'n' needs an input shape, for layer 'conv' has none"),
        (
            (CONV,),
            (2, 6, 7),
            "layer 'conv' takes 1 channels, not samples of shape (2, 6, 7), as they come in",
        ),
        (
            (CONV, POOL, FC),
            SHAPE,
            "layer 'fc' takes samples of shape (12,), not (3, 2, 2), as layer 'pool' before it gives them",
        ),
        (
            (CONV, FLATTEN, POOL),
            SHAPE,
            "layer 'pool' takes samples of shape (channels, rows, columns), not (60,), "
            "as layer 'flatten' before it gives them",
        ),
        ((dense(),), (3,), "layer 'fc' takes samples of shape (2,), not (3,), as they come in"),
        (
            (FLATTEN,),
            (3,),
            "layer 'flatten' takes samples of shape (channels, rows, columns), not (3,), as they come in",
        ),
    ],
)
def test_layers_that_do_not_chain_are_named(chain, shape, message):
    with pytest.raises(InputError) as caught:
        Network(name="n", layers=chain, input_shape=shape)
    assert str(caught.value) == message


@pytest.mark.parametrize("shape", [(2, 42), (2, 1, 7, 6), SHAPE, ()])
def test_inputs_of_another_shape_are_refused(shape):
    with pytest.raises(InputError) as caught:
        network().forward(np.zeros(shape))
    assert str(caught.value) == f"network 'n' takes inputs of shape (samples, 1, 6, 7), not {shape}"
