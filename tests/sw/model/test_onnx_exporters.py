"""Graphs in the shapes that exporters write, against onnx's own evaluator.

Weights and inputs are small multiples of powers of two, so that float32 there and float64 here are both exact.
"""

import gzip

import numpy as np
import pytest
from onnx import TensorProto, numpy_helper

from eyrie.model.onnx_import import load_onnx

W1 = np.array([[1, -2, 0, 3], [0, 0, 0, 0], [-1, 2, 1, -1], [4, 0, -3, 2], [1, 1, 1, 1]])
B1 = np.array([0.5, -1, 2, 0, -4])
W2 = np.array([[1, 0, -1, 2, 0.5], [-2, 1, 1, 0, 1], [0, -0.5, 3, 1, -1]])
B2 = np.array([1, 0.25, -3])
X = np.random.default_rng(1).integers(-8, 9, (20, 4)).astype(np.float32)


def assert_same(graph, network, x, tensor, opset=20):
    assert np.array_equal(network.forward(x.reshape(len(x), -1)), graph.evaluate(x, tensor, opset))


def assert_two_layers(network, names, x=X):
    assert [layer.name for layer in network.layers] == names
    assert [layer.relu for layer in network.layers] == [True, False]
    assert np.array_equal(network.layers[0].weight, W1)
    assert np.array_equal(network.layers[0].bias, B1)
    assert np.array_equal(network.layers[1].weight, W2)
    assert np.array_equal(network.layers[1].bias, B2)
    expected = np.maximum(x.reshape(len(x), -1) @ W1.T + B1, 0) @ W2.T + B2
    assert np.array_equal(network.forward(x.reshape(len(x), -1)), expected)


def pytorch_dynamo(graph, shape=("s77", 2, 2), target=(-1, 4)):
    graph.input(shape)
    for name, values in (("fc1.weight", W1), ("fc1.bias", B1), ("fc2.weight", W2), ("fc2.bias", B2)):
        graph.weight(name, values)
    graph.weight("val_5", target, np.int64)
    graph.node("Reshape", ["x", "val_5"], "view", "node_Reshape_7", allowzero=1)
    gemm = {"alpha": 1.0, "beta": 1.0, "transA": 0, "transB": 1}
    graph.node("Gemm", ["view", "fc1.weight", "fc1.bias"], "linear", "node_linear", **gemm)
    graph.node("Relu", ["linear"], "relu", "node_relu")
    graph.node("Gemm", ["relu", "fc2.weight", "fc2.bias"], "linear_1", "node_linear_1", **gemm)


@pytest.mark.parametrize(("shape", "target"), [(("s77", 2, 2), (-1, 4)), ((1, 2, 2), (1, 4)), ((1, 2, 2), (1, -1))])
def test_pytorch_dynamo(graph, shape, target):
    pytorch_dynamo(graph, shape, target)
    graph.node("LogSoftmax", ["linear_1"], "log_softmax", "node_log_softmax", axis=1)
    graph.output("log_softmax")
    network = graph.load()
    assert_two_layers(network, ["fc1", "fc2"])
    assert network.host_operators == ("LogSoftmax",)
    assert network.name == "net"
    for sample in X.reshape(-1, 1, 2, 2):
        assert_same(graph, network, sample, "linear_1")


def test_pytorch_torchscript(graph):
    """Flatten, Gemm without a weight's name, BatchNormalization and Dropout, IR version and names as it writes them."""
    graph.input(("batch", 1, 2, 2), "onnx::Flatten_0")
    graph.weight("1.weight", W1)
    graph.weight("1.bias", B1)
    for name, values in (("weight", [2, 1, -1, 4, 8]), ("bias", [0, 1, 2, -1, 0.5])):
        graph.weight(f"2.{name}", values)
    for name, values in (("running_mean", [1, 0, -1, 2, 3]), ("running_var", [0.75, 3.75, 15.75, 0.75, 0])):
        graph.weight(f"2.{name}", values)
    graph.weight("5.weight", W2)
    graph.weight("5.bias", B2)
    graph.node("Flatten", ["onnx::Flatten_0"], "/0/Flatten_output_0", "/0/Flatten", axis=1)
    gemm = {"alpha": 1.0, "beta": 1.0, "transB": 1}
    graph.node("Gemm", ["/0/Flatten_output_0", "1.weight", "1.bias"], "/1/Gemm_output_0", "/1/Gemm", **gemm)
    normalization = ["/1/Gemm_output_0", *(f"2.{name}" for name in ("weight", "bias", "running_mean", "running_var"))]
    graph.node(
        "BatchNormalization",
        normalization,
        "/2/BatchNormalization_output_0",
        "/2/BatchNormalization",
        epsilon=0.25,
        momentum=0.9,
        training_mode=0,
    )
    graph.node("Relu", ["/2/BatchNormalization_output_0"], "/3/Relu_output_0", "/3/Relu")
    graph.node("Identity", ["/3/Relu_output_0"], "/4/Dropout_output_0", "/4/Identity")
    graph.node("Gemm", ["/4/Dropout_output_0", "5.weight", "5.bias"], "14", "/5/Gemm", **gemm)
    graph.output("14")
    network = graph.load()
    assert [(layer.name, layer.relu) for layer in network.layers] == [("1", True), ("5", False)]
    assert network.host_operators == ()
    assert_same(graph, network, X.reshape(-1, 1, 2, 2), "14")


