"""Each operator in its variants against onnx's own evaluator, exactly; and what each of them refuses."""

import numpy as np
import pytest
from onnx import TensorProto

W = np.array([[1, -2, 0, 3], [0, 4, 0, 0], [-1, 2, 1, -1]])
X = np.random.default_rng(2).integers(-8, 9, (10, 4)).astype(np.float32)
# Values that are no sums of a few powers of two: any operation on them but a copy would show.
ODD = np.random.default_rng(5).choice([0.1, -0.7, 1.3, 0.0], (3, 4)).astype(np.float32)


def assert_same(graph, tensor="y", x=X, opset=20):
    graph.output(tensor)
    network = graph.load(opset)
    assert np.array_equal(network.forward(x.reshape(len(x), -1)), graph.evaluate(x, tensor, opset))
    return network


@pytest.mark.parametrize("trans_b", [0, 1])
@pytest.mark.parametrize("bias", [None, 2.5, [2.5], [1, -2, 4], [[1, -2, 4]], [[0.5]]])
@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 1.0), (0.5, -2.0)])
def test_gemm(graph, trans_b, bias, alpha, beta):
    graph.input()
    graph.weight("w", W if trans_b else W.T)
    operands = ["x", "w"] if bias is None else ["x", "w", graph.weight("b", bias)]
    graph.node("Gemm", operands, "y", alpha=alpha, beta=beta, transB=trans_b)
    network = assert_same(graph)
    assert np.array_equal(network.layers[0].weight, W * alpha)


def test_gemm_with_an_empty_name_for_its_bias(graph):
    graph.input()
    graph.weight("w", W)
    graph.node("Gemm", ["x", "w", ""], "y", transB=1)
    graph.output("y")
    assert np.array_equal(graph.load().layers[0].bias, np.zeros(3))


@pytest.mark.parametrize("constant", [3.0, [3.0], [[3.0]], [1, 2, -4, 8], [[1, 2, -4, 8]]])
@pytest.mark.parametrize("operator", ["Add", "Sub", "Mul", "Div"])
@pytest.mark.parametrize("constant_first", [False, True])
def test_constants_before_a_layer(graph, operator, constant, constant_first):
    if operator == "Div":
        if constant_first:
            constant_first = False
        constant = np.where(np.array(constant) == 3, 4, constant)
    graph.input()
    graph.weight("c", constant)
    graph.weight("w", W.T)
    graph.node(operator, ["c", "x"] if constant_first else ["x", "c"], "a")
    graph.node("MatMul", ["a", "w"], "y")
    assert_same(graph)


@pytest.mark.parametrize("constant", [3.0, [[3.0]], [1, 2, -4], [[1, 2, -4]]])
@pytest.mark.parametrize("operator", ["Add", "Sub", "Mul"])
@pytest.mark.parametrize("constant_first", [False, True])
def test_constants_after_a_layer(graph, operator, constant, constant_first):
    graph.input()
    graph.weight("c", constant)
    graph.weight("w", W.T)
    graph.node("MatMul", ["x", "w"], "m")
    graph.node(operator, ["c", "m"] if constant_first else ["m", "c"], "y")
    assert_same(graph)


@pytest.mark.parametrize("shape", [(2, 1, 1), (1, 2, 1, 1), (2,), (1, 2), (2, 2, 1), (2, 1, 2), (1, 1, 1, 1), ()])
def test_constants_on_images_are_spread_before_they_are_flattened(graph, shape):
    graph.input(("batch", 2, 1, 2))
    values = np.array([1, 4, -2, 8])[: int(np.prod(shape))].reshape(shape)
    if shape == (2, 2, 1):
        shape = None
    graph.weight("c", values)
    graph.weight("w", W.T)
    graph.node("Mul", ["x", "c"], "a")
    graph.node("Flatten", ["a"], "f")
    graph.node("MatMul", ["f", "w"], "y")
    if shape is None:
        graph.output("y")
        assert graph.refusal().startswith("Mul 'Mul_a': samples of shape [2, 1, 2] do not fit a constant of shape")
    else:
        assert_same(graph, x=X.reshape(-1, 2, 1, 2))


