"""Small networks in files, and the command line as a user calls it."""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from eyrie.cli import main
from eyrie.rowstat.config import TINY

SEED = 20261


class Ended(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def eyrie(capfd: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """The command line in this process."""

    def call(*arguments: Any) -> Ended:
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        captured = capfd.readouterr()
        return Ended(int(ended.value.code or 0), captured.out, captured.err)

    return call


def _write_model(path: Path, sizes: tuple[int, ...]) -> None:
    """A sparse network with a row and a column of zeros in every layer, weights on a grid of 15 values."""
    rng = np.random.default_rng(SEED)
    nodes, tensors, name = [], [], "x"
    for layer, (inputs, outputs) in enumerate(pairwise(sizes)):
        grid = np.delete(np.linspace(-0.5, 0.5, 15), 7)
        weight = np.where(rng.random((outputs, inputs)) < 0.3, rng.choice(grid, (outputs, inputs)), 0)
        weight[outputs // 2 if outputs > 1 else 1 :: outputs] = 0
        weight[:, inputs // 2] = 0
        bias = rng.normal(scale=0.1, size=outputs)
        tensors += [
            numpy_helper.from_array(weight.astype(np.float32), f"w{layer}"),
            numpy_helper.from_array(bias.astype(np.float32), f"b{layer}"),
        ]
        nodes.append(
            helper.make_node("Gemm", [name, f"w{layer}", f"b{layer}"], [f"g{layer}"], transB=1, name=f"fc{layer}")
        )
        name = f"g{layer}"
        if layer < len(sizes) - 2:
            nodes.append(helper.make_node("Relu", [name], [f"r{layer}"], name=f"relu{layer}"))
            name = f"r{layer}"
    graph = helper.make_graph(
        nodes,
        "odd",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", sizes[0]])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", sizes[-1]])],
        tensors,
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Odd shapes; the last layer is zero throughout, its two PEs of three without work."""
    path = tmp_path / "odd.onnx"
    _write_model(path, (37, 5, 113, 1))
    return path


@pytest.fixture
def classifier(tmp_path: Path) -> Path:
    """One layer, eight inputs, six classes."""
    path = tmp_path / "classifier.onnx"
    _write_model(path, (8, 6))
    return path


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    path = tmp_path / "x.npy"
    np.save(path, np.random.default_rng(SEED).uniform(-1, 1, (20, 37)))
    return path


@pytest.fixture
def compiled(tmp_path: Path, model: Path, inputs: Path, eyrie: Callable[..., Ended]) -> Path:
    """The folder of the small network compiled for three PEs."""
    folder = tmp_path / "compiled"
    ended = eyrie("compile", model, "-o", folder, "--pes", 3, "--calibrate", inputs)
    assert ended.status == 0, ended.err
    return folder


@pytest.fixture
def convolutional(tmp_path: Path) -> Path:
    """A convolution, the largest of 2 x 2, and three classes of one-channel maps of 6 x 6."""
    rng = np.random.default_rng(SEED + 1)
    tensors = {
        "w0": rng.normal(size=(2, 1, 3, 3)),
        "b0": rng.normal(size=2),
        "w1": np.where(rng.random((3, 8)) < 0.5, 0.5, 0),
        "b1": rng.normal(size=3),
    }
    nodes = [
        helper.make_node("Conv", ["x", "w0", "b0"], ["c"], name="conv"),
        helper.make_node("Relu", ["c"], ["r"], name="relu"),
        helper.make_node("MaxPool", ["r"], ["p"], name="pool", kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["p"], ["f"], name="flatten"),
        helper.make_node("Gemm", ["f", "w1", "b1"], ["y"], name="fc", transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1, 6, 6])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in tensors.items()],
    )
    path = tmp_path / "tiny.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    return path


@pytest.fixture
def maps(tmp_path: Path) -> Path:
    path = tmp_path / "maps.npy"
    np.save(path, np.random.default_rng(SEED + 1).uniform(-1, 1, (20, 1, 6, 6)))
    return path


@pytest.fixture
def segments(tmp_path: Path, convolutional: Path, maps: Path, eyrie: Callable) -> Path:
    """The network compiled for the smallest row-stationary engine and two PEs."""
    (tmp_path / "rowstat.json").write_text(TINY.as_json())
    folder = tmp_path / "segments"
    options = ("--pes", 2, "--rowstat-config", tmp_path / "rowstat.json", "--batch", 3, "--calibrate", maps)
    ended = eyrie("compile", convolutional, "-o", folder, *options)
    assert ended.status == 0, ended.err
    assert "row-stationary" in ended.out
    assert "weight bits" in ended.out
    return folder
