"""Operators that compute on activations, one function each: from a node to a step and the shape after it.

Every function takes the node, its operands (one of them the activation, the others constants or None where left out)
and returns the step with the shape of one sample after it. What does not fit raises InputError with the node's name.
"""

from collections.abc import Callable, Sequence

import numpy as np

from eyrie.errors import InputError
from eyrie.model.dense import DenseLayer
from eyrie.model.layer import Shape
from eyrie.model.onnx_maps import average_pool, conv, global_average_pool, max_pool, pad, reduce_mean
from eyrie.model.onnx_node import Node
from eyrie.model.onnx_operands import (
    Activation,
    Operand,
    Result,
    activation_operand,
    constant_operand,
    weight_layer_name,
)
from eyrie.model.steps import Affine, Relu

_LARGEST_FLOAT = float(np.finfo(np.float32).max)


def gemm(node: Node, operands: Sequence[Operand]) -> Result:
    """``alpha * x @ weight + beta * bias``; scaled only where alpha or beta is not 1."""
    shape = activation_operand(node, operands, 0).shape
    if node.integer("transA", 0):
        raise InputError(f"{node.label} transposes its input (transA), which would mix samples")
    weight = constant_operand(node, operands, 1, "weight", rank=2)
    weight = weight if node.integer("transB", 0) else weight.T
    alpha, beta = node.real("alpha", 1.0), node.real("beta", 1.0)
    bias = np.zeros(weight.shape[0])
    with np.errstate(all="ignore"):
        if alpha != 1.0:
            weight = weight * alpha
        if len(operands) > 2 and operands[2] is not None:
            bias = bias + _row(node, constant_operand(node, operands, 2, "bias"), weight.shape[0])
            bias = bias * beta if beta != 1.0 else bias
    if shape is not None and len(shape) != 1:
        raise InputError(f"{node.label} takes samples of one dimension, not of shape {list(shape)}; flatten them")
    return _layer(node, shape, weight, bias)


def matmul(node: Node, operands: Sequence[Operand]) -> Result:
    """``x @ weight`` with the weight on the right."""
    shape = activation_operand(node, operands, 0).shape
    weight = constant_operand(node, operands, 1, "weight", rank=2).T
    return _layer(node, shape, weight, np.zeros(weight.shape[0]))


def affine(node: Node, operands: Sequence[Operand]) -> Result:
    """Add, Sub, Mul or Div with a constant, in either order of operands."""
    at = 0 if isinstance(operands[0], Activation) else 1
    constant = constant_operand(node, operands, 1 - at, "constant")
    constant, shape = _compact(node, constant, activation_operand(node, operands, at).shape)
    scale, shift = None, None
    if node.operator == "Add":
        shift = constant
    elif node.operator == "Sub":
        scale, shift = (None, -constant) if at == 0 else (np.array(-1.0), constant)
    elif node.operator == "Mul":
        scale = constant
    elif at == 1:
        raise InputError(f"{node.label} divides a constant by the activation, which is not supported")
    elif not constant.all():
        raise InputError(f"{node.label} divides by a constant that holds a zero")
    else:
        with np.errstate(over="ignore"):
            scale = 1.0 / constant
    return Affine(label=node.label, shape=shape, scale=scale, shift=shift), shape


def batch_normalization(node: Node, operands: Sequence[Operand]) -> Result:
    """Normalisation with the statistics of training, over the first dimension of a sample."""
    shape = activation_operand(node, operands, 0).shape
    if node.integer("training_mode", 0) or any(node.outputs[1:]) or not node.integer("spatial", 1):
        raise InputError(f"{node.label} must be exported for inference (training_mode 0, one output, spatial 1)")
    gamma, beta, mean, variance = (
        constant_operand(node, operands, i, field, rank=1)
        for i, field in enumerate(("scale", "bias", "mean", "variance"), start=1)
    )
    channels = gamma.size
    if not channels == beta.size == mean.size == variance.size:
        raise InputError(f"{node.label}: scale, bias, mean and variance must have one size")
    if shape is None:
        shape = (channels,)
    if not shape or shape[0] != channels:
        raise InputError(f"{node.label} normalises {channels} channels, but samples have shape {list(shape)}")
    variance = variance + node.real("epsilon", 1e-5)
    if not (variance > 0).all():
        raise InputError(f"{node.label}: variance plus epsilon must be positive")
    with np.errstate(all="ignore"):
        scale = gamma / np.sqrt(variance)
        shift = beta - mean * scale
    per_channel = (channels, *(1 for _ in shape[1:]))
    return Affine(
        label=node.label, shape=shape, scale=scale.reshape(per_channel), shift=shift.reshape(per_channel)
    ), shape


