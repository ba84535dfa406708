"""Networks drawn at random on simulated hardware: values beside golden model and plain matrices, cycles beside the
cycle model."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from eyrie.bench.engine import SimulatedEngine
from eyrie.bench.simulation import STALLS, SimulationError, Stall
from eyrie.compile.mapping import map_network
from eyrie.compile.random_network import RandomCase, draw_case, draw_column_groups, draw_config, draw_inputs
from eyrie.cycles.model import PhaseWatch
from eyrie.driver.schedule import run_schedule
from eyrie.eie.config import EieConfig
from eyrie.eie.load_format import load_stream
from eyrie.golden.dense import forward
from eyrie.golden.engine import EngineModel

_LARGE = (16, 33, 64)
"""Every fourth engine has as many PEs as one of these; the others have up to nine."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One network on one engine.

    Parameters
    ----------
    engine : int
        Number of the engine in the campaign.
    seed : int
        What the network was drawn from.
    n_pes : int
    layers : tuple of (int, int)
        Rows and columns.
    samples : int
    stall : str
        How the streams held back.
    mismatches : int
        Samples for which hardware, golden model and plain matrices are not all equal.
    cycles : int
        Cycles that the hardware took for all samples.
    cycle_mismatches : int
        Samples for which the cycle model says something else.
    failure : str or None
        What the hardware did instead of its work.
    """

    engine: int
    seed: int
    n_pes: int
    layers: tuple[tuple[int, int], ...]
    samples: int
    stall: Stall
    mismatches: int
    cycles: int
    cycle_mismatches: int
    failure: str | None

    @property
    def agrees(self) -> bool:
        """Whether everything is equal."""
        return not self.mismatches and not self.cycle_mismatches and self.failure is None

    @property
    def difference(self) -> str:
        """What is not, in one line."""
        return self.failure or (
            f"of {self.samples} samples {self.mismatches} differ in values, {self.cycle_mismatches} in cycles"
        )


def run_campaign(
    *, seed: int, n_engines: int, n_networks: int, building: Callable[[str], None] | None = None
) -> Iterator[Outcome]:
    """Draw engines, and on each of them run networks back to back, every one loaded over the one before.

    Parameters
    ----------
    seed : int
        The same seed draws the same campaign.
    n_engines : int
        Engines; each takes seconds to build.
    n_networks : int
        Networks on each.
    building : callable, optional
        Told what is being done while an engine is built.
    """
    for number in range(n_engines):
        config = draw_engine(seed, number)
        engine = SimulatedEngine(config, seed=seed + number, progress=building)
        for index in range(n_networks):
            network_seed = (seed * 1000 + number) * 1000 + index
            yield _run(engine, draw_case(network_seed, config=config), number, STALLS[index % len(STALLS)])


def draw_engine(seed: int, number: int) -> EieConfig:
    """Engine ``number`` of a campaign."""
    rng = np.random.default_rng([seed, number])
    config = draw_config(rng)
    if number % 4 == 3:
        n_pes = _LARGE[number // 4 % len(_LARGE)]
        config = replace(config, n_pes=n_pes, column_groups=draw_column_groups(rng, n_pes))
    return config


def _run(engine: SimulatedEngine, case: RandomCase, number: int, stall: Stall) -> Outcome:
    compiled = map_network(case.network, case.config, sized=False, placements=case.placements).compiled
    x = draw_inputs(case.seed, case.network)
    expected = forward(case.network.layers, x, activation_width=case.config.activation_width)
    golden = EngineModel(case.config, compiled.packets())
    agree = np.ones(len(x), bool)
    cycles, predicted = np.zeros(len(x), np.int64), np.zeros(len(x), np.int64)
    for index, sample in enumerate(x):
        watch = PhaseWatch(case.config)
        run = golden.start(1, watch)
        agree[index] = np.array_equal(run_schedule(compiled.schedule, sample[None], run.exchange)[0], expected[index])
        run.finish()
        predicted[index] = watch.timing(golden.steps, run).cycles
    engine.set_stalls(stall, seed=case.seed)
    failure = None
    try:
        engine.load(load_stream(case.config, compiled.packets()))
        for index, sample in enumerate(x):
            engine.start()
            agree[index] &= np.array_equal(run_schedule(compiled.schedule, sample, engine.exchange), expected[index])
            engine.finish()
            cycles[index] = engine.cycles
    except SimulationError as error:
        failure = str(error)
    return Outcome(
        engine=number,
        seed=case.seed,
        n_pes=case.config.n_pes,
        layers=tuple((layer.rows, layer.columns) for layer in case.network.layers),
        samples=len(x),
        stall=stall,
        mismatches=int(np.count_nonzero(~agree)),
        cycles=int(cycles.sum()),
        cycle_mismatches=int(np.count_nonzero(cycles != predicted)),
        failure=failure,
    )
