"""A system placed and routed on its board with one seed."""

import gzip
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eyrie.bench.cache import Progress, cached, content_key
from eyrie.common.emit import yosys_version
from eyrie.platforms.build_job import BuildJob
from eyrie.platforms.toolchain import PLACED
from eyrie.synth.capacity import PARTS, lacking, taken
from eyrie.synth.cells import Cells
from eyrie.synth.nextpnr import DoesNotFitError, NextpnrError, place_and_route
from eyrie.synth.route import Routed, read_routed
from eyrie.synth.yosys import netlist


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A system placed and routed with one seed.

    Parameters
    ----------
    run : Routed
        What came out, for the clock with the least in hand.
    clocks : dict of str to (float, float)
        MHz that each clock with paths between registers reaches, and MHz that it must.
    """

    run: Routed
    clocks: dict[str, tuple[float, float]]

    @property
    def passes(self) -> bool:
        """Whether every clock is as fast as it must be."""
        return all(reached >= wanted for reached, wanted in self.clocks.values())

    @property
    def design(self) -> bytes:
        """What nextpnr wrote for the packer."""
        return gzip.decompress((self.run.log.parent / f"{PLACED}.gz").read_bytes())

    def as_json(self) -> dict[str, Any]:
        """The run as JSON values."""
        clocks = {
            name: {"achieved_mhz": round(reached, 2), "constraint_mhz": round(wanted, 2)}
            for name, (reached, wanted) in self.clocks.items()
        }
        return {**self.run.as_json(), "passes": self.passes, "clocks": clocks}


def best(placed: Sequence[Placed]) -> Placed:
    """The one with the most in hand; of equal ones the first."""
    return max(placed, key=lambda one: min(reached / wanted for reached, wanted in one.clocks.values()))


def map_cells(job: BuildJob, *, progress: Progress | None = None) -> Cells:
    """Cells of the netlist, not placed; made once for all seeds.

    Raises
    ------
    MissingToolError, YosysError
        If Yosys is not installed or refuses the design.
    DoesNotFitError
        If the part cannot hold as many.
    """
    mapped = json.loads(netlist(job.design.text, job.script, progress=progress))
    kinds: dict[str, int] = {}
    for cell in mapped["modules"][job.design.top]["cells"].values():
        if not cell["type"].startswith("$"):
            kinds[cell["type"]] = kinds.get(cell["type"], 0) + 1
    cells = Cells(target=job.board.family, by_kind=dict(sorted(kinds.items())))
    if lacks := lacking(taken(cells), PARTS[job.board.family][job.board.part]):
        words = ", ".join(
            f"{wanted:,} of {there:,} {kind.replace('_', ' ')}" for kind, (wanted, there) in lacks.items()
        )
        raise DoesNotFitError(f"{job.system.top} does not fit {job.board.title}: it takes {words}")
    return cells


def place(job: BuildJob, seed: int, *, progress: Progress | None = None) -> Placed:
    """Place and route with nextpnr, or find in the cache what came out for the same job and seed before.

    Raises
    ------
    MissingToolError
        If Yosys or nextpnr is not installed.
    DoesNotFitError
        If the part is too small.
    YosysError, NextpnrError
        If one of them fails otherwise.
    ValueError
        If no open tool routes the family.
    """
    if job.toolchain is None:
        raise ValueError(f"no open tool routes {job.board.family}")
    tool = job.toolchain.nextpnr.find()
    verilog, script, options = job.design.text, job.script, (*job.options, "--seed", str(seed))
    name, text = job.constraint_file
    key = content_key(verilog, text, *script, yosys_version(), *options, tool.name, tool.version)

    def say(phase: str) -> None:
        if progress is not None:
            progress(f"seed {seed}: {phase}")

    def make(folder: Path) -> None:
        files = {"netlist.json": netlist(verilog, script, progress=progress), name: text}
        say("nextpnr")
        begin = time.monotonic()
        try:
            outputs, log = place_and_route(tool.command, options, files, ["report.json", PLACED], progress=say)
        except DoesNotFitError as error:
            raise DoesNotFitError(f"{job.system.top} on {job.board.title}: {error}") from error
        (folder / "report.json").write_bytes(outputs["report.json"])
        (folder / f"{PLACED}.gz").write_bytes(gzip.compress(outputs[PLACED], mtime=0))
        (folder / "nextpnr.log").write_text(log)
        (folder / "seconds").write_text(str(time.monotonic() - begin))

    folder = cached("build", key, make)
    report = json.loads((folder / "report.json").read_text())
    clocks = {name: (timing["achieved"], timing["constraint"]) for name, timing in report["fmax"].items()}
    if not clocks:
        raise NextpnrError(f"{job.design.top} has no clock with paths between registers")
    slowest = min(clocks, key=lambda name: clocks[name][0] / clocks[name][1])
    run = read_routed(folder, report, slowest, seed=seed, constraint_mhz=job.clock_mhz)
    return Placed(run=run, clocks=clocks)
