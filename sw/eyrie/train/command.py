"""The command ``eyrie train``. PyTorch is imported when a training starts, not with this module."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import click

from eyrie.commands.terminal import json_option, percent, print_json, print_table, progress
from eyrie.train.data import DEBIAN_FOLDER
from eyrie.train.progress import EpochDone, Progress
from eyrie.train.report import TrainingReport

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


@click.group()
def train() -> None:
    """Train a network and compress it; needs PyTorch (pip install 'eyrie[train]')."""


data_option = click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=DEBIAN_FOLDER,
    show_default=True,
    metavar="DIR",
    help="Folder with the four IDX files of Fashion-MNIST.",
)
threads_option = click.option(
    "--threads", type=click.IntRange(min=1), default=1, show_default=True, help="That PyTorch may use."
)
quick_option = click.option("--quick", is_flag=True, help="One epoch a stage: soon done, and some points less.")


seed_option = click.option(
    "--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Of every random draw."
)


def output_option(model: str) -> Callable[[Decorated], Decorated]:
    return click.option(
        "-o",
        "--output",
        type=click.Path(path_type=Path),
        default=Path("build") / model,
        show_default=True,
        metavar="DIR",
        help="Folder for the model, its report and some images.",
    )


@train.command("lenet-300-100")
@data_option
@output_option("lenet-300-100")
@seed_option
@threads_option
@quick_option
@click.option("--balance-pes", type=click.IntRange(min=1), metavar="N", help="Keep as many weights on each of N PEs.")
@json_option
def lenet_300_100(
    data: Path, output: Path, seed: int, threads: int, quick: bool, balance_pes: int | None, as_json: bool
) -> None:
    """Train LeNet-300-100 on Fashion-MNIST, prune it, share its weights and tune them.

    Takes a minute or two. The network is written as DIR/lenet-300-100.onnx.gz, ready for `eyrie compile`, with its
    report and a few images beside it. With --balance-pes the rows are taken to be interleaved over N PEs, and those of
    each PE are pruned on their own.
    """
    # The modules that write models cost a second of imports, which `eyrie train --help` need not pay.
    from eyrie.train.lenet300 import train_lenet_300_100

    with _shown_progress() as show:
        report = train_lenet_300_100(
            data, output, seed=seed, threads=threads, quick=quick, balanced_pes=balance_pes, progress=show
        )
    _print_report(report, output, as_json)


@train.command("lenet-5")
@data_option
@output_option("lenet-5")
@seed_option
@threads_option
@quick_option
@json_option
def lenet_5(data: Path, output: Path, seed: int, threads: int, quick: bool, as_json: bool) -> None:
    """Train LeNet-5 on Fashion-MNIST, prune it, share its weights and tune them.

    Two convolutions and two fully connected layers; takes about ten minutes. The network is written as
    DIR/lenet-5.onnx.gz, with its report and a few images beside it.
    """
    # Imported late for the same reason as above.
    from eyrie.train.lenet5 import train_lenet_5

    with _shown_progress() as show:
        report = train_lenet_5(data, output, seed=seed, threads=threads, quick=quick, progress=show)
    _print_report(report, output, as_json)


@train.command("compare-pruning")
@data_option
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("build/compare-pruning"),
    show_default=True,
    metavar="DIR",
    help="Folder for the networks, each in a folder of its own.",
)
@click.option(
    "--pes",
    type=click.IntRange(min=1),
    multiple=True,
    default=(4, 16, 64),
    show_default=True,
    help="Number of PEs; may be given several times.",
)
@click.option(
    "--seed",
    "seeds",
    type=click.IntRange(min=0),
    multiple=True,
    default=(1,),
    show_default=True,
    help="Of every random draw of a network; may be given several times.",
)
@threads_option
@quick_option
@json_option
def compare_pruning(
    data: Path, output: Path, pes: tuple[int, ...], seeds: tuple[int, ...], threads: int, quick: bool, as_json: bool
) -> None:
    """Train LeNet-300-100 pruned plainly, and pruned so that each PE keeps as many weights, and compare them.

    Takes a minute or two for each network: one plain and one a number of PEs, for every seed; networks that DIR holds
    already are not trained again. Shows the accuracy, the load of the PE that works longest over the mean of all PEs
    (test set; layer by layer, image by image), and the cycles that the engine takes for an image (cycle model, mean
    over the first hundred of the test set).
    """
    # Imported late for the same reason as above.
    from eyrie.train.data import read_fashion_mnist
    from eyrie.train.pruning_study import pruning_name, study_pruning
    from eyrie.train.schedule import FULL, QUICK
    from eyrie.train.torch_setup import require_torch

    pes, seeds = tuple(dict.fromkeys(pes)), tuple(dict.fromkeys(seeds))
    require_torch()
    images = read_fashion_mnist(data)
    with progress("training") as task:
        epochs = count(1)
        n_trainings = len(seeds) * (1 + len(pes))

        def show(event: EpochDone) -> None:
            task(next(epochs), n_trainings * event.total_epochs)

        schedule = QUICK if quick else FULL
        study = study_pruning(images, output, schedule=schedule, pes=pes, seeds=seeds, threads=threads, progress=show)
    if as_json:
        command = " ".join(["eyrie train compare-pruning", *(f"--pes {n}" for n in pes)])
        command = " ".join([command, *(f"--seed {seed}" for seed in seeds), f"--threads {threads}"])
        print_json({"command": f"{command}{' --quick' if quick else ''} --json"} | study.as_json())
        return
    rows = [
        [
            n_pes,
            pruning_name(balanced),
            percent(study.accuracy(n_pes if balanced else None)),
            *(f"{study.imbalance(n_pes, balanced=balanced, placed=placed):.3f}" for placed in (False, True)),
            *(f"{study.cycles(n_pes, balanced=balanced, placed=placed):,.1f}" for placed in (False, True)),
        ]
        for n_pes in study.pes
        for balanced in (False, True)
    ]
    title = "LeNet-300-100 on Fashion-MNIST: accuracy, longest over mean load of the PEs, cycles an image"
    columns = [
        "PEs",
        "pruning",
        "accuracy",
        "load, interleaved",
        "load, placed",
        "cycles, interleaved",
        "cycles, placed",
    ]
    print_table(title, columns, rows, left=(1,))
    click.echo(f"Written to {output}")


@contextmanager
def _shown_progress() -> Iterator[Progress]:
    with progress("training") as task:
        epochs = count(1)
        yield lambda event: task(next(epochs), event.total_epochs)


def _print_report(report: TrainingReport, output: Path, as_json: bool) -> None:
    if as_json:
        print_json(report.as_json() | {"output": str(output), "seconds": report.seconds})
    else:
        print_table(f"{report.model} on Fashion-MNIST, accuracy on the whole test set", *_table(report))
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
