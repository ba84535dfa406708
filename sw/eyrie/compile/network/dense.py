"""The fully connected layers at the end of a network, for the EIE engine."""

import numpy as np

from eyrie.compile.activity import MAX_SAMPLES, activation_densities, run_calibration
from eyrie.compile.certify import certify_network
from eyrie.compile.column_groups import place_network
from eyrie.compile.compiled import CompiledNetwork
from eyrie.compile.index_width import IndexAim
from eyrie.compile.mapping import map_network
from eyrie.compile.network.quantise import NetworkQuantisation
from eyrie.compile.report import CompileReport, report_network
from eyrie.compile.verify import verify_compiled
from eyrie.eie.config import EieConfig
from eyrie.errors import InputError


def compile_dense(
    quantisation: NetworkQuantisation,
    config: EieConfig,
    calibration: np.ndarray | None,
    *,
    sized: bool,
    index_aim: IndexAim | None,
    balance: bool,
) -> tuple[CompiledNetwork, CompileReport]:
    """Place rows for even work on the calibration inputs, and fill the memories.

    Parameters
    ----------
    quantisation : NetworkQuantisation
        Of the whole network.
    config : EieConfig
    calibration : real numbers (samples, *input shape) or None
        Inputs of the whole network, of which the first `MAX_SAMPLES` run; None takes inputs of the usual density.
    sized : bool
        Replace the depths of `config` by such as fit.
    index_aim : "cycles", "bits" or None
        See `eyrie.compile.mapping.map_network`.
    balance : bool
        Otherwise rows are interleaved.

    Raises
    ------
    InputError
        If there are no such layers, accumulators cannot be certified, or memories are too small.
    """
    quantised, ranges = quantisation.dense, quantisation.dense_ranges
    if quantised is None or ranges is None:
        raise InputError(f"network {quantisation.integers.interface.name!r} has no fully connected layers")
    network = quantised.network
    certify_network(network, config.accumulator_width)
    densities = None
    if calibration is not None:
        x = quantisation.integers.interface.quantise_input(calibration[:MAX_SAMPLES])
        densities = activation_densities(run_calibration(network, quantisation.integers.dense_inputs(x)))
    placements = place_network(network.layers, config, densities, balance=balance, sized=sized)
    mapped = map_network(network, config, sized=sized, placements=placements, index_aim=index_aim)
    verify_compiled(mapped.compiled)
    report = report_network(quantised, mapped.layers, mapped.compiled.config, ranges, densities, None)
    return mapped.compiled, report
