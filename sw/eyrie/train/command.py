"""The command ``eyrie train``. PyTorch is imported when a training starts, not with this module."""

from itertools import count
from pathlib import Path
from typing import Any

import click

from eyrie.commands.terminal import json_option, percent, print_json, print_table, progress
from eyrie.train.data import DEBIAN_FOLDER
from eyrie.train.progress import EpochDone
from eyrie.train.report import TrainingReport


@click.group()
def train() -> None:
    """Train a network and compress it; needs PyTorch (pip install 'eyrie[train]')."""


@train.command("lenet-300-100")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=DEBIAN_FOLDER,
    show_default=True,
    metavar="DIR",
    help="Folder with the four IDX files of Fashion-MNIST.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("build/lenet-300-100"),
    show_default=True,
    metavar="DIR",
    help="Folder for the model, its report and some images.",
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Of every random draw.")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True, help="That PyTorch may use.")
@click.option("--quick", is_flag=True, help="One epoch a stage: seconds, and some points less.")
@json_option
def lenet_300_100(data: Path, output: Path, seed: int, threads: int, quick: bool, as_json: bool) -> None:
    """Train LeNet-300-100 on Fashion-MNIST, prune it, share its weights and tune them.

    Takes a minute or two. The network is written as DIR/lenet-300-100.onnx.gz, ready for `eyrie compile`, with its
    report and a few images beside it.
    """
    # The modules that write models cost a second of imports, which `eyrie train --help` need not pay.
    from eyrie.train.lenet300 import train_lenet_300_100

    with progress("training") as task:
        epochs = count(1)

        def show(event: EpochDone) -> None:
            task(next(epochs), event.total_epochs)

        report = train_lenet_300_100(data, output, seed=seed, threads=threads, quick=quick, progress=show)
    if as_json:
        print_json(report.as_json() | {"output": str(output), "seconds": report.seconds})
    else:
        print_table("LeNet-300-100 on Fashion-MNIST, accuracy on the whole test set", *_table(report))
        click.echo(f"Written to {output}")


def _table(report: TrainingReport) -> tuple[list[str], list[list[Any]]]:
    rows: list[list[Any]] = [
        [
            stage.name,
            percent(stage.right_before / stage.n_test),
            percent(stage.right_after / stage.n_test),
            stage.n_kept,
            percent(stage.n_kept / stage.n_weights),
            f"{stage.seconds:.1f}",
        ]
        for stage in report.stages
    ]
    return ["stage", "before", "after", "weights", "of all", "seconds"], rows