def normalization(graph, tensor, output, channels=4, **attributes):
    names = [graph.weight(f"{output}.gamma", [2, 1, -0.5, 4][:channels])]
    names.append(graph.weight(f"{output}.beta", [1, 0, -1, 0.5][:channels]))
    names.append(graph.weight(f"{output}.mean", [0, 2, -1, 1][:channels]))
    names.append(graph.weight(f"{output}.var", [0.75, 3.75, 15.75, 0][:channels]))
    return graph.node("BatchNormalization", [tensor, *names], output, epsilon=0.25, **attributes)


@pytest.mark.parametrize("opset", [7, 9, 13, 15, 20])
def test_batch_normalization_first_and_after_a_layer_and_after_a_relu(graph, opset):
    graph.input()
    graph.weight("w1", W.T)
    graph.weight("w2", W)
    normalization(graph, "x", "n1")
    graph.node("MatMul", ["n1", "w1"], "m1")
    normalization(graph, "m1", "n2", channels=3)
    graph.node("Relu", ["n2"], "r")
    normalization(graph, "r", "n3", channels=3)
    graph.node("MatMul", ["n3", "w2"], "y")
    graph.output("y")
    network = graph.load(opset)
    assert len(network.layers) == 2
    # With one output all versions compute the same, but the evaluator takes those before 14 for training.
    assert np.array_equal(network.forward(X), graph.evaluate(X, "y", max(opset, 14)))


@pytest.mark.parametrize("extra", [{"spatial": 0}, {}])
def test_batch_normalization_before_version_9_in_training_or_over_single_values(graph, extra):
    graph.input()
    graph.weight("w", W.T)
    normalization(graph, "x", "n", **extra)
    if not extra:
        graph.nodes[-1].output.extend(["mean", "var", "saved_mean", "saved_var"])
    graph.node("MatMul", ["n", "w"], "y")
    graph.output("y")
    assert graph.refusal(opset=8).startswith("BatchNormalization 'BatchNormalization_n' must be exported for inference")


def test_batch_normalization_of_channels_of_an_image(graph):
    graph.input(("batch", 2, 2, 1))
    graph.weight("w", W.T)
    normalization(graph, "x", "n", channels=2)
    graph.node("Flatten", ["n"], "f")
    graph.node("MatMul", ["f", "w"], "y")
    assert_same(graph, x=X.reshape(-1, 2, 2, 1))


def test_epsilon_has_its_default(graph):
    graph.input()
    graph.weight("w", W.T)
    for name, values in (("one", np.ones(4)), ("zero", np.zeros(4))):
        graph.weight(name, values, np.float64)
    graph.node("BatchNormalization", ["x", "one", "zero", "zero", "zero"], "n")
    graph.node("MatMul", ["n", "w"], "y")
    graph.output("y")
    assert np.array_equal(graph.load().layers[0].weight, W * (1 / np.sqrt(np.full(4, 1e-5))))


@pytest.mark.parametrize(
    ("offset", "scale"), [([1.0], [2.0]), ([1.0, 2.0, 3.0, 4.0], [0.5]), ([1.0], [1.0, 2.0, 4.0, 8.0])]
)
def test_scaler(graph, offset, scale):
    graph.input()
    graph.weight("w", W.T)
    graph.node("Scaler", ["x"], "s", domain="ai.onnx.ml", offset=offset, scale=scale)
    graph.node("MatMul", ["s", "w"], "y")
    graph.output("y")
    scaled = (X - np.array(offset)) * np.array(scale)
    assert np.array_equal(graph.load().forward(X), scaled @ W.T)


def test_operators_that_change_nothing(graph):
    graph.input(("batch", 1, 4))
    graph.weight("axes", [1], np.int64)
    graph.weight("ratio", 0.5)
    graph.weight("training", False, np.bool_)
    graph.weight("w", ODD.T)
    graph.node("Cast", ["x"], "a", to=TensorProto.FLOAT)
    graph.node("Squeeze", ["a", "axes"], "b")
    graph.node("Dropout", ["b", "ratio", "training"], "c")
    graph.node("Unsqueeze", ["c", "axes"], "d")
    graph.node("Transpose", ["d"], "e", perm=[0, 2, 1])
    graph.node("Flatten", ["e"], "f", axis=-2)
    graph.node("MatMul", ["f", "w"], "m")
    graph.node("Identity", ["m"], "i")
    graph.node("Relu", ["i"], "r1")
    graph.node("Relu", ["r1"], "y")
    graph.output("y")
    network = graph.load()
    assert len(network.layers) == 1
    assert network.layers[0].relu
    assert network.host_operators == ()
    assert np.array_equal(network.forward(X), np.maximum(X @ ODD.T.astype(np.float64), 0))