def test_pytorch_torchscript_normalises_and_views_with_a_batch_size_from_shape(graph):
    """``((x - mean) / std).view(x.size(0), -1)`` traced with an open batch size."""
    graph.input(("batch", 2, 1, 2))
    graph.weight("mean", np.array([0.5, -1]).reshape(1, 2, 1, 1))
    graph.weight("std", np.array([0.25, 2]).reshape(1, 2, 1, 1))
    graph.weight("fc.weight", W1)
    graph.weight("fc.bias", B1)
    for name, value in (("/Constant", 0), ("Constant_8", [0]), ("/Constant_1", [-1])):
        tensor = numpy_helper.from_array(np.array(value, dtype=np.int64))
        graph.node("Constant", [], f"{name}_output_0", name, value=tensor)
    graph.node("Sub", ["x", "mean"], "/Sub_output_0", "/Sub")
    graph.node("Div", ["/Sub_output_0", "std"], "/Div_output_0", "/Div")
    graph.node("Shape", ["/Div_output_0"], "/Shape_output_0", "/Shape")
    graph.node("Gather", ["/Shape_output_0", "/Constant_output_0"], "/Gather_output_0", "/Gather", axis=0)
    graph.node("Unsqueeze", ["/Gather_output_0", "Constant_8_output_0"], "/Unsqueeze_output_0", "/Unsqueeze")
    graph.node("Concat", ["/Unsqueeze_output_0", "/Constant_1_output_0"], "/Concat_output_0", "/Concat", axis=0)
    graph.node("Reshape", ["/Div_output_0", "/Concat_output_0"], "/Reshape_output_0", "/Reshape", allowzero=0)
    graph.node("Gemm", ["/Reshape_output_0", "fc.weight", "fc.bias"], "17", "/fc/Gemm", transB=1)
    graph.node("Softmax", ["17"], "18", "/Softmax", axis=1)
    graph.output("18")
    network = graph.load()
    assert [layer.name for layer in network.layers] == ["fc"]
    assert np.array_equal(network.layers[0].weight, W1 * [4, 4, 0.5, 0.5])
    assert_same(graph, network, X.reshape(-1, 2, 1, 2), "17")


@pytest.mark.parametrize("constant_on_the_left", [False, True])
def test_pytorch_without_constant_folding(graph, constant_on_the_left):
    """``do_constant_folding=False``: the weight is transposed in the graph; some versions add the bias on the left."""
    graph.input()
    for name, values in (("fc1.weight", W1), ("fc1.bias", B1), ("fc2.weight", W2), ("fc2.bias", B2)):
        graph.weight(name, values)
    tensor = "x"
    for i in (1, 2):
        graph.node("Transpose", [f"fc{i}.weight"], f"t{i}", f"/fc{i}/Transpose", perm=[1, 0])
        graph.node("MatMul", [tensor, f"t{i}"], f"m{i}", f"/fc{i}/MatMul")
        operands = [f"fc{i}.bias", f"m{i}"] if constant_on_the_left else [f"m{i}", f"fc{i}.bias"]
        tensor = graph.node("Add", operands, f"a{i}", f"/fc{i}/Add")
        if i == 1:
            tensor = graph.node("Relu", [tensor], "r", "/Relu")
    graph.output("a2")
    network = graph.load()
    assert_two_layers(network, ["fc1", "fc2"])
    assert_same(graph, network, X, "a2")


def keras(graph):
    graph.input(("unk__6", 2, 2), "flatten_input")
    graph.weight("const_fold_opt__9", [-1, 4], np.int64)
    reshaped = "sequential/flatten/Reshape:0"
    graph.node("Reshape", ["flatten_input", "const_fold_opt__9"], reshaped, "sequential/flatten/Reshape")
    tensor = reshaped
    for layer, weight, bias in (("dense", W1, B1), ("dense_1", W2, B2)):
        prefix = f"sequential/{layer}"
        graph.weight(f"{prefix}/MatMul/ReadVariableOp:0", weight.T)
        graph.weight(f"{prefix}/BiasAdd/ReadVariableOp:0", bias)
        operands = [tensor, f"{prefix}/MatMul/ReadVariableOp:0"]
        tensor = graph.node("MatMul", operands, f"{prefix}/MatMul:0", f"{prefix}/MatMul")
        operands = [tensor, f"{prefix}/BiasAdd/ReadVariableOp:0"]
        tensor = graph.node("Add", operands, f"{prefix}/BiasAdd:0", f"{prefix}/BiasAdd")
        if layer == "dense":
            tensor = graph.node("Relu", [tensor], f"{prefix}/Relu:0", f"{prefix}/Relu")
    return tensor


