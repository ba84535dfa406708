"""Operators on feature maps, one by one, against onnx's own evaluator.

Values are small multiples of powers of two, so that float32 there and float64 here are both exact.
"""

import numpy as np
import pytest
from onnx import TensorProto

from eyrie.model.conv import ConvLayer
from eyrie.model.dense import DenseLayer
from eyrie.model.flatten import Flatten
from eyrie.model.pool import Pool

X = np.random.default_rng(1).integers(-4, 5, (3, 2, 7, 6)).astype(np.float32)
W = np.random.default_rng(2).integers(-2, 3, (4, 2, 3, 3))
B = np.array([1, -2, 0.5, 4])


def start(graph, x=X) -> None:
    graph.input(("batch", *x.shape[1:]))
    graph.weight("conv1.weight", W)
    graph.weight("conv1.bias", B)


def conv(graph, output="y", source="x", **attributes) -> str:
    return graph.node("Conv", [source, "conv1.weight", "conv1.bias"], output, **attributes)


def assert_same(graph, tensor="y", x=X, opset=20):
    """Load the graph, compare with onnx's evaluator and return the network's layers."""
    graph.output(tensor)
    network = graph.load(opset)
    assert network.input_shape == x.shape[1:]
    # Means alone are not exact: one division, rounded to float32.
    actual = network.forward(x).reshape(len(x), -1).astype(np.float32)
    assert np.array_equal(actual, graph.evaluate(x, tensor, opset))
    return network.layers


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "strides": [1, 1], "dilations": [1, 1], "group": 1},
        {"pads": [2, 0, 1, 3], "strides": [2, 1]},
        {"strides": [3, 2]},
        {"auto_pad": "VALID", "strides": [2, 2]},
        {"auto_pad": "NOTSET", "pads": [0, 1, 2, 0]},
        *(
            {"auto_pad": f"SAME_{end}", "strides": [i, j]}
            for end in ("UPPER", "LOWER")
            for i, j in ((1, 2), (2, 1), (3, 4))
        ),
    ],
)
def test_conv(graph, attributes):
    start(graph)
    conv(graph, **attributes)
    (layer,) = assert_same(graph)
    assert isinstance(layer, ConvLayer)
    assert layer.name == "conv1"
    assert layer.weight.tobytes() == W.astype(np.float64).tobytes()
    assert (layer.relu, layer.clip) == (False, None)


@pytest.mark.parametrize(("shape", "group"), [((4, 1, 3, 2), 2), ((2, 1, 3, 3), 2), ((6, 2, 1, 1), 1)])
def test_conv_with_groups_without_a_bias(graph, shape, group):
    graph.input(("batch", *X.shape[1:]))
    graph.weight("w", np.random.default_rng(3).integers(-2, 3, shape))
    graph.node("Conv", ["x", "w"], "y", "/features/conv/Conv", group=group)
    (layer,) = assert_same(graph)
    assert (layer.name, layer.groups, layer.channels) == (
        "/features/conv/Conv".strip("/").removesuffix("/Conv"),
        group,
        2,
    )
    assert not layer.bias.any()


@pytest.mark.parametrize("ceil_mode", [0, 1])
@pytest.mark.parametrize(
    "attributes",
    [
        {"kernel_shape": [2, 2], "strides": [2, 2]},
        {"kernel_shape": [3, 2]},
        {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]},
        {"kernel_shape": [3, 2], "strides": [2, 3], "pads": [2, 0, 1, 1]},
        {"kernel_shape": [2, 2], "strides": [3, 3]},
    ],
)
@pytest.mark.parametrize("operator", ["MaxPool", "AveragePool"])
def test_pooling(graph, operator, attributes, ceil_mode):
    start(graph)
    conv(graph, "c")
    graph.node(operator, ["c"], "y", "/pool1/" + operator, ceil_mode=ceil_mode, **attributes)
    *_, pool = assert_same(graph)
    assert isinstance(pool, Pool)
    assert (pool.name, pool.kernel) == ("pool1", tuple(attributes["kernel_shape"]))
    assert pool.kind == {"MaxPool": "max", "AveragePool": "average"}[operator]


