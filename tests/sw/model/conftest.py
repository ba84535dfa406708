"""Building ONNX graphs as exporters write them, and evaluating them independently."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from eyrie.errors import InputError
from eyrie.model.network import Network
from eyrie.model.onnx_import import load_onnx


class GraphBuilder:
    """An ONNX graph that grows node by node."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.inputs: list[onnx.ValueInfoProto] = []
        self.outputs: list[onnx.ValueInfoProto] = []
        self.weights: list[TensorProto] = []
        self.nodes: list[onnx.NodeProto] = []

    def input(self, shape=("batch", 4), name="x", kind=TensorProto.FLOAT) -> str:
        self.inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def weight(self, name: str, values, dtype=np.float32) -> str:
        self.weights.append(numpy_helper.from_array(np.asarray(values, dtype=dtype), name))
        return name

    def node(self, operator: str, inputs, output: str, name: str | None = None, **attributes) -> str:
        name = f"{operator}_{output}" if name is None else name
        self.nodes.append(helper.make_node(operator, inputs, [output], name=name, **attributes))
        return output

    def output(self, name: str, kind=TensorProto.FLOAT) -> None:
        self.outputs.append(helper.make_tensor_value_info(name, kind, None))

    def model(self, opset=20) -> onnx.ModelProto:
        graph = helper.make_graph(self.nodes, "main_graph", self.inputs, self.outputs, self.weights)
        opsets = [helper.make_opsetid("", opset)]
        if any(node.domain == "ai.onnx.ml" for node in self.nodes):
            opsets.append(helper.make_opsetid("ai.onnx.ml", 1))
        return helper.make_model(graph, opset_imports=opsets, ir_version=10)

    def save(self, name="net.onnx", opset=20) -> Path:
        path = self.folder / name
        path.write_bytes(self.model(opset).SerializeToString())
        return path

    def load(self, opset=20) -> Network:
        return load_onnx(self.save(opset=opset))

    def refusal(self, opset=20) -> str:
        """The one line with which the import refuses the graph, without the path in front."""
        return refusal(self.save(opset=opset))

    def evaluate(self, x: np.ndarray, tensor: str, opset=20) -> np.ndarray:
        """Value of a tensor by onnx's own evaluator, one row a sample; the nodes after it are left out."""
        model = self.model(opset)
        last = next(i for i, node in enumerate(model.graph.node) if tensor in node.output)
        del model.graph.node[last + 1 :]
        del model.graph.output[:]
        model.graph.output.append(helper.make_tensor_value_info(tensor, TensorProto.FLOAT, None))
        (value,) = ReferenceEvaluator(model).run(None, {self.inputs[0].name: x})
        return value.reshape(len(x), -1)


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        load_onnx(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: "), message
    assert len(message.splitlines()) == 1, message
    return message.removeprefix(f"{path}: ")


@pytest.fixture
def graph(tmp_path: Path) -> GraphBuilder:
    return GraphBuilder(tmp_path)


@pytest.fixture(name="refusal")
def refusal_fixture():
    """A function that gives the one line with which the import refuses a file."""
    return refusal
