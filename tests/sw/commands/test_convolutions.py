"""The commands on networks with convolutions."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from eyrie.bench.rowstat_engine import SimulatedRowstat
from eyrie.bench.simulation import SimulationError
from eyrie.compile.network.compiler import compile_segments
from eyrie.compile.network.folder import image_digest, read_segments
from eyrie.compile.network.segmented import ConvolutionSegment
from eyrie.driver.segments import GoldenSegments
from eyrie.driver.simulated_device import SimulatedDevice
from eyrie.eie.config import EieConfig
from eyrie.model.onnx_import import load_onnx
from eyrie.rowstat.config import TINY
from tests.sw.commands.test_refusals import refused


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


def test_run_on_rtl_agrees_with_the_models(eyrie: Callable, segments: Path, maps: Path, tmp_path: Path) -> None:
    """Four samples in batches of three: the second batch is filled up with zeros."""
    arguments = ("run", segments, "--input", maps, "--limit", 4)
    golden = eyrie(*arguments, "--json").json
    ended = eyrie(*arguments, "--on", "rtl", "--output", tmp_path / "y.npy", "--json")
    assert ended.status == 0, ended.err
    facts = ended.json
    assert facts["outputs_integer"] == golden["outputs_integer"]
    assert (facts["on"], facts["mismatches"]) == ("rtl", 0)
    assert facts["simulator"].startswith("Verilator ")
    assert facts["image_sha256"] == image_digest(segments)
    assert facts["configurations"][0] == asdict(TINY)
    assert [(s["name"], s["place"], s["cycles"]) for s in facts["segments"]] == [
        (s["name"], s["place"], s["cycles"]) for s in golden["segments"]
    ]
    assert all(s["cycles"] == s["model_cycles"] and s["mismatches"] == 0 for s in facts["segments"])
    assert {s["place"] for s in facts["segments"] if s["cycles"]} == {"rowstat", "eie"}
    assert np.load(tmp_path / "y.npy").shape == (4, 3)
    assert "samples that differ from golden" in eyrie(*arguments, "--on", "rtl").out


def test_a_wrong_bit_or_cycle_ends_with_status_one(
    eyrie: Callable, segments: Path, maps: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("run", segments, "--input", maps, "--limit", 6, "--on", "rtl", "--json")
    run = SimulatedRowstat.run

    def wrong_value(self, *words):  # the largest activation in the first word of the outputs, in both batches
        result = run(self, *words)
        result.memory[read_segments(segments).segments[0].outputs.base] = 0x7FFF
        return result

    monkeypatch.setattr(SimulatedRowstat, "run", wrong_value)
    ended = eyrie(*arguments)
    assert ended.status == 1
    assert ended.json["segments"][0]["mismatches"] == 2
    assert "eyrie: rtl and models differ: conv" in ended.err

    def wrong_cycle(self, *words):
        result = run(self, *words)
        return replace(result, cycles=result.cycles + 1)

    monkeypatch.setattr(SimulatedRowstat, "run", wrong_cycle)
    ended = eyrie(*arguments)
    assert ended.status == 1
    assert ended.json["mismatches"] == 0
    assert ended.json["segments"][0]["cycles"] == ended.json["segments"][0]["model_cycles"] + 2


@pytest.mark.parametrize("engine", [SimulatedRowstat, SimulatedDevice])
def test_hardware_that_breaks_its_contract(
    engine: type, eyrie: Callable, segments: Path, maps: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stuck(*_, **__):
        raise SimulationError("the engine was not done within 9 cycles")

    monkeypatch.setattr(engine, "run", stuck)
    np.save(segments / "l.npy", np.zeros(20, int))
    for command in (("run",), ("evaluate", "--labels", segments / "l.npy")):
        ended = eyrie(*command, segments, "--input", maps, "--on", "rtl", "--json")
        assert (ended.status, ended.out) == (1, "")
        assert ended.err == "eyrie: the engine was not done within 9 cycles\n"


def test_evaluate_counts_right_answers(eyrie: Callable, segments: Path, maps: Path, tmp_path: Path) -> None:
    network = read_segments(segments)
    outputs = GoldenSegments(network).run(network.interface.quantise_input(np.load(maps))).outputs
    labels = outputs.argmax(axis=1)
    labels[[2, 5, 18]] += 1
    np.save(tmp_path / "l.npy", labels)
    arguments = ("evaluate", segments, "--input", maps, "--labels", tmp_path / "l.npy", "--json")
    facts = eyrie(*arguments).json
    assert (facts["samples"], facts["right"], facts["accuracy"]) == (20, 17, 0.85)
    for on in ("golden", "rtl"):
        facts = eyrie(*arguments, "--limit", 10, "--on", on).json
        assert (facts["samples"], facts["right"], facts["on"]) == (10, 8, on)
    np.save(tmp_path / "l.npy", labels[:10])
    refused(eyrie(*arguments, "--limit", 10), "labels must have shape (20,)")


def test_verilog_of_both_engines(eyrie: Callable, segments: Path, tmp_path: Path) -> None:
    ended = eyrie("verilog", segments, "-o", tmp_path / "v", "--json")
    assert ended.status == 0, ended.err
    assert [engine["top"] for engine in ended.json["engines"]] == ["rowstat_core", "eie_core"]
    assert {path.name for path in (tmp_path / "v").glob("*.v")} == {"rowstat_core.v", "eie_core.v"}
    ended = eyrie("verilog", segments, "-o", tmp_path / "w", "--engine", "eie", "--json")
    assert ended.json["top"] == "eie_core"
    assert {path.name for path in (tmp_path / "w").glob("*.v")} == {"eie_core.v"}
    out = eyrie("verilog", segments, "-o", tmp_path / "v").out
    assert "rowstat_pe" in out
    assert "eie_pe" in out


def test_synthesis_of_one_engine(eyrie: Callable, segments: Path) -> None:
    refused(eyrie("synth", segments), "two engines", "--engine")
    ended = eyrie("synth", segments, "--engine", "eie", "--json")
    assert ended.status in (0, 1)  # whether the plan holds is not the question here
    assert ended.json["top"] == "eie_core"


def test_an_engine_that_the_network_does_not_need(
    eyrie: Callable, segments: Path, convolutional: Path, tmp_path: Path
) -> None:
    model = onnx.load(convolutional)
    del model.graph.node[3:]
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info("p", TensorProto.FLOAT, ["n", 2, 2, 2]))
    onnx.save(model, tmp_path / "maps.onnx")
    options = ("--rowstat-config", tmp_path / "rowstat.json")
    assert eyrie("compile", tmp_path / "maps.onnx", "-o", segments, *options).status == 0
    refused(eyrie("verilog", segments, "-o", tmp_path / "v", "--engine", "eie"), "runs on the engine eie")
    assert eyrie("verilog", segments, "-o", tmp_path / "v", "--json").json["top"] == "rowstat_core"


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
    (segments / "dense.eyrie").unlink()
    refused(eyrie("run", segments, "--input", maps), "dense.eyrie")


def test_another_network_over_it(eyrie: Callable, segments: Path, model: Path, inputs: Path) -> None:
    assert eyrie("compile", model, "-o", segments).status == 0
    assert eyrie("run", segments, "--input", inputs).status == 0
