"""``eyrie demo``: the main job on the shipped models."""

from pathlib import Path
from typing import Any

import click

from eyrie.commands.terminal import json_option, percent, print_facts, print_json, progress


@click.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("build/demo"),
    show_default=True,
    metavar="DIR",
    help="Folder to write.",
)
@click.option("--pes", type=click.IntRange(1, 256), default=16, show_default=True, help="Processing elements.")
@click.option("--target", type=click.Choice(["ecp5", "ice40", "xilinx"]), default="ecp5", show_default=True)
@click.option(
    "--models",
    type=click.Path(path_type=Path),
    default=Path("models"),
    show_default=True,
    help="Folder with the shipped models and images.",
)
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=Path("results"),
    show_default=True,
    help="Folder with recorded figures.",
)
@json_option
def demo(output: Path, pes: int, target: str, models: Path, results: Path, as_json: bool) -> None:
    """Compile LeNet-300-100 and LeNet-5, emit both engines, simulate them on real images, and report.

    LeNet-300-100 runs on the EIE engine, which is synthesised too; LeNet-5 has its convolutions on the row-stationary
    engine. Exit status 1 if the RTL differs from the models on one image.
    """
    from eyrie.report.demo import run_demo
    from eyrie.synth.cells import TARGETS

    with progress("looking for tools") as task:
        report = run_demo(
            output,
            models=models,
            results=results,
            n_pes=pes,
            target=TARGETS[TARGETS.index(target)],  # type: ignore[arg-type]
            say=task.say,
            count=task,
        )
    dense, maps = report["fully_connected"], report["convolutional"]
    if as_json:
        print_json(report)
    else:
        per_pe = dense["synthesis"]["rows"][0]
        rows = [
            *_facts(dense),
            ("bytes, dense float", dense["size"]["dense_float"]),
            ("bytes, compressed", dense["size"]["huffman"]),
            ("cycles an image", f"{dense['rtl']['cycles']['mean']:,.1f}"),
            ("multipliers at work", percent(dense["rtl"]["utilisation"], 1)),
            (f"LUT4, flip-flops a PE ({target})", f"{per_pe['luts']}, {per_pe['flip_flops']}"),
        ]
        print_facts(f"LeNet-300-100 on {pes} PEs", rows)
        engines = maps["rtl"]["segments"]
        cycles = [(f"cycles an image, {it['name']}", _per_image(it, maps)) for it in engines if it["cycles"]]
        rows = [
            *_facts(maps),
            ("bytes, dense float", maps["size"]["dense_float"]),
            ("bytes, image files", maps["size"]["images"]),
            *cycles,
        ]
        print_facts(f"LeNet-5 on {maps['hardware']['array']} row-stationary PEs and {pes} PEs", rows)
        click.echo(f"Report: {output / 'report.html'}")
    differ = [it["model"]["name"] for it in (dense, maps) if it["rtl"]["mismatches"]]
    if differ or not maps["rtl"]["agrees"]:
        click.echo(f"eyrie: RTL and models differ: {', '.join(differ) or 'cycles of LeNet-5'}", err=True)
        raise click.exceptions.Exit(1)


def _facts(network: dict[str, Any]) -> list[tuple[str, Any]]:
    rtl, accuracy = network["rtl"], network["accuracy"]
    fixed = accuracy["fixed_point"]
    return [
        ("images on which RTL and golden model differ", f"{rtl['mismatches']} of {rtl['images']}"),
        ("accuracy, float before compression", percent(accuracy["float"]["fraction"])),
        (f"accuracy, fixed point ({fixed['total']:,} images)", percent(fixed["fraction"])),
    ]


def _per_image(segment: dict[str, Any], network: dict[str, Any]) -> str:
    return f"{segment['cycles'] / network['rtl']['images']:,.1f}"
