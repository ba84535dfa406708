"""Passes that reduce a chain of steps to layers.

Each pass takes a valid chain and returns a valid chain that computes the same function. A weight is multiplied only
where a scale is folded into it: weights that are shared stay exactly as they are otherwise.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from eyrie.errors import InputError
from eyrie.model.conv import ConvLayer
from eyrie.model.dense import DenseLayer
from eyrie.model.flatten import Flatten
from eyrie.model.layer import Layer
from eyrie.model.pool import Pool
from eyrie.model.steps import Affine, Pad, Relu, Step


def fold_to_layers(steps: Sequence[Step]) -> tuple[Layer, ...]:
    """Run all passes.

    Raises
    ------
    InputError
        Naming the step for which there is no layer to fold it into.
    """
    return insert_flatten(attach_relus(fold_affines_forward(fold_affines_back(fold_pads(steps)))))


def fold_pads(steps: Sequence[Step]) -> list[Step]:
    """Make padding that stands alone part of the convolution or pooling that directly follows it.

    Raises
    ------
    InputError
        Naming the padding, if another step follows, or a pooling that does not treat zeros as its own padding.
    """
    folded: list[Step] = []
    pending: Pad | None = None
    for step in steps:
        if isinstance(step, Pad):
            pending = step if pending is None else replace(step, padding=_sum(pending.padding, step.padding))
        elif pending is None or not any(pending.padding):
            folded.append(step)
            pending = None
        elif isinstance(step, ConvLayer):
            folded.append(replace(step, padding=_sum(pending.padding, step.padding)))
            pending = None
        elif isinstance(step, Pool):
            folded.append(_pad_pool(pending, step, folded))
            pending = None
        else:
            raise InputError(f"{pending.label} must be directly followed by a convolution or pooling")
    if pending is not None and any(pending.padding):
        raise InputError(f"{pending.label} must be directly followed by a convolution or pooling")
    return folded


def fold_affines_back(steps: Sequence[Step]) -> list[Step]:
    """Fold affine steps that directly follow a layer into that layer, a separate bias above all.

    One that a convolution cannot take, since it is not the same for all of a map, stays where it is.
    """
    folded: list[Step] = []
    for step in steps:
        before = folded[-1] if folded else None
        if isinstance(step, Affine) and isinstance(before, DenseLayer):
            folded[-1] = _fold_into_dense_before(before, step)
        elif isinstance(step, Affine) and isinstance(before, ConvLayer) and (each := step.per_channel(before.filters)):
            folded[-1] = _fold_into_conv_before(before, each)
        else:
            folded.append(step)
    return folded


def fold_affines_forward(steps: Sequence[Step]) -> list[Step]:
    """Fold affine steps that directly precede a layer into that layer, such as the scaling of the inputs.

    One that a convolution cannot take, since it is not the same for all of a map, stays where it is.

    Raises
    ------
    InputError
        Naming a shift in front of a convolution whose padding would have to be shifted with it.
    """
    folded: list[Step] = []
    for step in reversed(steps):
        after = folded[-1] if folded else None
        if isinstance(step, Affine) and isinstance(after, DenseLayer):
            folded[-1] = _fold_into_dense_after(step, after)
        elif isinstance(step, Affine) and isinstance(after, ConvLayer) and (each := step.per_channel(after.channels)):
            folded[-1] = _fold_into_conv_after(each, after)
        else:
            folded.append(step)
    return folded[::-1]


def attach_relus(steps: Sequence[Step]) -> tuple[Layer, ...]:
    """Attach every ReLU to the layer before it; a ReLU after a ReLU does nothing.

    It is attached to the convolution in front of a maximum pooling that stands between: the largest of the values that
    are limited is the limited largest value.

    Raises
    ------
    InputError
        Naming an affine step that is left, a ReLU before the first layer or behind an average pooling, or an upper
        limit behind a fully connected layer.
    """
    layers: list[Layer] = []
    for step in steps:
        if isinstance(step, Affine):
            raise InputError(
                f"{step.label} has no layer directly before or after it to be folded into "
                f"(a convolution takes one value in all or one for each channel)"
            )
        elif isinstance(step, Relu):
            at = len(layers) - 1
            while at >= 0 and isinstance(pool := layers[at], Pool) and pool.kind == "max":
                at -= 1
            if at < 0:
                raise InputError(f"{step.label} comes before the first layer with weights; it must follow one")
            layers[at] = _with_relu(layers[at], step)
        else:
            assert isinstance(step, Layer), "padding is folded before"
            layers.append(step)
    return tuple(layers)


def insert_flatten(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """Insert a `Flatten` where a fully connected layer follows a convolution or pooling."""
    whole: list[Layer] = []
    for layer in layers:
        if isinstance(layer, DenseLayer) and whole and not isinstance(whole[-1], DenseLayer):
            whole.append(Flatten(name="flatten"))
        whole.append(layer)
    return tuple(whole)


def _sum(first: tuple[int, int, int, int], second: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    return first[0] + second[0], first[1] + second[1], first[2] + second[2], first[3] + second[3]


def _pad_pool(step: Pad, pool: Pool, before: Sequence[Step]) -> Pool:
    padding = _sum(step.padding, pool.padding)
    if pool.kind == "average":
        if any(pool.padding) and not pool.count_include_pad:
            raise InputError(
                f"{step.label} comes before the average pooling {pool.name!r}, which counts these zeros but not its "
                f"own padding; that is not supported"
            )
        return replace(pool, padding=padding, count_include_pad=True)
    # A zero is never above the largest value of a window where no value is negative.
    source = next((step for step in reversed(before) if not isinstance(step, Pool)), None)
    if not isinstance(source, Relu):
        raise InputError(
            f"{step.label} comes before the maximum pooling {pool.name!r}, where its zeros could be the largest "
            f"values; that is supported after a ReLU only"
        )
    return replace(pool, padding=padding)


def _with_relu(layer: Layer, step: Relu) -> Layer:
    if isinstance(layer, ConvLayer):
        limits = [limit for limit in (layer.clip, step.limit) if limit is not None]
        return replace(layer, relu=True, clip=min(limits, default=None))
    if isinstance(layer, DenseLayer):
        if step.limit is not None:
            raise InputError(
                f"{step.label} limits the outputs of the fully connected layer {layer.name!r} to {step.limit:g}; "
                f"an upper limit is supported after convolutions only"
            )
        return replace(layer, relu=True)
    raise InputError(f"{step.label} follows the average pooling {layer.name!r}; it must follow a layer with weights")


# What overflows in the following is named by the layer's own check.


def _fold_into_dense_before(layer: DenseLayer, step: Affine) -> DenseLayer:
    weight, bias = layer.weight, layer.bias
    scale, shift = step.spread_scale(layer.outputs), step.spread_shift(layer.outputs)
    with np.errstate(all="ignore"):
        if scale is not None:
            weight, bias = weight * scale[:, np.newaxis], bias * scale
        if shift is not None:
            bias = bias + shift
    return replace(layer, weight=weight, bias=bias)


def _fold_into_dense_after(step: Affine, layer: DenseLayer) -> DenseLayer:
    weight, bias = layer.weight, layer.bias
    scale, shift = step.spread_scale(layer.inputs), step.spread_shift(layer.inputs)
    with np.errstate(all="ignore"):
        if shift is not None:
            bias = bias + weight @ shift
        if scale is not None:
            weight = weight * scale
    return replace(layer, weight=weight, bias=bias)


def _fold_into_conv_before(layer: ConvLayer, step: Affine) -> ConvLayer:
    weight, bias = layer.weight, layer.bias
    scale, shift = step.spread_scale(layer.filters), step.spread_shift(layer.filters)
    with np.errstate(all="ignore"):
        if scale is not None:
            weight, bias = weight * scale[:, np.newaxis, np.newaxis, np.newaxis], bias * scale
        if shift is not None:
            bias = bias + shift
    return replace(layer, weight=weight, bias=bias)


def _fold_into_conv_after(step: Affine, layer: ConvLayer) -> ConvLayer:
    weight, bias = layer.weight, layer.bias
    scale, shift = step.spread_scale(layer.channels), step.spread_shift(layer.channels)
    if shift is not None and shift.any() and any(layer.padding):
        raise InputError(
            f"{step.label} shifts the inputs of the convolution {layer.name!r}, but not the zeros of its padding; it "
            f"can be folded into a convolution without padding only"
        )
    # Channels that each filter sees: those of its group.
    seen = np.arange(layer.channels).reshape(layer.groups, -1).repeat(layer.filters // layer.groups, axis=0)
    with np.errstate(all="ignore"):
        if shift is not None:
            bias = bias + (weight.sum(axis=(2, 3)) * shift[seen]).sum(axis=1)
        if scale is not None:
            weight = weight * scale[seen][:, :, np.newaxis, np.newaxis]
    return replace(layer, weight=weight, bias=bias)
