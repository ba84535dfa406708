"""A compiled network of both kinds of layers: segments, each for one engine or for the host."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from eyrie.compile.compiled import CompiledNetwork
from eyrie.compile.network.integers import Interface
from eyrie.compile.network.pooling import MaximumPool, MeanPool
from eyrie.compile.rowstat.maps import MapPlace
from eyrie.compile.rowstat.program import RowstatProgram
from eyrie.errors import InputError
from eyrie.model.layer import Shape
from eyrie.rowstat.config import RowstatConfig

IntArray = npt.NDArray[np.int64]
WordArray = npt.NDArray[np.uint64]


@dataclass(frozen=True, kw_only=True, eq=False)
class ConvolutionSegment:
    """Convolutions in a row on the row-stationary engine, as far as a run needs them.

    Parameters
    ----------
    name : str
        Names of the layers.
    config : RowstatConfig
    tape, filters : uint64 (words,)
        What goes to the two streams.
    inputs, outputs : MapPlace
        Where the first layer's inputs and the last one's outputs lie in the external memory, the outputs last.

    Raises
    ------
    InputError
        If inputs and outputs have different batches, or the outputs lie before the inputs.
    """

    name: str
    config: RowstatConfig
    tape: WordArray
    filters: WordArray
    inputs: MapPlace
    outputs: MapPlace

    def __post_init__(self) -> None:
        if self.inputs.batch != self.outputs.batch:
            raise InputError(f"segment {self.name}: {self.inputs.batch} images go in, {self.outputs.batch} come out")
        if not 0 <= self.inputs.end <= self.outputs.base:
            raise InputError(
                f"segment {self.name}: outputs from word {self.outputs.base} on, inputs up to {self.inputs.end}"
            )

    @classmethod
    def of(cls, name: str, program: RowstatProgram) -> Self:
        """The segment that runs a program."""
        return cls(
            name=name,
            config=program.config,
            tape=program.tape,
            filters=program.filters,
            inputs=program.maps[0],
            outputs=program.maps[-1],
        )

    @property
    def batch(self) -> int:
        """Images of one run."""
        return self.inputs.batch

    def memory(self, x: IntArray) -> WordArray:
        """External memory before a run, uint64 (words,), for int64 (batch, channels, rows, columns)."""
        memory = np.zeros(self.outputs.end, np.uint64)
        self.inputs.write(memory, x)
        return memory


@dataclass(frozen=True, kw_only=True, eq=False)
class DenseSegment:
    """Fully connected layers on the EIE engine, which take the integers before them as they are, clipped.

    Parameters
    ----------
    name : str
        Names of the layers.
    compiled : CompiledNetwork
    """

    name: str
    compiled: CompiledNetwork


Segment = ConvolutionSegment | MaximumPool | MeanPool | DenseSegment
"""Pooling in a segment of its own is the host's; behind convolutions it is mostly part of theirs."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SegmentedNetwork:
    """Segments back to back. Between maps and fully connected layers values are ordered by channel, row and column.

    Parameters
    ----------
    interface : Interface
    segments : tuple of ConvolutionSegment, MaximumPool, MeanPool or DenseSegment

    Raises
    ------
    InputError
        If a segment does not take what the one before makes, or the last one does not make the output.
    """

    interface: Interface
    segments: tuple[Segment, ...]

    def __post_init__(self) -> None:
        shape = self.interface.input_shape
        for segment in self.segments:
            shape = _output_shape(segment, shape)
        if math.prod(shape) != math.prod(self.interface.output_shape):
            raise InputError(f"the last segment makes {shape}, not {self.interface.output_shape}")


def _output_shape(segment: Segment, shape: Shape) -> Shape:
    if isinstance(segment, DenseSegment):
        if math.prod(shape) != segment.compiled.inputs:
            raise InputError(f"segment {segment.name} takes {segment.compiled.inputs} values, not {shape}")
        return (segment.compiled.outputs,)
    if len(shape) != 3:
        raise InputError(f"segment {segment.name} takes maps, not {shape}")
    if isinstance(segment, ConvolutionSegment):
        inputs, outputs = segment.inputs, segment.outputs
        if shape != (inputs.channels, inputs.height, inputs.width):
            wanted = f"{inputs.channels} x {inputs.height} x {inputs.width}"
            raise InputError(f"segment {segment.name} takes maps of {wanted}, not {shape}")
        return outputs.channels, outputs.height, outputs.width
    return (shape[0], *segment.positions(shape[1], shape[2]))
