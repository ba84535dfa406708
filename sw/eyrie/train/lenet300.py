"""LeNet-300-100 trained on Fashion-MNIST, pruned, its weights shared and tuned.

The network is LeCun et al.'s (Proc. IEEE 1998, section III.C.4) with ReLUs; the stages and the names of the layers are
those of Deep Compression (Han et al., ICLR 2016).
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from eyrie.train.artefacts import write_artefacts
from eyrie.train.compression import initial_layer, train_and_compress
from eyrie.train.data import N_CLASSES, N_PIXELS, FashionMnist, read_fashion_mnist
from eyrie.train.network import Network
from eyrie.train.progress import Progress, silent
from eyrie.train.report import TrainingReport
from eyrie.train.schedule import FULL, QUICK, Schedule
from eyrie.train.torch_setup import require_torch

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
    return train_and_compress(
        "LeNet-300-100", initial_network, data, schedule=schedule, seed=seed, threads=threads, progress=progress
    )


def initial_network(generator: np.random.Generator) -> Network:
    """Weights drawn by `initial_layer`, biases zero."""
    layers = (initial_layer(name, (outputs, inputs), generator) for name, (inputs, outputs) in LAYER_SIZES.items())
    return Network(layers=tuple(layers))
