"""A trained network and what is known of it, from a training or from the files that one left behind."""

import importlib.metadata
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eyrie.errors import InputError
from eyrie.files import read_bytes
from eyrie.model.onnx_import import load_onnx
from eyrie.train.artefacts import CALIBRATION_FILE, MODEL_FILE, N_CALIBRATION, REPORT_FILE
from eyrie.train.data import FashionMnist
from eyrie.train.network import Layer, Network
from eyrie.train.schedule import Schedule
from eyrie.train.torch_setup import require_torch


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainedNetwork:
    """The compressed network with its report.

    Parameters
    ----------
    network : Network
    facts : dict
        What `eyrie.train.report.TrainingReport.as_json` says.
    """

    network: Network
    facts: dict[str, Any]

    @property
    def balanced_pes(self) -> int | None:
        """PEs on which each layer keeps as many weights, if any."""
        pes: int | None = self.facts["schedule"].get("balanced_pes")
        return pes

    @property
    def float_right(self) -> int:
        """Test images that the float network gets right."""
        return int(self.facts["stages"][0]["right_after"])

    @property
    def right(self) -> int:
        """Test images that the compressed network gets right."""
        return int(self.facts["stages"][-1]["right_after"])

    @property
    def accuracy(self) -> float:
        """Of the compressed network on the whole test set, 0 to 1."""
        return float(self.facts["compressed_accuracy"])

    @property
    def weights_kept(self) -> int:
        """Weights that are not zero."""
        return int(self.facts["stages"][-1]["weights_kept"])


def find_trained(
    folder: Path, data: FashionMnist, *, schedule: Schedule, seed: int, threads: int
) -> TrainedNetwork | None:
    """The network that an earlier training with just these settings, PyTorch and images left in ``folder``, if any.

    It is believed if it gets as many test images right as its report says.

    Raises
    ------
    MissingToolError
        If PyTorch is not installed.
    """
    require_torch()
    wanted = {
        "seed": seed,
        "threads": threads,
        "schedule": schedule.as_json(),
        "torch_version": importlib.metadata.version("torch"),
    }
    try:
        facts = json.loads(read_bytes(folder / REPORT_FILE))
        if any(facts[name] != value for name, value in wanted.items()):
            return None
        found = TrainedNetwork(network=_read_network(folder / MODEL_FILE), facts=facts)
        calibration = np.load(folder / CALIBRATION_FILE, allow_pickle=False)
        same = np.array_equal(calibration, data.training.pixels[:N_CALIBRATION])
        if not same or found.network.count_right(data.test) != found.right:
            return None
    except (InputError, OSError, EOFError, ValueError, LookupError, TypeError):
        return None  # no such files, or others than a training writes
    return found


def _read_network(path: Path) -> Network:
    return Network(
        layers=tuple(
            Layer(name=layer.name, weight=layer.weight.astype(np.float32), bias=layer.bias.astype(np.float32))
            for layer in load_onnx(path).dense().layers
        )
    )
