"""A trained network as an ONNX file."""

from typing import Any

import onnx
from onnx import TensorProto, helper, numpy_helper

from eyrie.train.network import Network

OPSET = 17
IR_VERSION = 8
"""The first file format that knows `OPSET`; readers of every later one accept it."""


def to_onnx(network: Network, name: str) -> bytes:
    """The network as ONNX: ``Gemm``, ``Conv``, ``MaxPool`` and ``Relu`` nodes, one file, weights bit for bit.

    The input ``image`` is float (batch, inputs), or (batch, channels, rows, columns) if the first layer is a
    convolution; the output ``scores`` is float (batch, outputs). ``Conv`` and ``Gemm`` nodes have the names of the
    layers; the weights of the latter are (outputs, inputs) with ``transB=1`` as PyTorch writes them. The same network
    and ONNX version give the same bytes.
    """
    first, last = network.layers[0], network.layers[-1]
    nodes: list[onnx.NodeProto] = []
    weights = []
    value = "image"

    def then(operator: str, output: str, *constants: str, name: str = "", **attributes: Any) -> None:
        nonlocal value
        nodes.append(helper.make_node(operator, [value, *constants], [output], name=name or output, **attributes))
        value = output

    flat = not first.is_convolution
    for number, layer in enumerate(network.layers, start=1):
        arrays = {f"{layer.name}.weight": layer.weight, f"{layer.name}.bias": layer.bias}
        weights += [numpy_helper.from_array(array, constant) for constant, array in arrays.items()]
        if not (flat or layer.is_convolution):
            then("Flatten", "flatten", axis=1)
            flat = True
        output = "scores" if layer is last else layer.name
        if layer.is_convolution:
            then("Conv", output, *arrays, name=layer.name, kernel_shape=layer.weight.shape[2:])
        else:
            then("Gemm", output, *arrays, name=layer.name, transB=1)
        if layer is not last:
            then("Relu", f"relu{number}")
        if layer.pool > 1:
            window = [layer.pool, layer.pool]
            then("MaxPool", f"pool{number}", kernel_shape=window, strides=window)
    image = network.image_shape or first.weight.shape[1:]
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", *image])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", last.weight.shape[0]])],
        weights,
    )
    model = helper.make_model(
        graph, producer_name="eyrie", ir_version=IR_VERSION, opset_imports=[helper.make_opsetid("", OPSET)]
    )
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)