@pytest.mark.parametrize("opset", [9, 13, 15])
def test_keras(graph, opset):
    logits = keras(graph)
    graph.node("Softmax", [logits], "dense_1", "sequential/dense_1/Softmax")
    graph.output("dense_1")
    network = graph.load(opset)
    assert_two_layers(network, ["sequential/dense", "sequential/dense_1"])
    assert network.host_operators == ("Softmax",)
    assert_same(graph, network, X.reshape(-1, 2, 2), logits, opset)


def test_keras_normalization_and_batch_normalization_as_products_and_sums(graph):
    """tf2onnx writes Rescaling and BatchNormalization in inference as Mul and Add of constants."""
    graph.input(("unk__6", 4))
    for name, values in (("scale", 0.125), ("offset", -1), ("w1", W1.T), ("mul", [2, 1, 4, -1, 0.5]), ("w2", W2.T)):
        graph.weight(name, values)
    graph.weight("add", [[1, 0, -1, 2, 0]])
    graph.node("Mul", ["x", "scale"], "rescaling/mul:0", "model/rescaling/mul")
    graph.node("Add", ["rescaling/mul:0", "offset"], "rescaling/add:0", "model/rescaling/add")
    graph.node("MatMul", ["rescaling/add:0", "w1"], "m1", "model/dense/MatMul")
    graph.node("Relu", ["m1"], "r1", "model/dense/Relu")
    graph.node("Mul", ["r1", "mul"], "bn/mul_1:0", "model/batch_normalization/batchnorm/mul_1")
    graph.node("Add", ["bn/mul_1:0", "add"], "bn/add_1:0", "model/batch_normalization/batchnorm/add_1")
    graph.node("MatMul", ["bn/add_1:0", "w2"], "m2", "model/dense_1/MatMul")
    graph.node("Sigmoid", ["m2"], "out", "model/dense_1/Sigmoid")
    graph.output("out")
    network = graph.load()
    assert [layer.name for layer in network.layers] == ["model/dense", "model/dense_1"]
    assert network.host_operators == ("Sigmoid",)
    assert_same(graph, network, X, "m2")


def scikit_learn(graph, tensor="x"):
    """The hidden layers and the last one of an MLP, without the activation of the last."""
    graph.weight("coefficient", W1.T)
    graph.weight("intercepts", B1[np.newaxis])
    graph.weight("coefficient1", W2.T)
    graph.weight("intercepts1", B2[np.newaxis])
    graph.node("Cast", [tensor], "cast_input", "Cast", to=TensorProto.FLOAT)
    graph.node("MatMul", ["cast_input", "coefficient"], "mul_result", "MatMul")
    graph.node("Add", ["mul_result", "intercepts"], "add_result", "Add")
    graph.node("Relu", ["add_result"], "next_activations", "Relu")
    graph.node("MatMul", ["next_activations", "coefficient1"], "mul_result1", "MatMul1")
    graph.node("Add", ["mul_result1", "intercepts1"], "add_result1", "Add1")


def scikit_learn_labels(graph, probabilities, labels, kind):
    if kind is str:
        graph.weights.append(string_tensor("classes", labels))
    else:
        graph.weight("classes", labels, kind)
    graph.weight("shape_tensor", [-1], np.int64)
    graph.node("ArgMax", [probabilities], "argmax_output", "ArgMax", axis=1)
    operands = ["classes", "argmax_output"]
    graph.node("ArrayFeatureExtractor", operands, "array_feature_extractor_result", domain="ai.onnx.ml")
    graph.node("Reshape", ["array_feature_extractor_result", "shape_tensor"], "reshaped_result", "Reshape")


def string_tensor(name, values):
    return TensorProto(
        name=name, data_type=TensorProto.STRING, dims=[len(values)], string_data=[value.encode() for value in values]
    )