def test_operators_whose_axes_were_attributes(graph):
    graph.input(("batch", 1, 4))
    graph.weight("w", W.T)
    graph.node("Squeeze", ["x"], "s", axes=[1])
    graph.node("Dropout", ["s"], "d", ratio=0.5)
    graph.node("Unsqueeze", ["d"], "u", axes=[1])
    graph.node("MatMul", ["u", "w"], "y")
    network = assert_same(graph, x=X.reshape(-1, 1, 4), opset=11)
    assert network.outputs == 3


def test_samples_of_one_row_pass_a_matmul_of_three_dimensions(graph):
    graph.input(("batch", 1, 4))
    graph.weight("w", W.T)
    graph.weight("b", [1, 2, 3])
    graph.weight("axes", [1], np.int64)
    graph.node("MatMul", ["x", "w"], "m")
    graph.node("Add", ["m", "b"], "a")
    graph.node("Squeeze", ["a", "axes"], "y")
    network = assert_same(graph, x=X.reshape(-1, 1, 4))
    assert network.host_operators == ()


@pytest.mark.parametrize("shape", [None, ("batch", "features"), ("batch", None), (0, 0)])
def test_an_input_of_open_size_takes_that_of_the_first_layer(graph, shape):
    graph.input(shape)
    graph.weight("mean", [1, 2, 3, 4])
    graph.weight("std", 2)
    graph.weight("w", W.T)
    graph.node("Flatten", ["x"], "f")
    graph.node("Div", ["f", "std"], "d")
    graph.node("Sub", ["d", "mean"], "s")
    graph.node("MatMul", ["s", "w"], "y")
    network = assert_same(graph)
    assert network.inputs == 4


@pytest.mark.parametrize(
    ("operator", "inputs", "attributes", "message"),
    [
        ("Add", ["x", "three"], {}, "MatMul 'MatMul_y' takes 4 inputs, but samples have shape [3]"),
        ("Add", ["x", "cube"], {}, "Add 'Add_a': samples of unknown shape do not fit a constant of shape (3, 1, 1)"),
        (
            "Flatten",
            ["x"],
            {"axis": 2},
            "Flatten 'Flatten_a' needs the shape of its input, which is open",
        ),
        (
            "Reshape",
            ["x", "target"],
            {},
            "Reshape 'Reshape_a' needs the shape of its input, which is open",
        ),
        ("Shape", ["x"], {}, "Shape 'Shape_a' needs the shape of its input, which is open"),
    ],
)
def test_what_cannot_be_checked_on_an_input_of_open_size_is_refused(graph, operator, inputs, attributes, message):
    graph.input(("batch", 1, "height", "width"))
    graph.weight("three", [1, 2, 3])
    graph.weight("cube", np.ones((3, 1, 1)))
    graph.weight("target", [-1, 4], np.int64)
    graph.weight("w", W.T)
    graph.node(operator, inputs, "a", **attributes)
    graph.node("MatMul", ["a", "w"], "y")
    graph.output("y")
    assert graph.refusal() == message


def test_constants_behind_operators(graph):
    graph.input()
    for name, values in (("flat", ODD), ("shape", [0, -1]), ("axes", [0])):
        graph.weight(name, values, np.float32 if name == "flat" else np.int64)
    graph.node("Identity", ["flat"], "c1")
    graph.node("Transpose", ["c1"], "c2")
    graph.node("Reshape", ["c2", "shape"], "c3")
    graph.node("Unsqueeze", ["c3", "axes"], "c4")
    graph.node("Squeeze", ["c4", "axes"], "c5")
    graph.node("Cast", ["c5"], "c6", to=TensorProto.DOUBLE)
    graph.node("MatMul", ["x", "c6"], "m")
    graph.node("Constant", [], "b", value_floats=[1.0, 2.0, 4.0])
    graph.node("Constant", [], "half", value_float=0.5)
    graph.node("Mul", ["m", "half"], "h")
    graph.node("Add", ["h", "b"], "y")
    graph.output("y")
    (layer,) = graph.load().layers
    assert np.array_equal(layer.weight, ODD.astype(np.float64) * 0.5)
    assert np.array_equal(layer.bias, [1, 2, 4])


