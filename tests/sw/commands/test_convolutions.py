"""The commands on networks with convolutions."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from eyrie.compile.network.compiler import compile_segments
from eyrie.compile.network.folder import read_segments
from eyrie.compile.network.segmented import ConvolutionSegment
from eyrie.driver.segments import GoldenSegments
from eyrie.eie.config import EieConfig
from eyrie.model.onnx_import import load_onnx
from eyrie.rowstat.config import TINY
from tests.sw.commands.test_refusals import refused

SEED = 20262


@pytest.fixture
def convolutional(tmp_path: Path) -> Path:
    """A convolution, the largest of 2 x 2, and three classes of one-channel maps of 6 x 6."""
    rng = np.random.default_rng(SEED)
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
    np.save(path, np.random.default_rng(SEED).uniform(-1, 1, (20, 1, 6, 6)))
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


def test_compile_writes_what_the_library_makes(segments: Path, convolutional: Path, maps: Path) -> None:
    network = load_onnx(convolutional)
    result = compile_segments(network, calibration=np.load(maps), rowstat=TINY, eie=EieConfig(n_pes=2), batch=3)
    again = read_segments(segments)
    first = again.segments[0]
    assert isinstance(first, ConvolutionSegment)
    assert (first.config, first.batch) == (TINY, 3)
    x = again.interface.quantise_input(np.load(maps))
    assert np.array_equal(GoldenSegments(again).run(x).outputs, result.quantisation.integers.forward(x))


def test_compile_says_what_it_did_as_json(eyrie: Callable, convolutional: Path, tmp_path: Path) -> None:
    ended = eyrie("compile", convolutional, "-o", tmp_path / "o", "--activation-bits", 8, "--json")
    assert (ended.status, ended.err) == (0, "")
    assert ended.json == json.loads((tmp_path / "o" / "compile.json").read_text())
    assert [layer["name"] for layer in ended.json["convolutions"]] == ["conv"]
    assert ended.json["dense"]["config"]["activation_width"] == 8


def test_an_engine_for_the_dense_part(eyrie: Callable, convolutional: Path, tmp_path: Path) -> None:
    """Its configuration counts, and is not made to fit."""
    config = replace(EieConfig(n_pes=3), activation_width=12)
    (tmp_path / "eie.json").write_text(config.as_json())
    arguments = ("compile", convolutional, "-o", tmp_path / "o", "--config", tmp_path / "eie.json", "--json")
    assert eyrie(*arguments).json["dense"]["config"] == asdict(config)
    (tmp_path / "eie.json").write_text(replace(config, entry_depth=2).as_json())
    refused(eyrie(*arguments), "entry_depth")


def test_run_computes_and_counts(eyrie: Callable, segments: Path, maps: Path, tmp_path: Path) -> None:
    arguments = ("run", segments, "--input", maps, "--limit", 4, "--output", tmp_path / "y.npy")
    ended = eyrie(*arguments, "--json")
    assert (ended.status, ended.err) == (0, "")
    network = read_segments(segments)
    x = network.interface.quantise_input(np.load(maps)[:4])
    run = GoldenSegments(network).run(x, timed=True)
    assert ended.json["outputs_integer"] == run.outputs.tolist()
    assert np.array_equal(np.load(tmp_path / "y.npy"), network.interface.dequantise_output(run.outputs))
    assert [(s["name"], s["place"], s["cycles"]) for s in ended.json["segments"]] == [tuple(s) for s in run.segments]
    assert "cycles a sample" in eyrie(*arguments).out


def test_evaluate_counts_right_answers(eyrie: Callable, segments: Path, maps: Path, tmp_path: Path) -> None:
    network = read_segments(segments)
    outputs = GoldenSegments(network).run(network.interface.quantise_input(np.load(maps))).outputs
    labels = outputs.argmax(axis=1)
    labels[[2, 5, 18]] += 1
    np.save(tmp_path / "l.npy", labels)
    arguments = ("evaluate", segments, "--input", maps, "--labels", tmp_path / "l.npy", "--json")
    facts = eyrie(*arguments).json
    assert (facts["samples"], facts["right"], facts["accuracy"]) == (20, 17, 0.85)
    facts = eyrie(*arguments, "--limit", 10).json
    assert (facts["samples"], facts["right"]) == (10, 8)
    np.save(tmp_path / "l.npy", labels[:10])
    refused(eyrie(*arguments, "--limit", 10), "labels must have shape (20,)")


def test_what_does_not_fit(
    eyrie: Callable, convolutional: Path, segments: Path, maps: Path, model: Path, inputs: Path, tmp_path: Path
) -> None:
    new = tmp_path / "new"
    refused(eyrie("compile", convolutional, "-o", new, "--requantise", "multiplier"), "--requantise multiplier")
    refused(eyrie("compile", convolutional, "-o", new, "--rowstat-config", maps), "maps.npy")
    refused(eyrie("compile", convolutional, "-o", new, "--calibrate", inputs), "(samples, 1, 6, 6)", "(20, 37)")
    refused(eyrie("compile", convolutional, "-o", new, "--pes", 0), "n_pes")
    refused(eyrie("compile", model, "-o", new, "--batch", 2), "--batch", "odd.onnx")
    assert not new.exists()
    refused(eyrie("run", segments, "--input", inputs), "(samples, 1, 6, 6)")
    refused(eyrie("run", segments, "--input", maps, "--on", "rtl"), "golden models only")
    (segments / "dense.eyrie").unlink()
    refused(eyrie("run", segments, "--input", maps), "dense.eyrie")


def test_another_network_over_it(eyrie: Callable, segments: Path, model: Path, inputs: Path) -> None:
    assert eyrie("compile", model, "-o", segments).status == 0
    assert eyrie("run", segments, "--input", inputs).status == 0
