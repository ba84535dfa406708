"""The commands on good input: what they print, write and return."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from eyrie.compile.compiler import compile_network
from eyrie.compile.folder import read_folder
from eyrie.compile.scaling import dequantise_output, quantise_input
from eyrie.driver.simulated_device import SimulatedDevice
from eyrie.eie.config import EieConfig
from eyrie.golden.dense import forward
from eyrie.model.onnx_import import load_onnx


def test_compile_writes_the_three_files(compiled: Path) -> None:
    assert sorted(path.name for path in compiled.iterdir()) == ["compile.json", "config.json", "network.eyrie"]


def test_compile_says_what_it_did_as_json(eyrie: Callable, model: Path, tmp_path: Path) -> None:
    ended = eyrie("compile", model, "-o", tmp_path / "o", "--pes", 5, "--index-bits", 2, "--json")
    assert (ended.status, ended.err) == (0, "")
    assert [(layer["rows"], layer["columns"]) for layer in ended.json["layers"]] == [(5, 37), (113, 5), (1, 113)]
    assert (ended.json["config"]["n_pes"], ended.json["config"]["index_bits"]) == (5, 2)
    assert ended.json["image_bytes"] == (tmp_path / "o" / "network.eyrie").stat().st_size


def test_rows_are_balanced_unless_that_is_off(eyrie: Callable, model: Path, inputs: Path, tmp_path: Path) -> None:
    loads = {}
    for balance in ((), ("--balance", "on"), ("--balance", "off")):
        arguments = ("compile", model, "-o", tmp_path / "o", "--pes", 4, "--calibrate", inputs, *balance)
        facts = eyrie(*arguments, "--json").json
        loads[balance[1:]] = facts["load"], facts["interleaved_load"]
        out = " ".join(eyrie(*arguments).out.split())
        figures = [f"{facts[name]['imbalance']:.3f} times" for name in ("load", "interleaved_load")]
        assert f"works longest has {figures[0]} the mean load; {figures[1]} with interleaved rows" in out
    assert loads[()] == loads["on",]
    interleaved = loads["off",][0]
    assert loads["off",] == (interleaved, interleaved)
    assert loads["on",][1] == interleaved
    assert loads["on",][0]["longest"] < interleaved["longest"]


def test_switches_of_the_hardware(eyrie: Callable, model: Path, tmp_path: Path) -> None:
    for options, expected in (
        ((), (True, True)),
        (("--multipliers", "on", "--lut-ram", "off"), (True, False)),
        (("--multipliers", "off", "--lut-ram", "on"), (False, True)),
    ):
        assert eyrie("compile", model, "-o", tmp_path / "o", *options).status == 0
        assert eyrie("verilog", "--pes", 1, *options, "-o", tmp_path / "v").status == 0
        config = EieConfig.from_json((tmp_path / "o" / "config.json").read_text())
        emitted = json.loads((tmp_path / "v" / "eie_core.json").read_text())["configuration"]
        assert (config.multipliers, config.lut_ram) == expected
        assert (emitted["multipliers"], emitted["lut_ram"]) == expected


def test_compiling_twice_gives_the_same_bytes(eyrie: Callable, model: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert eyrie("compile", model, "-o", tmp_path / name).status == 0
    for name in ("network.eyrie", "config.json", "compile.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_compile_for_hardware_that_exists(eyrie: Callable, model: Path, compiled: Path, tmp_path: Path) -> None:
    ended = eyrie("compile", model, "-o", tmp_path / "o", "--config", compiled / "config.json", "--pes", 200, "--json")
    assert ended.status == 0
    assert (tmp_path / "o" / "config.json").read_bytes() == (compiled / "config.json").read_bytes()


def test_run_on_golden_is_the_quantised_network(eyrie: Callable, compiled: Path, inputs: Path, tmp_path: Path) -> None:
    ended = eyrie("run", compiled, "--input", inputs, "--limit", 4, "--output", tmp_path / "y.npy", "--json")
    assert (ended.status, ended.err) == (0, "")
    network = read_folder(compiled)
    x = quantise_input(network, np.load(inputs)[:4])
    outputs = np.array(ended.json["outputs_integer"])
    assert outputs.shape == (4, 1)
    assert ended.json["samples"] == 4
    assert ended.json["on"] == "golden"
    assert np.array_equal(np.load(tmp_path / "y.npy"), dequantise_output(network, outputs))
    assert x.min() >= network.clip[0]


def test_run_on_rtl_agrees_with_golden(eyrie: Callable, compiled: Path, inputs: Path) -> None:
    golden = eyrie("run", compiled, "--input", inputs, "--limit", 7, "--json").json
    ended = eyrie("run", compiled, "--input", inputs, "--limit", 7, "--on", "rtl", "--json")
    assert ended.status == 0
    assert ended.json["outputs_integer"] == golden["outputs_integer"]
    assert ended.json["mismatches"] == 0
    assert len(ended.json["cycles"]) == 7
    assert min(ended.json["cycles"]) > 0
    assert ended.json["simulator"].startswith("Verilator ")


def test_many_samples_are_not_nested(eyrie: Callable, compiled: Path, inputs: Path) -> None:
    ended = eyrie("run", compiled, "--input", inputs, "--json")
    assert ended.json["samples"] == 20
    assert "outputs_integer" not in ended.json


def test_a_difference_ends_with_status_one(
    eyrie: Callable, compiled: Path, inputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = SimulatedDevice.run

    def wrong(self, x, **options):  # one bit of one sample
        result = run(self, x, **options)
        result.outputs[3, 0] ^= 1
        return result

    monkeypatch.setattr(SimulatedDevice, "run", wrong)
    ended = eyrie("run", compiled, "--input", inputs, "--on", "rtl", "--json")
    assert ended.status == 1
    assert ended.json["mismatches"] == 1


def test_evaluate_counts_right_answers(eyrie: Callable, classifier: Path, tmp_path: Path) -> None:
    x = np.random.default_rng(7).uniform(-1, 1, (50, 8))
    labels = load_onnx(classifier).forward(x).argmax(axis=1)
    labels[:5] = (labels[:5] + 1) % 6
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "l.npy", labels)
    eyrie("compile", classifier, "-o", tmp_path / "c", "--pes", 2)
    ended = eyrie("evaluate", tmp_path / "c", "--input", tmp_path / "x.npy", "--labels", tmp_path / "l.npy", "--json")
    network = read_folder(tmp_path / "c")
    assert ended.json["samples"] == 50
    # The network and its labels are the same up to quantisation, which may turn a draw but no clear answer.
    assert 40 <= ended.json["right"] <= 45
    assert ended.json["accuracy"] == ended.json["right"] / 50
    assert network.outputs == 6


def test_verilog_for_a_folder_and_for_a_geometry(eyrie: Callable, compiled: Path, tmp_path: Path) -> None:
    ended = eyrie("verilog", compiled, "-o", tmp_path / "v", "--json")
    assert ended.status == 0
    assert ended.json["modules"]["eie_pe"] == 3
    text = (tmp_path / "v" / "eie_core.v").read_text()
    assert text.count("\nmodule eie_pe(") == 1
    assert "module eie_core(" in text
    ended = eyrie("verilog", "--pes", 2, "-o", tmp_path / "w", "--json")
    assert ended.json["modules"]["eie_pe"] == 2


def test_dense_reference_and_image_agree(compiled: Path, model: Path, inputs: Path, eyrie: Callable) -> None:
    calibration = np.load(inputs)
    result = compile_network(load_onnx(model), calibration=calibration, n_pes=3)
    x = quantise_input(result.compiled, calibration)
    ended = eyrie("run", compiled, "--input", inputs, "--limit", 16, "--json")
    width = EieConfig.from_json((compiled / "config.json").read_text()).activation_width
    expected = forward(result.quantised.layers, x[:16], activation_width=width)
    assert ended.json["outputs_integer"] == expected.tolist()