def test_a_constant_that_is_cast_is_rounded_to_that_type(graph):
    graph.input(kind=TensorProto.FLOAT16)
    graph.weight("w", ODD)
    graph.node("Cast", ["w"], "narrow", to=TensorProto.FLOAT16)
    graph.node("Gemm", ["x", "narrow"], "y", transB=1)
    graph.output("y", TensorProto.FLOAT16)
    assert np.array_equal(graph.load().layers[0].weight, ODD.astype(np.float16).astype(np.float64))


def test_a_target_sliced_from_the_shape(graph):
    """As tf2onnx writes ``tf.reshape(x, [tf.shape(x)[0], 4])``."""
    graph.input(("batch", 2, 2))
    for name, value in (("begin", [0]), ("end", [1]), ("features", [4])):
        graph.weight(name, value, np.int64 if name != "features" else np.int32)
    graph.weight("w", W.T)
    graph.node("Shape", ["x"], "shape")
    graph.node("Cast", ["shape"], "narrow", to=TensorProto.INT32)
    graph.node("Slice", ["narrow", "begin", "end", "begin"], "batch_size")
    graph.node("Concat", ["batch_size", "features"], "both", axis=0)
    graph.node("Cast", ["both"], "target", to=TensorProto.INT64)
    graph.node("Reshape", ["x", "target"], "r")
    graph.node("MatMul", ["r", "w"], "y")
    assert_same(graph, x=X.reshape(-1, 2, 2))


def test_weights_into_which_nothing_is_folded_keep_their_bits(graph):
    graph.input()
    graph.weight("w", ODD)
    graph.weight("b", [0.1, 0.2, 0.3])
    graph.weight("mean", 0.1307)
    graph.node("Sub", ["x", "mean"], "s")
    graph.node("Gemm", ["s", "w", "b"], "y", transB=1, alpha=1.0, beta=1.0)
    graph.output("y")
    assert graph.load().layers[0].weight.astype(np.float32).tobytes() == ODD.tobytes()


def test_a_scalar_scale_keeps_weights_shared(graph):
    graph.input()
    graph.weight("w", ODD)
    graph.weight("std", 0.3081)
    graph.node("Div", ["x", "std"], "s")
    graph.node("Gemm", ["s", "w"], "y", transB=1)
    graph.output("y")
    weight = graph.load().layers[0].weight
    assert len(np.unique(weight)) == len(np.unique(ODD)) == 4


def test_layers_of_one_name_are_numbered(graph):
    graph.input()
    graph.weight("w", np.eye(4))
    graph.node("MatMul", ["x", "w"], "a", "MatMul")
    graph.node("MatMul", ["a", "w"], "b", "")
    graph.node("MatMul", ["b", "w"], "c", "/block/MatMul")
    graph.node("MatMul", ["c", "w"], "d", "MatMul")
    graph.output("d")
    assert [layer.name for layer in graph.load().layers] == ["MatMul", "b", "block", "MatMul_2"]


def test_several_outputs_from_the_end_of_the_chain(graph):
    graph.input()
    graph.weight("w", W.T)
    graph.node("MatMul", ["x", "w"], "logits")
    graph.node("Softmax", ["logits"], "probabilities")
    graph.node("ArgMax", ["logits"], "label")
    graph.node("Identity", ["logits"], "copy")
    for name in ("logits", "probabilities", "label", "copy"):
        graph.output(name)
    network = graph.load()
    assert network.host_operators == ("Softmax", "ArgMax")
    assert np.array_equal(network.forward(X), X @ W.T)


