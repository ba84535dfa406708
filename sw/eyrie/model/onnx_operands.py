"""What the operators of a graph take: the activation that flows through the chain, and constants."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eyrie.errors import InputError
from eyrie.model.layer import Shape
from eyrie.model.onnx_node import Node
from eyrie.model.onnx_read import quoted
from eyrie.model.steps import Step


@dataclass(frozen=True, kw_only=True)
class Activation:
    """The values that flow through the chain, seen at one place.

    Parameters
    ----------
    shape : tuple of int, or None
        Shape of one sample; None while the model does not say it.
    position : int
        Steps before it: equal positions are the same values, whatever their shape.
    given : tuple of int, or None
        Shape in which the last layer gave them, before any reshaping; None before the first layer.
    """

    shape: Shape | None
    position: int
    given: Shape | None = None


Operand = Activation | np.ndarray | None
Result = tuple[Step, Shape | None]


def activation_operand(node: Node, operands: Sequence[Operand], index: int) -> Activation:
    """The operand at ``index``, where the activation must be.

    Raises
    ------
    InputError
        Naming the node, if it is a constant.
    """
    operand = operands[index]
    if not isinstance(operand, Activation):
        raise InputError(
            f"{node.label} takes the activation elsewhere than as its first input; a weight must stand on the right"
        )
    return operand


def constant_operand(
    node: Node, operands: Sequence[Operand], index: int, field: str, rank: int | None = None
) -> np.ndarray:
    """The operand at ``index`` as float64: a constant of a float type, finite and not empty, of ``rank`` if given.

    Raises
    ------
    InputError
        Naming the node and, by ``field``, the operand.
    """
    name, value = quoted(node.inputs[index]), operands[index]
    if not isinstance(value, np.ndarray) or value.dtype != np.float64:
        raise InputError(f"{node.label}: its {field} {name} must be a constant of a float type")
    if value.size == 0 or (rank is not None and value.ndim != rank):
        wanted = "no size 0" if rank is None else f"no size 0 and rank {rank}"
        raise InputError(f"{node.label}: its {field} {name} has shape {value.shape}; it must have {wanted}")
    if not np.isfinite(value).all():
        raise InputError(f"{node.label}: its {field} {name} holds a NaN or an infinity; all values must be finite")
    return value


def weight_layer_name(node: Node) -> str:
    """The name that the framework gives a layer with a weight: from its weight in PyTorch, from its node elsewhere."""
    weight = node.inputs[1]
    return weight.removesuffix(".weight") if weight.endswith(".weight") else node_layer_name(node)


def node_layer_name(node: Node) -> str:
    """The name of a layer from its node, without the operator that PyTorch puts behind it."""
    return node.name.strip("/").removesuffix(f"/{node.operator}") or node.operator
