"""The files of EIE's benchmark with charts: a page, and the numbers as CSV."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from eyrie.anchors.eie import PublishedLayer
from eyrie.bench.eie_bench import BenchRow
from eyrie.bench.eie_curves import ScalingPoint, Unfit, queue_points, scaling_points
from eyrie.bench.eie_levers import Levers
from eyrie.files import write_atomic
from eyrie.report.curve_tables import layer_table, queue_table, scaling_table
from eyrie.report.curves import (
    efficiency_chart,
    padding_chart,
    paper_padding_chart,
    speed_up_chart,
    utilisation_chart,
)
from eyrie.report.templates import render_template

PAGE = "eie.html"


def write_curves(
    output: Path,
    published: Sequence[PublishedLayer],
    rows: Sequence[BenchRow],
    report: dict[str, Any],
    *,
    n_pes: int,
    levers: Levers,
    seed: int,
    say: Callable[[str], None],
) -> None:
    """Sweep queue depths and numbers of PEs on the cycle model, and write `PAGE` and CSV into a folder.

    Parameters
    ----------
    output : Path
    published : sequence of PublishedLayer
    rows, report
        The layers' own runs, and what `eyrie.bench.eie_report.bench_report` made of them.
    n_pes : int
        For the queue depths.
    levers : Levers
        Queue depths replace theirs.
    seed : int
    say : callable
        Told what is being done.

    Raises
    ------
    InputError
        If a file cannot be written.
    """
    queue = list(queue_points(published, n_pes=n_pes, levers=levers, seed=seed, say=say))
    points = list(scaling_points(published, levers=levers, seed=seed, say=say))
    scaling = [point for point in points if isinstance(point, ScalingPoint)]
    rows_and_runs, queues, empty = describe_levers(levers)
    source = f"Simulated by the cycle model, seed {seed}"
    caption = f"{source}, {n_pes} PEs, {rows_and_runs}, {queues}, {empty}."
    over_pes = f"{source}, {rows_and_runs}, {queues}, {empty}."
    curves = [
        (utilisation_chart(published, rows), caption),
        (efficiency_chart(published, queue), f"{source}, {n_pes} PEs, {rows_and_runs}, {empty}."),
        (speed_up_chart(published, scaling), over_pes),
        (padding_chart(published, scaling), over_pes),
        (paper_padding_chart(published, scaling), f"Seed {seed}."),
    ]
    names = ",".join(layer.name for layer in published)
    command = f"eyrie bench eie --curves --layers {names} --pes {n_pes} --seed {seed} {lever_arguments(levers)} -o DIR"
    page = render_template(
        "bench.html.j2",
        report=report,
        caption=caption,
        curves=curves,
        unfit=[point for point in points if isinstance(point, Unfit)],
        command=command,
    )
    write_atomic(output / PAGE, page)
    for name, text in (
        ("layers", layer_table(published, rows)),
        ("queue-depth", queue_table(published, queue)),
        ("pes", scaling_table(published, scaling)),
    ):
        write_atomic(output / f"{name}.csv", text)


def describe_levers(levers: Levers) -> tuple[str, str, str]:
    """Levers in words: how rows and runs are stored, how deep queues are, what empty slices cost."""
    rows = "rows balanced" if levers.balance else "rows interleaved"
    if levers.column_groups > 1:
        rows += f", columns split over up to {levers.column_groups} groups"
    aims = {"cycles": "index bits chosen for cycles", "bits": "index bits chosen for size"}
    runs = aims.get(str(levers.index_bits), f"{levers.index_bits} index bits")
    empty = "empty slices skipped" if levers.skip_empty else "empty slices take a cycle"
    return f"{rows}, {runs}", f"queues of {levers.queue_depth}", empty


def lever_arguments(levers: Levers) -> str:
    """The arguments of ``eyrie bench eie`` for these levers."""
    balance, skip_empty = ("on" if switch else "off" for switch in (levers.balance, levers.skip_empty))
    return (
        f"--queue-depth {levers.queue_depth} --index-bits {levers.index_bits} --balance {balance} "
        f"--skip-empty {skip_empty} --column-groups {levers.column_groups}"
    )
