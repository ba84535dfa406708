"""``eyrie report``: its figures are those of the files and of the models, and what does not hold is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eyrie.compile.network.folder import read_segments
from eyrie.driver.segments import GoldenSegments
from eyrie.model.onnx_import import load_onnx
from tests.sw.commands.test_refusals import refused


def test_a_network_of_fully_connected_layers(
    eyrie: Callable, compiled: Path, model: Path, inputs: Path, tmp_path: Path
) -> None:
    arguments = ("report", compiled, "--input", inputs, "--samples", 4, "-o", tmp_path / "r")
    ended = eyrie(*arguments, "--json")
    assert (ended.status, ended.err) == (0, "")
    facts = ended.json
    assert facts == json.loads((tmp_path / "r" / "report.json").read_text())
    weights = [layer.weight for layer in load_onnx(model).layers]
    assert facts["weights"]["all"] == sum(weight.size for weight in weights)
    assert facts["weights"]["kept"] == sum(np.count_nonzero(weight) for weight in weights)
    assert facts["bytes"]["images"] == (compiled / "network.eyrie").stat().st_size
    assert facts["accuracy"] is None
    cycles = eyrie("run", compiled, "--input", inputs, "--limit", 4, "--on", "rtl", "--json").json["cycles"]
    assert facts["cycles"] == sum(cycles) / 4
    out = eyrie(*arguments).out
    assert f"{facts['cycles']:,.1f}" in out
    assert "not recorded" in out
    page = (tmp_path / "r" / "report.html").read_text()
    assert page.count("fc0, fc1, fc2") == 2
    assert "http" not in page


def test_a_network_with_convolutions(eyrie: Callable, segments: Path, maps: Path) -> None:
    facts = eyrie("report", segments, "--input", maps, "--samples", 6, "--json").json
    network = read_segments(segments)
    run = GoldenSegments(network).run(network.interface.quantise_input(np.load(maps)[:6]), timed=True)
    assert [(s["name"], s["place"]) for s in facts["segments"]] == [(s.name, s.place) for s in run.segments]
    assert [s["cycles"] for s in facts["segments"]] == [s.cycles and s.cycles / 6 for s in run.segments]
    sizes = [(segments / s["image"]).stat().st_size for s in facts["segments"] if s["image"]]
    assert facts["bytes"]["images"] == sum(sizes)
    (layer,) = facts["convolutions"]
    assert (layer["shape"], layer["weights"], layer["macs"]) == ("2 x 1 x 3 x 3", 18, 18 * 16)
    assert layer["density"] == layer["nonzeros"] / 18 > 0.5
    page = (segments / "report.html").read_text()
    assert layer["reason"] in page
    assert "column sets" in page
    assert [len(config) > 5 for config in facts["configurations"]] == [True, True]


def test_inputs_that_are_drawn(eyrie: Callable, segments: Path) -> None:
    """They fill up the last batch of three, and are the same every time."""
    first, again = (eyrie("report", segments, "--samples", 4, "--json").json for _ in range(2))
    assert first == again
    assert first["inputs"]["samples"] == 6
    assert "seed 1" in first["inputs"]["source"]


def test_accuracy_that_was_recorded(eyrie: Callable, compiled: Path, model: Path, inputs: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "l.npy", np.zeros(20, int))
    evaluate = ("evaluate", compiled, "--input", inputs, "--labels", tmp_path / "l.npy", "--limit", 8, "--json")
    eyrie(*evaluate)
    assert eyrie("report", compiled, "--json").json["accuracy"] is None
    said = eyrie(*evaluate, "--record").json
    accuracy = eyrie("report", compiled, "--json").json["accuracy"]
    assert accuracy == {
        "samples": 8,
        "right": said["right"],
        "fraction": said["accuracy"],
        "on": "golden",
        "data": "x.npy",
        "same_image": True,
    }
    assert eyrie("compile", model, "-o", compiled, "--pes", 2).status == 0
    assert eyrie("report", compiled, "--json").json["accuracy"]["same_image"] is False
    assert "of another image" in eyrie("report", compiled).out
    (compiled / "accuracy.json").write_text('{"samples": 3, "right": 4}')
    refused(eyrie("report", compiled), "accuracy.json", "right")


def edited(change: Callable[[Any], None], folder: Path) -> None:
    path = folder / "compile.json"
    fields = json.loads(path.read_text())
    change(fields)
    path.write_text(json.dumps(fields))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda fields: fields.update(name="other"), ["another network"]),
        (lambda fields: fields["layers"].pop(), ["another network"]),
        (lambda fields: fields["layers"][0].update(name="f"), ["another network"]),
        (lambda fields: fields["layers"][1].pop("nonzeros"), ["layer 1 has no nonzeros"]),
        (lambda fields: fields["layers"][1].update(entries="<b>"), ["layer 1: entries must be an integer"]),
        (lambda fields: fields.pop("config"), ["no config"]),
        (lambda fields: fields.update(layers=3), ["layers must be a list"]),
    ],
)
def test_a_report_of_the_compiler_that_does_not_hold(
    change: Callable[[Any], None], words: list[str], eyrie: Callable, compiled: Path
) -> None:
    edited(change, compiled)
    refused(eyrie("report", compiled), *words)
    assert not (compiled / "report.html").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda fields: fields.update(segments=[]), ["another network"]),
        (lambda fields: fields["convolutions"][0].update(weights=0), ["weights must be an integer from 1"]),
        (lambda fields: fields["convolutions"][0]["mapping"].pop("keep"), ["mapping has no keep"]),
        (lambda fields: fields["convolutions"][0].pop("reason"), ["no reason"]),
    ],
)
def test_the_same_of_convolutions(
    change: Callable[[Any], None],
    words: list[str],
    eyrie: Callable,
    segments: Path,
) -> None:
    edited(change, segments)
    refused(eyrie("report", segments), *words)


def test_what_is_no_folder_of_a_network(eyrie: Callable, compiled: Path, maps: Path, tmp_path: Path) -> None:
    refused(eyrie("report", tmp_path / "missing"), "missing")
    refused(eyrie("report", compiled, "--input", maps), "(samples, 37)")
    refused(eyrie("report", compiled, "--samples", 0), "--samples")
    (compiled / "compile.json").write_text("{")
    refused(eyrie("report", compiled), "compile.json is not JSON")
    (compiled / "compile.json").unlink()
    refused(eyrie("report", compiled), "cannot read", "compile.json")
