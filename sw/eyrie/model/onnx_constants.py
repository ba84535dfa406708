"""Constants of an ONNX graph, and the operators that exporters apply to constants alone.

Weights are stored transposed or behind an Identity, and the target of a Reshape is computed from the shape of an
activation; all of that is known at import. Values are float64 or int64.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from onnx import AttributeProto, helper

from eyrie.errors import InputError
from eyrie.model.onnx_node import Node
from eyrie.model.onnx_read import FLOAT_TYPES, INTEGER_TYPES, MAX_RANK, read_tensor, type_name
from eyrie.model.onnx_shapes import BATCH

Operands = Sequence[np.ndarray | None]


def constant_of(node: Node, folder: Path) -> np.ndarray:
    """Value of a Constant node.

    Raises
    ------
    InputError
        Naming the node, if it holds something else than numbers or a tensor that :func:`read_tensor` refuses.
    """
    if len(node.attributes) == 1:
        attribute = next(iter(node.attributes.values()))
        if attribute.type == AttributeProto.TENSOR:
            return read_tensor(attribute.t, folder)
        if attribute.type == AttributeProto.FLOAT:
            return np.array(attribute.f, dtype=np.float64)
        if attribute.type == AttributeProto.FLOATS:
            return np.array(attribute.floats, dtype=np.float64)
        if attribute.type == AttributeProto.INT:
            return np.array(attribute.i, dtype=np.int64)
        if attribute.type == AttributeProto.INTS:
            return np.array(attribute.ints, dtype=np.int64)
    raise InputError(f"{node.label} must hold one tensor or one list of numbers")


def fold_constant(node: Node, operands: Operands) -> np.ndarray:
    """Apply an operator of ``CONSTANT_OPERATORS`` to constants.

    Raises
    ------
    InputError
        Naming the node, if the values do not fit the operator.
    """
    try:
        return CONSTANT_OPERATORS[node.operator](node, operands)
    except (ValueError, IndexError, OverflowError) as error:
        raise InputError(f"{node.label} does not fit its constants: {' '.join(str(error).split())}") from None


def axes_of(node: Node, operands: Sequence[object]) -> tuple[int, ...] | None:
    """Axes of a Squeeze or Unsqueeze: an attribute before operator set 13, an input since; None if not given.

    Raises
    ------
    InputError
        Naming the node, if the input is not a constant list of integers.
    """
    if len(operands) > 1 and operands[1] is not None:
        return integers_of(node, operands[1])
    return node.integers("axes")


def integers_of(node: Node, value: object) -> tuple[int, ...]:
    """Check that an operand is a constant list of integers, such as the target of a Reshape.

    Raises
    ------
    InputError
        Naming the node otherwise.
    """
    if not isinstance(value, np.ndarray) or value.dtype != np.int64 or value.ndim > 1 or value.size > MAX_RANK:
        raise InputError(f"{node.label} needs a constant list of at most {MAX_RANK} integers")
    return tuple(int(item) for item in value.reshape(-1))


def _first(operands: Operands) -> np.ndarray:
    assert operands[0] is not None, "the schema makes the first input mandatory"
    return operands[0]


def _identity(node: Node, operands: Operands) -> np.ndarray:
    return _first(operands)


def _cast(node: Node, operands: Operands) -> np.ndarray:
    value, target = _first(operands), node.integer("to", 0)
    if target in FLOAT_TYPES and not (value.dtype == np.int64 and BATCH in value):
        # What overflows the narrower type becomes infinite and is refused where it is used.
        with np.errstate(all="ignore"):
            return value.astype(helper.tensor_dtype_to_np_dtype(target)).astype(np.float64)
    if target in INTEGER_TYPES and value.dtype == np.int64:
        return value
    raise ValueError(f"they cannot become {type_name(target)}")


def _transpose(node: Node, operands: Operands) -> np.ndarray:
    return np.transpose(_first(operands), node.integers("perm"))


def _reshape(node: Node, operands: Operands) -> np.ndarray:
    value, target = _first(operands), list(integers_of(node, operands[1]))
    if any(size < -1 for size in target):
        raise ValueError("the target depends on the batch")
    if not node.integer("allowzero", 0):
        target = [value.shape[i] if size == 0 else size for i, size in enumerate(target)]
    return value.reshape(target)


def _squeeze(node: Node, operands: Operands) -> np.ndarray:
    return np.squeeze(_first(operands), axes_of(node, operands))


def _unsqueeze(node: Node, operands: Operands) -> np.ndarray:
    return np.expand_dims(_first(operands), axes_of(node, operands) or ())


def _concat(node: Node, operands: Operands) -> np.ndarray:
    parts = [integers_of(node, operand) for operand in operands]
    return _shape_array([item for part in parts for item in part])


def _gather(node: Node, operands: Operands) -> np.ndarray:
    values, index = _shape_array(integers_of(node, operands[0])), operands[1]
    integers_of(node, index)
    return np.asarray(values[index])


def _slice(node: Node, operands: Operands) -> np.ndarray:
    values = _shape_array(integers_of(node, operands[0]))
    parts = [None if operand is None else integers_of(node, operand) for operand in operands[1:]]
    # Before operator set 10 these are attributes.
    starts, ends = parts[:2] if parts else (node.integers("starts"), node.integers("ends"))
    steps = parts[3] if len(parts) > 3 and parts[3] is not None else (1,)
    if starts is None or ends is None or not len(starts) == len(ends) == len(steps) == 1:
        raise ValueError("one start and one end are needed")
    return values[starts[0] : ends[0] : steps[0]]


def _shape_array(values: Sequence[int]) -> np.ndarray:
    if len(values) > MAX_RANK:
        raise ValueError(f"a shape has at most {MAX_RANK} sizes")
    return np.array(values, dtype=np.int64)


CONSTANT_OPERATORS: dict[str, Callable[[Node, Operands], np.ndarray]] = {
    "Cast": _cast,
    "Concat": _concat,
    "Gather": _gather,
    "Identity": _identity,
    "Reshape": _reshape,
    "Slice": _slice,
    "Squeeze": _squeeze,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
"""Operators that are computed at import where all their inputs are constants."""