@pytest.mark.parametrize("count_include_pad", [0, 1])
@pytest.mark.parametrize("auto_pad", ["SAME_UPPER", "SAME_LOWER", "NOTSET"])
def test_average_pooling_counts_its_padding_or_not(graph, auto_pad, count_include_pad):
    start(graph)
    conv(graph, "c")
    pads = {"pads": [1, 0, 1, 2]} if auto_pad == "NOTSET" else {}
    graph.node(
        *("AveragePool", ["c"], "y"),
        **{"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": auto_pad, "count_include_pad": count_include_pad},
        **pads,
    )
    *_, pool = assert_same(graph)
    assert pool.count_include_pad == bool(count_include_pad)


@pytest.mark.parametrize("kernel", [[3, 2], [2, 3], [1, 1]])
@pytest.mark.parametrize("auto_pad", ["SAME_UPPER", "SAME_LOWER", "VALID"])
def test_maximum_pooling_has_the_windows_of_average_pooling(graph, auto_pad, kernel):
    """Onnx's evaluator rounds the size of a maximum pooling with SAME down, against the operator set."""
    start(graph)
    conv(graph, "c")
    attributes = {"kernel_shape": kernel, "strides": [2, 3], "auto_pad": auto_pad}
    graph.node("AveragePool", ["c"], "y", **attributes)
    *_, average = assert_same(graph)
    graph.nodes[-1].op_type = "MaxPool"
    *_, largest = graph.load().layers
    assert (largest.kind, largest.window) == ("max", average.window)


def test_a_last_window_that_would_start_beyond_the_map_is_left_out(graph):
    """As operator set 19 says; before it nothing was said."""
    graph.input(("batch", 2, 4, 4))
    graph.weight("conv1.weight", W)
    graph.node("Conv", ["x", "conv1.weight"], "c")
    graph.node("MaxPool", ["c"], "y", kernel_shape=[1, 2], strides=[2, 3], pads=[0, 1, 0, 1], ceil_mode=1)
    *_, pool = assert_same(graph, x=X[:, :, :4, :4])
    assert pool.output_shape((4, 2, 2)) == (4, 1, 1)


@pytest.mark.parametrize(
    ("operator", "inputs", "attributes"),
    [
        ("GlobalAveragePool", ["c"], {}),
        ("ReduceMean", ["c", "axes"], {}),
        ("ReduceMean", ["c", "axes"], {"keepdims": 0}),
    ],
)
def test_global_average_pooling(graph, operator, inputs, attributes):
    graph.input(("batch", 2, 6, 10))
    graph.weight("w", W)
    graph.weight("axes", [-1, 2], np.int64)
    graph.node("Conv", ["x", "w"], "c")
    graph.node(operator, inputs, "y", **attributes)
    x = np.random.default_rng(4).integers(-4, 5, (3, 2, 6, 10)).astype(np.float32)
    *_, pool = assert_same(graph, x=x)
    assert (pool.kind, pool.kernel) == ("average", (4, 8))


@pytest.mark.parametrize("opset", [10, 20])
def test_padding_is_folded_into_the_convolution_that_follows(graph, opset):
    start(graph)
    pads = [0, 0, 1, 2, 0, 0, 3, 0]
    if opset == 10:
        graph.node("Pad", ["x"], "p", pads=pads, mode="constant")
    else:
        graph.weight("pads", pads, np.int64)
        graph.weight("zero", 0.0)
        graph.node("Pad", ["x", "pads", "zero"], "p")
    conv(graph, source="p", pads=[1, 0, 0, 1])
    (layer,) = assert_same(graph, opset=opset)
    assert layer.padding == (2, 2, 3, 1)


def test_padding_of_named_axes_and_twice_and_by_nothing(graph):
    start(graph)
    graph.weight("pads", [1, 2, 0, 3], np.int64)
    graph.weight("axes", [-1, 2], np.int64)
    graph.weight("nothing", [0] * 8, np.int64)
    graph.node("Pad", ["x", "pads", "", "axes"], "p")
    graph.node("Pad", ["p", "pads", "", "axes"], "q")
    conv(graph, "c", "q")
    graph.node("Pad", ["c", "nothing"], "n")
    graph.node("Relu", ["n"], "y")
    (layer,) = assert_same(graph)
    assert layer.padding == (4, 2, 6, 0)


