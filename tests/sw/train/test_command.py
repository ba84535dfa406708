"""The command ``eyrie train``, without a training."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from eyrie.errors import InputError, MissingToolError
from eyrie.train import data, lenet5, lenet300, pruning_study, torch_setup
from eyrie.train.command import train
from eyrie.train.load import LayerLoad
from eyrie.train.network import Layer, Network
from eyrie.train.progress import EpochDone
from eyrie.train.pruning_study import NetworkLoad, PruningStudy
from eyrie.train.report import LayerReport, StageReport, TrainingReport
from eyrie.train.schedule import FULL, QUICK
from eyrie.train.trained import TrainedNetwork

STAGES = (
    StageReport(
        name="train", right_before=987, right_after=8999, n_test=10_000, n_kept=266_200, n_weights=266_200, seconds=20
    ),
    StageReport(
        name="prune", right_before=8999, right_after=8765, n_test=10_000, n_kept=21_776, n_weights=266_200, seconds=10
    ),
)
REPORT = TrainingReport(
    model="LeNet-300-100",
    seed=3,
    threads=2,
    torch_version="0",
    schedule=FULL,
    n_training=60_000,
    stages=STAGES,
    layers=(LayerReport(name="ip1", inputs=784, outputs=300, n_kept=18_816, n_distinct=15),),
    n_shipped=500,
    right_shipped_float=451,
    right_shipped=450,
)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Arguments of the calls to the training, which is replaced by one that reports at once."""
    seen: list[dict[str, Any]] = []

    def replacement(data_dir: Path, output: Path, **options: Any) -> TrainingReport:
        progress = options.pop("progress")
        progress(EpochDone(stage="train", epoch=1, epochs=2, total_epochs=3, validation_accuracy=0.5))
        seen.append({"data_dir": data_dir, "output": output} | options)
        return REPORT

    monkeypatch.setattr(lenet300, "train_lenet_300_100", replacement)
    return seen


def test_options_reach_the_training(calls: list[dict[str, Any]]) -> None:
    arguments = ["lenet-300-100", "--data", "in", "-o", "out", "--seed", "3", "--threads", "2", "--quick"]
    assert CliRunner().invoke(train, [*arguments, "--balance-pes", "16"]).exit_code == 0
    assert calls == [
        {
            "data_dir": Path("in"),
            "output": Path("out"),
            "seed": 3,
            "threads": 2,
            "quick": True,
            "balanced_pes": 16,
        }
    ]


def test_options_reach_the_training_of_lenet_5(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, Any]] = []

    def replacement(data_dir: Path, output: Path, **options: Any) -> TrainingReport:
        options.pop("progress")(EpochDone(stage="train", epoch=1, epochs=2, total_epochs=3, validation_accuracy=0.5))
        seen.append({"data_dir": data_dir, "output": output} | options)
        return replace(REPORT, model="LeNet-5")

    monkeypatch.setattr(lenet5, "train_lenet_5", replacement)
    arguments = ["lenet-5", "--data", "in", "-o", "out", "--seed", "3", "--threads", "2", "--quick"]
    result = CliRunner().invoke(train, arguments)
    assert result.exit_code == 0
    assert "LeNet-5 on Fashion-MNIST" in result.stdout
    assert json.loads(CliRunner().invoke(train, ["lenet-5", "--json"]).stdout)["output"] == "build/lenet-5"
    given = {"data_dir": Path("in"), "output": Path("out"), "seed": 3, "threads": 2, "quick": True}
    default = {"data_dir": Path("/usr/share/datasets/fashion-mnist"), "output": Path("build/lenet-5")}
    assert seen == [given, default | {"seed": 1, "threads": 1, "quick": False}]


def test_defaults_are_debian_folder_seed_and_one_thread(calls: list[dict[str, Any]]) -> None:
    assert CliRunner().invoke(train, ["lenet-300-100"]).exit_code == 0
    assert calls == [
        {
            "data_dir": Path("/usr/share/datasets/fashion-mnist"),
            "output": Path("build/lenet-300-100"),
            "seed": 1,
            "threads": 1,
            "quick": False,
            "balanced_pes": None,
        }
    ]


def test_table_has_the_accuracy_before_and_after_every_stage(calls: list[dict[str, Any]]) -> None:
    result = CliRunner().invoke(train, ["lenet-300-100", "-o", "some-folder"])
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in result.stdout.splitlines() if "│" in line]
    assert rows == [
        ["train", "9.87 %", "89.99 %", "266,200", "100.00 %", "20.0"],
        ["prune", "89.99 %", "87.65 %", "21,776", "8.18 %", "10.0"],
    ]
    assert "some-folder" in result.stdout
    assert result.stderr == ""


def test_json_is_all_there_is_on_standard_output(calls: list[dict[str, Any]]) -> None:
    result = CliRunner().invoke(train, ["lenet-300-100", "-o", "some-folder", "--json"])
    assert json.loads(result.stdout) == REPORT.as_json() | {"output": "some-folder", "seconds": 30}
    assert result.stderr == ""


