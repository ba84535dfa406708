"""Passes that reduce a chain of steps to layers.

Each pass takes a valid chain and returns a valid chain that computes the same function. A weight is multiplied only
where a scale is folded into it: weights that are shared stay exactly as they are otherwise.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from eyrie.errors import InputError
from eyrie.model.network import DenseLayer
from eyrie.model.steps import Affine, Step


def fold_to_layers(steps: Sequence[Step]) -> tuple[DenseLayer, ...]:
    """Run all passes.

    Raises
    ------
    InputError
        Naming the step for which there is no layer to fold it into.
    """
    return attach_relus(fold_affines_forward(fold_affines_back(steps)))


def fold_affines_back(steps: Sequence[Step]) -> list[Step]:
    """Fold every affine step that directly follows a layer into that layer, a separate bias above all."""
    folded: list[Step] = []
    for step in steps:
        if isinstance(step, Affine) and folded and isinstance(folded[-1], DenseLayer):
            folded[-1] = _fold_into_layer_before(folded[-1], step)
        else:
            folded.append(step)
    return folded


def fold_affines_forward(steps: Sequence[Step]) -> list[Step]:
    """Fold every affine step that directly precedes a layer into that layer, such as the scaling of the inputs."""
    folded: list[Step] = []
    for step in reversed(steps):
        if isinstance(step, Affine) and folded and isinstance(folded[-1], DenseLayer):
            folded[-1] = _fold_into_layer_after(step, folded[-1])
        else:
            folded.append(step)
    return folded[::-1]


def attach_relus(steps: Sequence[Step]) -> tuple[DenseLayer, ...]:
    """Attach every ReLU to the layer before it; a ReLU after a ReLU does nothing.

    Raises
    ------
    InputError
        Naming an affine step that is left, or a ReLU before the first layer.
    """
    layers: list[DenseLayer] = []
    for step in steps:
        if isinstance(step, DenseLayer):
            layers.append(step)
        elif isinstance(step, Affine):
            raise InputError(f"{step.label} has no fully connected layer directly before or after it to be folded into")
        elif not layers:
            raise InputError(f"{step.label} comes before the first fully connected layer; it must follow one")
        else:
            layers[-1] = replace(layers[-1], relu=True)
    return tuple(layers)


def _fold_into_layer_before(layer: DenseLayer, step: Affine) -> DenseLayer:
    weight, bias = layer.weight, layer.bias
    scale, shift = step.spread_scale(layer.outputs), step.spread_shift(layer.outputs)
    # What overflows here is named by the layer's own check.
    with np.errstate(all="ignore"):
        if scale is not None:
            weight, bias = weight * scale[:, np.newaxis], bias * scale
        if shift is not None:
            bias = bias + shift
    return replace(layer, weight=weight, bias=bias)


def _fold_into_layer_after(step: Affine, layer: DenseLayer) -> DenseLayer:
    weight, bias = layer.weight, layer.bias
    scale, shift = step.spread_scale(layer.inputs), step.spread_shift(layer.inputs)
    with np.errstate(all="ignore"):
        if shift is not None:
            bias = bias + weight @ shift
        if scale is not None:
            weight = weight * scale
    return replace(layer, weight=weight, bias=bias)