def scaler(node: Node, operands: Sequence[Operand]) -> Result:
    """``(x - offset) * scale`` as scikit-learn's scalers are exported."""
    shape = activation_operand(node, operands, 0).shape
    offset = np.array(node.reals("offset") or (0.0,), dtype=np.float64)
    scale = np.array(node.reals("scale") or (1.0,), dtype=np.float64)
    if offset.size != scale.size and 1 not in (offset.size, scale.size):
        raise InputError(f"{node.label} has {offset.size} offsets but {scale.size} scales; they must be as many")
    offset, shape = _compact(node, offset, shape)
    scale, shape = _compact(node, scale, shape)
    with np.errstate(all="ignore"):
        return Affine(label=node.label, shape=shape, scale=scale, shift=-offset * scale), shape


def relu(node: Node, operands: Sequence[Operand]) -> Result:
    """Negative values become zero."""
    return Relu(label=node.label), activation_operand(node, operands, 0).shape


def clip(node: Node, operands: Sequence[Operand]) -> Result:
    """Limits below and above: ReLU where only 0 below, ReLU6 and its like where there is one above too."""
    shape = activation_operand(node, operands, 0).shape
    # Before operator set 11 the limits are attributes.
    low = _limit(node, operands, 1, "min", -np.inf)
    high = _limit(node, operands, 2, "max", np.inf)
    if low != 0 or not high > 0:
        raise InputError(
            f"{node.label} limits values to {low:g} below and {high:g} above; only 0 below, and a limit over 0 or none "
            f"above, are supported"
        )
    # Exporters write the largest number of the type where there is no limit.
    return Relu(label=node.label, limit=high if high < _LARGEST_FLOAT else None), shape


COMPUTING_OPERATORS: dict[str, Callable[[Node, Sequence[Operand]], Result]] = {
    "Add": affine,
    "AveragePool": average_pool,
    "BatchNormalization": batch_normalization,
    "Clip": clip,
    "Conv": conv,
    "Div": affine,
    "Gemm": gemm,
    "GlobalAveragePool": global_average_pool,
    "MatMul": matmul,
    "MaxPool": max_pool,
    "Mul": affine,
    "Pad": pad,
    "ReduceMean": reduce_mean,
    "Relu": relu,
    "Sub": affine,
    "ai.onnx.ml.Scaler": scaler,
}
"""Operators that become steps."""


def _limit(node: Node, operands: Sequence[Operand], index: int, field: str, default: float) -> float:
    if len(operands) <= index or operands[index] is None:
        return node.real(field, default)
    value = operands[index]
    if not isinstance(value, np.ndarray) or value.dtype != np.float64 or value.size != 1:
        raise InputError(f"{node.label}: its {field} must be one constant number of a float type")
    return float(value.reshape(()))


def _row(node: Node, bias: np.ndarray, outputs: int) -> np.ndarray:
    """A bias of Gemm, which may be a scalar, (n,) or (1, n), as one value an output."""
    if bias.ndim > 2 or (bias.ndim == 2 and bias.shape[0] != 1) or bias.size not in (1, outputs):
        raise InputError(f"{node.label}: its bias has shape {bias.shape}; {outputs} outputs need ({outputs},) or (1,)")
    return np.broadcast_to(bias.reshape(-1), (outputs,))


def _compact(node: Node, constant: np.ndarray, shape: Shape | None) -> tuple[np.ndarray, Shape | None]:
    """A constant without the batch dimension, and the shape of a sample once the constant makes it known."""
    if shape is None:
        if constant.size == 1 and constant.ndim <= 2:
            return constant.reshape(()), None
        if constant.shape[-1] == constant.size and constant.ndim <= 2:
            return constant.reshape(-1), (constant.size,)
        raise InputError(f"{node.label}: samples of unknown shape do not fit a constant of shape {constant.shape}")
    if constant.ndim == 1 + len(shape) and constant.shape[0] == 1:
        constant = constant[0]
    fits = constant.ndim <= len(shape) and all(
        size in (1, wanted) for size, wanted in zip(constant.shape[::-1], shape[::-1], strict=False)
    )
    if not fits:
        raise InputError(
            f"{node.label}: samples of shape {list(shape)} do not fit a constant of shape {constant.shape}; "
            f"it needs one value in all, or one for each value or channel of a sample"
        )
    return constant, shape


def _layer(node: Node, shape: Shape | None, weight: np.ndarray, bias: np.ndarray) -> Result:
    outputs, inputs = weight.shape
    if shape is not None and (not shape or shape[-1] != inputs):
        raise InputError(f"{node.label} takes {inputs} inputs, but samples have shape {list(shape)}")
    if shape is not None and any(size != 1 for size in shape[:-1]):
        raise InputError(
            f"{node.label} applies its weight to each row of samples of shape {list(shape)}; "
            f"only one row a sample is supported, flatten them"
        )
    after = (outputs,) if shape is None else (*shape[:-1], outputs)
    return DenseLayer(name=weight_layer_name(node), weight=np.ascontiguousarray(weight), bias=bias, relu=False), after
