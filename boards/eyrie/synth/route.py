"""Placing and routing with one seed, and what came out."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eyrie.bench.cache import Progress, cached, content_key
from eyrie.common.emit import yosys_version
from eyrie.synth.critical_path import CriticalPath, read_critical_path
from eyrie.synth.nextpnr import DoesNotFitError, NextpnrError, nextpnr_version, run_nextpnr
from eyrie.synth.route_job import RouteJob
from eyrie.synth.yosys import netlist


@dataclass(frozen=True, kw_only=True)
class Routed:
    """A design placed and routed with one seed.

    Parameters
    ----------
    seed : int
        nextpnr's seed.
    constraint_mhz : int
        The clock that it worked towards.
    fmax_mhz : float
        The clock that it reached, by its own model of the part's delays.
    utilisation : dict of str to (int, int)
        Cells of each kind that the design takes and that the part has, for the kinds that it takes.
    critical_path : CriticalPath
        What limits the clock.
    seconds : float
        Time that it took, when it was run.
    log : Path
        What nextpnr wrote.
    """

    seed: int
    constraint_mhz: int
    fmax_mhz: float
    utilisation: dict[str, tuple[int, int]]
    critical_path: CriticalPath
    seconds: float
    log: Path

    @property
    def passes(self) -> bool:
        """Whether the constraint is met."""
        return self.fmax_mhz >= self.constraint_mhz

    def as_json(self) -> dict[str, Any]:
        """The run as JSON values."""
        return {
            "seed": self.seed,
            "fmax_mhz": round(self.fmax_mhz, 2),
            "passes": self.passes,
            "utilisation": {
                kind: {"used": used, "available": available} for kind, (used, available) in self.utilisation.items()
            },
            "critical_path": self.critical_path.as_json(),
            "seconds": round(self.seconds, 1),
        }


def route(job: RouteJob, seed: int, *, progress: Progress | None = None) -> Routed:
    """Place and route with nextpnr, or find in the cache what came out for the same job and seed before.

    Raises
    ------
    MissingToolError
        If Yosys or nextpnr is not installed.
    DoesNotFitError
        If the part is too small.
    YosysError, NextpnrError
        If one of them fails otherwise.
    """
    verilog, script, options = job.verilog, job.script, (*job.options, "--seed", str(seed))
    key = content_key(verilog, *script, yosys_version(), *options, nextpnr_version())

    def say(phase: str) -> None:
        if progress is not None:
            progress(f"seed {seed}: {phase}")

    def make(folder: Path) -> None:
        mapped = netlist(verilog, script, progress=progress)
        say("nextpnr")
        begin = time.monotonic()
        try:
            report, log = run_nextpnr(options, mapped, progress=say)
        except DoesNotFitError as error:
            raise DoesNotFitError(f"{job.core.top} on {job.part}: {error}") from error
        (folder / "report.json").write_text(report)
        (folder / "nextpnr.log").write_text(log)
        (folder / "seconds").write_text(str(time.monotonic() - begin))

    folder = cached("route", key, make)
    report = json.loads((folder / "report.json").read_text())
    if len(report["fmax"]) != 1:
        raise NextpnrError(
            f"{job.core.top} must have one clock with paths between registers, not {len(report['fmax'])}"
        )
    (clock,) = report["fmax"]
    return read_routed(folder, report, clock, seed=seed, constraint_mhz=job.constraint_mhz)


def read_routed(folder: Path, report: dict[str, Any], clock: str, *, seed: int, constraint_mhz: int) -> Routed:
    """What came out, for one of the clocks in nextpnr's report; ``seconds`` and ``nextpnr.log`` lie in the folder."""
    path = next(path for path in report["critical_paths"] if path["from"] == path["to"] == f"posedge {clock}")
    return Routed(
        seed=seed,
        constraint_mhz=constraint_mhz,
        fmax_mhz=report["fmax"][clock]["achieved"],
        utilisation={
            kind: (cells["used"], cells["available"])
            for kind, cells in sorted(report["utilization"].items())
            if cells["used"] and cells["available"]  # nextpnr lists cells of its own that no part has
        },
        critical_path=read_critical_path(path["path"]),
        seconds=float((folder / "seconds").read_text()),
        log=folder / "nextpnr.log",
    )
