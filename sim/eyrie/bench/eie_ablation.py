"""What each lever past the paper gives: every benchmark layer with all of them, without each one, and with none."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from eyrie.anchors.eie import PublishedLayer
from eyrie.bench.eie_bench import Say, compare_outputs
from eyrie.bench.eie_compile import CompiledLayer, compile_layer, place_rows
from eyrie.bench.eie_layers import draw_layer
from eyrie.bench.eie_levers import LEVERS, PAPER, IndexBits, Levers
from eyrie.bench.eie_model import LayerModel
from eyrie.bench.eie_row import LayerRow
from eyrie.bench.eie_storage import stored_bits
from eyrie.compress.interleave import Placement

ALL_ON = "all on"
ALL_OFF = "all off"


@dataclass(frozen=True, kw_only=True)
class AblationRow(LayerRow):
    """One layer with one set of levers, on the cycle model.

    Parameters
    ----------
    levers : str
        `ALL_ON`, a lever's name and "off", or `ALL_OFF`.
    """

    levers: str


def lever_variants(levers: Levers) -> dict[str, Levers]:
    """The sets of levers that are compared, by name: those given, each one switched off, and the paper's."""
    return {
        ALL_ON: levers,
        **{f"{name} off": replace(levers, **off) for name, off in LEVERS.items()},
        ALL_OFF: PAPER,
    }


def ablate(
    published: Sequence[PublishedLayer], *, n_pes: int, levers: Levers, seed: int, say: Say
) -> Iterator[AblationRow]:
    """Run every layer with every variant of the levers.

    Levers that change only the engine share one compilation, and those that do not move rows one placement.

    Raises
    ------
    InputError
        If no engine with so many PEs holds a layer.
    """
    for layer in published:
        drawn = draw_layer(layer, seed)
        placements: dict[tuple[bool, int], Placement] = {}
        memories: dict[tuple[bool, int, IndexBits], tuple[CompiledLayer, LayerModel]] = {}
        for name, variant in lever_variants(levers).items():
            say(f"{layer.name}: {name}")
            place = variant.balance, variant.column_groups
            if place not in placements:
                placements[place] = place_rows(drawn, n_pes, variant)
            key = (*place, variant.index_bits)
            if key not in memories:
                compiled = compile_layer(drawn, placements[place], variant, n_pes=n_pes)
                memories[key] = compiled, LayerModel(compiled)
            compiled, model = memories[key]
            config = compiled.config_with(variant)
            outputs, timing = model.run(config)
            yield AblationRow(
                layer=layer.name,
                levers=name,
                pes=n_pes,
                seed=seed,
                index_bits=config.index_bits,
                column_groups=config.column_groups,
                useful_multiplies=drawn.useful_multiplies,
                cycles=timing.cycles,
                paper_cycles=layer.cycles if n_pes == layer.pes else None,
                bits_per_weight=stored_bits(compiled.placed, config) / drawn.n_nonzeros,
                differences=compare_outputs(drawn, outputs),
            )
