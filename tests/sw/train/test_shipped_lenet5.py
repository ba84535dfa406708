"""LeNet-5 in ``models/``. Computed here from the files alone, without the code that wrote them."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from onnx import numpy_helper

from eyrie.model.onnx_import import load_onnx

MODELS = Path(__file__).parents[3] / "models"
SHAPES = {"conv1": (20, 1, 5, 5), "conv2": (50, 20, 5, 5), "ip1": (500, 800), "ip2": (10, 500)}
DENSITIES = {"conv1": 0.66, "conv2": 0.12, "ip1": 0.08, "ip2": 0.19}
VALUES = {"conv1": 256, "conv2": 256, "ip1": 16, "ip2": 16}


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    return json.loads((MODELS / "lenet-5.json").read_text())


@pytest.fixture(scope="module")
def model() -> onnx.ModelProto:
    return onnx.load_from_string(gzip.decompress((MODELS / "lenet-5.onnx.gz").read_bytes()))


@pytest.fixture(scope="module")
def tensors(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    pixels = np.load(MODELS / "fashion-mnist-500-images.npy").reshape(-1, 1, 28, 28)
    return (pixels.astype(np.float32) / np.float32(255)).astype(np.float64)


@pytest.fixture(scope="module")
def scores(tensors: dict[str, np.ndarray], images: np.ndarray) -> np.ndarray:
    x = images
    for name in ("conv1", "conv2"):
        windows = sliding_window_view(x, (5, 5), axis=(2, 3))
        x = np.tensordot(windows, tensors[f"{name}.weight"].astype(np.float64), ([1, 4, 5], [1, 2, 3]))
        x = np.maximum(x + tensors[f"{name}.bias"], 0).transpose(0, 3, 1, 2)
        x = sliding_window_view(x, (2, 2), axis=(2, 3))[:, :, ::2, ::2].max(axis=(4, 5))
    x = x.reshape(len(x), -1) @ tensors["ip1.weight"].T.astype(np.float64) + tensors["ip1.bias"]
    return np.maximum(x, 0) @ tensors["ip2.weight"].T.astype(np.float64) + tensors["ip2.bias"]


def test_model_is_a_chain_of_named_layers(model: onnx.ModelProto) -> None:
    onnx.checker.check_model(model, full_check=True)
    assert [(node.op_type, node.name) for node in model.graph.node] == [
        ("Conv", "conv1"),
        ("Relu", "relu1"),
        ("MaxPool", "pool1"),
        ("Conv", "conv2"),
        ("Relu", "relu2"),
        ("MaxPool", "pool2"),
        ("Flatten", "flatten"),
        ("Gemm", "ip1"),
        ("Relu", "relu3"),
        ("Gemm", "ip2"),
    ]
    sizes = [
        [dim.dim_param or dim.dim_value for dim in port.type.tensor_type.shape.dim]
        for port in (model.graph.input[0], model.graph.output[0])
    ]
    assert sizes == [["batch", 1, 28, 28], ["batch", 10]]


def test_file_is_small_and_has_neither_time_nor_name() -> None:
    data = (MODELS / "lenet-5.onnx.gz").read_bytes()
    assert data[3:8] == bytes(5)
    assert len(data) < 100_000


@pytest.mark.parametrize("name", SHAPES)
def test_layer_is_pruned_and_shared(name: str, tensors: dict[str, np.ndarray], report: dict[str, Any]) -> None:
    weight, bias = tensors[f"{name}.weight"], tensors[f"{name}.bias"]
    assert (weight.dtype, weight.shape) == (np.float32, SHAPES[name])
    assert (bias.dtype, bias.shape) == (np.float32, SHAPES[name][:1])
    assert np.count_nonzero(weight) == round(DENSITIES[name] * weight.size)
    # Zero takes one of the entries of the codebook.
    assert VALUES[name] // 2 < len(np.unique(weight)) <= VALUES[name]
    (layer,) = (layer for layer in report["layers"] if layer["name"] == name)
    assert layer == {
        "name": name,
        "inputs": weight.shape[1],
        "outputs": weight.shape[0],
        **({"kernel": [5, 5]} if name.startswith("conv") else {}),
        "weights_kept": np.count_nonzero(weight),
        "density": np.count_nonzero(weight) / weight.size,
        "distinct_nonzero_values": len(np.unique(weight)) - 1,
    }


def test_network_gets_as_many_images_right_as_recorded(scores: np.ndarray, report: dict[str, Any]) -> None:
    labels = np.load(MODELS / "fashion-mnist-500-labels.npy")
    right = int(np.count_nonzero(scores.argmax(axis=1) == labels))
    assert report["shipped_images"]["images"] == len(labels)
    assert report["shipped_images"]["right_compressed"] == right
    # Far from guessing, so that wrong scaling or a wrong order of pixels cannot be recorded by mistake.
    assert right >= 435


def test_imported_network_gives_the_same_classes(scores: np.ndarray, images: np.ndarray) -> None:
    network = load_onnx(MODELS / "lenet-5.onnx.gz")
    assert network.shapes == ((1, 28, 28), (20, 24, 24), (20, 12, 12), (50, 8, 8), (50, 4, 4), (800,), (500,), (10,))
    assert [layer.name for layer in network.layers] == ["conv1", "pool1", "conv2", "pool2", "flatten", "ip1", "ip2"]
    assert np.array_equal(network.forward(images).argmax(axis=1), scores.argmax(axis=1))


def test_recorded_accuracies_meet_the_contract(report: dict[str, Any]) -> None:
    assert report["data_set"]["test_images"] == 10_000
    stages = {stage["name"]: stage for stage in report["stages"]}
    assert list(stages) == ["train", "prune", "retrain", "share", "tune"]
    assert report["float_accuracy"] == stages["train"]["right_after"] / 10_000
    assert report["compressed_accuracy"] == stages["tune"]["right_after"] / 10_000
    assert stages["train"]["right_after"] >= 9_050
    assert stages["train"]["right_after"] - stages["tune"]["right_after"] <= 50


def test_description_gives_the_recorded_figures(report: dict[str, Any]) -> None:
    text = (MODELS / "README.md").read_text()
    section = text[text.index("## LeNet-5") :].splitlines()
    rows = {
        line.split(" | ")[0].removeprefix("| "): line.split(" | ")[2:] for line in section if line.count(" | ") == 4
    }
    for stage in report["stages"]:
        before, after, kept = rows[stage["name"]]
        assert (before, after) == (
            f"{stage['accuracy_before']:.2%}".replace("%", " %"),
            f"{stage['accuracy_after']:.2%}".replace("%", " %"),
        )
        assert kept.removesuffix(" |").split(" ")[0] == f"{stage['weights_kept']:,}"
    shipped = report["shipped_images"]
    assert (
        f"Of the {shipped['images']} shipped images the float network gets {shipped['right_float']} right and the "
        f"compressed one {shipped['right_compressed']}."
    ) in " ".join(section)
