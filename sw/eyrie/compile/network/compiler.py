"""The compiler for networks with convolutions: from floats to programs for both engines."""

from typing import NamedTuple

import numpy as np

from eyrie.compile.calibrate import bound_ranges, measure_ranges
from eyrie.compile.index_width import IndexAim
from eyrie.compile.network.dense import compile_dense
from eyrie.compile.network.integers import FullyConnected
from eyrie.compile.network.pooled import gather_layers
from eyrie.compile.network.quantise import NetworkQuantisation, quantise_stages
from eyrie.compile.network.segmented import ConvolutionSegment, DenseSegment, Segment, SegmentedNetwork
from eyrie.compile.report import CompileReport
from eyrie.compile.rowstat.program import RowstatProgram, compile_layers
from eyrie.eie.config import EieConfig
from eyrie.errors import InputError
from eyrie.model.dense import DenseLayer
from eyrie.model.network import Network
from eyrie.rowstat.config import DEFAULT, RowstatConfig


class SegmentedResult(NamedTuple):
    """What `compile_segments` returns.

    Parameters
    ----------
    compiled : SegmentedNetwork
        For the engines.
    quantisation : NetworkQuantisation
        The integers, to check the programs against, and what they cost.
    programs : tuple of RowstatProgram
        Of the convolutions, in order.
    dense_report : CompileReport or None
        Of the fully connected layers, for people.
    """

    compiled: SegmentedNetwork
    quantisation: NetworkQuantisation
    programs: tuple[RowstatProgram, ...]
    dense_report: CompileReport | None


def compile_segments(
    network: Network,
    *,
    calibration: np.ndarray | None = None,
    rowstat: RowstatConfig = DEFAULT,
    eie: EieConfig | None = None,
    sized: bool = True,
    index_aim: IndexAim | None = None,
    balance: bool = True,
    batch: int = 1,
) -> SegmentedResult:
    """Quantise, certify and map.

    Convolutions, and pooling behind them, are one program of the row-stationary engine, the fully connected layers at
    the end one of the EIE engine. Pooling in front of all convolutions is the host's, and so is what does not fit the
    engine.

    Parameters
    ----------
    network : Network
        With at least one convolution or pooling layer.
    calibration : real numbers (samples, *input shape) or None
        Inputs that cover the range of real ones. Without them inputs are taken to lie from -1 to 1, and the other
        ranges are bounded.
    rowstat : RowstatConfig
    eie : EieConfig or None
        None takes the default with activations as wide as those of the other engine.
    sized : bool
        Replace the depths of the EIE engine's memories by such as fit. Otherwise the fully connected layers must fit it
        as it is.
    index_aim : "cycles", "bits" or None
        Replace its `index_bits` too, see `eyrie.compile.mapping.map_network`.
    balance : bool
        Place the rows of fully connected layers for even work; otherwise they are interleaved.
    batch : int
        Images of one run of the row-stationary engine.

    Raises
    ------
    InputError
        If an argument is out of range, calibration inputs do not fit, sums cannot be certified, or a layer does not fit
        its engine.
    """
    if all(isinstance(layer, DenseLayer) for layer in network.layers):
        raise InputError(f"network {network.name!r} has fully connected layers alone, which need no segments")
    eie = EieConfig(activation_width=rowstat.activation_width) if eie is None else eie
    ranges = bound_ranges(network) if calibration is None else measure_ranges(network, calibration)
    quantisation = quantise_stages(network, ranges, rowstat, eie, batch=batch)
    segments: list[Segment] = []
    programs: list[RowstatProgram] = []
    report = None
    for stage in gather_layers(quantisation.integers.stages, rowstat):
        if isinstance(stage, tuple):
            program = compile_layers(stage, rowstat)
            programs.append(program)
            segments.append(ConvolutionSegment.of(", ".join(layer.name for layer in stage), program))
        elif isinstance(stage, FullyConnected):
            dense, report = compile_dense(
                quantisation, eie, calibration, sized=sized, index_aim=index_aim, balance=balance
            )
            segments.append(DenseSegment(name=stage.name, compiled=dense))
        else:
            segments.append(stage)
    compiled = SegmentedNetwork(interface=quantisation.integers.interface, segments=tuple(segments))
    return SegmentedResult(compiled, quantisation, tuple(programs), report)
