"""Operators on feature maps, one function each: convolution, pooling and padding.

They take and return what those of :mod:`eyrie.model.onnx_operators` do. Maps are samples of shape (channels, rows,
columns).
"""

import math
from collections.abc import Sequence

import numpy as np

from eyrie.errors import InputError
from eyrie.model.conv import ConvLayer
from eyrie.model.layer import Shape
from eyrie.model.onnx_constants import axes_of, integers_of
from eyrie.model.onnx_node import Node
from eyrie.model.onnx_operands import (
    Operand,
    Result,
    activation_operand,
    constant_operand,
    node_layer_name,
    weight_layer_name,
)
from eyrie.model.onnx_read import quoted
from eyrie.model.pool import Pool, PoolKind
from eyrie.model.steps import Pad
from eyrie.model.window import Window

_DIMENSIONS = {1: "one dimension", 3: "three dimensions"}


def conv(node: Node, operands: Sequence[Operand]) -> Result:
    """Convolution in two dimensions, with groups, stride and padding."""
    weight = constant_operand(node, operands, 1, "weight")
    if weight.ndim != 4:
        dimensions = _DIMENSIONS.get(weight.ndim - 2, f"a weight of shape {weight.shape}")
        raise InputError(f"{node.label} is a convolution with {dimensions}; only those with two are supported")
    maps = _maps(node, operands)
    kernel = weight.shape[2:]
    if node.integers("kernel_shape") not in (None, kernel):
        raise InputError(
            f"{node.label} has a kernel_shape of {list(node.integers('kernel_shape') or ())}, "
            f"but its weight has shape {weight.shape}"
        )
    _require_no_dilation(node)
    filters, groups = weight.shape[0], node.integer("group", 1)
    if groups < 1 or filters % groups:
        raise InputError(f"{node.label} divides {filters} filters into {groups} groups, which is not possible")
    if weight.shape[1] * groups != maps[0]:
        raise InputError(
            f"{node.label} takes {weight.shape[1] * groups} channels ({groups} groups of {weight.shape[1]}), "
            f"but samples have shape {list(maps)}"
        )
    bias = np.zeros(filters)
    if len(operands) > 2 and operands[2] is not None:
        bias = constant_operand(node, operands, 2, "bias", rank=1)
        if bias.size != filters:
            raise InputError(f"{node.label}: its bias has shape {bias.shape}; {filters} filters need ({filters},)")
    window = _window(node, maps, kernel)
    layer = ConvLayer(
        name=weight_layer_name(node),
        weight=np.ascontiguousarray(weight),
        bias=bias,
        stride=window.stride,
        padding=window.padding,
        groups=groups,
        relu=False,
    )
    return layer, (filters, *_positions(node, window, maps))


def max_pool(node: Node, operands: Sequence[Operand]) -> Result:
    """Largest value of a window."""
    if any(node.outputs[1:]):
        raise InputError(f"{node.label} also gives the indices of the largest values, which is not supported")
    return _pool(node, operands, "max", count_include_pad=False)


def average_pool(node: Node, operands: Sequence[Operand]) -> Result:
    """Mean of a window, over the places on the map or over all."""
    return _pool(node, operands, "average", count_include_pad=bool(node.integer("count_include_pad", 0)))


def global_average_pool(node: Node, operands: Sequence[Operand]) -> Result:
    """Mean of each map: a window as large as the map."""
    maps = _maps(node, operands)
    pool = Pool(name=node_layer_name(node), kind="average", kernel=maps[1:], stride=(1, 1))
    return pool, (maps[0], 1, 1)


def reduce_mean(node: Node, operands: Sequence[Operand]) -> Result:
    """Mean over rows and columns, another way to write global average pooling."""
    maps = _maps(node, operands)
    axes = axes_of(node, operands) or ()
    if sorted(axis % 4 if -4 <= axis < 4 else axis for axis in axes) != [2, 3]:
        raise InputError(f"{node.label} takes means over axes {list(axes)}; only rows and columns, 2 and 3, fit")
    pool, shape = global_average_pool(node, operands)
    return pool, shape if node.integer("keepdims", 1) else maps[:1]


def pad(node: Node, operands: Sequence[Operand]) -> Result:
    """Zeros around each map."""
    mode = node.text("mode", "constant")
    if mode != "constant":
        raise InputError(f"{node.label} pads in mode {quoted(mode)}; only 'constant' with zeros is supported")
    maps = _maps(node, operands)
    if len(operands) > 1:
        pads = integers_of(node, operands[1])
        value = constant_operand(node, operands, 2, "value") if len(operands) > 2 and operands[2] is not None else None
        nonzero = value is not None and bool(value.any())
    else:
        # Before operator set 11 these are attributes.
        pads, nonzero = node.integers("pads") or (), node.real("value", 0.0) != 0
    if nonzero:
        raise InputError(f"{node.label} pads with another value than zero, which is not supported")
    axes = integers_of(node, operands[3]) if len(operands) > 3 and operands[3] is not None else (0, 1, 2, 3)
    places = [axis + 4 if axis < 0 else axis for axis in axes]
    if len(pads) != 2 * len(axes) or len(set(places)) != len(places) or not set(places) <= {0, 1, 2, 3}:
        raise InputError(f"{node.label} has pads {list(pads)} for axes {list(axes)}; each axis needs two")
    before, after = [0] * 4, [0] * 4
    for place, first, last in zip(places, pads[: len(axes)], pads[len(axes) :], strict=True):
        before[place], after[place] = first, last
    if before[:2] + after[:2] != [0] * 4:
        raise InputError(f"{node.label} pads samples or channels by {list(pads)}; only rows and columns can be padded")
    try:
        window = Window(kernel=(1, 1), stride=(1, 1), padding=(before[2], before[3], after[2], after[3]))
    except InputError as error:
        raise InputError(f"{node.label}: {error}") from error
    return Pad(label=node.label, padding=window.padding), (maps[0], *_positions(node, window, maps))


