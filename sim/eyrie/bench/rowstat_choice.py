"""How a layer of Eyeriss's benchmark runs: which maps are run-length coded, and its mapping."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from eyrie.anchors.eyeriss import PES, PublishedConvolution
from eyrie.bench.rowstat_layers import BenchConvolution
from eyrie.compile.rowstat.coding import Coding
from eyrie.compile.rowstat.mapper import ABOUT_AS_FAST, UNLIMITED, Accesses, MappingChoice, choose_mapping, preference
from eyrie.compile.rowstat.mapping import row_words
from eyrie.errors import InputError
from eyrie.golden.rowstat.run_length import encode
from eyrie.rowstat.config import RowstatConfig

IntArray = npt.NDArray[np.int64]

MapKind = Literal["coded", "plain"]
MAP_KINDS: tuple[MapKind, ...] = get_args(MapKind)

_VALUES_A_MEGABYTE = 500_000  # of 16 bits, as the paper counts


@dataclass(frozen=True, kw_only=True)
class BenchChoices:
    """What the benchmark leaves to choose.

    Parameters
    ----------
    maps : "coded" or "plain"
        Coded: maps are run-length coded where that makes a better mapping.
    about_as_fast : float
        See `eyrie.compile.rowstat.mapper.choose_mapping`.
    keep_to : float or None
        Accesses to keep to where a mapping about as fast does, in those of the paper; None for the least energy. Where
        the paper has none, the least energy as well.
    max_buffer, max_external : float or None
        Most accesses, in those of the paper.
    """

    maps: MapKind = "coded"
    about_as_fast: float = ABOUT_AS_FAST
    keep_to: float | None = None
    max_buffer: float | None = None
    max_external: float | None = None


def paper_accesses(published: PublishedConvolution, config: RowstatConfig, batch: int) -> Accesses:
    """The paper's accesses for so many images; none for other than its number of PEs."""
    if config.n_pes != PES:
        return UNLIMITED
    share = batch / published.batch
    return Accesses(
        buffer=round(published.glb_mb * share * _VALUES_A_MEGABYTE),
        external=round(published.dram_mb * share * _VALUES_A_MEGABYTE),
    )


def choose(
    drawn: BenchConvolution, outputs: IntArray, config: RowstatConfig, choices: BenchChoices
) -> tuple[Coding, MappingChoice]:
    """The best mapping, with maps plain or coded, as `eyrie.compile.rowstat.mapper.choose_mapping` compares them.

    Parameters
    ----------
    drawn : BenchConvolution
    outputs : int64 (batch, filters, height, width)
        What it makes, which says how much coding saves.
    config : RowstatConfig
    choices : BenchChoices

    Raises
    ------
    InputError
        If no mapping fits, or limits are given and the paper has no accesses for this engine.
    """
    shape = drawn.layer.shape
    paper = paper_accesses(drawn.published, config, shape.batch)
    limits = _scaled(paper, choices.max_buffer, choices.max_external)
    if paper == UNLIMITED and (choices.max_buffer, choices.max_external) != (None, None):
        raise InputError(f"the paper has no accesses for {config.n_pes} PEs that limits could be taken from")
    wanted = None if choices.keep_to is None or paper == UNLIMITED else _scaled(paper, choices.keep_to, choices.keep_to)
    found: list[tuple[Coding, MappingChoice]] = []
    refusal, fewest = None, None
    for coding in _codings(drawn, outputs, config, choices.maps):
        try:
            choice = choose_mapping(
                shape,
                config,
                coding=coding,
                limits=limits,
                wanted=wanted,
                about_as_fast=choices.about_as_fast,
                rival=fewest,
            )
        except InputError as error:
            refusal = refusal or error
        else:
            found.append((coding, choice))
            fewest = choice.fewest_cycles
    if refusal is not None and not found:
        raise refusal
    fast = [entry for entry in found if fewest and entry[1].cycles.total <= choices.about_as_fast * fewest]
    return min(fast, key=lambda entry: preference(entry[1].cycles, entry[1].traffic, wanted))


def _scaled(accesses: Accesses, buffer: float | None, external: float | None) -> Accesses:
    return Accesses(
        buffer=None if buffer is None or accesses.buffer is None else int(buffer * accesses.buffer),
        external=None if external is None or accesses.external is None else int(external * accesses.external),
    )


def _codings(drawn: BenchConvolution, outputs: IntArray, config: RowstatConfig, maps: MapKind) -> Iterator[Coding]:
    """Every way in which maps are coded that saves words, most of them first."""
    shares = [coded_share(values) if maps == "coded" else 1.0 for values in (drawn.x, outputs)]
    for before, after in product(*([share, None] if share < 1 else [None] for share in shares)):
        yield Coding(inputs=before, outputs=after, codes=drawn.layer.codebook is not None)


def coded_share(maps: IntArray) -> float:
    """Words of run-length coded maps for each word of the plain ones."""
    rows = maps.reshape(-1, maps.shape[-1])
    _, lengths = encode(rows)
    return float(lengths.sum()) / (len(rows) * row_words(maps.shape[-1]))
