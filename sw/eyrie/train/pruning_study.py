"""Balanced against plain pruning of LeNet-300-100: what it costs in accuracy and what it gains in balance and cycles.

Load-balance-aware pruning comes from ESE (Han et al., FPGA 2017). Networks of one seed start from the same float
network and have as many weights left; which ones is all that differs.
"""

import importlib.metadata
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from eyrie.compress.balance import balanced_placement
from eyrie.compress.interleave import Placement
from eyrie.eie.config import EieConfig
from eyrie.errors import InputError
from eyrie.train.artefacts import N_CALIBRATION, write_artefacts
from eyrie.train.data import FashionMnist
from eyrie.train.lenet300 import train_compressed
from eyrie.train.load import LayerLoad, active_inputs, layer_loads
from eyrie.train.network import Network
from eyrie.train.progress import Progress, silent
from eyrie.train.schedule import Schedule
from eyrie.train.timing import count_cycles
from eyrie.train.trained import TrainedNetwork, find_trained

N_TIMED = 100
"""The first test images, whose cycles are counted."""

VARIANTS = tuple(product((False, True), (False, True)))
"""Whether pruning is balanced, and whether rows are placed for balance rather than interleaved."""


def pruning_name(balanced: bool) -> str:
    return "balanced" if balanced else "plain"


def rows_name(placed: bool) -> str:
    return "placed" if placed else "interleaved"


@dataclass(frozen=True, kw_only=True)
class NetworkLoad:
    """Work of one network on a number of PEs: loads over all test images, cycles over the first of them.

    Parameters
    ----------
    seed : int
        Of its training.
    n_pes : int
    balanced : bool
        Whether it was pruned so that each PE keeps as many weights.
    placed : bool
        Whether the rows are on the PEs that `eyrie.compress.balance.balanced_placement` gives them, for inputs that are
        zero as often as those of the first training images; otherwise they are interleaved.
    layers : tuple of LayerLoad
    cycles : tuple of int
        Of the engine for each of the first `N_TIMED` test images, from the cycle model.
    """

    seed: int
    n_pes: int
    balanced: bool
    placed: bool
    layers: tuple[LayerLoad, ...]
    cycles: tuple[int, ...]

    @property
    def imbalance(self) -> float:
        """Cycles of the PE that works longest, layer by layer, over the mean of all PEs."""
        total = sum(layer.total for layer in self.layers)
        return sum(layer.largest for layer in self.layers) * self.n_pes / total if total else 1.0

    def as_json(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "pes": self.n_pes,
            "pruning": pruning_name(self.balanced),
            "rows": rows_name(self.placed),
            "imbalance": self.imbalance,
            "cycles_an_image": mean(self.cycles),
            "layers": [layer.as_json() for layer in self.layers],
        }


@dataclass(frozen=True, kw_only=True)
class PruningStudy:
    """What came out.

    Parameters
    ----------
    schedule : Schedule
        Of all trainings, but for ``balanced_pes``.
    networks : tuple of TrainedNetwork
        For each seed the one pruned plainly, then one for each number of PEs.
    loads : tuple of NetworkLoad
        For each seed, number of PEs and variant, in that order.
    """

    schedule: Schedule
    networks: tuple[TrainedNetwork, ...]
    loads: tuple[NetworkLoad, ...]

    @property
    def pes(self) -> tuple[int, ...]:
        """Numbers of PEs."""
        return tuple(dict.fromkeys(load.n_pes for load in self.loads))

    def accuracy(self, balanced_pes: int | None) -> float:
        """Mean accuracy over the seeds of the networks pruned that way."""
        return mean(trained.accuracy for trained in self.networks if trained.balanced_pes == balanced_pes)

    def imbalance(self, n_pes: int, *, balanced: bool, placed: bool) -> float:
        """Mean imbalance over the seeds."""
        return mean(load.imbalance for load in self._loads_of(n_pes, balanced, placed))

    def cycles(self, n_pes: int, *, balanced: bool, placed: bool) -> float:
        """Mean cycles an image, over the timed images and the seeds."""
        return mean(mean(load.cycles) for load in self._loads_of(n_pes, balanced, placed))

    def _loads_of(self, n_pes: int, balanced: bool, placed: bool) -> list[NetworkLoad]:
        wanted = n_pes, balanced, placed
        return [load for load in self.loads if (load.n_pes, load.balanced, load.placed) == wanted]

    def as_json(self) -> dict[str, Any]:
        """What is the same in every run with the same seeds, versions and kind of machine."""
        first = self.networks[0].facts
        figures: dict[str, Callable[..., float]] = {"imbalance": self.imbalance, "cycles_an_image": self.cycles}
        return {
            "model": "LeNet-300-100",
            "data_set": "Fashion-MNIST",
            "versions": {
                "eyrie": importlib.metadata.version("eyrie"),
                "python": platform.python_version(),
                "numpy": np.__version__,
                "torch": first["torch_version"],
            },
            "machine": platform.machine(),
            "threads": first["threads"],
            "schedule": self.schedule.as_json(),
            "calibration_images": N_CALIBRATION,
            "test_images": first["data_set"]["test_images"],
            "timed_images": N_TIMED,
            "engine": {
                "queue_depth": EieConfig.queue_depth,
                "codebook_bits": EieConfig.codebook_bits,
                "index_bits": EieConfig.index_bits,
                "activation_width": EieConfig.activation_width,
            },
            "mean_over_seeds": [
                {
                    "pes": n_pes,
                    "accuracy_plain": self.accuracy(None),
                    "accuracy_balanced": self.accuracy(n_pes),
                    **{
                        name: {
                            f"{pruning_name(balanced)}_{rows_name(placed)}": figure(
                                n_pes, balanced=balanced, placed=placed
                            )
                            for balanced, placed in VARIANTS
                        }
                        for name, figure in figures.items()
                    },
                }
                for n_pes in self.pes
            ],
            "networks": [
                {
                    "seed": trained.facts["seed"],
                    "balanced_pes": trained.balanced_pes,
                    "float_right": trained.float_right,
                    "right": trained.right,
                    "weights_kept": trained.weights_kept,
                }
                for trained in self.networks
            ],
            "loads": [load.as_json() for load in self.loads],
        }


