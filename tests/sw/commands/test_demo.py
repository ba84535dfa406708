"""The demo's report, from the shipped model, with synthesis and simulation as the cache or the tools give them."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from jinja2 import UndefinedError

from eyrie.cli import main
from eyrie.compile.compiler import compile_network
from eyrie.compile.image import pack_image
from eyrie.model.onnx_import import load_onnx
from eyrie.report.page import render_page
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


def test_the_demo_agrees_on_every_shipped_image(folder: Path) -> None:
    facts, page = json.loads((folder / "report.json").read_text()), (folder / "report.html").read_text()
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


def test_a_report_without_a_figure_is_an_error(folder: Path) -> None:
    facts = json.loads((folder / "report.json").read_text())
    assert "of 500 images differ" in render_page(facts, [])
    del facts["rtl"]["simulator"]
    with pytest.raises(UndefinedError, match="simulator"):
        render_page(facts, [])


def test_a_picture_is_a_png() -> None:
    uri = grey_png_uri(np.arange(12, dtype=np.uint8).reshape(3, 4))
    assert uri.startswith("data:image/png;base64,iVBORw0KGgo")
