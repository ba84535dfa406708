"""``eyrie bench rowstat``: Eyeriss's convolutions on the row-stationary engine."""

import json
from pathlib import Path
from typing import Any, Literal

import click

from eyrie.anchors.eyeriss import NETWORKS, NetworkName, published_convolutions
from eyrie.commands.engine import ArraySize, with_array
from eyrie.commands.terminal import json_option, print_json, print_table, progress
from eyrie.synth.engines import ARRAYS


@click.command()
@click.option("--network", type=click.Choice(NETWORKS), default="alexnet", show_default=True)
@click.option("--layers", default="all", show_default=True, metavar="all|NAME,...", help="Such as conv3,conv5.")
@click.option("--batch", type=click.IntRange(1, 64), help="Images.  [default: as in the paper]")
@click.option("--preset", type=click.Choice(list(ARRAYS)), default="default", show_default=True)
@click.option("--array", type=ArraySize(), help="Another array of PEs with the preset's memories.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Of every random draw.")
@click.option(
    "--weights",
    type=click.Choice(["shared", "plain"]),
    default="shared",
    show_default=True,
    help="8-bit codes of a codebook, or 16 bits each.",
)
@click.option(
    "--maps",
    type=click.Choice(["coded", "plain"]),
    default="coded",
    show_default=True,
    help="Run-length coded where that saves accesses, or all plain.",
)
@click.option(
    "--about-as-fast",
    type=click.FloatRange(min=1),
    default=1.1,
    show_default=True,
    help="Mappings within so many times the fewest cycles are compared by their accesses.",
)
@click.option(
    "--keep-to",
    type=click.FloatRange(min=0),
    default=1.1,
    show_default=True,
    help="The fastest of them that keeps to so many times the paper's accesses; 0 for the least energy.",
)
@click.option("--max-buffer", type=click.FloatRange(min=0), help="At most so many times the paper's buffer accesses.")
@click.option(
    "--max-external", type=click.FloatRange(min=0), help="At most so many times the paper's external accesses."
)
@click.option(
    "--on",
    type=click.Choice(["model", "rtl"]),
    default="model",
    show_default=True,
    help="Golden model and cycle model, or the emitted Verilog in Verilator besides.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="DIR", help="Folder for the report.")
@json_option
def rowstat(
    network: NetworkName,
    layers: str,
    batch: int | None,
    preset: str,
    array: tuple[int, int] | None,
    seed: int,
    weights: Literal["shared", "plain"],
    maps: Literal["coded", "plain"],
    about_as_fast: float,
    keep_to: float,
    max_buffer: float | None,
    max_external: float | None,
    on: Literal["model", "rtl"],
    output: Path | None,
    as_json: bool,
) -> None:
    """Eyeriss's convolutions at full size: cycles and accesses beside the paper's.

    Weights and maps are drawn at random with the published shapes and shares of zeros. Exit status 1 if one output
    differs from plain convolution or, in RTL, one cycle from the cycle model.
    """
    from eyrie.bench.rowstat_bench import ConvolutionRow, bench_rowstat, rowstat_report
    from eyrie.bench.rowstat_choice import BenchChoices
    from eyrie.bench.simulation import SimulationError
    from eyrie.files import write_atomic

    config = with_array(ARRAYS[preset], array)
    known = {layer.layer: layer for layer in published_convolutions(network)}
    names = list(known) if layers == "all" else layers.split(",")
    for name in names:
        if name not in known:
            raise click.BadParameter(f"there is no layer {name!r}, only {', '.join(known)}", param_hint="'--layers'")
    wanted = [layer for name, layer in known.items() if name in names]
    choices = BenchChoices(
        maps=maps,
        about_as_fast=about_as_fast,
        keep_to=keep_to or None,
        max_buffer=max_buffer,
        max_external=max_external,
    )
    rows: list[ConvolutionRow] = []
    with progress("Eyeriss's benchmark") as task:
        run = bench_rowstat(
            wanted, config, on=on, batch=batch, seed=seed, weights=weights, choices=choices, say=task.say
        )
        try:
            for row in run:
                rows.append(row)
                task(len(rows), len(wanted))
        except SimulationError as error:
            click.echo(f"eyrie: {wanted[len(rows)].layer} on RTL: {error}", err=True)
            raise click.exceptions.Exit(1) from error
    report = rowstat_report(rows, config, on=on, seed=seed, weights=weights, choices=choices)
    if output is not None:
        write_atomic(output / "rowstat.json", json.dumps(report, indent=2) + "\n")
    if as_json:
        print_json(report)
    else:
        _print(rows, report, f"{network} on {config.rows} x {config.columns} PEs, {preset}")
    bad = [row for row in rows if not row.matches]
    if bad:
        click.echo(f"eyrie: {bad[0].layer}: {'; '.join(bad[0].differences)} (seed {seed})", err=True)
        raise click.exceptions.Exit(1)


def _print(rows: list[Any], report: dict[str, Any], title: str) -> None:
    where = "cycle model" if report["on"] == "model" else f"emitted Verilog, Verilator {report['tools']['verilator']}"
    print_table(
        f"{title}, {where}, seed {report['seed']}",
        ["layer", "batch", "multiplies", "active", "bound", "cycles", "/ bound", "paper", "paper / ours", "check"],
        [
            [
                *(row.layer, row.batch, row.macs, f"{row.active_pes:.1f}", round(row.bound), row.cycles),
                *(f"{row.cycles_over_bound:.3f}", "" if row.paper_cycles is None else row.paper_cycles),
                _ratio(row.paper_over_cycles),
                "match" if row.matches else "differ",
            ]
            for row in rows
        ],
    )
    print_table(
        "Accesses of the buffer in thousands, a value, a psum or two codes of weights each",
        ["layer", "pads", "codes", "network", "ifmaps", "filters", "psums", "buffer", "paper", "paper / ours", "gated"],
        [
            [
                *(row.layer, row.scratch_pad_accesses // 1000, row.codebook_reads // 1000),
                row.network_accesses // 1000,
                *(row.buffer_ifmaps // 1000, row.buffer_filters // 1000, row.buffer_psums // 1000),
                *(row.buffer_accesses // 1000, _thousands(row.paper_buffer_accesses)),
                *(_ratio(row.paper_over_buffer), f"{100 * row.gated / (row.gated + row.multiplies):.1f} %"),
            ]
            for row in rows
        ],
    )
    print_table(
        f"External accesses in thousands, of 16 bits each; {report['weights']} weights",
        ["layer", "ifmaps", "filters", "outputs", "external", "paper", "paper / ours", "coded", "coding saves"],
        [
            [
                *(row.layer, row.external_ifmaps // 1000, row.external_filters // 1000, row.external_outputs // 1000),
                *(row.external_accesses // 1000, _thousands(row.paper_external_accesses)),
                _ratio(row.paper_over_external),
                " ".join(["in"] * row.coded_inputs + ["out"] * row.coded_outputs),
                f"{100 * row.run_length_saving:.1f} %",
            ]
            for row in rows
        ],
    )
    click.echo(f"Cycles: {report['definition_of_cycles']}.")
    click.echo(f"All layers: {report['cycles']} cycles, {report['cycles_over_bound']:.3f} times multiplies / PEs.")


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _thousands(value: int | None) -> str | int:
    return "" if value is None else value // 1000
