"""Tables of ``eyrie build``."""

from pathlib import Path

import click

from eyrie.commands.terminal import percent, print_table
from eyrie.platforms.build_report import BuildReport, seed_rows
from eyrie.platforms.sources import README


def print_build(report: BuildReport, output: Path) -> None:
    """A row for each seed and clock, the cells that the design takes, what limits the clock, and where all is."""
    job, chosen = report.job, report.best
    title = f"{job.config.n_pes} PEs on {job.board.title}, {job.clock_mhz} MHz, {job.host.baud:,} baud"
    if chosen is None:
        print_table(f"{title}: cells, not placed", ["kind", "taken"], list(report.cells.by_kind.items()))
        click.echo(f"Not routed: no open tool from a package routes {job.board.part}")
    else:
        columns = ["seed", "clock", "MHz", "wanted", "", "critical path"]
        print_table(title, columns, seed_rows(report.placed), left=(0, 1, 4, 5))
        print_table(
            f"cells, seed {chosen.run.seed}",
            ["kind", "taken", "there are", ""],
            [
                [kind, taken, there, percent(taken / there, 1)]
                for kind, (taken, there) in chosen.run.utilisation.items()
            ],
        )
        click.echo(f"Limited by, seed {chosen.run.seed}: {chosen.run.critical_path}")
    click.echo((output / README).read_text().rstrip())
    click.echo(f"Report: {output / 'report.html'}")
