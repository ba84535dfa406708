"""Import of feed-forward networks from ONNX, as PyTorch, Keras and scikit-learn exporters write them.

The graph is walked once, in order. It must be a chain: each node takes the activation from the one before it, and
constants otherwise. Nodes after the last layer (Softmax, ArgMax, labels) are left to the host and only recorded.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from onnx import GraphProto, TensorProto

from eyrie.errors import InputError
from eyrie.files import read_bytes
from eyrie.model.conv import ConvLayer
from eyrie.model.dense import DenseLayer
from eyrie.model.fold import fold_to_layers
from eyrie.model.layer import Layer, Shape
from eyrie.model.network import Network
from eyrie.model.onnx_constants import CONSTANT_OPERATORS, constant_of, fold_constant
from eyrie.model.onnx_graph import graph_input, needed_nodes, opset_versions
from eyrie.model.onnx_node import Node
from eyrie.model.onnx_operands import Activation, Operand
from eyrie.model.onnx_operators import COMPUTING_OPERATORS
from eyrie.model.onnx_read import parse_model, quoted, read_tensor, text_of
from eyrie.model.onnx_shapes import MovesValues
from eyrie.model.onnx_views import VIEW_OPERATORS, shape_constant
from eyrie.model.steps import Affine, Relu, Step

HOST_OPERATORS = frozenset(
    {
        "ArgMax",
        "LogSoftmax",
        "Sigmoid",
        "Softmax",
        "ai.onnx.ml.ArrayFeatureExtractor",
        "ai.onnx.ml.Binarizer",
        "ai.onnx.ml.Normalizer",
        "ai.onnx.ml.ZipMap",
    }
)
"""Operators that only the host computes, after the last layer."""

_AFTER_HOST_OPERATORS = HOST_OPERATORS | VIEW_OPERATORS.keys() | {"Add", "Concat", "Div", "Mul", "Sub"}
_NETWORK_OPERATORS = COMPUTING_OPERATORS.keys() | VIEW_OPERATORS.keys()
_CONSTANT_OPERATORS = CONSTANT_OPERATORS.keys() | {"Constant", "Shape"}


class _Host:
    """What the host computes: known by name, never looked into."""


_Value = TensorProto | np.ndarray | Activation | _Host


def load_onnx(path: Path) -> Network[Layer]:
    """Read a feed-forward network from an ``.onnx`` file, or one that is compressed with gzip.

    The layers are convolutions and poolings of images, if any, then fully connected ones, if any, with a `Flatten`
    between. Inputs of a fully connected network that have more dimensions than (samples, inputs) are taken in the order
    in which a Flatten leaves them; those of a convolutional one are (channels, rows, columns) as its first layer takes
    them. Bias, BatchNormalization, constants that are added or multiplied and padding are folded into the layers; a
    weight into which no scale is folded is exactly the value in the file. The network is named after the file.

    Parameters
    ----------
    path : Path
        The model. Weights in a second file must be in its folder.

    Raises
    ------
    InputError
        With the path, and the node or tensor where one is at fault: what cannot be read, is not ONNX, is cut or
        inconsistent, has an operator that is not supported, or is not a chain of layers.
    """
    data = read_bytes(path)
    try:
        return _import(parse_model(data), path)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _import(model: onnx.ModelProto, path: Path) -> Network[Layer]:
    walk = _Walk(model.graph, opset_versions(model), path.parent)
    for node in needed_nodes(model.graph):
        walk.visit(node)
    walk.check_outputs([text_of(output.name) for output in model.graph.output])
    layers = fold_to_layers(walk.steps)
    if not any(isinstance(layer, ConvLayer | DenseLayer) for layer in layers):
        raise InputError("the graph has no convolutional or fully connected layer (Conv, Gemm or MatMul)")
    return Network(
        name=path.name.removesuffix(".gz").removesuffix(".onnx"),
        layers=_with_unique_names(layers),
        input_shape=() if isinstance(layers[0], DenseLayer) else walk.image_shape,
        host_operators=tuple(walk.host_operators),
    )


class _Walk:
    """The values known so far, the steps of the network, and the operators that are left to the host."""

    def __init__(self, graph: GraphProto, opsets: dict[str, int], folder: Path) -> None:
        name, self.batch, shape = graph_input(graph)
        self.opsets = opsets
        self.folder = folder
        self.steps: list[Step] = []
        # Shape of a sample as the first layer takes it.
        self.image_shape: Shape = ()
        self.host_operators: list[str] = []
        self.values: dict[str, _Value] = {}
        # Why nothing but the host can follow, once that is so.
        self.host_reason = ""
        for sparse in graph.sparse_initializer:
            raise InputError(f"tensor {quoted(sparse.values.name)} is stored as a sparse tensor; store it dense")
        for tensor in graph.initializer:
            self._define(text_of(tensor.name), tensor, "the graph")
        self._define(name, Activation(shape=shape, position=0), "the graph")

    def visit(self, node: Node) -> None:
        """Take the next node into the network, among the constants, or to the host."""
        if node.operator not in _NETWORK_OPERATORS | _CONSTANT_OPERATORS | HOST_OPERATORS:
            raise InputError(f"{node.label} is not supported; {_supported()}")
        values = [self._value(name, node) if name else None for name in node.inputs]
        if node.operator not in HOST_OPERATORS:
            node.check(self.opsets)
        if any(isinstance(value, _Host) for value in values):
            self._leave_to_host(node)
        elif not any(isinstance(value, Activation) for value in values):
            self._define_output(node, self._constant(node, values))
        else:
            self._take(node, values)

    def check_outputs(self, names: Sequence[str]) -> None:
        """Check that every output of the graph comes from the end of the chain."""
        if not names:
            raise InputError("the graph has no output")
        for name in names:
            value = self.values.get(name)
            if value is None:
                raise InputError(f"output {quoted(name)} of the graph is not computed by any node")
            if isinstance(value, TensorProto | np.ndarray):
                raise InputError(f"output {quoted(name)} of the graph does not depend on its input")
            if isinstance(value, Activation) and value.position != len(self.steps):
                raise InputError(f"output {quoted(name)} of the graph branches off before the last layer")

    def _take(self, node: Node, values: Sequence[_Value | None]) -> None:
        activations = [value for value in values if isinstance(value, Activation)]
        if len(activations) > 1:
            raise InputError(f"{node.label} joins branches; the network must be one chain of layers")
        activation = activations[0]
        if node.operator == "Shape":
            self._define_output(node, shape_constant(node, activation, self.batch))
            return
        if activation.position != len(self.steps):
            raise InputError(f"{node.label} starts a second branch; the network must be one chain of layers")
        if node.operator in HOST_OPERATORS:
            self._leave_to_host(node, f"{node.label} is left to the host and must come after the last layer")
            return
        operands: list[Operand] = [self._operand(node, i, value) for i, value in enumerate(values)]
        if node.operator in VIEW_OPERATORS:
            try:
                shape = VIEW_OPERATORS[node.operator](node, operands, self.batch)
            except MovesValues as reason:
                # An error only if a layer follows: the host may do anything with the outputs.
                self._leave_to_host(node, str(reason))
            else:
                self._define_output(node, replace(activation, shape=shape))
        elif node.operator in COMPUTING_OPERATORS:
            if self.host_reason:
                raise InputError(f"{self.host_reason}, but {node.label} follows")
            step, shape = COMPUTING_OPERATORS[node.operator](node, operands)
            self.steps.append(step)
            given = activation.given
            if not isinstance(step, Affine | Relu):
                if given is None:
                    self.image_shape = activation.shape or ()
                given = shape
            self._define_output(node, Activation(shape=shape, position=len(self.steps), given=given))
        else:
            raise InputError(f"{node.label} is supported on constants only, not on activations")

    def _leave_to_host(self, node: Node, reason: str = "") -> None:
        if node.operator not in _AFTER_HOST_OPERATORS:
            raise InputError(f"{self.host_reason}, but {node.label} follows")
        self.host_reason = self.host_reason or reason
        if node.operator != "Identity":
            self.host_operators.append(node.operator.rpartition(".")[2])
        for name in filter(None, node.outputs):
            self._define(name, _Host(), node.label)

    def _constant(self, node: Node, values: Sequence[_Value | None]) -> np.ndarray:
        if node.operator == "Constant":
            return constant_of(node, self.folder)
        if node.operator not in CONSTANT_OPERATORS:
            raise InputError(f"{node.label} has only constants as inputs, where an activation is needed")
        operands = [self._operand(node, i, value) for i, value in enumerate(values)]
        return fold_constant(node, [operand for operand in operands if not isinstance(operand, Activation)])

    def _value(self, name: str, node: Node) -> _Value:
        if name not in self.values:
            raise InputError(
                f"{node.label} uses {quoted(name)}, which no node before it computes; the graph has a loop or is cut"
            )
        return self.values[name]

    def _operand(self, node: Node, index: int, value: _Value | None) -> Operand:
        if isinstance(value, TensorProto):
            value = self.values[node.inputs[index]] = read_tensor(value, self.folder)
        assert not isinstance(value, _Host), "nodes on values of the host are left to it before"
        return value

    def _define_output(self, node: Node, value: _Value) -> None:
        self._define(node.outputs[0], value, node.label)

    def _define(self, name: str, value: _Value, where: str) -> None:
        if name in self.values:
            raise InputError(f"{where} defines {quoted(name)} a second time")
        self.values[name] = value


def _supported() -> str:
    def listed(operators: frozenset[str] | set[str]) -> str:
        return ", ".join(sorted(operators))

    return (
        f"supported are {listed({*_NETWORK_OPERATORS})}; on constants {listed({*_CONSTANT_OPERATORS})}; "
        f"after the last layer, left to the host, {listed(HOST_OPERATORS)}"
    )


def _with_unique_names(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    seen: set[str] = set()
    unique: list[Layer] = []
    for layer in layers:
        name, count = layer.name, 1
        while name in seen:
            count += 1
            name = f"{layer.name}_{count}"
        seen.add(name)
        unique.append(replace(layer, name=name))
    return tuple(unique)
