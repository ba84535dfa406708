"""EIE's own benchmark: its layers on the cycle model or on simulated hardware, each result checked."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from eyrie.anchors.eie import PublishedLayer
from eyrie.bench.eie_compile import CompiledLayer, compile_layer, compile_layer_for, place_rows
from eyrie.bench.eie_layers import BenchLayer, draw_layer
from eyrie.bench.eie_levers import Levers
from eyrie.bench.eie_model import LayerModel
from eyrie.bench.eie_row import LayerRow
from eyrie.bench.eie_storage import paper_bits, stored_bits
from eyrie.bench.engine import SimulatedEngine
from eyrie.compress.interleave import Placement
from eyrie.cycles.model import Timing
from eyrie.driver.schedule import run_schedule
from eyrie.eie.config import EieConfig
from eyrie.eie.load_format import load_stream

IntArray = npt.NDArray[np.int64]
Place = Literal["model", "rtl"]
Say = Callable[[str], None]
"""Takes one line that says what is being done."""

DEFINITION_OF_CYCLES = (
    "clock cycles from the first broadcast to the last requantised output written, batches and passes included"
)


@dataclass(frozen=True, kw_only=True)
class BenchRow(LayerRow):
    """One layer, run once, with all that is known of the run.

    Parameters
    ----------
    on : "model" or "rtl"
        Whose cycles these are.
    balance : bool
    queue_depth : int
    skip_empty : bool
        Placement and engine; see `eyrie.bench.eie_levers.Levers`.
    entries, fillers : int
        Entries read over all PEs, and how many of these only break long runs of zeros.
    stalls : dict
        Cycles in which a PE did not multiply, by cause, over all PEs. With the useful multiplies they make up all
        cycles of all PEs.
    queue_full : int
        Cycles in which a full queue held the broadcast.
    paper_bits_per_weight : float
        Entries and what finds them, over non-zero weights, in the paper's format.
    config_hash : str
        Identity of the engine.
    """

    on: Place
    balance: bool
    queue_depth: int
    skip_empty: bool
    entries: int
    fillers: int
    stalls: dict[str, int]
    queue_full: int
    paper_bits_per_weight: float
    config_hash: str


def bench_on_model(
    published: Sequence[PublishedLayer], *, n_pes: int, levers: Levers, seed: int, say: Say
) -> Iterator[BenchRow]:
    """Each layer on an engine of its own size: values from the golden model, cycles from the cycle model.

    Raises
    ------
    InputError
        If no engine with so many PEs holds a layer.
    """
    for layer in published:
        say(f"{layer.name}: drawing and compiling")
        drawn = draw_layer(layer, seed)
        compiled = compile_layer(drawn, place_rows(drawn, n_pes, levers), levers, n_pes=n_pes)
        say(f"{layer.name}: golden model and cycle model")
        outputs, timing = LayerModel(compiled).run()
        differences = compare_outputs(drawn, outputs)
        yield _row(
            compiled, levers, timing, "model", timing.cycles, stored_bits(compiled.placed, compiled.config), differences
        )


def bench_on_rtl(
    published: Sequence[PublishedLayer], *, n_pes: int, levers: Levers, seed: int, say: Say
) -> Iterator[BenchRow]:
    """Each layer on simulated hardware.

    Deeper memories change no cycle, so that layers with the same index width and groups of PEs share one engine, which
    saves building one for each. Bits are those of an engine of the layer's own size, as on the model.

    Raises
    ------
    InputError
        If no engine with so many PEs holds a layer.
    MissingToolError
        If a tool to build the simulation is missing.
    """
    own: dict[str, tuple[Placement, EieConfig, int]] = {}
    for layer in published:
        say(f"{layer.name}: drawing and compiling")
        drawn = draw_layer(layer, seed)
        placement = place_rows(drawn, n_pes, levers)
        compiled = compile_layer(drawn, placement, levers, n_pes=n_pes)
        own[layer.name] = placement, compiled.config, stored_bits(compiled.placed, compiled.config)
    engines: dict[EieConfig, SimulatedEngine] = {}
    for layer in published:
        placement, smallest, bits = own[layer.name]
        config = shared_config([it for _, it, _ in own.values() if _kind(it) == _kind(smallest)])
        if config not in engines:
            engines[config] = SimulatedEngine(config, seed=seed, progress=say)
        say(f"{layer.name}: compiling for the shared engine")
        drawn = draw_layer(layer, seed)
        compiled = compile_layer_for(drawn, placement, config)
        say(f"{layer.name}: RTL")
        outputs, cycles = simulated_outputs(compiled, engines[config])
        timing = LayerModel(compiled).run().timing
        differences = compare_outputs(drawn, outputs)
        if cycles != timing.cycles:
            differences = (*differences, f"RTL takes {cycles} cycles, the cycle model says {timing.cycles}")
        yield _row(compiled, levers, timing, "rtl", cycles, bits, differences)


def _kind(config: EieConfig) -> tuple[int, int]:
    """What engines that layers share must have in common."""
    return config.index_bits, config.column_groups


def shared_config(configs: Sequence[EieConfig]) -> EieConfig:
    """An engine with the memories of all of these, which are otherwise alike."""
    deepest = ("entry_depth", "table_depth", "activation_depth", "accumulator_depth", "program_depth", "count_bits")
    return replace(configs[0], **{name: max(getattr(config, name) for config in configs) for name in deepest})


def simulated_outputs(compiled: CompiledLayer, engine: SimulatedEngine) -> tuple[IntArray, int]:
    """What the emitted Verilog makes of the input, int64 (outputs,), and in how many cycles."""
    engine.load(load_stream(compiled.config, compiled.compiled.packets()))
    engine.start()
    outputs = run_schedule(compiled.compiled.schedule, compiled.layer.x, engine.exchange)
    engine.finish()
    return outputs, engine.cycles


def compare_outputs(layer: BenchLayer, outputs: IntArray) -> tuple[str, ...]:
    """How outputs differ from those of plain matrices; nothing if they do not."""
    wrong = np.flatnonzero(outputs != layer.outputs())
    return (f"{wrong.size} of {outputs.size} outputs differ, the first is {wrong[0]}",) if wrong.size else ()


def _row(
    compiled: CompiledLayer,
    levers: Levers,
    timing: Timing,
    on: Place,
    cycles: int,
    bits: int,
    differences: tuple[str, ...],
) -> BenchRow:
    layer, config = compiled.layer, compiled.config
    useful, nonzeros = layer.useful_multiplies, layer.n_nonzeros
    if timing.multiplies != useful:
        differences = (*differences, f"{timing.multiplies} multiplies in the cycle model, {useful} in the matrix")
    return BenchRow(
        layer=layer.name,
        on=on,
        pes=config.n_pes,
        seed=layer.seed,
        balance=levers.balance,
        index_bits=config.index_bits,
        column_groups=config.column_groups,
        queue_depth=config.queue_depth,
        skip_empty=config.skip_empty,
        useful_multiplies=useful,
        entries=timing.entries,
        fillers=timing.fillers,
        cycles=cycles,
        paper_cycles=layer.published.cycles if config.n_pes == layer.published.pes else None,
        stalls=dict(timing.stalls),
        queue_full=timing.queue_full,
        bits_per_weight=bits / nonzeros,
        paper_bits_per_weight=paper_bits(layer.codes, config.n_pes) / nonzeros,
        config_hash=f"{config.hash:016x}",
        differences=differences,
    )
