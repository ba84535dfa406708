"""``eyrie bench``: published benchmarks on our hardware, beside the published figures."""

import json
from pathlib import Path
from typing import Any, Literal

import click

from eyrie.anchors.eie import PublishedLayer
from eyrie.commands.bench_options import Layers, lever_options, levers_from
from eyrie.commands.bench_rowstat import rowstat
from eyrie.commands.terminal import json_option, print_json, progress


@click.group()
def bench() -> None:
    """Run a published benchmark and compare with the published figures."""


@bench.command()
@click.option("--layers", type=Layers(), default="all", show_default=True, help="Which of the paper's nine.")
@click.option("--pes", type=click.IntRange(1, 256), default=64, show_default=True, help="Processing elements.")
@lever_options
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Of every random draw.")
@click.option(
    "--on",
    type=click.Choice(["model", "rtl"]),
    default="model",
    show_default=True,
    help="Golden model and cycle model, or the emitted Verilog in Verilator.",
)
@click.option(
    "--activations",
    type=click.Choice(["published", "theoretical"]),
    default="published",
    show_default=True,
    help="Published share of zeros, or the share that makes the work of the paper's theoretical time.",
)
@click.option("--levers", "ablation", is_flag=True, help="Instead: all levers on, each one off, all off.")
@click.option("--curves", is_flag=True, help="Besides: charts over queue depths and PEs, a page and CSV in DIR.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="DIR", help="Folder for the report.")
@json_option
def eie(
    layers: list[PublishedLayer],
    pes: int,
    seed: int,
    on: Literal["model", "rtl"],
    activations: Literal["published", "theoretical"],
    ablation: bool,
    curves: bool,
    output: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """EIE's nine layers at full size: cycles and bits beside the paper's.

    Matrices and inputs are drawn at random with the published shapes and densities. Exit status 1 if one output differs
    from plain matrices or, in RTL, one cycle from the cycle model.
    """
    if curves and output is None:
        raise click.UsageError("--curves needs a folder for its files: -o DIR")
    if on == "rtl" and (ablation or curves):
        raise click.UsageError("--levers and --curves are for --on model")
    if ablation and curves:
        raise click.UsageError("--levers and --curves are different reports; ask for one")
    from eyrie.bench.eie_ablation import ablate, lever_variants
    from eyrie.bench.eie_bench import bench_on_model, bench_on_rtl
    from eyrie.bench.eie_report import ablation_report, bench_report
    from eyrie.bench.eie_work import with_theoretical_work
    from eyrie.bench.simulation import SimulationError
    from eyrie.commands.bench_tables import print_ablation, print_bench
    from eyrie.files import write_atomic
    from eyrie.report.bench_files import write_curves

    levers = levers_from(**options)
    run: dict[str, Any] = {"n_pes": pes, "levers": levers, "seed": seed}
    benchmark = ablate if ablation else bench_on_model if on == "model" else bench_on_rtl
    total = len(layers) * (len(lever_variants(levers)) if ablation else 1)
    rows: list[Any] = []
    with progress("EIE's benchmark") as task:
        if activations == "theoretical":
            task.say("counting the entries of each layer")
            layers = [with_theoretical_work(layer, seed) for layer in layers]
        try:
            for row in benchmark(layers, **run, say=task.say):
                rows.append(row)
                task(len(rows), total)
        except SimulationError as error:
            click.echo(f"eyrie: {layers[len(rows)].name} on RTL: {error}", err=True)
            raise click.exceptions.Exit(1) from error
        report = ablation_report(rows, **run) if ablation else bench_report(rows, **run, on=on)
        report["activations"] = {layer.name: layer.activation_density for layer in layers}
        if output is not None:
            write_atomic(output / ("levers.json" if ablation else "eie.json"), json.dumps(report, indent=2) + "\n")
            if curves:
                write_curves(output, layers, rows, report, **run, say=task.say)
    if as_json:
        print_json(report)
    elif ablation:
        print_ablation(rows)
    else:
        print_bench(rows, report)
    bad = [row for row in rows if not row.matches]
    if bad:
        click.echo(f"eyrie: {bad[0].layer}: {'; '.join(bad[0].differences)} (seed {seed})", err=True)
        raise click.exceptions.Exit(1)


bench.add_command(rowstat)