@pytest.mark.parametrize("option", [["--seed", "-1"], ["--threads", "0"], ["--seed", "x"], ["--balance-pes", "0"]])
def test_option_outside_its_range_is_refused(calls: list[dict[str, Any]], option: list[str]) -> None:
    result = CliRunner().invoke(train, ["lenet-300-100", *option])
    assert result.exit_code == 2
    assert option[0] in result.stderr
    assert not calls


NOTHING = Network(layers=(Layer(name="ip1", weight=np.zeros((1, 1), np.float32), bias=np.zeros(1, np.float32)),))

STUDY = PruningStudy(
    schedule=FULL,
    networks=tuple(
        TrainedNetwork(network=NOTHING, facts=report.as_json())
        for report in (REPORT, replace(REPORT, schedule=replace(FULL, balanced_pes=4), stages=STAGES[:1]))
    ),
    loads=tuple(
        NetworkLoad(
            seed=3,
            n_pes=4,
            balanced=balanced,
            placed=placed,
            layers=(LayerLoad(name="ip1", n_pes=4, most_kept=9, n_kept=30, largest=largest, total=400),),
            cycles=(cycles, cycles + 1),
        )
        for balanced, placed, largest, cycles in (
            (False, False, 150, 1170),
            (False, True, 110, 130),
            (True, False, 120, 140),
            (True, True, 105, 125),
        )
    ),
)


@pytest.fixture
def studies(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Arguments of the calls to the study, which is replaced by one that is done at once."""
    seen: list[dict[str, Any]] = []

    def replacement(images: Any, output: Path, **options: Any) -> PruningStudy:
        options.pop("progress")(EpochDone(stage="train", epoch=1, epochs=2, total_epochs=3, validation_accuracy=0.5))
        seen.append({"images": images, "output": output} | options)
        return STUDY

    monkeypatch.setattr(torch_setup, "require_torch", lambda: None)
    monkeypatch.setattr(data, "read_fashion_mnist", lambda folder: {Path("in"): "images"}[folder])
    monkeypatch.setattr(pruning_study, "study_pruning", replacement)
    return seen


def test_options_reach_the_study(studies: list[dict[str, Any]]) -> None:
    arguments = ["compare-pruning", "--data", "in", "-o", "out"]
    assert CliRunner().invoke(train, arguments).exit_code == 0
    given = ["--pes", "8", "--pes", "2", "--pes", "8", "--seed", "5", "--seed", "5", "--threads", "2", "--quick"]
    assert CliRunner().invoke(train, [*arguments, *given]).exit_code == 0
    common = {"images": "images", "output": Path("out")}
    assert studies == [
        common | {"schedule": FULL, "pes": (4, 16, 64), "seeds": (1,), "threads": 1},
        common | {"schedule": QUICK, "pes": (8, 2), "seeds": (5,), "threads": 2},
    ]


def test_table_compares_the_ways_of_pruning(studies: list[dict[str, Any]]) -> None:
    result = CliRunner().invoke(train, ["compare-pruning", "--data", "in", "-o", "some-folder"])
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in result.stdout.splitlines() if "│" in line]
    assert rows == [
        ["4", "plain", "87.65 %", "1.500", "1.100", "1,170.5", "130.5"],
        ["4", "balanced", "89.99 %", "1.200", "1.050", "140.5", "125.5"],
    ]
    assert "some-folder" in result.stdout
    assert result.stderr == ""


def test_json_of_a_study_names_its_command(studies: list[dict[str, Any]]) -> None:
    arguments = ["--pes", "4", "--seed", "3", "--seed", "4", "--quick", "--json"]
    result = CliRunner().invoke(train, ["compare-pruning", "--data", "in", *arguments])
    facts = json.loads(result.stdout)
    command = "eyrie train compare-pruning --pes 4 --seed 3 --seed 4 --threads 1 --quick --json"
    assert facts == {"command": command} | STUDY.as_json()
    assert result.stderr == ""


@pytest.mark.parametrize("option", [["--seed", "-1"], ["--threads", "0"], ["--pes", "0"]])
def test_option_of_a_study_outside_its_range_is_refused(studies: list[dict[str, Any]], option: list[str]) -> None:
    result = CliRunner().invoke(train, ["compare-pruning", "--data", "in", *option])
    assert result.exit_code == 2
    assert option[0] in result.stderr
    assert not studies


def test_missing_pytorch_is_one_line_that_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    result = CliRunner().invoke(train, ["lenet-300-100", "-o", str(tmp_path / "out")])
    assert isinstance(result.exception, MissingToolError)
    assert str(result.exception) == "training needs PyTorch, which is not installed: pip install 'eyrie[train]'"
    assert not (tmp_path / "out").exists()


def test_missing_data_set_is_said_before_training(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # Stands for an installed PyTorch; the data set is read before it is imported.
    monkeypatch.setattr(lenet300, "require_torch", lambda: None)
    result = CliRunner().invoke(train, ["lenet-300-100", "--data", str(tmp_path / "absent")])
    assert isinstance(result.exception, InputError)
    assert "dataset-fashion-mnist" in str(result.exception)


def test_command_imports_neither_pytorch_nor_onnx() -> None:
    program = "import sys, eyrie.train.command; print(sorted({'torch', 'onnx'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("module", ["lenet300", "lenet5"])
def test_training_api_imports_no_pytorch(module: str) -> None:
    program = f"import sys, eyrie.train.{module}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"