def test_scikit_learn_classifier(graph):
    graph.input((None, 4))
    scikit_learn(graph)
    graph.node("Softmax", ["add_result1"], "out_activations_result", "Relu1", axis=1)
    scikit_learn_labels(graph, "out_activations_result", [3, 5, 7], np.int32)
    graph.node("ZipMap", ["out_activations_result"], "output_probability", domain="ai.onnx.ml", classlabels_int64s=[3])
    graph.node("Cast", ["reshaped_result"], "label", "Cast1", to=TensorProto.INT64)
    graph.output("label", TensorProto.INT64)
    graph.output("output_probability")
    network = graph.load()
    assert_two_layers(network, ["MatMul", "MatMul1"])
    expected = ("Softmax", "ArgMax", "ArrayFeatureExtractor", "Reshape", "ZipMap", "Cast")
    assert network.host_operators == expected
    assert_same(graph, network, X, "add_result1")


def test_scikit_learn_classifier_with_labels_of_text_and_a_scaler_before(graph):
    graph.input((None, 4))
    scaler = {"offset": [1.0, 0.5, -2.0, 0.0], "scale": [0.5, 4.0, 1.0, 0.25]}
    graph.node("Scaler", ["x"], "variable", "Scaler", domain="ai.onnx.ml", **scaler)
    scikit_learn(graph, "variable")
    graph.node("Softmax", ["add_result1"], "out_activations_result", "Relu1", axis=1)
    graph.node("Identity", ["out_activations_result"], "probabilities", "Identity")
    scikit_learn_labels(graph, "probabilities", ["a", "b", "c"], str)
    graph.output("reshaped_result", TensorProto.STRING)
    graph.output("probabilities")
    network = graph.load()
    assert network.host_operators == ("Softmax", "ArgMax", "ArrayFeatureExtractor", "Reshape")
    assert np.array_equal(network.layers[0].weight, W1 * scaler["scale"])
    assert_same(graph, network, X, "add_result1")


def test_scikit_learn_binary_classifier(graph):
    """A Sigmoid, whose complement is computed and concatenated, all on the host."""
    graph.input((None, 4))
    scikit_learn(graph)
    graph.weight("unity", 1)
    graph.node("Sigmoid", ["add_result1"], "out_activations_result", "Relu1")
    graph.node("Sub", ["unity", "out_activations_result"], "negative_class_proba", "Sub")
    graph.node("Concat", ["negative_class_proba", "out_activations_result"], "probabilities", "Concat", axis=1)
    graph.output("probabilities")
    network = graph.load()
    assert_two_layers(network, ["MatMul", "MatMul1"])
    assert network.host_operators == ("Sigmoid", "Sub", "Concat")


def test_scikit_learn_regressor(graph):
    """The outputs are reshaped to one column: dropped for one output, and for several left to the host."""
    graph.input((None, 4))
    scikit_learn(graph)
    graph.weight("shape_tensor", [-1, 1], np.int64)
    graph.node("Reshape", ["add_result1", "shape_tensor"], "variable", "Reshape")
    graph.output("variable")
    network = graph.load()
    assert_two_layers(network, ["MatMul", "MatMul1"])
    assert network.host_operators == ("Reshape",)
    graph.weight("narrow", [[2], [-1], [4]])
    del graph.nodes[-1], graph.outputs[:]
    graph.node("MatMul", ["add_result1", "narrow"], "m", "MatMul2")
    graph.node("Reshape", ["m", "shape_tensor"], "variable", "Reshape")
    graph.output("variable")
    network = graph.load()
    assert (network.outputs, network.host_operators) == (1, ())
    assert_same(graph, network, X, "variable")


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_weights_of_other_float_types_become_float64_exactly(graph, dtype):
    kind = TensorProto.FLOAT16 if dtype is np.float16 else TensorProto.DOUBLE
    graph.input(kind=kind)
    weight = np.random.default_rng(3).normal(size=(5, 4)).astype(dtype)
    graph.weight("fc.weight", weight, dtype)
    graph.node("Gemm", ["x", "fc.weight"], "y", transB=1)
    graph.output("y", kind)
    layer = graph.load().layers[0]
    assert layer.weight.dtype == np.float64
    assert np.array_equal(layer.weight, weight.astype(np.float64))
    assert np.array_equal(layer.bias, np.zeros(5))


def test_weights_listed_among_the_inputs(graph):
    """Exporters of IR version 3 list every weight as an input of the graph, too."""
    graph.input((1, 4), "fc.weight")
    graph.input()
    graph.weight("fc.weight", W1[:1])
    graph.node("Gemm", ["x", "fc.weight"], "y", transB=1)
    graph.output("y")
    network = graph.load()
    assert np.array_equal(network.layers[0].weight, W1[:1])


def test_a_compressed_file_gives_the_same_network(graph, tmp_path):
    pytorch_dynamo(graph)
    graph.output("linear_1")
    compressed = tmp_path / "lenet.onnx.gz"
    compressed.write_bytes(gzip.compress(graph.save().read_bytes()))
    network = load_onnx(compressed)
    assert network.name == "lenet"
    assert_two_layers(network, ["fc1", "fc2"])
