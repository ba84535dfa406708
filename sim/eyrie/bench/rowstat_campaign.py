"""Convolutions drawn at random on simulated hardware: values beside golden model and plain convolution, cycles beside
the cycle model."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from eyrie.bench.rowstat_engine import SimulatedRowstat
from eyrie.bench.simulation import STALLS, SimulationError, Stall
from eyrie.compile.rowstat.program import RowstatProgram, compile_layers
from eyrie.compile.rowstat.random_layers import draw_config, draw_inputs, draw_layer, draw_mapping, draw_shape
from eyrie.cycles.rowstat.model import MAP_LATENCY, RowstatCycleModel
from eyrie.errors import InputError
from eyrie.golden.convolution import forward
from eyrie.golden.rowstat.model import RowstatModel
from eyrie.rowstat.config import RowstatConfig


@dataclass(frozen=True, kw_only=True)
class ConvolutionOutcome:
    """One network of one or two convolutions on one engine.

    Parameters
    ----------
    engine : int
        Number of the engine in the campaign.
    seed : int
        What the network was drawn from.
    array : (int, int)
        Rows and columns of PEs.
    layers : tuple of str
        Shapes: ``batch x channels x height x width, filters of rows x columns, ...``.
    latency : int
        Of the external memory.
    values_agree : bool
        Hardware, golden model and plain convolution are equal.
    cycles, modelled_cycles : int
        What the hardware took, and what the cycle model says.
    stall : str
        How the streams held back in a second run, whose values must be the same.
    failure : str or None
        What the hardware did instead of its work.
    """

    engine: int
    seed: int
    array: tuple[int, int]
    layers: tuple[str, ...]
    latency: int
    values_agree: bool
    cycles: int
    modelled_cycles: int
    stall: Stall
    failure: str | None

    @property
    def agrees(self) -> bool:
        """Whether everything is equal."""
        return self.values_agree and self.cycles == self.modelled_cycles and self.failure is None

    @property
    def difference(self) -> str:
        """What is not, in one line."""
        if self.failure is not None:
            return self.failure
        values = "" if self.values_agree else "values differ; "
        return f"{values}{self.cycles} cycles, the cycle model says {self.modelled_cycles}"


def run_convolutions(
    *, seed: int, n_engines: int, n_networks: int, building: Callable[[str], None] | None = None
) -> Iterator[ConvolutionOutcome]:
    """Draw engines, and on each of them run networks back to back.

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
        config = draw_config(np.random.default_rng([seed, number]))
        engine = SimulatedRowstat(config, seed=seed + number, progress=building)
        for index in range(n_networks):
            yield _run(engine, (seed * 1000 + number) * 1000 + index, number, STALLS[index % len(STALLS)])


def draw_program(rng: np.random.Generator, config: RowstatConfig) -> tuple[RowstatProgram, np.ndarray, np.ndarray]:
    """A program of one layer or two that fits the engine, its input maps, and what plain convolution makes of them."""
    while True:
        try:
            shapes = [draw_shape(rng, "first")]
            if rng.integers(2):
                shapes.append(draw_shape(rng, "second", shapes[0].output_maps))
            layers = [draw_layer(rng, shape, config) for shape in shapes]
            program = compile_layers(layers, config, [draw_mapping(rng, shape, config) for shape in shapes])
        except InputError:  # too large for this engine
            continue
        x = draw_inputs(rng, shapes[0], config)
        return program, x, forward(layers, x, activation_width=config.activation_width)


def _run(engine: SimulatedRowstat, seed: int, number: int, stall: Stall) -> ConvolutionOutcome:
    config = engine.config
    rng = np.random.default_rng(seed)
    program, x, expected = draw_program(rng, config)
    latency = int(rng.choice([1, 2, MAP_LATENCY, 70]))
    memory = program.memory(x)
    golden = RowstatModel(config, program.tape).run(program.filters, memory)
    values_agree = np.array_equal(program.outputs(golden.memory), expected)
    cycles, failure = 0, None
    try:
        engine.set_stalls("never", seed=seed)
        run = engine.run(program.tape, program.filters, memory, latency=latency)
        cycles = run.cycles
        values_agree &= np.array_equal(run.memory, golden.memory)
        if stall != "never":
            engine.set_stalls(stall, seed=seed)
            stalled = engine.run(program.tape, program.filters, memory, latency=latency)
            values_agree &= np.array_equal(stalled.memory, golden.memory)
    except SimulationError as error:
        failure = str(error)
    return ConvolutionOutcome(
        engine=number,
        seed=seed,
        array=(config.rows, config.columns),
        layers=tuple(_text(program, layer) for layer in range(len(program.mappings))),
        latency=latency,
        values_agree=bool(values_agree),
        cycles=cycles,
        modelled_cycles=RowstatCycleModel(config, program.tape).run(latency=latency).cycles,
        stall=stall,
        failure=failure,
    )


def _text(program: RowstatProgram, layer: int) -> str:
    before, after, mapping = program.maps[layer], program.maps[layer + 1], program.mappings[layer]
    return (
        f"{before.batch} x {before.channels} x {before.height} x {before.width} to "
        f"{after.channels} x {after.height} x {after.width}, p {mapping.filters} q {mapping.slots} T {mapping.sets}"
    )
