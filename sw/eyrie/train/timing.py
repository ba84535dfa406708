"""What the engine takes for a trained network: cycles of the cycle model."""

from collections.abc import Sequence

import numpy as np

from eyrie.compile.compiler import compile_network
from eyrie.compile.scaling import quantise_input
from eyrie.compress.interleave import Placement
from eyrie.cycles.model import PhaseWatch
from eyrie.driver.schedule import run_schedule
from eyrie.golden.engine import EngineModel
from eyrie.train.network import Network


def count_cycles(
    network: Network, calibration: np.ndarray, inputs: np.ndarray, placements: Sequence[Placement]
) -> tuple[int, ...]:
    """Clock cycles of each input, apart from taking it in and putting the result out.

    The network is compiled for an engine of default widths and queues, with memories as deep as it needs.

    Parameters
    ----------
    network : Network
    calibration, inputs : floats (n, pixels)
        To find the ranges with, and to time.
    placements : sequence of Placement
        For each layer, of its rows; all on as many PEs as the engine has.

    Raises
    ------
    InputError
        If the compiler refuses the network, or a placement does not fit its layer.
    """
    compiled = compile_network(
        network.as_float("lenet-300-100"), calibration=calibration, n_pes=placements[0].n_pes, placements=placements
    ).compiled
    engine = EngineModel(compiled.config, compiled.packets())
    cycles = []
    for sample in quantise_input(compiled, inputs):
        watch = PhaseWatch(compiled.config)
        run = engine.start(1, watch)
        run_schedule(compiled.schedule, sample[None], run.exchange)
        run.finish()
        cycles.append(watch.timing(engine.steps, run).cycles)
    return tuple(cycles)
