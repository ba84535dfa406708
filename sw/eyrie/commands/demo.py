"""``eyrie demo``: the main job on the shipped model."""

from pathlib import Path

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
    help="Folder with the shipped model and images.",
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
    """Compile LeNet-300-100, emit its hardware, simulate it on real images, synthesise it, and report.

    Exit status 1 if the RTL differs from the golden model on one image.
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
    rtl, accuracy = report["rtl"], report["accuracy"]
    if as_json:
        print_json(report)
    else:
        per_pe = report["synthesis"]["rows"][0]
        rows = [
            ("images on which RTL and golden model differ", f"{rtl['mismatches']} of {rtl['images']}"),
            ("accuracy, float before compression", percent(accuracy["float"]["fraction"])),
            ("accuracy, fixed point (whole test set)", percent(accuracy["fixed_point"]["fraction"])),
            ("bytes, dense float", report["size"]["dense_float"]),
            ("bytes, compressed", report["size"]["huffman"]),
            ("cycles an image", f"{rtl['cycles']['mean']:,.1f}"),
            ("multipliers at work", percent(rtl["utilisation"], 1)),
            (f"LUT4, flip-flops a PE ({target})", f"{per_pe['luts']}, {per_pe['flip_flops']}"),
        ]
        print_facts(f"LeNet-300-100 on {pes} PEs", rows)
        click.echo(f"Report: {output / 'report.html'}")
    if rtl["mismatches"]:
        click.echo(f"eyrie: RTL and golden model differ on {rtl['mismatches']} images", err=True)
        raise click.exceptions.Exit(1)
