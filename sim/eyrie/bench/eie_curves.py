"""The design space of EIE's benchmark on the cycle model: queue depths and numbers of PEs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from eyrie.anchors.eie import PublishedLayer, published_design
from eyrie.bench.eie_bench import Say
from eyrie.bench.eie_compile import compile_layer, place_rows
from eyrie.bench.eie_layers import draw_layer
from eyrie.bench.eie_levers import Levers
from eyrie.bench.eie_model import LayerModel
from eyrie.bench.eie_storage import ZeroRuns
from eyrie.compress.interleave import Placement
from eyrie.errors import InputError

QUEUE_DEPTHS = tuple(1 << power for power in range(9))
PE_COUNTS = tuple(1 << power for power in range(9))


@dataclass(frozen=True, kw_only=True)
class QueuePoint:
    """One layer with one queue depth.

    Parameters
    ----------
    layer : str
    pes, queue_depth : int
    bound : float
        Useful multiplies over PEs.
    cycles : int
    """

    layer: str
    pes: int
    queue_depth: int
    bound: float
    cycles: int

    @property
    def efficiency(self) -> float:
        """Bound over cycles."""
        return self.bound / self.cycles


@dataclass(frozen=True, kw_only=True)
class ScalingPoint:
    """One layer on one number of PEs.

    Parameters
    ----------
    layer : str
    pes, index_bits : int
    useful_multiplies : int
    cycles : int
    padding : float
        Fillers over all entries that are stored.
    paper_padding : float
        The same for the paper's runs of four bits on interleaved rows.
    """

    layer: str
    pes: int
    index_bits: int
    useful_multiplies: int
    cycles: int
    padding: float
    paper_padding: float

    @property
    def speed_up(self) -> float:
        """Over one multiplier that never waits: useful multiplies a cycle."""
        return self.useful_multiplies / self.cycles


@dataclass(frozen=True, kw_only=True)
class Unfit:
    """A point that no engine can run.

    Parameters
    ----------
    layer : str
    pes : int
    reason : str
    """

    layer: str
    pes: int
    reason: str


def queue_points(
    published: Sequence[PublishedLayer],
    *,
    n_pes: int,
    levers: Levers,
    seed: int,
    say: Say,
    depths: Sequence[int] = QUEUE_DEPTHS,
) -> Iterator[QueuePoint]:
    """Every layer with every queue depth.

    Raises
    ------
    InputError
        If no engine with so many PEs holds a layer.
    """
    for layer in published:
        say(f"{layer.name}: compiling")
        drawn = draw_layer(layer, seed)
        compiled = compile_layer(drawn, place_rows(drawn, n_pes, levers), levers, n_pes=n_pes)
        model = LayerModel(compiled)
        for depth in depths:
            say(f"{layer.name}: queue depth {depth}")
            config = compiled.config_with(replace(levers, queue_depth=depth))
            yield QueuePoint(
                layer=layer.name,
                pes=n_pes,
                queue_depth=depth,
                bound=drawn.useful_multiplies / n_pes,
                cycles=model.run(config).timing.cycles,
            )


def scaling_points(
    published: Sequence[PublishedLayer],
    *,
    levers: Levers,
    seed: int,
    say: Say,
    pe_counts: Sequence[int] = PE_COUNTS,
) -> Iterator[ScalingPoint | Unfit]:
    """Every layer on every number of PEs; large layers do not fit the memories of few PEs."""
    for layer in published:
        drawn = draw_layer(layer, seed)
        for n_pes in pe_counts:
            say(f"{layer.name}: {n_pes} PEs")
            try:
                compiled = compile_layer(drawn, place_rows(drawn, n_pes, levers), levers, n_pes=n_pes)
            except InputError as error:
                yield Unfit(layer=layer.name, pes=n_pes, reason=str(error))
                continue
            runs = ZeroRuns.of(drawn.codes, Placement.interleaved(layer.outputs, n_pes))
            paper_fillers = runs.n_fillers(published_design().index_bits)
            stored = int(compiled.placed.entries.sum())
            yield ScalingPoint(
                layer=layer.name,
                pes=n_pes,
                index_bits=compiled.config.index_bits,
                useful_multiplies=drawn.useful_multiplies,
                cycles=LayerModel(compiled).run().timing.cycles,
                padding=compiled.placed.n_fillers / stored,
                paper_padding=paper_fillers / (runs.n_nonzeros + paper_fillers),
            )
