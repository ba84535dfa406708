"""Training and compression of any network: the stages one after the other, each measured."""

import time
from collections.abc import Callable

import numpy as np

from eyrie.errors import InputError
from eyrie.train.artefacts import N_SHIPPED, require_shippable
from eyrie.train.data import FashionMnist
from eyrie.train.network import Layer, Network
from eyrie.train.progress import Progress, silent
from eyrie.train.report import StageReport, TrainingReport, report_layers
from eyrie.train.schedule import Schedule
from eyrie.train.torch_setup import deterministic_torch


def train_and_compress(
    model: str,
    initial_network: Callable[[np.random.Generator], Network],
    data: FashionMnist,
    *,
    schedule: Schedule,
    seed: int = 1,
    threads: int = 1,
    progress: Progress = silent,
) -> tuple[Network, TrainingReport]:
    """Train a network, prune it, share its weights and tune them; return it with the report.

    Parameters
    ----------
    model : str
        What the report calls the network.
    initial_network : callable
        Draws the network before the training.
    data : FashionMnist
        Or other images of that size.
    schedule : Schedule
    seed : int
        Of every random draw, 0 or more.
    threads : int
        That PyTorch may use, 1 or more.
    progress : callable
        Called with an `EpochDone` after every epoch.

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
        schedule.require_layers(len(network.layers))
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
        model=model,
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


def initial_layer(name: str, shape: tuple[int, ...], generator: np.random.Generator, pool: int = 1) -> Layer:
    """A layer with a weight of ``shape`` from a normal distribution of variance 2 / inputs, biases zero.

    As He et al. (ICCV 2015); the inputs are those of one output, all of a filter in a convolution.
    """
    weight = generator.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape).astype(np.float32)
    return Layer(name=name, weight=weight, bias=np.zeros(shape[0], dtype=np.float32), pool=pool)
