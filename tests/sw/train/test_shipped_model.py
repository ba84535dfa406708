"""LeNet-300-100 and the images in ``models/``. Computed here from the files alone, without the code that wrote them."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

MODELS = Path(__file__).parents[3] / "models"
SHAPES = {"ip1": (300, 784), "ip2": (100, 300), "ip3": (10, 100)}
DENSITIES = {"ip1": 0.08, "ip2": 0.09, "ip3": 0.26}


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    return json.loads((MODELS / "lenet-300-100.json").read_text())


@pytest.fixture(scope="module")
def model() -> onnx.ModelProto:
    return onnx.load_from_string(gzip.decompress((MODELS / "lenet-300-100.onnx.gz").read_bytes()))


@pytest.fixture(scope="module")
def tensors(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def test_model_is_a_chain_of_three_named_layers(model: onnx.ModelProto) -> None:
    onnx.checker.check_model(model, full_check=True)
    assert [(node.op_type, node.name) for node in model.graph.node] == [
        ("Gemm", "ip1"),
        ("Relu", "relu1"),
        ("Gemm", "ip2"),
        ("Relu", "relu2"),
        ("Gemm", "ip3"),
    ]
    value = model.graph.input[0].name
    for node in model.graph.node:
        assert node.input[0] == value
        (value,) = node.output
    assert value == model.graph.output[0].name
    assert [entry.version for entry in model.opset_import] == [17]
    sizes = [
        [dim.dim_param or dim.dim_value for dim in port.type.tensor_type.shape.dim]
        for port in (model.graph.input[0], model.graph.output[0])
    ]
    assert sizes == [["batch", 784], ["batch", 10]]


def test_file_has_neither_time_nor_name() -> None:
    header = (MODELS / "lenet-300-100.onnx.gz").read_bytes()[:10]
    assert header[3:8] == bytes(5)


@pytest.mark.parametrize("name", SHAPES)
def test_layer_is_pruned_and_shared(name: str, tensors: dict[str, np.ndarray], report: dict[str, Any]) -> None:
    weight, bias = tensors[f"{name}.weight"], tensors[f"{name}.bias"]
    assert (weight.dtype, weight.shape) == (np.float32, SHAPES[name])
    assert (bias.dtype, bias.shape) == (np.float32, SHAPES[name][:1])
    assert np.count_nonzero(weight) == round(DENSITIES[name] * weight.size)
    # Zero takes one of the sixteen entries of a 4-bit codebook.
    assert len(np.unique(weight)) <= 16
    (layer,) = (layer for layer in report["layers"] if layer["name"] == name)
    assert layer == {
        "name": name,
        "inputs": weight.shape[1],
        "outputs": weight.shape[0],
        "weights_kept": np.count_nonzero(weight),
        "density": np.count_nonzero(weight) / weight.size,
        "distinct_nonzero_values": len(np.unique(weight)) - 1,
    }


def test_whole_network_keeps_about_eight_percent(tensors: dict[str, np.ndarray], report: dict[str, Any]) -> None:
    weights = [tensors[f"{name}.weight"] for name in SHAPES]
    density = sum(np.count_nonzero(weight) for weight in weights) / sum(weight.size for weight in weights)
    assert report["density"] == density
    assert 0.075 <= density <= 0.085


def test_images_are_as_described() -> None:
    for name, n in (("fashion-mnist-500-images.npy", 500), ("fashion-mnist-256-calibration.npy", 256)):
        pixels = np.load(MODELS / name)
        assert (pixels.dtype, pixels.shape) == (np.uint8, (n, 784))
        # Real images: none is blank, all differ, and there is background as well as white.
        assert pixels.any(axis=1).all()
        assert len(np.unique(pixels, axis=0)) == n
        assert (pixels.min(), pixels.max()) == (0, 255)
    labels = np.load(MODELS / "fashion-mnist-500-labels.npy")
    assert (labels.dtype, labels.shape) == (np.uint8, (500,))
    assert np.unique(labels).tolist() == list(range(10))


def test_network_gets_as_many_images_right_as_recorded(tensors: dict[str, np.ndarray], report: dict[str, Any]) -> None:
    x = np.load(MODELS / "fashion-mnist-500-images.npy").astype(np.float32) / np.float32(255)
    labels = np.load(MODELS / "fashion-mnist-500-labels.npy")
    for name in SHAPES:
        x = x.astype(np.float64) @ tensors[f"{name}.weight"].T.astype(np.float64) + tensors[f"{name}.bias"]
        scores, x = x, np.maximum(x, 0)
    right = int(np.count_nonzero(scores.argmax(axis=1) == labels))
    assert report["shipped_images"]["images"] == len(labels)
    assert report["shipped_images"]["right_compressed"] == right
    # Far from guessing, so that wrong scaling or a wrong order of pixels cannot be recorded by mistake.
    assert right >= 425


def test_recorded_accuracies_meet_the_contract(report: dict[str, Any]) -> None:
    assert report["data_set"]["test_images"] == 10_000
    stages = {stage["name"]: stage for stage in report["stages"]}
    assert list(stages) == ["train", "prune", "retrain", "share", "tune"]
    assert report["float_accuracy"] == stages["train"]["right_after"] / 10_000
    assert report["compressed_accuracy"] == stages["tune"]["right_after"] / 10_000
    assert stages["train"]["right_after"] >= 8_900
    assert stages["train"]["right_after"] - stages["tune"]["right_after"] <= 50


def test_description_gives_the_recorded_figures(report: dict[str, Any]) -> None:
    text = (MODELS / "README.md").read_text()
    lines = text[text.index("## LeNet-300-100") : text.index("## LeNet-5")].splitlines()
    rows = {line.split(" | ")[0].removeprefix("| "): line.split(" | ")[2:] for line in lines if line.count(" | ") == 4}
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
    ) in " ".join(lines)


def test_licence_of_the_images_is_there() -> None:
    licence = (MODELS / "LICENSE-fashion-mnist").read_text()
    assert "Copyright (c) 2017 Zalando SE" in licence
    assert "The above copyright notice and this permission notice shall be included" in licence
    assert "LICENSE-fashion-mnist" in (MODELS / "README.md").read_text()
