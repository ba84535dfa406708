"""The compiler: from a float network to memory contents."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from eyrie.compile.activity import activation_densities, run_calibration
from eyrie.compile.calibrate import bound_ranges, measure_ranges
from eyrie.compile.certify import certify_network
from eyrie.compile.column_groups import place_network
from eyrie.compile.compiled import CompiledNetwork
from eyrie.compile.evaluate import evaluate_cost
from eyrie.compile.index_width import IndexAim
from eyrie.compile.mapping import map_network
from eyrie.compile.quantise import Requantise, quantise_network
from eyrie.compile.quantised import QuantisedNetwork
from eyrie.compile.report import CompileReport, report_network
from eyrie.compile.verify import verify_compiled
from eyrie.compress.interleave import Placement
from eyrie.eie.config import EieConfig
from eyrie.errors import InputError
from eyrie.model.network import Network


class CompileResult(NamedTuple):
    """What `compile_network` returns.

    Parameters
    ----------
    compiled : CompiledNetwork
        For the engine.
    report : CompileReport
        For people.
    quantised : QuantisedNetwork
        The integer matrices, to check the others against.
    """

    compiled: CompiledNetwork
    report: CompileReport
    quantised: QuantisedNetwork


def compile_network(
    network: Network,
    *,
    calibration: np.ndarray | None = None,
    n_pes: int = 16,
    codebook_bits: int = 4,
    index_bits: int | IndexAim = 4,
    queue_depth: int = 8,
    activation_bits: int = 16,
    accumulator_bits: int = 32,
    config: EieConfig | None = None,
    placements: Sequence[Placement] | None = None,
    balance: bool = True,
    requantise: Requantise = "shift",
    multipliers: bool = True,
    lut_ram: bool = True,
    column_groups: int = 1,
) -> CompileResult:
    """Quantise, certify, map and plan.

    Parameters
    ----------
    network : Network
    calibration : real numbers (samples, inputs) or None
        Inputs that cover the range of real ones. Without them inputs are taken to lie from -1 to 1, and the other
        ranges are bounded.
    n_pes, codebook_bits, queue_depth, activation_bits, accumulator_bits : int
        Geometry of the engine; memories are as deep as the network needs, powers of two.
    index_bits : int, "cycles" or "bits"
        Bits of a zero run, or what they are chosen for, see `eyrie.compile.index_width`.
    config : EieConfig or None
        An engine that exists: its geometry counts, and the network must fit its memories.
    placements : sequence of Placement, one a layer, or None
        Where rows go; None leaves that to ``balance``.
    balance : bool
        Place rows so that all PEs have the same work on the calibration inputs, or on inputs of the usual density, see
        `eyrie.compress.balance`. Otherwise they are interleaved, as in the paper.
    requantise : "shift" or "multiplier"
        See `eyrie.compile.quantise`.
    multipliers, lut_ram : bool
        Of the engine too, see `EieConfig`.
    column_groups : int
        Likewise: 1, 2 or 4. Which layers split their columns over them is chosen, see `eyrie.compile.column_groups`.

    Raises
    ------
    InputError
        If an argument is out of range, inputs do not fit, accumulators cannot be certified, or memories are too small.
    """
    sized = config is None
    index_aim = index_bits if isinstance(index_bits, str) and sized else None
    if config is None:
        try:
            config = EieConfig(
                n_pes=n_pes,
                codebook_bits=codebook_bits,
                index_bits=EieConfig.index_bits if isinstance(index_bits, str) else index_bits,
                queue_depth=queue_depth,
                activation_width=activation_bits,
                accumulator_width=accumulator_bits,
                multipliers=multipliers,
                lut_ram=lut_ram,
                column_groups=column_groups,
            )
        except ValueError as error:
            raise InputError(str(error)) from error
    ranges = bound_ranges(network) if calibration is None else measure_ranges(network, calibration)
    quantisation = quantise_network(network, ranges, config, requantise=requantise)
    # The quantiser certifies while it searches; this holds for what is really written.
    certify_network(quantisation.network, config.accumulator_width)
    tensors = None if calibration is None else run_calibration(quantisation.network, calibration)
    densities = None if tensors is None else activation_densities(tensors)
    if placements is None:
        placements = place_network(quantisation.network.layers, config, densities, balance=balance, sized=sized)
    mapped = map_network(quantisation.network, config, sized=sized, placements=placements, index_aim=index_aim)
    verify_compiled(mapped.compiled)
    cost = None
    if calibration is not None and tensors is not None:
        cost = evaluate_cost(network, quantisation, calibration, tensors[-1])
    report = report_network(quantisation, mapped.layers, mapped.compiled.config, ranges, densities, cost)
    return CompileResult(mapped.compiled, report, quantisation.network)
