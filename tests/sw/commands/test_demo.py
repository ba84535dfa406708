"""The demo's report, from the shipped model, with synthesis and simulation as the cache or the tools give them."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from eyrie.compile.compiler import compile_network
from eyrie.compile.image import pack_image
from eyrie.model.onnx_import import load_onnx
from eyrie.report.page import render_page
from eyrie.report.png import grey_png_uri
from eyrie.train.data import scale_pixels

ROOT = Path(__file__).parents[3]


@pytest.fixture
def report(eyrie: Callable, tmp_path: Path) -> tuple[dict, str]:
    ended = eyrie(
        "demo", "-o", tmp_path, "--pes", 4, "--models", ROOT / "models", "--results", ROOT / "results", "--json"
    )
    assert (ended.status, ended.err) == (0, "")
    assert ended.json == json.loads((tmp_path / "report.json").read_text())
    return ended.json, (tmp_path / "report.html").read_text()


def test_the_demo_agrees_on_every_shipped_image(report: tuple[dict, str]) -> None:
    facts, page = report
    assert facts["rtl"]["images"] == 500
    assert facts["rtl"]["mismatches"] == 0
    assert facts["rtl"]["cycles"]["min"] >= 1
    assert facts["rtl"]["bound"] < facts["rtl"]["cycles"]["mean"]
    whole = facts["accuracy"]
    assert whole["float"]["total"] == whole["fixed_point"]["total"] == 10_000
    assert whole["float"]["right"] >= 8_900
    assert whole["float"]["right"] - whole["fixed_point"]["right"] <= 50
    assert facts["size"]["dense_float"] > facts["size"]["csc"] > facts["size"]["huffman"]
    assert facts["synthesis"]["rows"][0]["multipliers"] == 1
    assert page.count("<figure>") == 24
    assert "http" not in page.replace("http://www.w3.org", "")


def test_the_recorded_accuracy_is_that_of_todays_image() -> None:
    calibration = scale_pixels(np.load(ROOT / "models" / "fashion-mnist-256-calibration.npy"))
    network = load_onnx(ROOT / "models" / "lenet-300-100.onnx.gz")
    record = json.loads((ROOT / "results" / "lenet-300-100-test-set.json").read_text())
    compiled = compile_network(network, calibration=calibration, n_pes=record["pes"]).compiled
    assert hashlib.sha256(pack_image(compiled)).hexdigest() == record["image_sha256"]


def test_a_report_without_a_figure_is_an_error(report: tuple[dict, str]) -> None:
    facts, _ = report
    del facts["rtl"]["bound"]
    with pytest.raises(Exception, match="bound"):
        render_page(facts, [])


def test_a_picture_is_a_png() -> None:
    uri = grey_png_uri(np.arange(12, dtype=np.uint8).reshape(3, 4))
    assert uri.startswith("data:image/png;base64,iVBORw0KGgo")