@pytest.mark.parametrize(
    ("operator", "pool"), [("AveragePool", {"count_include_pad": 1}), ("AveragePool", {}), ("MaxPool", {})]
)
def test_padding_is_folded_into_the_pooling_that_follows(graph, operator, pool):
    start(graph)
    graph.weight("pads", [0, 0, 1, 1, 0, 0, 0, 1], np.int64)
    conv(graph, "c")
    graph.node("Relu", ["c"], "r")
    graph.node("Pad", ["r", "pads"], "p")
    graph.node(operator, ["p"], "y", kernel_shape=[2, 2], strides=[2, 2], **pool)
    *_, layer = assert_same(graph)
    assert layer.padding == (1, 1, 0, 1)


def test_batch_normalization_is_folded_into_the_convolution_before_it(graph):
    start(graph)
    conv(graph, "c", pads=[1, 1, 1, 1])
    for name, values in (
        ("g", [1, -2, 4, 0.5]),
        ("b", [0, 1, -1, 3]),
        ("m", [2, 0, -4, 1]),
        ("v", [0.75, 3.75, 0, 15.75]),
    ):
        graph.weight(name, values)
    graph.node("BatchNormalization", ["c", "g", "b", "m", "v"], "n", epsilon=0.25)
    graph.node("Relu", ["n"], "y")
    (layer,) = assert_same(graph)
    assert layer.relu
    scale = np.array([1, -2, 4, 0.5]) / [1, 2, 0.5, 4]
    assert np.array_equal(layer.weight, W * scale[:, None, None, None])
    assert np.array_equal(layer.bias, (B - [2, 0, -4, 1]) * scale + [0, 1, -1, 3])


CHANNELS = [[[0.5]], [[-2.0]], [[4.0]], [[1.0]]]


@pytest.mark.parametrize("constant", [CHANNELS, [CHANNELS], 0.5, [[[0.5]]], [[[[2.0]]]]])
@pytest.mark.parametrize("operator", ["Add", "Mul", "Sub", "Div"])
def test_a_constant_for_each_channel_or_for_all_is_folded(graph, operator, constant):
    start(graph)
    graph.weight("k", constant)
    conv(graph, "c")
    graph.node(operator, ["c", "k"], "y")
    (layer,) = assert_same(graph)
    assert isinstance(layer, ConvLayer)


