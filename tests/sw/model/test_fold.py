import numpy as np
import pytest

from eyrie.errors import InputError
from eyrie.model.fold import attach_relus, fold_affines_back, fold_affines_forward, fold_to_layers
from eyrie.model.network import DenseLayer
from eyrie.model.steps import Affine, Relu

SMALL = np.array([[0.25, -0.5, 0.0], [0.25, 0.75, -0.5]])
# Values for which any arithmetic but a copy would round somewhere.
ODD = np.random.default_rng(4).normal(size=(40, 30))


def dense(weight=SMALL, bias=(0.25, -0.5)) -> DenseLayer:
    return DenseLayer(name="fc", weight=np.array(weight), bias=np.array(bias), relu=False)


def affine(scale=None, shift=None, shape=None, label="Mul 'a'") -> Affine:
    scale = None if scale is None else np.array(scale, dtype=np.float64)
    shift = None if shift is None else np.array(shift, dtype=np.float64)
    return Affine(label=label, shape=shape, scale=scale, shift=shift)


def test_a_shift_after_a_layer_is_its_bias_and_leaves_the_weight_alone():
    bias, shift = np.arange(40.0), np.arange(40.0) * 3
    (layer,) = fold_to_layers([dense(ODD, bias), affine(shift=shift, shape=(40,))])
    assert layer.weight.tobytes() == ODD.tobytes()
    assert np.array_equal(layer.bias, bias + shift)


def test_a_shift_before_a_layer_leaves_the_weight_alone():
    (layer,) = fold_to_layers([affine(shift=0.1307), dense(ODD, np.zeros(40))])
    assert layer.weight.tobytes() == ODD.tobytes()


def test_a_shift_before_a_layer_goes_through_the_weight_into_the_bias():
    weight = [[1.0, 2.0, 4.0], [0.5, -1.0, 0.25]]
    (layer,) = fold_to_layers([affine(shift=[1.0, -2.0, 0.5], shape=(3,)), dense(weight)])
    assert np.array_equal(layer.weight, weight)
    assert np.array_equal(layer.bias, [0.25 + 1 - 4 + 2, -0.5 + 0.5 + 2 + 0.125])


def test_scales_go_to_rows_behind_a_layer_and_to_columns_before_it():
    weight = np.arange(1.0, 7.0).reshape(2, 3)
    (behind,) = fold_to_layers([dense(weight), affine(scale=[2.0, -4.0], shift=[1.0, 1.0], shape=(2,))])
    assert np.array_equal(behind.weight, [[2, 4, 6], [-16, -20, -24]])
    assert np.array_equal(behind.bias, [1.5, 3.0])
    (before,) = fold_to_layers([affine(scale=[2.0, 4.0, 8.0], shift=[1.0, 0.0, 1.0], shape=(3,)), dense(weight)])
    assert np.array_equal(before.weight, [[2, 8, 24], [8, 20, 48]])
    assert np.array_equal(before.bias, [0.25 + 1 + 3, -0.5 + 4 + 6])


def test_a_scale_is_one_multiplication_of_each_weight():
    scale = np.random.default_rng(6).normal(size=30)
    (layer,) = fold_to_layers([affine(scale=scale, shape=(30,)), dense(ODD, np.zeros(40))])
    assert np.array_equal(layer.weight, ODD * scale)
    scale = np.random.default_rng(6).normal(size=40)
    (layer,) = fold_to_layers([dense(ODD, np.ones(40)), affine(scale=scale, shape=(40,))])
    assert np.array_equal(layer.weight, ODD * scale[:, np.newaxis])
    assert np.array_equal(layer.bias, scale)


def test_a_channel_constant_is_spread_over_the_values_of_its_channel():
    weight = np.ones((1, 6))
    (layer,) = fold_to_layers([affine(scale=[[2.0], [4.0]], shape=(2, 3)), dense(weight, bias=(0.0,))])
    assert np.array_equal(layer.weight, [[2, 2, 2, 4, 4, 4]])


def test_a_chain_of_affine_steps_before_a_layer_applies_in_order():
    steps = [affine(shift=3.0), affine(scale=0.5), affine(shift=-1.0), dense([[4.0]], bias=(0.0,))]
    (layer,) = fold_to_layers(steps)
    # 4 * ((x + 3) / 2 - 1) = 2 x + 2
    assert np.array_equal(layer.weight, [[2.0]])
    assert np.array_equal(layer.bias, [2.0])


def test_between_two_layers_a_step_goes_back_and_after_a_relu_forward():
    one = dense([[3.0]], bias=(1.0,))
    first, second = fold_to_layers([one, affine(scale=2.0), one])
    assert (first.weight[0, 0], second.weight[0, 0]) == (6.0, 3.0)
    first, second = fold_to_layers([one, Relu(label="Relu 'r'"), affine(scale=2.0), one])
    assert (first.weight[0, 0], second.weight[0, 0]) == (3.0, 6.0)
    assert (first.relu, second.relu) == (True, False)


def test_each_pass_does_its_part_alone():
    one, relu = dense([[3.0]], bias=(1.0,)), Relu(label="Relu 'r'")
    steps = [affine(shift=1.0), one, affine(scale=2.0), relu, affine(scale=4.0), one]
    back = fold_affines_back(steps)
    assert [type(step) for step in back] == [Affine, DenseLayer, Relu, Affine, DenseLayer]
    forward = fold_affines_forward(back)
    assert [type(step) for step in forward] == [DenseLayer, Relu, DenseLayer]
    assert [layer.relu for layer in attach_relus([*forward, relu, relu])] == [True, True]
    assert len(steps) == 6


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([affine(scale=2.0)], "Mul 'a' has no layer directly before or after it to be folded into"),
        ([dense(), Relu(label="r"), affine(scale=2.0)], "Mul 'a' has no layer"),
        ([dense(), Relu(label="r"), affine(scale=2.0), Relu(label="s")], "Mul 'a' has no layer"),
        ([Relu(label="Relu 'r'"), dense()], "Relu 'r' comes before the first layer with weights"),
        ([dense(), affine(scale=1e308), affine(scale=1e308)], "layer 'fc': weight[0, 0] is inf, it must be finite"),
        ([affine(shift=1e308), affine(scale=1e308), dense()], "layer 'fc': bias[0] is "),
    ],
)
def test_what_cannot_be_folded_is_named(steps, message):
    with pytest.raises(InputError) as caught:
        fold_to_layers(steps)
    assert str(caught.value).startswith(message)
