"""Convolutions and pools drawn at random on simulated hardware: values beside golden model and plain integers, cycles
beside the cycle model."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from eyrie.bench.rowstat_engine import SimulatedRowstat
from eyrie.bench.simulation import STALLS, SimulationError, Stall
from eyrie.compile.rowstat.coding import Coding
from eyrie.compile.rowstat.layer import ConvLayer
from eyrie.compile.rowstat.program import RowstatProgram, compile_layers
from eyrie.compile.rowstat.random_layers import (
    draw_coded_maps,
    draw_config,
    draw_inputs,
    draw_layers,
    draw_mapping,
)
from eyrie.compile.rowstat.reference import Layer, forward
from eyrie.cycles.rowstat.model import MAP_LATENCY, RowstatCycleModel
from eyrie.errors import InputError
from eyrie.golden.rowstat.model import RowstatModel
from eyrie.rowstat.config import RowstatConfig


@dataclass(frozen=True, kw_only=True)
class ConvolutionOutcome:
    """One network on one engine: a convolution, and up to two layers more.

    Parameters
    ----------
    engine : int
        Number of the engine in the campaign.
    seed : int
        What the network was drawn from.
    array : (int, int)
        Rows and columns of PEs.
    layers : tuple of str
        Their maps, and how convolutions are mapped or what pools take.
    codebooks : int
        Layers whose weights are codes.
    coded_maps : int
        Maps that are run-length coded.
    latency : int
        Of the external memory.
    values_agree : bool
        Hardware, golden model and plain integers are equal.
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
    codebooks: int
    coded_maps: int
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


@dataclass(frozen=True, kw_only=True, eq=False)
class DrawnProgram:
    """Layers, their program, input maps, and what plain integers make of them."""

    layers: list[Layer]
    program: RowstatProgram
    x: np.ndarray
    expected: np.ndarray


def draw_program(rng: np.random.Generator, config: RowstatConfig) -> DrawnProgram:
    """A program that fits the engine."""
    while True:
        try:
            layers = draw_layers(rng, config)
            coded = draw_coded_maps(rng, len(layers))
            mappings = [
                draw_mapping(rng, layer.shape, config, Coding(inputs=inputs, outputs=outputs))
                if isinstance(layer, ConvLayer)
                else None
                for layer, (inputs, outputs) in zip(layers, pairwise(coded), strict=True)
            ]
            program = compile_layers(layers, config, mappings, coded=coded)
        except InputError:  # too large for this engine
            continue
        x = draw_inputs(rng, layers[0].shape, config)
        expected = forward(layers, x, activation_width=config.activation_width)
        return DrawnProgram(layers=layers, program=program, x=x, expected=expected)


def _run(engine: SimulatedRowstat, seed: int, number: int, stall: Stall) -> ConvolutionOutcome:
    config = engine.config
    rng = np.random.default_rng(seed)
    drawn = draw_program(rng, config)
    program = drawn.program
    latency = int(rng.choice([1, 2, MAP_LATENCY, 70]))
    memory = program.memory(drawn.x)
    model = RowstatModel(config, program.tape)
    golden = model.run(program.filters, memory)
    values_agree = np.array_equal(program.outputs(golden.memory), drawn.expected)
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
        layers=_texts(drawn),
        codebooks=len(model.checked.tape.named("load_codebook")),
        coded_maps=sum(place.coded for place in program.maps),
        latency=latency,
        values_agree=bool(values_agree),
        cycles=cycles,
        modelled_cycles=RowstatCycleModel(config, program.tape).run(latency=latency, memory=golden.memory).cycles,
        stall=stall,
        failure=failure,
    )


def _texts(drawn: DrawnProgram) -> tuple[str, ...]:
    """A line a layer."""
    mappings = iter(drawn.program.mappings)
    lines = []
    for layer in drawn.layers:
        before, after = layer.shape.input_maps, layer.shape.output_maps
        maps = f"{' x '.join(map(str, before))} to {' x '.join(map(str, after[1:]))}"
        if isinstance(layer, ConvLayer):
            mapping = next(mappings)
            lines.append(f"{maps}, p {mapping.filters} q {mapping.slots} T {mapping.sets}")
        else:
            kind = "means" if layer.is_mean else "maxima"
            lines.append(f"{maps}, {kind} of {layer.shape.kernel[0]} x {layer.shape.kernel[1]}")
    return tuple(lines)