def study_pruning(
    data: FashionMnist,
    output: Path,
    *,
    schedule: Schedule,
    pes: Sequence[int],
    seeds: Sequence[int],
    threads: int = 1,
    progress: Progress = silent,
) -> PruningStudy:
    """Train a plainly pruned network, and one for each number of PEs, for every seed, and count their work and cycles.

    The networks are written into the folders ``seed-S-plain`` and ``seed-S-balanced-N`` in ``output``. One that an
    earlier study with the same settings left there is not trained again.

    Parameters
    ----------
    data : FashionMnist
    output : Path
        Folder for the networks; made if it is missing.
    schedule : Schedule
        ``balanced_pes`` is replaced.
    pes : sequence of int
        Numbers of PEs, such as an engine can have; at least one, none twice.
    seeds : sequence of int
        At least one, none twice.
    threads : int
        That PyTorch may use.
    progress : callable
        Called with an `EpochDone` after every epoch of every training.

    Raises
    ------
    InputError
        If there are too few images, an argument is outside its range or a file cannot be written.
    MissingToolError
        If PyTorch is not installed.
    """
    for n_pes in pes:
        _require_engine(n_pes)
    schedules = [replace(schedule, balanced_pes=balanced_pes) for balanced_pes in (None, *pes)]
    networks = []
    loads = []
    for seed in seeds:
        of_seed: dict[int | None, Network] = {}
        for settings in schedules:
            balanced_pes = settings.balanced_pes
            folder = output / f"seed-{seed}-{'plain' if balanced_pes is None else f'balanced-{balanced_pes}'}"
            trained = find_trained(folder, data, schedule=settings, seed=seed, threads=threads)
            if trained is None:
                network, report = train_compressed(
                    data, schedule=settings, seed=seed, threads=threads, progress=progress
                )
                write_artefacts(folder, network, report, data)
                trained = TrainedNetwork(network=network, facts=report.as_json())
            networks.append(trained)
            of_seed[balanced_pes] = trained.network
        for n_pes, (balanced, placed) in product(pes, VARIANTS):
            network = of_seed[n_pes if balanced else None]
            placements = place_rows(network, data, n_pes, placed=placed)
            loads.append(
                NetworkLoad(
                    seed=seed,
                    n_pes=n_pes,
                    balanced=balanced,
                    placed=placed,
                    layers=layer_loads(network, active_inputs(network, data.test.inputs), placements),
                    cycles=count_cycles(
                        network, data.training[:N_CALIBRATION].inputs, data.test[:N_TIMED].inputs, placements
                    ),
                )
            )
    return PruningStudy(schedule=schedules[0], networks=tuple(networks), loads=tuple(loads))


def place_rows(network: Network, data: FashionMnist, n_pes: int, *, placed: bool) -> list[Placement]:
    """Rows of each layer, interleaved or placed for the first training images."""
    if placed:
        seen = active_inputs(network, data.training[:N_CALIBRATION].inputs)
        return [
            balanced_placement(layer.weight != 0, n_pes, activation_density=columns.mean(axis=0))
            for layer, columns in zip(network.layers, seen, strict=True)
        ]
    return [Placement.interleaved(len(layer.weight), n_pes) for layer in network.layers]


def _require_engine(n_pes: int) -> None:
    try:
        EieConfig(n_pes=n_pes)
    except ValueError as error:
        raise InputError(str(error)) from error
