"""The command ``eyrie train``, without a training."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from eyrie.errors import InputError, MissingToolError
from eyrie.train import lenet300
from eyrie.train.command import train
from eyrie.train.progress import EpochDone
from eyrie.train.report import LayerReport, StageReport, TrainingReport
from eyrie.train.schedule import FULL

STAGES = (
    StageReport(
        name="train", right_before=987, right_after=8999, n_test=10_000, n_kept=266_200, n_weights=266_200, seconds=20
    ),
    StageReport(
        name="prune", right_before=8999, right_after=8765, n_test=10_000, n_kept=21_776, n_weights=266_200, seconds=10
    ),
)
REPORT = TrainingReport(
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
    assert CliRunner().invoke(train, arguments).exit_code == 0
    assert calls == [{"data_dir": Path("in"), "output": Path("out"), "seed": 3, "threads": 2, "quick": True}]


def test_defaults_are_debian_folder_seed_and_one_thread(calls: list[dict[str, Any]]) -> None:
    assert CliRunner().invoke(train, ["lenet-300-100"]).exit_code == 0
    assert calls == [
        {
            "data_dir": Path("/usr/share/datasets/fashion-mnist"),
            "output": Path("build/lenet-300-100"),
            "seed": 1,
            "threads": 1,
            "quick": False,
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


@pytest.mark.parametrize("option", [["--seed", "-1"], ["--threads", "0"], ["--seed", "x"]])
def test_option_outside_its_range_is_refused(calls: list[dict[str, Any]], option: list[str]) -> None:
    result = CliRunner().invoke(train, ["lenet-300-100", *option])
    assert result.exit_code == 2
    assert option[0] in result.stderr
    assert not calls


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


def test_training_api_imports_no_pytorch() -> None:
    program = "import sys, eyrie.train.lenet300; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"
