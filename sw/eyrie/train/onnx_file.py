"""A trained network as an ONNX file."""

import onnx
from onnx import TensorProto, helper, numpy_helper

from eyrie.train.network import Network

OPSET = 17
IR_VERSION = 8
"""The first file format that knows `OPSET`; readers of every later one accept it."""


def to_onnx(network: Network, name: str) -> bytes:
    """The network as ONNX: ``Gemm`` and ``Relu`` nodes, one file, weights as they are, bit for bit.

    The input ``image`` is float (batch, inputs), the output ``scores`` float (batch, outputs). The ``Gemm`` nodes have
    the names of the layers, their weights are (outputs, inputs) with ``transB=1`` as PyTorch writes them. The same
    network and ONNX version give the same bytes.
    """
    first, last = network.layers[0], network.layers[-1]
    nodes = []
    weights = []
    value = "image"
    for number, layer in enumerate(network.layers, start=1):
        output = "scores" if layer is last else layer.name
        weights += [
            numpy_helper.from_array(layer.weight, f"{layer.name}.weight"),
            numpy_helper.from_array(layer.bias, f"{layer.name}.bias"),
        ]
        nodes.append(
            helper.make_node(
                "Gemm",
                [value, f"{layer.name}.weight", f"{layer.name}.bias"],
                [output],
                name=layer.name,
                transB=1,
            )
        )
        value = output
        if layer is not last:
            value = f"relu{number}"
            nodes.append(helper.make_node("Relu", [output], [value], name=value))
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", first.weight.shape[1]])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", last.weight.shape[0]])],
        weights,
    )
    model = helper.make_model(
        graph, producer_name="eyrie", ir_version=IR_VERSION, opset_imports=[helper.make_opsetid("", OPSET)]
    )
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)
