"""LeNet-300-100 trained on Fashion-MNIST, pruned, its weights shared and tuned.

The network is LeCun et al.'s (Proc. IEEE 1998, section III.C.4) with ReLUs; the stages and the names of the layers are
those of Deep Compression (Han et al., ICLR 2016).
"""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from eyrie.errors import InputError
from eyrie.train.artefacts import N_SHIPPED, require_shippable, write_artefacts
from eyrie.train.data import N_CLASSES, N_PIXELS, FashionMnist, read_fashion_mnist
from eyrie.train.network import Layer, Network
from eyrie.train.progress import Progress, silent
from eyrie.train.report import StageReport, TrainingReport, report_layers
from eyrie.train.schedule import FULL, QUICK, Schedule
from eyrie.train.torch_setup import deterministic_torch, require_torch

LAYER_SIZES = {"ip1": (N_PIXELS, 300), "ip2": (300, 100), "ip3": (100, N_CLASSES)}
"""Inputs and outputs of each layer."""


def train_lenet_300_100(
    data_dir: Path,
    output: Path,
    *,
    seed: int = 1,
    threads: int = 1,
    quick: bool = False,
    balanced_pes: int | None = None,
    progress: Progress = silent,
) -> TrainingReport:
    """Train and compress the network and write the files of `write_artefacts`.

    The same seed gives the same bytes, on the same kind of machine with the same versions and number of threads.

    Parameters
    ----------
    data_dir : Path
        Folder with the four IDX files of Fashion-MNIST.
    output : Path
        Folder for the results; made if it is missing.
    seed : int
        Of every random draw, 0 or more.
    threads : int
        That PyTorch may use, 1 or more. More than one rarely pays for a network of this size.
    quick : bool
        One epoch a stage.
    balanced_pes : int or None
        PEs on which each layer keeps as many weights; None prunes a layer as a whole.
    progress : callable
        Called with an `EpochDone` after every epoch.

    Raises
    ------
    InputError
        If the data set cannot be read (see `read_fashion_mnist`), an argument is outside its range or a file cannot be
        written.
    MissingToolError
        If PyTorch is not installed.
    """
    require_torch()
    data = read_fashion_mnist(data_dir)
    schedule = replace(QUICK if quick else FULL, balanced_pes=balanced_pes)
    network, report = train_compressed(data, schedule=schedule, seed=seed, threads=threads, progress=progress)
    write_artefacts(output, network, report, data)
    return report


def train_compressed(
    data: FashionMnist, *, schedule: Schedule, seed: int = 1, threads: int = 1, progress: Progress = silent
) -> tuple[Network, TrainingReport]:
    """Train and compress the network on any images of that size and return it with the report.

    Raises
    ------
    InputError
        If there are too few images, or an argument is outside its range.
    MissingToolError
        If PyTorch is not installed.
    """
    if seed < 0:
        raise InputError(f"seed must be 0 or more, not {seed}")
    require_shippable(data)
    with deterministic_torch(threads) as torch_version:
        from eyrie.train import stages
        from eyrie.train.course import Course

        generator = np.random.default_rng(seed)
        network = initial_network(generator)
        course = Course.over(data.training, schedule, generator, progress)
        right = network.count_right(data.test)
        float_network = network
        reports = []
        for stage in (stages.train, stages.prune, stages.retrain, stages.share, stages.tune):
            start = time.perf_counter()
            network = stage(network, course)
            seconds = time.perf_counter() - start
            if stage is stages.train:
                float_network = network
                course = course.taught_by(float_network)
            right_before, right = right, network.count_right(data.test)
            reports.append(
                StageReport(
                    name=stage.__name__,
                    right_before=right_before,
                    right_after=right,
                    n_test=len(data.test),
                    n_kept=sum(layer.n_kept for layer in network.layers),
                    n_weights=sum(layer.weight.size for layer in network.layers),
                    seconds=seconds,
                )
            )
    shipped = data.test[:N_SHIPPED]
    return network, TrainingReport(
        seed=seed,
        threads=threads,
        torch_version=torch_version,
        schedule=schedule,
        n_training=len(data.training),
        stages=tuple(reports),
        layers=report_layers(network),
        n_shipped=len(shipped),
        right_shipped_float=float_network.count_right(shipped),
        right_shipped=network.count_right(shipped),
    )


def initial_network(generator: np.random.Generator) -> Network:
    """Weights drawn from a normal distribution of variance 2 / inputs (He et al., ICCV 2015), biases zero."""
    return Network(
        layers=tuple(
            Layer(
                name=name,
                weight=generator.normal(0, np.sqrt(2 / inputs), (outputs, inputs)).astype(np.float32),
                bias=np.zeros(outputs, dtype=np.float32),
            )
            for name, (inputs, outputs) in LAYER_SIZES.items()
        )
    )
