"""Tables of ``eyrie route``."""

import click

from eyrie.commands.terminal import percent, print_table
from eyrie.synth.route import Routed
from eyrie.synth.route_report import RouteReport


def print_route(report: RouteReport, title: str) -> None:
    """A row for each seed and the median; the cells that the design takes; what limits the clock."""
    columns = ["seed", "MHz", f"{report.job.constraint_mhz} MHz", "ns", "logic", "nets", "critical path"]
    median = ["median", f"{report.median_mhz:.2f}", _verdict(report.passes), "", "", "", ""]
    print_table(title, columns, [*map(_row, report.runs), median], left=(0, 6))
    typical = report.typical
    print_table(
        "cells, out of context" if report.job.out_of_context else "cells, with the shell around the engine",
        ["kind", "taken", "there are", ""],
        [[kind, taken, there, percent(taken / there, 1)] for kind, (taken, there) in typical.utilisation.items()],
    )
    click.echo(f"Limited by, seed {typical.seed}: {typical.critical_path}")


def _row(run: Routed) -> list[str]:
    path = run.critical_path
    times = (f"{ns:.2f}" for ns in (path.total_ns, path.logic_ns, path.routing_ns))
    return [str(run.seed), f"{run.fmax_mhz:.2f}", _verdict(run.passes), *times, f"{path.source} to {path.sink}"]


def _verdict(passes: bool) -> str:
    return "met" if passes else "missed"