@pytest.mark.parametrize("group", [1, 2])
def test_constants_are_folded_into_the_convolution_behind_them(graph, group):
    """The scaling of images, and the normalisation of what a ReLU and a pooling have left."""
    graph.input(("batch", 2, 7, 6))
    graph.weight("mean", [[[0.5]], [[-1]]])
    graph.weight("scale", [[[2]], [[-4]]])
    graph.weight("w", np.random.default_rng(5).integers(-2, 3, (6, 2 // group, 3, 3)))
    graph.node("Sub", ["x", "mean"], "s")
    graph.node("Mul", ["s", "scale"], "t")
    graph.node("Conv", ["t", "w"], "y", group=group)
    (layer,) = assert_same(graph)
    assert layer.bias.any()


def test_a_scale_is_folded_into_a_convolution_with_padding(graph):
    start(graph)
    graph.weight("scale", 0.125)
    graph.node("Mul", ["x", "scale"], "s")
    conv(graph, source="s", pads=[1, 1, 1, 1])
    assert_same(graph)


def test_a_constant_for_each_value_behind_a_flatten_goes_to_the_layer_after_it(graph):
    start(graph)
    rng = np.random.default_rng(6)
    graph.weight("k", rng.integers(-2, 3, 80))
    graph.weight("w", rng.integers(-2, 3, (80, 3)))
    conv(graph, "c")
    graph.node("Flatten", ["c"], "f")
    graph.node("Add", ["f", "k"], "a")
    graph.node("MatMul", ["a", "w"], "y")
    conv1, flatten, dense = assert_same(graph)
    assert np.array_equal(conv1.bias, B)
    assert isinstance(flatten, Flatten)
    assert isinstance(dense, DenseLayer)


@pytest.mark.parametrize("opset", [10, 20])
@pytest.mark.parametrize("high", [6.0, 2.0, None, 3.4028234663852886e38, np.inf])
def test_clip(graph, high, opset):
    start(graph)
    conv(graph, "c")
    if opset == 10:
        graph.node("Clip", ["c"], "y", min=0.0, **({} if high is None else {"max": high}))
    else:
        graph.weight("low", 0.0)
        graph.weight("high", 0.0 if high is None else high)
        graph.node("Clip", ["c", "low", *([] if high is None else ["high"])], "y")
    (layer,) = assert_same(graph, opset=opset)
    assert (layer.relu, layer.clip) == (True, high if high in (6.0, 2.0) else None)


def test_the_lower_of_two_limits_holds(graph):
    start(graph)
    for name, value in (("zero", 0.0), ("three", 3.0), ("six", 6.0)):
        graph.weight(name, value)
    conv(graph, "c")
    graph.node("Clip", ["c", "zero", "three"], "d")
    graph.node("Clip", ["d", "zero", "six"], "e")
    graph.node("Relu", ["e"], "y")
    (layer,) = assert_same(graph)
    assert layer.clip == 3.0


def test_a_relu_behind_a_maximum_pooling_belongs_to_the_convolution(graph):
    """PyTorch's tutorials write relu(max_pool2d(conv(x)))."""
    start(graph)
    conv(graph, "c")
    graph.node("MaxPool", ["c"], "p", kernel_shape=[2, 2], strides=[2, 2], pads=[0, 0, 1, 0])
    graph.node("Relu", ["p"], "y")
    conv1, pool = assert_same(graph)
    assert conv1.relu
    assert isinstance(pool, Pool)


@pytest.mark.parametrize(
    ("operator", "extra", "attributes"),
    [("Flatten", [], {}), ("Reshape", ["target"], {}), ("Reshape", ["whole"], {"allowzero": 1})],
)
def test_between_convolution_and_fully_connected_layer_stands_a_flatten(graph, operator, extra, attributes):
    start(graph)
    graph.weight("target", (0, -1), np.int64)
    graph.weight("whole", (-1, 80), np.int64)
    graph.weight("fc.weight", np.random.default_rng(7).integers(-2, 3, (3, 80)))
    conv(graph, "c")
    graph.node("Relu", ["c"], "r")
    graph.node(operator, ["r", *extra], "f", **attributes)
    graph.node("Gemm", ["f", "fc.weight"], "y", transB=1)
    assert [type(layer) for layer in assert_same(graph)] == [ConvLayer, Flatten, DenseLayer]


def test_what_changes_nothing_may_stand_between(graph):
    start(graph)
    graph.node("Cast", ["x"], "t", to=TensorProto.FLOAT)
    conv(graph, "c", "t")
    graph.node("Dropout", ["c"], "d")
    graph.node("MaxPool", ["d"], "p", kernel_shape=[2, 2])
    graph.weight("target", (0, 4, 4, 3), np.int64)
    graph.node("Reshape", ["p", "target"], "q")
    graph.node("Identity", ["q"], "y")
    assert [type(layer) for layer in assert_same(graph)] == [ConvLayer, Pool]


def test_rows_of_pixels_may_be_reshaped_to_images_in_front(graph):
    graph.input(("batch", 84))
    graph.weight("target", (-1, 2, 7, 6), np.int64)
    graph.weight("conv1.weight", W)
    graph.weight("half", 0.5)
    graph.node("Mul", ["x", "half"], "h")
    graph.node("Reshape", ["h", "target"], "i")
    graph.node("Conv", ["i", "conv1.weight"], "y")
    graph.output("y")
    network = graph.load()
    assert network.input_shape == (2, 7, 6)
    x = X.reshape(3, 84)
    assert np.array_equal(network.forward(X).reshape(3, -1), graph.evaluate(x, "y"))


def test_layers_of_one_name_are_numbered(graph):
    start(graph)
    conv(graph, "c")
    graph.node("MaxPool", ["c"], "p", "", kernel_shape=[2, 2])
    graph.weight("w", np.ones((1, 4, 1, 1)))
    graph.node("Conv", ["p", "w"], "p2", "p")
    graph.output("p2")
    assert [layer.name for layer in graph.load().layers] == ["conv1", "p", "p_2"]


# Each entry is a graph after input x (batch, 2, 7, 6), and the start of the refusal.
CONV = ("Conv", ["x", "conv1.weight", "conv1.bias"], "c", {})
RELU = ("Relu", ["c"], "r", {})
FLAT = ("Flatten", ["c"], "f", {})
REFUSED = {
    "one dimension": ([("Conv", ["x", "cube"], "y", {})], "Conv 'Conv_y' is a convolution with one dimension; only"),
    "three dimensions": (
        [("Conv", ["x", "five"], "y", {})],
        "Conv 'Conv_y' is a convolution with three dimensions; only",
    ),
    "a matrix as weight": (
        [("Conv", ["x", "matrix"], "y", {})],
        "Conv 'Conv_y' is a convolution with a weight of shape (80, 3); only those with two are supported",
    ),
    "weight is the activation": (
        [("Conv", ["conv1.weight", "x"], "y", {})],
        "Conv 'Conv_y': its weight 'x' must be a constant of a float type",
    ),
    "weight of integers": (
        [("Conv", ["x", "pads"], "y", {})],
        "Conv 'Conv_y': its weight 'pads' must be a constant of",
    ),
    "empty weight": (
        [("Conv", ["x", "empty"], "y", {})],
        "Conv 'Conv_y': its weight 'empty' has shape (0, 2, 3, 3); it",
    ),
    "weight with a NaN": (
        [("Conv", ["x", "nan"], "y", {})],
        "Conv 'Conv_y': its weight 'nan' holds a NaN or an infinity",
    ),
    "bias of another size": (
        [("Conv", ["x", "conv1.weight", "three"], "y", {})],
        "Conv 'Conv_y': its bias has shape (3,); 4 filters need (4,)",
    ),
    "bias of two dimensions": (
        [("Conv", ["x", "conv1.weight", "matrix"], "y", {})],
        "Conv 'Conv_y': its bias 'matrix' has shape (80, 3); it must have no size 0 and rank 1",
    ),
    "dilations": (
        [("Conv", ["x", "conv1.weight"], "y", {"dilations": [1, 2]})],
        "Conv 'Conv_y' has dilations [1, 2]; only 1 is supported, since kernels are kept without gaps",
    ),
    "dilated pooling": (
        [CONV, ("MaxPool", ["c"], "y", {"kernel_shape": [2, 2], "dilations": [2, 2]})],
        "MaxPool 'MaxPool_y' has dilations [2, 2]; only 1 is supported",
    ),
    "another kernel_shape": (
        [("Conv", ["x", "conv1.weight"], "y", {"kernel_shape": [3, 2]})],
        "Conv 'Conv_y' has a kernel_shape of [3, 2], but its weight has shape (4, 2, 3, 3)",
    ),
    "groups that do not divide the filters": (
        [("Conv", ["x", "conv1.weight"], "y", {"group": 3})],
        "Conv 'Conv_y' divides 4 filters into 3 groups, which is not possible",
    ),
    "no groups": (
        [("Conv", ["x", "conv1.weight"], "y", {"group": 0})],
        "Conv 'Conv_y' divides 4 filters into 0 groups",
    ),
    "other channels": (
        [("Conv", ["x", "conv1.weight"], "y", {"group": 2})],
        "Conv 'Conv_y' takes 4 channels (2 groups of 2), but samples have shape [2, 7, 6]",
    ),
    "stride of 0": (
        [("Conv", ["x", "conv1.weight"], "y", {"strides": [0, 1]})],
        "Conv 'Conv_y': stride must be two numbers (rows, columns), 1 or more, not (0, 1)",
    ),
    "stride of 0 with auto_pad": (
        [("Conv", ["x", "conv1.weight"], "y", {"strides": [0, 1], "auto_pad": "SAME_UPPER"})],
        "Conv 'Conv_y': stride must be two numbers (rows, columns), 1 or more, not (0, 1)",
    ),
    "strides of one dimension": (
        [("Conv", ["x", "conv1.weight"], "y", {"strides": [2]})],
        "Conv 'Conv_y': stride must be two numbers (rows, columns), 1 or more, not (2,)",
    ),
    "two pads": (
        [("Conv", ["x", "conv1.weight"], "y", {"pads": [1, 1]})],
        "Conv 'Conv_y': padding must be four numbers (top, left, bottom, right) from 0 to 1024, not (1, 1)",
    ),
    "negative pads": (
        [("Conv", ["x", "conv1.weight"], "y", {"pads": [0, 0, -1, 0]})],
        "Conv 'Conv_y': padding must be four numbers (top, left, bottom, right) from 0 to 1024, not (0, 0, -1, 0)",
    ),
    "huge pads": (
        [("Conv", ["x", "conv1.weight"], "y", {"pads": [0, 0, 2**62, 0]})],
        "Conv 'Conv_y': padding must be four numbers (top, left, bottom, right) from 0 to 1024, not",
    ),
    "pads and auto_pad": (
        [("Conv", ["x", "conv1.weight"], "y", {"pads": [1, 1, 1, 1], "auto_pad": "SAME_UPPER"})],
        "Conv 'Conv_y' has both pads and an auto_pad of SAME_UPPER; only one of them can be right",
    ),
    "an auto_pad that is not": (
        [("Conv", ["x", "conv1.weight"], "y", {"auto_pad": "SAME\nISH"})],
        "Conv 'Conv_y' has an auto_pad of 'SAME\\nISH', which ONNX does not know",
    ),
    "kernel larger than the map": (
        [CONV, ("MaxPool", ["c"], "y", {"kernel_shape": [6, 4]})],
        "MaxPool 'MaxPool_y': a kernel of 6 x 4 does not fit maps of 5 x 4, with padding 5 x 4",
    ),
    "pooling without a kernel": (
        [CONV, ("MaxPool", ["c"], "y", {})],
        "MaxPool 'MaxPool_y' has a kernel_shape of []; two sizes are needed",
    ),
    "pooling in one dimension": (
        [CONV, ("AveragePool", ["c"], "y", {"kernel_shape": [2]})],
        "AveragePool 'AveragePool_y' has a kernel_shape of [2]; two sizes are needed",
    ),
    "pooling of nothing but padding": (
        [CONV, ("MaxPool", ["c"], "y", {"kernel_shape": [2, 2], "pads": [0, 2, 0, 0]})],
        "MaxPool 'MaxPool_y' pads by [0, 2, 0, 0]; it must be less than the kernel of 2 x 2, or a window holds",
    ),
    "last means that are not defined": (
        [
            CONV,
            (
                *("AveragePool", ["c"], "y"),
                {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1, "count_include_pad": 1},
            ),
        ],
        "AveragePool 'AveragePool_y' rounds its size up (ceil_mode) and counts the padding (count_include_pad); ",
    ),
    "mean over channels": (
        [CONV, ("ReduceMean", ["c", "axes"], "y", {})],
        "ReduceMean 'ReduceMean_y' takes means over axes [1, 2]; only rows and columns, 2 and 3, fit",
    ),
    "mean over all": (
        [CONV, ("ReduceMean", ["c"], "y", {})],
        "ReduceMean 'ReduceMean_y' takes means over axes []; only rows and columns, 2 and 3, fit",
    ),
    "mean over rows twice": (
        [CONV, ("ReduceMean", ["c", "twice"], "y", {})],
        "ReduceMean 'ReduceMean_y' takes means over axes [2, -2]; only rows and columns, 2 and 3, fit",
    ),
    "flat samples": (
        [("Flatten", ["x"], "f", {}), ("Conv", ["f", "conv1.weight"], "y", {})],
        "Conv 'Conv_y' takes samples of shape (channels, rows, columns), not [84]",
    ),
    "reshaped maps": (
        [CONV, ("Reshape", ["c", "other"], "o", {}), ("MaxPool", ["o"], "y", {"kernel_shape": [2, 2]})],
        "MaxPool 'MaxPool_y' takes samples of shape [4, 4, 5], which the layer before gives as [4, 5, 4]; nothing may",
    ),
    "convolution behind a fully connected layer": (
        [
            CONV,
            FLAT,
            ("MatMul", ["f", "wide"], "m", {}),
            ("Reshape", ["m", "image"], "i", {}),
            ("Conv", ["i", "conv1.weight"], "y", {}),
        ],
        "Conv 'Conv_y' takes samples of shape [2, 5, 4], which the layer before gives as [40]; nothing may be reshaped",
    ),
    "transposed maps": (
        [("Transpose", ["x"], "t", {"perm": [0, 1, 3, 2]}), ("Conv", ["t", "conv1.weight"], "y", {})],
        "Transpose 'Transpose_t' transposes samples of shape [2, 7, 6] by [0, 1, 3, 2], which would reorder values, "
        "but Conv 'Conv_y' follows",
    ),
    "padding by another value": (
        [("Pad", ["x", "pads", "one"], "p", {}), ("Conv", ["p", "conv1.weight"], "y", {})],
        "Pad 'Pad_p' pads with another value than zero, which is not supported",
    ),
    "padding by reflection": (
        [("Pad", ["x", "pads"], "p", {"mode": "reflect"}), ("Conv", ["p", "conv1.weight"], "y", {})],
        "Pad 'Pad_p' pads in mode 'reflect'; only 'constant' with zeros is supported",
    ),
    "padding of channels": (
        [("Pad", ["x", "channels"], "p", {})],
        "Pad 'Pad_p' pads samples or channels by [0, 1, 0, 0, 0, 0, 0, 0]; only rows and columns can be padded",
    ),
    "padding of too few axes": (
        [("Pad", ["x", "other"], "p", {})],
        "Pad 'Pad_p' has pads [-1, 4, 4, 5] for axes [0, 1, 2, 3]; each axis needs two",
    ),
    "padding of an axis that is not": (
        [("Pad", ["x", "other", "", "far"], "p", {})],
        "Pad 'Pad_p' has pads [-1, 4, 4, 5] for axes [2, 4]; each axis needs two",
    ),
    "negative padding": (
        [("Pad", ["x", "cut"], "p", {}), ("Conv", ["p", "conv1.weight"], "y", {})],
        "Pad 'Pad_p': padding must be four numbers (top, left, bottom, right) from 0 to 1024, not (0, -1, 0, 0)",
    ),
    "padding at the end": (
        [CONV, ("Pad", ["c", "pads"], "y", {})],
        "Pad 'Pad_y' must be directly followed by a convolution or pooling",
    ),
    "padding before something else": (
        [CONV, ("Pad", ["c", "pads"], "p", {}), ("Relu", ["p"], "y", {})],
        "Pad 'Pad_p' must be directly followed by a convolution or pooling",
    ),
    "padding before a maximum of negative values": (
        [CONV, ("Pad", ["c", "pads"], "p", {}), ("MaxPool", ["p"], "y", {"kernel_shape": [2, 2]})],
        "Pad 'Pad_p' comes before the maximum pooling 'MaxPool_y', where its zeros could be the largest values",
    ),
    "padding before a mean that does not count its own": (
        [
            CONV,
            ("Pad", ["c", "pads"], "p", {}),
            ("AveragePool", ["p"], "y", {"kernel_shape": [3, 3], "pads": [1, 0, 0, 0]}),
        ],
        "Pad 'Pad_p' comes before the average pooling 'AveragePool_y', which counts these zeros but not its own",
    ),
    "constant that differs within a map": (
        [CONV, ("Add", ["c", "row"], "y", {})],
        "Add 'Add_y' has no layer directly before or after it to be folded into (a convolution takes one value",
    ),
    "constant for each column, as many as channels": (
        [CONV, ("Add", ["c", "four"], "y", {})],
        "Add 'Add_y' has no layer directly before or after it to be folded into (a convolution takes one value",
    ),
    "shift in front of padding": (
        [("Add", ["x", "one"], "a", {}), ("Conv", ["a", "conv1.weight"], "y", {"pads": [0, 0, 0, 1]})],
        "Add 'Add_a' shifts the inputs of the convolution 'conv1', but not the zeros of its padding; it can be folded",
    ),
    "scale between relu and pooling": (
        [CONV, RELU, ("Mul", ["r", "two"], "m", {}), ("MaxPool", ["m"], "y", {"kernel_shape": [2, 2]})],
        "Mul 'Mul_m' has no layer directly before or after it to be folded into",
    ),
    "relu behind a mean": (
        [CONV, ("GlobalAveragePool", ["c"], "g", {}), ("Relu", ["g"], "y", {})],
        "Relu 'Relu_y' follows the average pooling 'GlobalAveragePool_g'; it must follow a layer with weights",
    ),
    "relu behind a pooling of the input": (
        [("MaxPool", ["x"], "p", {"kernel_shape": [2, 2]}), ("Relu", ["p"], "r", {})],
        "Relu 'Relu_r' comes before the first layer with weights; it must follow one",
    ),
    "clip that is no relu": (
        [CONV, ("Clip", ["c", "one", "two"], "y", {})],
        "Clip 'Clip_y' limits values to 1 below and 2 above; only 0 below, and a limit over 0 or none",
    ),
    "clip to nothing": (
        [CONV, ("Clip", ["c", "zero", "zero"], "y", {})],
        "Clip 'Clip_y' limits values to 0 below and 0",
    ),
    "clip to NaN": ([CONV, ("Clip", ["c", "zero", "nan1"], "y", {})], "Clip 'Clip_y' limits values to 0 below and nan"),
    "clip without a limit": (
        [CONV, ("Clip", ["c"], "y", {})],
        "Clip 'Clip_y' limits values to -inf below and inf above",
    ),
    "clip by a list": (
        [CONV, ("Clip", ["c", "three"], "y", {})],
        "Clip 'Clip_y': its min must be one constant number of a float type",
    ),
    "relu6 behind a fully connected layer": (
        [CONV, FLAT, ("MatMul", ["f", "matrix"], "m", {}), ("Clip", ["m", "zero", "two"], "y", {})],
        "Clip 'Clip_y' limits the outputs of the fully connected layer 'MatMul_m' to 2; an upper limit is",
    ),
    "no layer with weights": (
        [("MaxPool", ["x"], "y", {"kernel_shape": [2, 2]})],
        "the graph has no convolutional or fully connected layer (Conv, Gemm or MatMul)",
    ),
    "a sum of branches": (
        [CONV, RELU, ("Add", ["c", "r"], "y", {})],
        "Add 'Add_y' joins branches; the network must be one chain of layers",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_named(graph, case):
    nodes, message = REFUSED[case]
    start(graph)
    for name, values in (
        ("cube", np.ones((4, 2, 3))),
        ("five", np.ones((4, 2, 3, 3, 3))),
        ("matrix", np.ones((80, 3))),
        ("wide", np.ones((80, 40))),
        ("empty", np.ones((0, 2, 3, 3))),
        ("nan", np.full((4, 2, 3, 3), np.nan)),
        ("nan1", np.nan),
        ("zero", 0.0),
        ("one", 1.0),
        ("two", 2.0),
        ("three", np.ones(3)),
        ("four", np.arange(4.0)),
        ("row", np.ones((5, 1))),
    ):
        graph.weight(name, values)
    for name, values in (
        ("axes", [1, 2]),
        ("twice", [2, -2]),
        ("far", [2, 4]),
        ("other", [-1, 4, 4, 5]),
        ("image", [-1, 2, 5, 4]),
        ("pads", [0, 0, 1, 1, 0, 0, 1, 1]),
        ("channels", [0, 1, 0, 0, 0, 0, 0, 0]),
        ("cut", [0, 0, 0, -1, 0, 0, 0, 0]),
    ):
        graph.weight(name, values, np.int64)
    for operator, inputs, output, attributes in nodes:
        graph.node(operator, inputs, output, **attributes)
    graph.output(nodes[-1][2])
    assert graph.refusal().startswith(message)


def test_indices_of_the_largest_values_are_refused(graph):
    start(graph)
    graph.node("MaxPool", ["x"], "y", kernel_shape=[2, 2])
    graph.nodes[-1].output.append("indices")
    graph.output("y")
    assert graph.refusal() == "MaxPool 'MaxPool_y' also gives the indices of the largest values, which is not supported"


def test_an_open_size_is_refused(graph):
    graph.input(("batch", 2, "rows", 6))
    graph.weight("w", W)
    graph.node("Conv", ["x", "w"], "y")
    graph.output("y")
    assert (
        graph.refusal()
        == "Conv 'Conv_y' needs the shape of its input, which is open; export the model with a fixed one"
    )


@pytest.mark.parametrize("operator", ["Conv", "GlobalAveragePool", "MaxPool"])
def test_a_claimed_image_size_allocates_nothing(graph, operator):
    """A terabyte of pixels costs nothing before somebody brings one."""
    graph.input(("batch", 2, 10**6, 10**6))
    graph.weight("w", W)
    graph.node("Conv", ["x", "w"], "c", strides=[2**62, 1])
    if operator != "Conv":
        graph.node(operator, ["c"], "y", **({"kernel_shape": [1, 10**5]} if operator == "MaxPool" else {}))
    graph.output("c" if operator == "Conv" else "y")
    assert graph.load().shapes[1] == (4, 1, 10**6 - 2)