def _pool(node: Node, operands: Sequence[Operand], kind: PoolKind, *, count_include_pad: bool) -> Result:
    maps = _maps(node, operands)
    kernel = node.integers("kernel_shape")
    if kernel is None or len(kernel) != 2:
        raise InputError(f"{node.label} has a kernel_shape of {list(kernel or ())}; two sizes are needed")
    _require_no_dilation(node)
    window = _window(node, maps, kernel)
    if node.integer("ceil_mode", 0) and node.text("auto_pad", "NOTSET") == "NOTSET":
        padding = _rounded_up(window, maps)
        if count_include_pad and padding != window.padding:
            raise InputError(
                f"{node.label} rounds its size up (ceil_mode) and counts the padding (count_include_pad); "
                f"what its last means divide by is not defined"
            )
        window = Window(kernel=window.kernel, stride=window.stride, padding=padding)
    if any(padding >= size for padding, size in zip(window.padding, window.kernel * 2, strict=True)):
        raise InputError(
            f"{node.label} pads by {list(window.padding)}; it must be less than the kernel of "
            f"{window.kernel[0]} x {window.kernel[1]}, or a window holds no value"
        )
    pool = Pool(
        name=node_layer_name(node),
        kind=kind,
        kernel=window.kernel,
        stride=window.stride,
        padding=window.padding,
        count_include_pad=count_include_pad,
    )
    return pool, (maps[0], *_positions(node, window, maps))


def _maps(node: Node, operands: Sequence[Operand]) -> tuple[int, int, int]:
    """Shape of a sample, which must be the maps as the layer before gave them."""
    activation = activation_operand(node, operands, 0)
    shape = activation.shape
    if shape is None:
        raise InputError(f"{node.label} needs the shape of its input, which is open; export the model with a fixed one")
    if len(shape) != 3:
        raise InputError(f"{node.label} takes samples of shape (channels, rows, columns), not {list(shape)}")
    if activation.given not in (None, shape):
        raise InputError(
            f"{node.label} takes samples of shape {list(shape)}, which the layer before gives as "
            f"{list(activation.given or ())}; nothing may be reshaped in front of a convolution or pooling"
        )
    return shape[0], shape[1], shape[2]


def _require_no_dilation(node: Node) -> None:
    dilations = node.integers("dilations") or ()
    if any(dilation != 1 for dilation in dilations):
        raise InputError(
            f"{node.label} has dilations {list(dilations)}; only 1 is supported, since kernels are kept without gaps"
        )


def _window(node: Node, maps: Shape, kernel: Sequence[int]) -> Window:
    """Kernel, stride and padding as the node's attributes say, ``auto_pad`` among them."""
    stride, pads = node.integers("strides") or (1, 1), node.integers("pads")
    auto = node.text("auto_pad", "NOTSET")
    if auto not in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"):
        raise InputError(f"{node.label} has an auto_pad of {quoted(auto)}, which ONNX does not know")
    if auto != "NOTSET" and any(pads or ()):
        raise InputError(f"{node.label} has both pads and an auto_pad of {auto}; only one of them can be right")
    try:
        # Without padding first: only a valid stride and kernel can say what "same" is.
        window = Window(kernel=tuple(kernel), stride=tuple(stride), padding=(0, 0, 0, 0))  # type: ignore[arg-type]
        padding = (pads or (0, 0, 0, 0)) if auto in ("NOTSET", "VALID") else _same(window, maps, auto)
        return Window(kernel=window.kernel, stride=window.stride, padding=padding)  # type: ignore[arg-type]
    except InputError as error:
        raise InputError(f"{node.label}: {error}") from error


def _same(window: Window, maps: Shape, auto: str) -> tuple[int, ...]:
    """Padding with which there is one position for each whole or begun step over the map."""
    totals = [
        max((math.ceil(size / step) - 1) * step + kernel - size, 0)
        for size, step, kernel in zip(maps[1:], window.stride, window.kernel, strict=True)
    ]
    smaller, larger = [total // 2 for total in totals], [total - total // 2 for total in totals]
    return (*smaller, *larger) if auto == "SAME_UPPER" else (*larger, *smaller)


def _rounded_up(window: Window, maps: Shape) -> tuple[int, int, int, int]:
    """Padding with a last position where a step is begun, unless the window would start beyond the map."""
    padding = list(window.padding)
    for axis, (size, step, kernel) in enumerate(zip(maps[1:], window.stride, window.kernel, strict=True)):
        before = padding[axis]
        whole = size + before + padding[2 + axis] - kernel
        last = -(-whole // step) * step
        if last >= size + before:
            last -= step
        padding[2 + axis] = max(padding[2 + axis], last + kernel - size - before)
    return padding[0], padding[1], padding[2], padding[3]


def _positions(node: Node, window: Window, maps: Shape) -> tuple[int, int]:
    try:
        return window.positions(maps[1], maps[2])
    except InputError as error:
        raise InputError(f"{node.label}: {error}") from error
