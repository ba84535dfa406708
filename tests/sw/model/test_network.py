import numpy as np
import pytest

from eyrie.errors import InputError
from eyrie.model.network import DenseLayer, Network


def layer(name="fc", weight=((1.0, 2.0), (3.0, -4.0), (0.0, 0.5)), bias=(0.5, 0.0, -1.0), relu=True) -> DenseLayer:
    return DenseLayer(name=name, weight=np.array(weight), bias=np.array(bias), relu=relu)


def last_layer(name="out") -> DenseLayer:
    return layer(name, weight=((1.0, 1.0, 2.0),), bias=(-10.0,), relu=False)


def test_a_layer_knows_its_sizes():
    assert (layer().inputs, layer().outputs) == (2, 3)


def test_forward_and_activations_by_hand():
    network = Network(name="net", layers=(layer(), last_layer()), host_operators=("Softmax",))
    x = np.array([[1, 1], [-2, 4]], dtype=np.int32)
    hidden = [[3.5, 0.0, 0.0], [6.5, 0.0, 1.0]]
    output = [[-6.5], [-1.5]]
    first, second = network.activations(x)
    assert np.array_equal(first, hidden)
    assert np.array_equal(second, output)
    assert np.array_equal(network.forward(x), output)
    assert network.forward(x).dtype == np.float64
    assert (network.inputs, network.outputs) == (2, 1)


def test_forward_does_not_change_its_input_or_round_to_float32():
    weight = np.array([[1.0 + 2.0**-40]])
    network = Network(name="n", layers=(DenseLayer(name="a", weight=weight, bias=np.zeros(1), relu=True),))
    x = np.array([[-1.0], [1.0], [1.0 - 2.0**-40]])
    assert np.array_equal(network.forward(x), [[0.0], [1.0 + 2.0**-40], [1.0 - 2.0**-80]])
    assert np.array_equal(x, [[-1.0], [1.0], [1.0 - 2.0**-40]])


def test_no_samples_give_no_outputs():
    assert Network(name="n", layers=(layer(),)).forward(np.zeros((0, 2))).shape == (0, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight": np.zeros((3, 2), dtype=np.float32)}, "layer 'fc': weight must be an array of float64, not float32"),
        ({"weight": [[1.0]]}, "layer 'fc': weight must be an array of float64, not list"),
        ({"weight": np.zeros(3)}, "layer 'fc': weight must have shape (outputs, inputs) with no size 0, not (3,)"),
        ({"weight": np.zeros((3, 0))}, "layer 'fc': weight must have shape (outputs, inputs) with no size 0"),
        ({"bias": np.zeros((3, 1))}, "layer 'fc': bias must have shape (outputs,) with no size 0, not (3, 1)"),
        ({"bias": np.zeros(2)}, "layer 'fc': bias must have one value for each of the 3 outputs, not 2"),
        ({"weight": np.array([[0, 0], [0, np.nan], [0, 0]])}, "layer 'fc': weight[1, 1] is nan, it must be finite"),
        ({"bias": np.array([0, 0, -np.inf])}, "layer 'fc': bias[2] is -inf, it must be finite"),
    ],
)
def test_a_layer_that_is_not_valid_is_named(change, message):
    fields = {"name": "fc", "weight": np.zeros((3, 2)), "bias": np.zeros(3), "relu": False} | change
    with pytest.raises(InputError) as caught:
        DenseLayer(**fields)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ((), "network 'n' has no layer; at least one is needed"),
        (
            (layer("a"), layer("b")),
            "layer 'b' takes samples of shape (2,), not (3,), as layer 'a' before it gives them",
        ),
        ((layer("a"), last_layer("a")), "network 'n' has two layers named 'a'; names must be unique"),
    ],
)
def test_a_network_that_is_not_valid_is_refused(layers, message):
    with pytest.raises(InputError) as caught:
        Network(name="n", layers=layers)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((4, 3)), "network 'n' takes inputs of shape (samples, 2), not (4, 3)"),
        (np.zeros(2), "network 'n' takes inputs of shape (samples, 2), not (2,)"),
        (np.array([["a", "b"]]), "network 'n' takes numbers, not <U1"),
        (np.array([[0, 0], [0, np.inf]]), "input[1, 1] of network 'n' is inf, it must be finite"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(x, message):
    network = Network(name="n", layers=(layer(),))
    for call in (network.forward, network.activations):
        with pytest.raises(InputError) as caught:
            call(x)
        assert str(caught.value) == message