def test_nodes_that_no_output_needs_are_ignored(graph):
    graph.input()
    graph.weight("w", W.T)
    graph.node("Conv", ["x", "w"], "unused")
    graph.node("MatMul", ["x", "w"], "y")
    graph.output("y")
    assert graph.load().outputs == 3


# Each entry is a part of a graph after input x (batch, 2, 2) and weight w (4, 3), and the start of the refusal.
FLAT = ("Flatten", ["x"], "f", {})
LAYER = ("MatMul", ["f", "w"], "y", {})
REFUSED = {
    "gemm transposes its input": (
        [FLAT, ("Gemm", ["f", "w"], "y", {"transA": 1})],
        "Gemm 'Gemm_y' transposes its input (transA), which would mix samples",
    ),
    "gemm with the weight on the left": (
        [FLAT, ("Gemm", ["w", "f"], "y", {})],
        "Gemm 'Gemm_y' takes the activation elsewhere than as its first input; a weight must stand on the right",
    ),
    "matmul with the weight on the left": (
        [FLAT, ("MatMul", ["w", "f"], "y", {})],
        "MatMul 'MatMul_y' takes the activation elsewhere than as its first input; a weight must stand on the right",
    ),
    "weight that does not fit": (
        [FLAT, ("MatMul", ["f", "square"], "y", {})],
        "MatMul 'MatMul_y' takes 3 inputs, but samples have shape [4]",
    ),
    "vector as weight": (
        [FLAT, ("MatMul", ["f", "four"], "y", {})],
        "MatMul 'MatMul_y': its weight 'four' has shape (4,); it must have no size 0 and rank 2",
    ),
    "empty weight": (
        [FLAT, ("MatMul", ["f", "empty"], "y", {})],
        "MatMul 'MatMul_y': its weight 'empty' has shape (4, 0); it must have no size 0 and rank 2",
    ),
    "integers as weight": (
        [FLAT, ("MatMul", ["f", "integers"], "y", {})],
        "MatMul 'MatMul_y': its weight 'integers' must be a constant of a float type",
    ),
    "gemm on rows": (
        [("Gemm", ["x", "w"], "y", {})],
        "Gemm 'Gemm_y' takes samples of one dimension, not of shape [2, 2]",
    ),
    "matmul on rows": (
        [("MatMul", ["x", "two"], "y", {})],
        "MatMul 'MatMul_y' applies its weight to each row of samples of shape [2, 2]",
    ),
    "bias that does not fit": (
        [FLAT, ("Gemm", ["f", "w", "four"], "y", {})],
        "Gemm 'Gemm_y': its bias has shape (4,); 3 outputs need (3,) or (1,)",
    ),
    "bias for each sample": (
        [FLAT, ("Gemm", ["f", "w", "w"], "y", {})],
        "Gemm 'Gemm_y': its bias has shape (4, 3); 3 outputs need (3,) or (1,)",
    ),
    "bias along the batch": (
        [FLAT, ("Gemm", ["f", "w", "column"], "y", {})],
        "Gemm 'Gemm_y': its bias has shape (3, 1); 3 outputs need (3,) or (1,)",
    ),
    "constant that does not fit": (
        [FLAT, LAYER, ("Add", ["y", "four"], "z", {})],
        "Add 'Add_z': samples of shape [3] do not fit a constant of shape (4,)",
    ),
    "constant that widens its samples": (
        [FLAT, ("MatMul", ["f", "narrow"], "n", {}), ("Add", ["n", "four"], "z", {})],
        "Add 'Add_z': samples of shape [1] do not fit a constant of shape (4,)",
    ),
    "constant for each sample": (
        [FLAT, LAYER, ("Add", ["y", "square"], "z", {})],
        "Add 'Add_z': samples of shape [3] do not fit a constant of shape (3, 3)",
    ),
    "constant of more dimensions": (
        [FLAT, LAYER, ("Add", ["y", "cube"], "z", {})],
        "Add 'Add_z': samples of shape [3] do not fit a constant of shape (1, 1, 3)",
    ),
    "division by the activation": (
        [FLAT, LAYER, ("Div", ["three", "y"], "z", {})],
        "Div 'Div_z' divides a constant by the activation, which is not supported",
    ),
    "division by zero": (
        [("Div", ["x", "zero"], "d", {}), ("Flatten", ["d"], "f", {}), LAYER],
        "Div 'Div_d' divides by a constant that holds a zero",
    ),
    "scale behind a relu": (
        [FLAT, LAYER, ("Relu", ["y"], "r", {}), ("Mul", ["r", "three"], "z", {})],
        "Mul 'Mul_z' has no layer directly before or after it to be folded into",
    ),
    "relu on the input": (
        [("Relu", ["x"], "r", {}), ("Flatten", ["r"], "f", {}), LAYER],
        "Relu 'Relu_r' comes before the first layer with weights; it must follow one",
    ),
    "batch normalization in training": (
        [FLAT, ("BatchNormalization", ["f", "four", "four", "four", "four"], "n", {"training_mode": 1})],
        "BatchNormalization 'BatchNormalization_n' must be exported for inference",
    ),
    "batch normalization over single values": (
        [FLAT, ("BatchNormalization", ["f", "four", "four", "four", "four"], "n", {"spatial": 0})],
        "BatchNormalization 'BatchNormalization_n' has an attribute 'spatial'",
    ),
    "batch normalization of other channels": (
        [("BatchNormalization", ["x", "four", "four", "four", "four"], "n", {})],
        "BatchNormalization 'BatchNormalization_n' normalises 4 channels, but samples have shape [2, 2]",
    ),
    "batch normalization of several sizes": (
        [FLAT, ("BatchNormalization", ["f", "four", "four", "three", "four"], "n", {})],
        "BatchNormalization 'BatchNormalization_n': scale, bias, mean and variance must have one size",
    ),
    "negative variance": (
        [FLAT, ("BatchNormalization", ["f", "four", "four", "four", "negative"], "n", {})],
        "BatchNormalization 'BatchNormalization_n': variance plus epsilon must be positive",
    ),
    "scaler of several sizes": (
        [FLAT, ("ai.onnx.ml.Scaler", ["f"], "s", {"offset": [1.0, 2.0], "scale": [1.0, 2.0, 3.0]})],
        "ai.onnx.ml.Scaler 'Scaler_s' has 2 offsets but 3 scales; they must be as many",
    ),
    "dropout in training": (
        [FLAT, ("Dropout", ["f", "zero", "yes"], "d", {}), ("MatMul", ["d", "w"], "y", {})],
        "Dropout 'Dropout_d' must be exported for inference (training_mode false)",
    ),
    "dropout in training at the end": (
        [FLAT, LAYER, ("Dropout", ["y", "zero", "yes"], "d", {})],
        "Dropout 'Dropout_d' must be exported for inference (training_mode false)",
    ),
    "reshape that mixes samples": (
        [("Reshape", ["x", "mixing"], "f", {}), ("MatMul", ["f", "two"], "y", {})],
        "Reshape 'Reshape_f' reshapes samples of shape [2, 2] to [-1, 2], which is not one row for each sample, "
        "but MatMul 'MatMul_y' follows",
    ),
    "reshape to what is not known": (
        [("Reshape", ["x", "x"], "f", {}), LAYER],
        "Reshape 'Reshape_f' joins branches",
    ),
    "flatten of the batch": (
        [("Flatten", ["x"], "f", {"axis": 0}), LAYER],
        "Flatten 'Flatten_f' flattens samples of shape [2, 2] at axis 0, which would mix samples, but MatMul",
    ),
    "transpose": (
        [("Transpose", ["x"], "t", {"perm": [0, 2, 1]}), ("Flatten", ["t"], "f", {}), LAYER],
        "Transpose 'Transpose_t' transposes samples of shape [2, 2] by [0, 2, 1], which would reorder values, but ",
    ),
    "squeeze without axes": (
        [FLAT, ("Squeeze", ["f"], "s", {}), ("MatMul", ["s", "w"], "y", {})],
        "Squeeze 'Squeeze_s' squeezes without axes, which would drop the batch of a single sample, but MatMul",
    ),
    "cast to integers": (
        [FLAT, ("Cast", ["f"], "c", {"to": TensorProto.INT32}), ("MatMul", ["c", "w"], "y", {})],
        "Cast 'Cast_c' turns activations into INT32, but MatMul 'MatMul_y' follows",
    ),
    "softmax between layers": (
        [FLAT, LAYER, ("Softmax", ["y"], "s", {}), ("MatMul", ["s", "square"], "z", {})],
        "Softmax 'Softmax_s' is left to the host and must come after the last layer, but MatMul 'MatMul_z' follows",
    ),
    "sigmoid between layers": (
        [FLAT, LAYER, ("Sigmoid", ["y"], "s", {}), ("Relu", ["s"], "z", {})],
        "Sigmoid 'Sigmoid_s' is left to the host and must come after the last layer, but Relu 'Relu_z' follows",
    ),
    "layer on the activation that the host took": (
        [FLAT, LAYER, ("Softmax", ["y"], "s", {}), ("Add", ["y", "three"], "z", {}), ("Add", ["s", "z"], "end", {})],
        "Softmax 'Softmax_s' is left to the host and must come after the last layer, but Add 'Add_z' follows",
    ),
    "slice of the activation": (
        [FLAT, ("Gather", ["f", "no"], "g", {})],
        "Gather 'Gather_g' is supported on constants only, not on activations",
    ),
    "residual connection": (
        [FLAT, ("MatMul", ["f", "wide"], "m", {}), ("Add", ["m", "f"], "z", {})],
        "Add 'Add_z' joins branches; the network must be one chain of layers",
    ),
    "second branch": (
        [FLAT, LAYER, ("MatMul", ["f", "w"], "v", {}), ("Add", ["y", "v"], "z", {})],
        "MatMul 'MatMul_v' starts a second branch; the network must be one chain of layers",
    ),
    "recurrent layer": (
        [("LSTM", ["x", "cube", "cube"], "z", {})],
        "LSTM 'LSTM_z' is not supported; supported are Add, ",
    ),
    "loop": (
        [FLAT, ("MatMul", ["z", "wide"], "y", {}), ("Relu", ["y"], "z", {})],
        "MatMul 'MatMul_y' uses 'z', which no node before it computes; the graph has a loop or is cut",
    ),
    "constants that do not fit": (
        [("Transpose", ["w"], "t", {"perm": [0, 1, 2]}), FLAT, ("MatMul", ["f", "t"], "y", {})],
        "Transpose 'Transpose_t' does not fit its constants: ",
    ),
    "constants alone": (
        [("Add", ["w", "w"], "t", {}), FLAT, ("MatMul", ["f", "t"], "y", {})],
        "Add 'Add_t' has only constants as inputs, where an activation is needed",
    ),
    "axis beyond any integer": (
        [("Unsqueeze", ["w", "huge"], "t", {}), FLAT, ("MatMul", ["f", "t"], "y", {})],
        "Unsqueeze 'Unsqueeze_t' does not fit its constants: ",
    ),
    "weight that depends on the batch": (
        [
            ("Shape", ["x"], "s", {}),
            ("Cast", ["s"], "c", {"to": TensorProto.FLOAT}),
            FLAT,
            LAYER,
            ("Add", ["y", "c"], "z", {}),
        ],
        "Cast 'Cast_c' does not fit its constants: they cannot become FLOAT",
    ),
    "constant of text": (
        [("Constant", [], "c", {"value_string": "a"}), FLAT, LAYER, ("Add", ["y", "c"], "z", {})],
        "Constant 'Constant_c' must hold one tensor or one list of numbers",
    ),
    "attribute that the operator does not have": (
        [FLAT, ("Gemm", ["f", "w"], "y", {"tranSB": 1})],
        "Gemm 'Gemm_y' has an attribute 'tranSB'; its attributes are: alpha, beta, transA, transB",
    ),
    "attribute of another type": (
        [FLAT, ("Gemm", ["f", "w"], "y", {"transB": 1.0})],
        "Gemm 'Gemm_y': attribute 'transB' has the wrong type",
    ),
    "too few inputs": (
        [FLAT, ("Gemm", ["f"], "y", {})],
        "Gemm 'Gemm_y' has 1 inputs; at least 2 and at most 3 fit",
    ),
    "input left out": (
        [FLAT, ("Gemm", ["f", ""], "y", {})],
        "Gemm 'Gemm_y' has 2 inputs; at least 2 and at most 3 fit",
    ),
    "no layer": (
        [FLAT, ("Softmax", ["f"], "y", {})],
        "the graph has no convolutional or fully connected layer (Conv, Gemm or MatMul)",
    ),
    "defined twice": (
        [FLAT, ("MatMul", ["f", "w"], "f", {})],
        "MatMul 'MatMul_f' defines 'f' a second time",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_named(graph, case):
    nodes, message = REFUSED[case]
    graph.input(("batch", 2, 2))
    for name, values in {
        "w": W.T,
        "two": np.ones((2, 2)),
        "square": np.eye(3),
        "wide": np.eye(4),
        "narrow": np.ones((4, 1)),
        "column": np.ones((3, 1)),
        "cube": np.ones((1, 1, 3)),
        "three": [1, 2, 3],
        "four": [1, 2, 3, 4],
        "negative": [1, -1, 1, 1],
        "zero": 0.0,
        "empty": np.ones((4, 0)),
    }.items():
        graph.weight(name, values)
    graph.weight("integers", W.T, np.int64)
    graph.weight("mixing", [-1, 2], np.int64)
    graph.weight("huge", [2**62], np.int64)
    graph.weight("yes", True, np.bool_)
    graph.weight("no", 0, np.int64)
    for operator, inputs, output, attributes in nodes:
        domain, _, operator = operator.rpartition(".")
        graph.node(operator, inputs, output, domain=domain, **attributes)
    graph.output(nodes[-1][2])
    assert graph.refusal().startswith(message)


def test_an_operator_that_is_not_supported_comes_with_all_that_are(graph):
    graph.input(("batch", 1, 4, 4))
    graph.weight("w", np.ones((2, 1, 3, 3)))
    graph.node("ConvTranspose", ["x", "w"], "y", "/conv1/ConvTranspose")
    graph.output("y")
    assert graph.refusal() == (
        "ConvTranspose '/conv1/ConvTranspose' is not supported; supported are Add, AveragePool, BatchNormalization, "
        "Cast, Clip, Conv, Div, Dropout, Flatten, Gemm, GlobalAveragePool, Identity, MatMul, MaxPool, Mul, Pad, "
        "ReduceMean, Relu, Reshape, Squeeze, Sub, Transpose, Unsqueeze, ai.onnx.ml.Scaler; "
        "on constants Cast, Concat, Constant, Gather, Identity, Reshape, Shape, Slice, Squeeze, Transpose, Unsqueeze; "
        "after the last layer, left to the host, ArgMax, LogSoftmax, Sigmoid, Softmax, "
        "ai.onnx.ml.ArrayFeatureExtractor, ai.onnx.ml.Binarizer, ai.onnx.ml.Normalizer, ai.onnx.ml.ZipMap"
    )


def test_an_operator_of_another_domain_is_not_taken_for_its_namesake(graph):
    graph.input()
    graph.weight("w", W.T)
    graph.node("MatMul", ["x", "w"], "y", "m", domain="com.microsoft")
    graph.output("y")
    assert graph.refusal().startswith("com.microsoft.MatMul 'm' is not supported; ")


def test_an_output_from_the_middle_is_a_branch(graph):
    graph.input()
    graph.weight("w", np.eye(4))
    graph.node("MatMul", ["x", "w"], "hidden")
    graph.node("MatMul", ["hidden", "w"], "y")
    graph.output("hidden")
    graph.output("y")
    assert graph.refusal() == "output 'hidden' of the graph branches off before the last layer"


def test_a_claimed_input_size_allocates_nothing(graph):
    """A terabyte of inputs is believed only when a weight of that size is there."""
    graph.input(("batch", 3, 10**6, 10**6))
    graph.weight("mean", np.ones((3, 1, 1)))
    graph.weight("w", W.T)
    graph.node("Sub", ["x", "mean"], "s")
    graph.node("Flatten", ["s"], "f")
    graph.node("MatMul", ["f", "w"], "y")
    graph.output("y")
    assert graph.refusal() == "MatMul 'MatMul_y' takes 4 inputs, but samples have shape [3000000000000]"
