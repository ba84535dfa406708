"""The demo's report, from the shipped models, with synthesis and simulation as the cache or the tools give them."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jinja2 import UndefinedError

from eyrie.cli import main
from eyrie.compile.compiler import compile_network
from eyrie.compile.image import pack_image
from eyrie.model.onnx_import import load_onnx
from eyrie.report.demo_run import DemoRun
from eyrie.report.page import render_demo
from eyrie.report.png import grey_png_uri
from eyrie.train.data import scale_pixels

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the demo writes, for four PEs."""
    folder = tmp_path_factory.mktemp("demo")
    with pytest.raises(SystemExit) as ended:
        main(f"demo -o {folder} --pes 4 --models {ROOT / 'models'} --results {ROOT / 'results'}".split())
    assert ended.value.code == 0
    return folder


@pytest.fixture(scope="module")
def facts(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "report.json").read_text())


def test_the_demo_agrees_on_every_shipped_image(facts: dict[str, Any]) -> None:
    dense = facts["fully_connected"]
    assert dense["rtl"]["images"] == 500
    assert dense["rtl"]["mismatches"] == 0
    assert dense["rtl"]["cycles"]["min"] >= 1
    assert dense["rtl"]["bound"] < dense["rtl"]["cycles"]["mean"]
    assert dense["size"]["dense_float"] > dense["size"]["csc"] > dense["size"]["huffman"]
    assert dense["synthesis"]["rows"][0]["multipliers"] == 1


def test_convolutions_agree_in_values_and_cycles(facts: dict[str, Any]) -> None:
    rtl = facts["convolutional"]["rtl"]
    assert rtl["images"] == 100
    assert rtl["mismatches"] == 0
    assert rtl["agrees"]
    assert {segment["place"] for segment in rtl["segments"] if segment["cycles"]} == {"rowstat", "eie"}
    assert all(segment["cycles"] == segment["model_cycles"] for segment in rtl["segments"])
    assert [layer["name"] for layer in facts["convolutional"]["convolutions"]] == ["conv1", "conv2"]


@pytest.mark.parametrize("network", ["fully_connected", "convolutional"])
def test_accuracies(network: str, facts: dict[str, Any]) -> None:
    rows = facts[network]["accuracy"]["rows"]
    for total, most_lost in ((10_000, 50), (500, 5)):
        right = {row["network"]: row["right"] for row in rows if row["total"] == total}
        assert right["float, before compression"] >= 0.88 * total
        assert right["float, before compression"] - right["compressed, in float"] <= most_lost
        if total == 500 or "fixed point" in right:
            assert right["compressed, in float"] - right["fixed point"] <= most_lost
    assert facts[network]["accuracy"]["float"]["total"] == 10_000


def test_a_record_that_is_not_there(tmp_path: Path) -> None:
    """This run's images stand for the whole test set then."""
    demo = DemoRun(
        output=tmp_path,
        models=ROOT / "models",
        results=tmp_path,
        n_pes=1,
        target="ecp5",
        say=lambda line: None,
        count=lambda done, of: None,
    )
    outputs = np.eye(10)[demo.labels]
    accuracy = demo.accuracy("lenet-5", tmp_path, outputs, outputs)
    assert accuracy["fixed_point"] == accuracy["rows"][-1]
    assert (accuracy["fixed_point"]["right"], accuracy["fixed_point"]["source"]) == (500, "this run")


def test_the_page_shows_both(folder: Path) -> None:
    page = (folder / "report.html").read_text()
    assert page.count("<figure>") == 24
    assert page.count("images differ between RTL and golden model") == 2
    assert "http" not in page.replace("http://www.w3.org", "")


def test_verilog_of_both_engines(folder: Path) -> None:
    written = {str(path.relative_to(folder)) for path in folder.rglob("*.v")}
    both = {"lenet-5/verilog/eie_core.v", "lenet-5/verilog/rowstat_core.v"}
    assert written == {"lenet-300-100/verilog/eie_core.v", *both}


def test_the_recorded_accuracy_is_that_of_todays_image() -> None:
    calibration = scale_pixels(np.load(ROOT / "models" / "fashion-mnist-256-calibration.npy"))
    network = load_onnx(ROOT / "models" / "lenet-300-100.onnx.gz")
    record = json.loads((ROOT / "results" / "lenet-300-100-test-set.json").read_text())
    compiled = compile_network(network, calibration=calibration, n_pes=record["pes"]).compiled
    assert hashlib.sha256(pack_image(compiled)).hexdigest() == record["image_sha256"]


def test_a_report_without_a_figure_is_an_error(facts: dict[str, Any]) -> None:
    assert "of 500 images differ" in render_demo(facts, [])
    rtl = {name: value for name, value in facts["convolutional"]["rtl"].items() if name != "simulator"}
    cut = facts | {"convolutional": facts["convolutional"] | {"rtl": rtl}}
    with pytest.raises(UndefinedError, match="simulator"):
        render_demo(cut, [])


def test_a_picture_is_a_png() -> None:
    uri = grey_png_uri(np.arange(12, dtype=np.uint8).reshape(3, 4))
    assert uri.startswith("data:image/png;base64,iVBORw0KGgo")
