"""Operators that leave an activation's values as they are and at most change its shape.

Every function takes the node, its operands and the batch size that the model fixes (None where it does not), and
returns the shape of a sample after it. They raise MovesValues, with the node's name, where samples or values would
move, and InputError where the operator is not valid or the shape is needed and not known.
"""

from collections.abc import Callable, Sequence

import numpy as np

from eyrie.errors import InputError
from eyrie.model.layer import Shape
from eyrie.model.onnx_constants import axes_of, integers_of
from eyrie.model.onnx_node import Node
from eyrie.model.onnx_operands import Activation, Operand
from eyrie.model.onnx_read import FLOAT_TYPES, type_name
from eyrie.model.onnx_shapes import BATCH, MovesValues, flattened, reshaped, squeezed, transposed, unsqueezed

View = Callable[[Node, Sequence[Operand], int | None], Shape | None]


def shape_constant(node: Node, activation: Activation, batch: int | None) -> np.ndarray:
    """The constant that Shape computes, with ``BATCH`` in the place of a batch size that is not fixed."""
    if activation.shape is None:
        raise InputError(f"{node.label} needs the shape of its input, which is open")
    sizes = (BATCH if batch is None else batch, *activation.shape)
    end = node.integer("end", len(sizes))
    return np.array(sizes[node.integer("start", 0) : end], dtype=np.int64)


def _identity(node: Node, operands: Sequence[Operand], batch: int | None) -> Shape | None:
    return _shape(node, operands)


def _cast(node: Node, operands: Sequence[Operand], batch: int | None) -> Shape | None:
    if node.integer("to", 0) not in FLOAT_TYPES:
        raise MovesValues(f"{node.label} turns activations into {type_name(node.integer('to', 0))}")
    return _shape(node, operands)


def _dropout(node: Node, operands: Sequence[Operand], batch: int | None) -> Shape | None:
    if len(operands) > 2 and operands[2] is not None and any(integers_of(node, operands[2])):
        raise InputError(f"{node.label} must be exported for inference (training_mode false)")
    return _shape(node, operands)


def _flatten(node: Node, operands: Sequence[Operand], batch: int | None) -> Shape | None:
    axis, shape = node.integer("axis", 1), _shape(node, operands)
    return None if shape is None and axis == 1 else _moved(node, shape, lambda known: flattened(known, axis))


def _reshape(node: Node, operands: Sequence[Operand], batch: int | None) -> Shape | None:
    target, allow_zero = integers_of(node, operands[1]), bool(node.integer("allowzero", 0))
    return _moved(node, _shape(node, operands), lambda known: reshaped(known, batch, target, allow_zero))


def _squeeze(node: Node, operands: Sequence[Operand], batch: int | None) -> Shape | None:
    axes = axes_of(node, operands)
    return _moved(node, _shape(node, operands), lambda known: squeezed(known, axes))


def _unsqueeze(node: Node, operands: Sequence[Operand], batch: int | None) -> Shape | None:
    axes = axes_of(node, operands) or ()
    return _moved(node, _shape(node, operands), lambda known: unsqueezed(known, axes))


def _transpose(node: Node, operands: Sequence[Operand], batch: int | None) -> Shape | None:
    permutation = node.integers("perm")
    return _moved(node, _shape(node, operands), lambda known: transposed(known, permutation))


VIEW_OPERATORS: dict[str, View] = {
    "Cast": _cast,
    "Dropout": _dropout,
    "Flatten": _flatten,
    "Identity": _identity,
    "Reshape": _reshape,
    "Squeeze": _squeeze,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
"""Operators that are dropped where they move nothing."""


def _shape(node: Node, operands: Sequence[Operand]) -> Shape | None:
    operand = operands[0]
    if not isinstance(operand, Activation):
        raise InputError(f"{node.label} takes the activation elsewhere than as its first input")
    return operand.shape


def _moved(node: Node, shape: Shape | None, change: Callable[[Shape], Shape]) -> Shape:
    if shape is None:
        raise InputError(f"{node.label} needs the shape of its input, which is open")
    try:
        return change(shape)
    except MovesValues as error:
        raise MovesValues(f"{node.label} {error}") from error
