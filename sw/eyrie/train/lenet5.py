"""LeNet-5 trained on Fashion-MNIST, pruned, its weights shared and tuned.

The network is the one of Caffe's example that Deep Compression (Han et al., ICLR 2016) compresses, and its layers have
their names from there: two convolutions of 5 x 5, each with a maximum pooling of 2 x 2, and two fully connected layers;
here with a ReLU after each layer but the last.
"""

from pathlib import Path

import numpy as np

from eyrie.train.artefacts import write_artefacts
from eyrie.train.compression import initial_layer, train_and_compress
from eyrie.train.data import IMAGE_SHAPE, N_CLASSES, FashionMnist, read_fashion_mnist
from eyrie.train.network import Network
from eyrie.train.progress import Progress, silent
from eyrie.train.report import TrainingReport
from eyrie.train.schedule import FULL_LENET_5, QUICK_LENET_5, Schedule
from eyrie.train.torch_setup import require_torch

WEIGHT_SHAPES = {"conv1": (20, 1, 5, 5), "conv2": (50, 20, 5, 5), "ip1": (500, 800), "ip2": (N_CLASSES, 500)}
"""Filters, channels, rows and columns, or outputs and inputs, of each layer."""

POOL = 2
"""Rows and columns of the windows behind each convolution."""


def train_lenet_5(
    data_dir: Path, output: Path, *, seed: int = 1, threads: int = 1, quick: bool = False, progress: Progress = silent
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
        That PyTorch may use, 1 or more.
    quick : bool
        One epoch a stage.
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
    schedule = QUICK_LENET_5 if quick else FULL_LENET_5
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
        "LeNet-5", initial_network, data, schedule=schedule, seed=seed, threads=threads, progress=progress
    )


def initial_network(generator: np.random.Generator) -> Network:
    """Weights drawn by `initial_layer`, biases zero."""
    layers = (
        initial_layer(name, shape, generator, pool=POOL if len(shape) == 4 else 1)
        for name, shape in WEIGHT_SHAPES.items()
    )
    return Network(layers=tuple(layers), image_shape=(1, *IMAGE_SHAPE))
