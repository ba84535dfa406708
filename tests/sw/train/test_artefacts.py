"""The files that a training leaves behind."""

import gzip
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eyrie.errors import InputError
from eyrie.train.artefacts import compress_gzip, write_artefacts
from eyrie.train.data import FashionMnist, LabelledImages
from eyrie.train.network import Layer, Network
from eyrie.train.onnx_file import to_onnx
from eyrie.train.report import StageReport, TrainingReport, report_layers
from eyrie.train.schedule import FULL


def images(n: int, seed: int) -> LabelledImages:
    generator = np.random.default_rng(seed)
    return LabelledImages(
        pixels=generator.integers(0, 256, (n, 784), dtype=np.uint8),
        labels=generator.integers(0, 10, n, dtype=np.uint8),
    )


NETWORK = Network(layers=(Layer(name="ip1", weight=np.eye(10, 784, dtype=np.float32), bias=np.ones(10, np.float32)),))
DATA = FashionMnist(training=images(256, 1), test=images(500, 2))
STAGE = StageReport(name="train", right_before=50, right_after=400, n_test=500, n_kept=10, n_weights=7840, seconds=1.25)
REPORT = TrainingReport(
    model="LeNet-300-100",
    seed=7,
    threads=1,
    torch_version="0",
    schedule=FULL,
    n_training=256,
    stages=(STAGE,),
    layers=report_layers(NETWORK),
    n_shipped=500,
    right_shipped_float=5,
    right_shipped=6,
)


def test_files_hold_what_was_given(tmp_path: Path) -> None:
    paths = write_artefacts(tmp_path / "new", NETWORK, REPORT, DATA)
    files = {path.name: path for path in (tmp_path / "new").iterdir()}
    assert sorted(paths) == sorted(files.values())
    assert np.array_equal(np.load(files.pop("fashion-mnist-500-images.npy")), DATA.test.pixels)
    assert np.array_equal(np.load(files.pop("fashion-mnist-500-labels.npy")), DATA.test.labels)
    assert np.array_equal(np.load(files.pop("fashion-mnist-256-calibration.npy")), DATA.training.pixels)
    assert gzip.decompress(files.pop("lenet-300-100.onnx.gz").read_bytes()) == to_onnx(NETWORK, "lenet-300-100")
    assert json.loads(files.pop("lenet-300-100.json").read_bytes()) == REPORT.as_json()
    assert not files


def test_files_have_the_name_of_the_network_and_convolutions_their_kernel(tmp_path: Path) -> None:
    layers = (
        Layer(name="conv1", weight=np.ones((1, 1, 5, 3), np.float32), bias=np.zeros(1, np.float32), pool=2),
        Layer(name="ip1", weight=np.ones((10, 156), np.float32), bias=np.zeros(10, np.float32)),
    )
    network = Network(layers=layers, image_shape=(1, 28, 28))
    report = replace(REPORT, model="LeNet-5", layers=report_layers(network))
    write_artefacts(tmp_path, network, report, DATA)
    assert gzip.decompress((tmp_path / "lenet-5.onnx.gz").read_bytes()) == to_onnx(network, "lenet-5")
    facts = json.loads((tmp_path / "lenet-5.json").read_bytes())
    assert facts["model"] == "LeNet-5"
    assert facts["layers"][0] == {
        "name": "conv1",
        "inputs": 1,
        "outputs": 1,
        "kernel": [5, 3],
        "weights_kept": 15,
        "density": 1.0,
        "distinct_nonzero_values": 1,
    }
    assert "kernel" not in facts["layers"][1]


def test_first_images_are_shipped(tmp_path: Path) -> None:
    more = FashionMnist(training=images(300, 3), test=images(600, 4))
    write_artefacts(tmp_path, NETWORK, REPORT, more)
    assert np.array_equal(np.load(tmp_path / "fashion-mnist-500-images.npy"), more.test.pixels[:500])
    assert np.array_equal(np.load(tmp_path / "fashion-mnist-500-labels.npy"), more.test.labels[:500])
    assert np.array_equal(np.load(tmp_path / "fashion-mnist-256-calibration.npy"), more.training.pixels[:256])


def test_same_content_gives_the_same_bytes_in_any_folder(tmp_path: Path) -> None:
    first = write_artefacts(tmp_path / "a", NETWORK, REPORT, DATA)
    second = write_artefacts(tmp_path / "b", NETWORK, REPORT, DATA)
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_gzip_header_has_neither_time_nor_name() -> None:
    data = compress_gzip(b"content")
    assert gzip.decompress(data) == b"content"
    assert data[3] == 0, "flags: no name"
    assert data[4:8] == bytes(4), "time"


def test_report_gives_figures_but_no_times() -> None:
    report = REPORT.as_json()
    assert report["float_accuracy"] == 0.8
    assert report["compressed_accuracy"] == 0.8
    assert report["density"] == 10 / 7840
    assert report["stages"] == [
        {
            "name": "train",
            "right_before": 50,
            "right_after": 400,
            "accuracy_before": 0.1,
            "accuracy_after": 0.8,
            "weights_kept": 10,
        }
    ]
    assert report["layers"] == [
        {
            "name": "ip1",
            "inputs": 784,
            "outputs": 10,
            "weights_kept": 10,
            "density": 10 / 7840,
            "distinct_nonzero_values": 1,
        }
    ]
    assert report["shipped_images"] == {"images": 500, "right_float": 5, "right_compressed": 6}
    assert "1.25" not in json.dumps(report)


@pytest.mark.parametrize(
    ("n_training", "n_test", "message"),
    [(255, 500, "255 training images; at least 256"), (256, 499, "499 test images; at least 500")],
)
def test_too_few_images_are_refused(tmp_path: Path, n_training: int, n_test: int, message: str) -> None:
    few = FashionMnist(training=images(n_training, 1), test=images(n_test, 2))
    with pytest.raises(InputError, match=message):
        write_artefacts(tmp_path, NETWORK, REPORT, few)
    assert not list(tmp_path.iterdir())
