"""A network in integers, stage by stage, and its plain reference. It knows nothing of engines."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eyrie.compile.network.pooling import MaximumPool, MeanPool
from eyrie.compile.quantised import QuantisedNetwork
from eyrie.compile.rowstat.layer import ConvLayer
from eyrie.compile.scaling import quantise_samples, samples_of
from eyrie.errors import InputError
from eyrie.golden import convolution, dense
from eyrie.model.layer import Shape

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Convolutions:
    """Convolutions in a row, at least one, with nothing between them.

    Parameters
    ----------
    layers : tuple of ConvLayer
    """

    layers: tuple[ConvLayer, ...]

    @property
    def name(self) -> str:
        """Names of the layers."""
        return ", ".join(layer.name for layer in self.layers)


@dataclass(frozen=True, kw_only=True, eq=False)
class FullyConnected:
    """Fully connected layers up to the end of the network.

    Parameters
    ----------
    network : QuantisedNetwork
        Its inputs are the integers before it as they are; the host clips them.
    """

    network: QuantisedNetwork

    @property
    def name(self) -> str:
        """Names of the layers."""
        return ", ".join(layer.name for layer in self.network.layers)


_SAMPLES = 32
"""Samples that run at a time, which bounds the memory."""

Stage = Convolutions | MaximumPool | MeanPool | FullyConnected


@dataclass(frozen=True, kw_only=True)
class Interface:
    """How numbers enter and leave a network.

    Parameters
    ----------
    name : str
        Of the network.
    input_shape, output_shape : tuple of int
        Of one sample.
    activation_width : int
        Bits of a signed activation.
    input_scale, output_scale : float
        What one unit of an input, and of an output activation, stands for.
    clip : (int, int)
        Lowest and highest input activation; the host clips to it.
    host_operators : tuple of str
        What the host does with the outputs, in order.
    """

    name: str
    input_shape: Shape
    output_shape: Shape
    activation_width: int
    input_scale: float
    output_scale: float
    clip: tuple[int, int]
    host_operators: tuple[str, ...] = ()

    def quantise_input(self, x: np.ndarray) -> IntArray:
        """Samples as input activations, int64 (samples, *input shape); see `eyrie.compile.scaling.quantise_samples`.

        Raises
        ------
        InputError
            If the shape is another, there is no sample, or a value is not finite.
        """
        return quantise_samples(x, self.input_shape, self.input_scale, self.clip)

    def dequantise_output(self, y: IntArray) -> npt.NDArray[np.float64]:
        """Output activations as the numbers that they stand for, float64 (samples, *output shape).

        Raises
        ------
        InputError
            If the shape is another.
        """
        if y.shape[1:] != self.output_shape:
            raise InputError(f"outputs must have shape {samples_of(self.output_shape)}, not {y.shape}")
        return y.astype(np.float64) * self.output_scale

    def require_input(self, x: IntArray) -> None:
        """Check activations that are about to run.

        Raises
        ------
        InputError
            If the shape is another, or a value lies outside of the range to which the host clips.
        """
        if x.shape[1:] != self.input_shape:
            raise InputError(f"inputs must have shape {samples_of(self.input_shape)}, not {x.shape}")
        if x.size and not self.clip[0] <= x.min() <= x.max() <= self.clip[1]:
            raise InputError(f"inputs must be {self.clip[0]} to {self.clip[1]}, not {x.min()} to {x.max()}")


@dataclass(frozen=True, kw_only=True, eq=False)
class IntegerNetwork:
    """Stages back to back. Between maps and fully connected layers values are ordered by channel, row and column.

    Parameters
    ----------
    interface : Interface
    stages : tuple of Convolutions, MaximumPool, MeanPool or FullyConnected
    """

    interface: Interface
    stages: tuple[Stage, ...]

    def forward(self, x: IntArray) -> IntArray:
        """Outputs, int64 (samples, *output shape), for int64 (samples, *input shape).

        Raises
        ------
        InputError
            As `Interface.require_input`.
        """
        self.interface.require_input(x)
        width = self.interface.activation_width
        outputs = [np.zeros((0, *self.interface.output_shape), np.int64)]
        for begin in range(0, len(x), _SAMPLES):
            y = run_stages(self.stages, x[begin : begin + _SAMPLES], width)
            outputs.append(y.reshape(len(y), *self.interface.output_shape))
        return np.concatenate(outputs)

    def dense_inputs(self, x: IntArray) -> IntArray:
        """What the fully connected layers at the end take, int64 (samples, values), for int64 (samples, *input shape).

        Raises
        ------
        InputError
            If there are none, or as `Interface.require_input`.
        """
        *before, last = self.stages
        if not isinstance(last, FullyConnected):
            raise InputError(f"network {self.interface.name!r} has no fully connected layers")
        self.interface.require_input(x)
        parts = [np.zeros((0, last.network.inputs), np.int64)]
        for begin in range(0, len(x), _SAMPLES):
            y = run_stages(before, x[begin : begin + _SAMPLES], self.interface.activation_width)
            parts.append(enter_dense(y, last.network.clip))
        return np.concatenate(parts)


def run_stages(stages: Sequence[Stage], x: IntArray, activation_width: int) -> IntArray:
    """What stages back to back make of activations, int64 (samples, ...) both."""
    for stage in stages:
        x = run_stage(stage, x, activation_width)
    return x


def run_stage(stage: Stage, x: IntArray, activation_width: int) -> IntArray:
    """What a stage makes of activations, int64 (samples, ...) both: plain sums of products, maxima and means."""
    if isinstance(stage, Convolutions):
        return convolution.forward(stage.layers, x, activation_width=activation_width)
    if isinstance(stage, FullyConnected):
        return dense.forward(
            stage.network.layers, enter_dense(x, stage.network.clip), activation_width=activation_width
        )
    return stage.forward(x)


def enter_dense(x: IntArray, clip: tuple[int, int]) -> IntArray:
    """Activations of any shape as the inputs of fully connected layers, int64 (samples, values), clipped."""
    return np.clip(x.reshape(len(x), math.prod(x.shape[1:])), *clip)
