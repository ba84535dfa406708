"""Trained networks found again in their folders, and only those that were asked for. Needs PyTorch installed."""

import importlib.metadata
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eyrie.train.artefacts import CALIBRATION_FILE, MODEL_FILE, REPORT_FILE, write_artefacts
from eyrie.train.data import FashionMnist, LabelledImages
from eyrie.train.lenet300 import initial_network
from eyrie.train.network import Network
from eyrie.train.report import StageReport, TrainingReport, report_layers
from eyrie.train.schedule import QUICK, Schedule
from eyrie.train.trained import TrainedNetwork, find_trained

SCHEDULE = replace(QUICK, balanced_pes=8)


def images(seed: int, n: int) -> LabelledImages:
    generator = np.random.default_rng(seed)
    return LabelledImages(
        pixels=generator.integers(0, 256, (n, 784), np.uint8), labels=generator.integers(0, 10, n, np.uint8)
    )


DATA = FashionMnist(training=images(1, 300), test=images(2, 500))
NETWORK = initial_network(np.random.default_rng(3))
RIGHT = NETWORK.count_right(DATA.test)


def report(**changes: Any) -> TrainingReport:
    stages = tuple(
        StageReport(
            name=name, right_before=50, right_after=right, n_test=500, n_kept=kept, n_weights=266_200, seconds=1.5
        )
        for name, right, kept in (("train", 61, 266_200), ("tune", RIGHT, 21_776))
    )
    settings: dict[str, Any] = {
        "model": "LeNet-300-100",
        "seed": 5,
        "threads": 1,
        "torch_version": importlib.metadata.version("torch"),
        "schedule": SCHEDULE,
        "n_training": 300,
        "stages": stages,
        "layers": report_layers(NETWORK),
        "n_shipped": 500,
        "right_shipped_float": 61,
        "right_shipped": RIGHT,
    }
    return TrainingReport(**(settings | changes))


def found(folder: Path, data: FashionMnist = DATA, schedule: Schedule = SCHEDULE) -> TrainedNetwork | None:
    return find_trained(folder, data, schedule=schedule, seed=5, threads=1)


def test_what_was_written_is_found_bit_for_bit(tmp_path: Path) -> None:
    write_artefacts(tmp_path, NETWORK, report(), DATA)
    trained = found(tmp_path)
    assert trained is not None
    assert trained.facts == json.loads(json.dumps(report().as_json()))
    assert [layer.name for layer in trained.network.layers] == [layer.name for layer in NETWORK.layers]
    for layer, written in zip(trained.network.layers, NETWORK.layers, strict=True):
        assert np.array_equal(layer.weight, written.weight)
        assert np.array_equal(layer.bias, written.bias)
    assert (trained.balanced_pes, trained.float_right, trained.right, trained.weights_kept) == (8, 61, RIGHT, 21_776)
    assert trained.accuracy == RIGHT / 500


def test_plain_pruning_has_no_number_of_pes(tmp_path: Path) -> None:
    write_artefacts(tmp_path, NETWORK, report(schedule=QUICK), DATA)
    trained = found(tmp_path, schedule=QUICK)
    assert trained is not None
    assert trained.balanced_pes is None


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 6},
        {"threads": 2},
        {"torch_version": "1.0"},
        {"schedule": QUICK},
        {"schedule": replace(SCHEDULE, tune_epochs=2)},
    ],
    ids=["seed", "threads", "torch", "balance", "epochs"],
)
def test_other_settings_are_trained_anew(tmp_path: Path, changes: dict[str, Any]) -> None:
    write_artefacts(tmp_path, NETWORK, report(**changes), DATA)
    assert found(tmp_path) is None


def test_other_images_are_trained_anew(tmp_path: Path) -> None:
    write_artefacts(tmp_path, NETWORK, report(), DATA)
    labels = DATA.test.labels.copy()
    right = np.flatnonzero(NETWORK.outputs(DATA.test.inputs).argmax(axis=1) == labels)
    labels[right[0]] = (labels[right[0]] + 1) % 10
    assert found(tmp_path, replace(DATA, test=replace(DATA.test, labels=labels))) is None
    assert found(tmp_path, replace(DATA, training=images(4, 300))) is None
    assert found(tmp_path) is not None


def test_another_network_than_the_report_speaks_of_is_not_believed(tmp_path: Path) -> None:
    write_artefacts(tmp_path, NETWORK, report(), DATA)
    model = (tmp_path / MODEL_FILE).read_bytes()
    *others, last = NETWORK.layers
    write_artefacts(tmp_path, Network(layers=(*others, replace(last, weight=-last.weight))), report(), DATA)
    assert (tmp_path / MODEL_FILE).read_bytes() != model
    assert found(tmp_path) is None


@pytest.mark.parametrize("name", [MODEL_FILE, REPORT_FILE, CALIBRATION_FILE])
@pytest.mark.parametrize(
    "damage",
    [
        Path.unlink,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-9]),
        lambda path: path.write_text("[1]"),
        lambda path: path.write_text("{}"),
    ],
    ids=["missing", "empty", "cut", "a list", "an object"],
)
def test_damaged_files_are_no_trained_network(tmp_path: Path, name: str, damage: Callable[[Path], Any]) -> None:
    write_artefacts(tmp_path, NETWORK, report(), DATA)
    damage(tmp_path / name)
    assert found(tmp_path) is None


def test_an_empty_folder_holds_none(tmp_path: Path) -> None:
    assert found(tmp_path) is None
    assert found(tmp_path / "absent") is None
