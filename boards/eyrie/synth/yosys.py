"""Synthesis of the emitted Verilog with Yosys, and what comes out of it."""

import dataclasses
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from eyrie.bench.cache import cached, content_key
from eyrie.bench.emitted import PE_MODULE
from eyrie.common.emit import EmittedVerilog, YosysError, run_yosys, yosys_version
from eyrie.errors import InputError
from eyrie.synth.resources import Resources, Target, count_resources

_COMMANDS: dict[str, str] = {
    "ecp5": "synth_ecp5",
    "ice40": "synth_ice40 -dsp",
    "xilinx": "synth_xilinx -family xc7 -flatten -noiopad -noclkbuf",
}
TARGETS: tuple[Target, ...] = get_args(Target)
"""FPGA families: Lattice ECP5, Lattice iCE40 UltraPlus, Xilinx 7 series."""

_BOOKKEEPING = "$scopeinfo"
"""Cells that only remember names."""


@dataclass(frozen=True, kw_only=True)
class SynthesisReport:
    """Cells of a design after synthesis, before placement.

    Parameters
    ----------
    target : str
        FPGA family.
    top : str
        Top module.
    n_pes : int
        Processing elements.
    flattened : bool
        Whether PEs were optimised together with what is around them; otherwise a PE is mapped once.
    version : str
        Yosys' version.
    command : str
        Yosys commands, on the emitted Verilog.
    seconds : float
        Wall-clock time of the run that this came from, which may have been an earlier one.
    modules : dict of str to dict of str to int
        Cells of each module that is left, by type, its submodules not counted.
    cells : dict of str to int
        Cells of the whole design, by type.
    """

    target: Target
    top: str
    n_pes: int
    flattened: bool
    version: str
    command: str
    seconds: float
    modules: dict[str, dict[str, int]]
    cells: dict[str, int]

    @property
    def whole(self) -> Resources:
        """Resources of the whole design."""
        return count_resources(self.cells, self.target)

    @property
    def per_pe(self) -> Resources | None:
        """Resources of one PE; None if the design was flattened."""
        return None if self.flattened else count_resources(self.modules[PE_MODULE], self.target)

    def as_dict(self) -> dict[str, Any]:
        """All of it, as JSON can hold it."""
        per_pe = self.per_pe
        return dataclasses.asdict(self) | {
            "whole": dataclasses.asdict(self.whole),
            "per_pe": dataclasses.asdict(per_pe) if per_pe else None,
        }


def synthesise(
    emitted: EmittedVerilog,
    target: Target,
    *,
    flatten: bool = False,
    log: Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> SynthesisReport:
    """Run Yosys, or take the result from the cache if the same Verilog was synthesised before.

    Parameters
    ----------
    emitted : EmittedVerilog
        The engine's Verilog.
    target : "ecp5", "ice40" or "xilinx"
        FPGA family.
    flatten : bool
        Optimise all PEs with what is around them: smaller by a little, and longer by minutes. Otherwise a PE is a
        boundary, flattened inside, which is mapped once however many there are.
    log : Path, optional
        Where Yosys' log goes.
    progress : callable, optional
        Told what is being done.

    Raises
    ------
    InputError
        If the target is unknown or the log cannot be written.
    MissingToolError, YosysError
        If Yosys is not installed or fails.
    """
    if target not in TARGETS:
        raise InputError(f"target must be one of {', '.join(TARGETS)}, not {target!r}")
    n_pes = emitted.modules.get(PE_MODULE, 0)
    commands = [
        "read_verilog design.v",
        *([] if flatten else [f"setattr -mod -set keep_hierarchy 1 {PE_MODULE}"]),
        f"{_COMMANDS[target]} -top {emitted.top}",
        "tee -q -o stat.json stat -json",
    ]
    key = content_key(emitted.text, *commands, yosys_version())

    def make(folder: Path) -> None:
        if progress is not None:
            progress(f"Yosys: synthesis for {target}")
        begin = time.perf_counter()
        outputs, text = run_yosys("\n".join(commands) + "\n", {"design.v": emitted.text}, ["stat.json"])
        (folder / "yosys.log").write_text(text, encoding="utf-8")
        (folder / "seconds").write_text(f"{time.perf_counter() - begin:.1f}")
        (folder / "stat.json").write_text(outputs["stat.json"], encoding="utf-8")

    folder = cached("synthesised", key, make)
    if log is not None:
        from eyrie.files import write_atomic

        write_atomic(log, (folder / "yosys.log").read_text(encoding="utf-8"))
    modules, cells = _parse(json.loads((folder / "stat.json").read_text(encoding="utf-8")))
    return SynthesisReport(
        target=target,
        top=emitted.top,
        n_pes=n_pes,
        flattened=flatten,
        version=yosys_version(),
        command="; ".join(commands[1:-1]),
        seconds=float((folder / "seconds").read_text()),
        modules=modules,
        cells=cells,
    )


def _parse(stat: dict[str, Any]) -> tuple[dict[str, dict[str, int]], dict[str, int]]:
    """Cells of each module and of the design, without submodules and bookkeeping."""
    by_module = {name.removeprefix("\\"): part["num_cells_by_type"] for name, part in stat["modules"].items()}

    def cells(counts: dict[str, int]) -> dict[str, int]:
        return {kind: n for kind, n in sorted(counts.items()) if kind != _BOOKKEEPING and kind not in by_module}

    if "design" not in stat:
        raise YosysError("Yosys: its statistics have no whole design")
    return {name: cells(counts) for name, counts in by_module.items()}, cells(stat["design"]["num_cells_by_type"])
