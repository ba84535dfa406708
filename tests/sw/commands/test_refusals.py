"""Bad input on the command line: one line that says what and where, status 2, no traceback, nothing half-written."""

import errno
import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from eyrie.cli import main
from eyrie.compile import folder


def refused(ended, *words: str) -> None:
    """Check that a command refused its input in one line that has these words."""
    assert ended.status == 2, ended
    assert ended.out == ""
    assert re.fullmatch(r"eyrie: [^\n]+\n", ended.err), ended.err
    assert "Traceback" not in ended.err
    for word in words:
        assert word in ended.err


def save(path: Path, array: np.ndarray) -> Path:
    np.save(path, array)
    return path


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["bogus"], ["bogus"]),
        (["compile"], ["MODEL"]),
        (["compile", "{model}"], ["--output"]),
        (["compile", "missing.onnx", "-o", "{new}"], ["missing.onnx"]),
        (["compile", "{inputs}", "-o", "{new}"], ["x.npy", "ONNX"]),
        (["compile", "{model}", "-o", "{new}", "--pes", "257"], ["n_pes", "256", "257"]),
        (["compile", "{model}", "-o", "{new}", "--pes", "many"], ["--pes", "many"]),
        (["compile", "{model}", "-o", "{new}", "--index-bits", "9"], ["index_bits", "9"]),
        (["compile", "{model}", "-o", "{new}", "--calibrate", "{model}"], ["odd.onnx", ".npy"]),
        (["compile", "{model}", "-o", "{new}", "--config", "{model}"], ["odd.onnx", "JSON"]),
        (["compile", "{model}", "-o", "{model}/x"], ["odd.onnx"]),
        (["compile", "{model}", "-o", "{new}", "--balance", "maybe"], ["--balance", "maybe"]),
        (
            ["compile", "{model}", "-o", "{new}", "--requantise", "multiplier", "--multipliers", "off"],
            ["requantisation with multipliers needs an engine that has them"],
        ),
        (["run", "{compiled}"], ["--input"]),
        (["run", "{compiled}", "--input", "{model}"], ["odd.onnx", ".npy"]),
        (["run", "{compiled}", "--input", "{inputs}", "--limit", "0"], ["--limit"]),
        (["run", "{compiled}", "--input", "{inputs}", "--on", "board"], ["--on"]),
        (["run", "missing", "--input", "{inputs}"], ["missing"]),
        (["evaluate", "{compiled}"], ["--data", "--labels"]),
        (["evaluate", "{compiled}", "--input", "{inputs}", "--labels", "{inputs}"], ["labels", "(20,)"]),
        (["verilog", "missing", "-o", "{new}"], ["missing"]),
        (["verilog", "--pes", "0", "-o", "{new}"], ["n_pes", "0"]),
        (["verilog", "--lut-ram", "1", "-o", "{new}"], ["--lut-ram", "on", "off"]),
        (["synth", "--multipliers", "no"], ["--multipliers", "on", "off"]),
        (["synth", "--preset", "ecp5-64", "--pes", "8"], ["--preset", "--pes"]),
        (["synth", "{compiled}", "--preset", "ecp5-64"], ["--preset", "compiled"]),
    ],
)
def test_usage(arguments, words, eyrie: Callable, model: Path, inputs: Path, compiled: Path, tmp_path: Path) -> None:
    places = {"model": model, "inputs": inputs, "compiled": compiled, "new": tmp_path / "new"}
    refused(eyrie(*(argument.format(**places) for argument in arguments)), *words)
    assert not (tmp_path / "new").exists()


def test_an_engine_with_memories_that_the_target_lacks(eyrie: Callable) -> None:
    refused(eyrie("synth", "--target", "ice40"), "ice40", "--lut-ram off")


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((3, 36)), ["37", "36"]),
        (np.zeros(37), ["37"]),
        (np.zeros((2, 37, 1)), ["37"]),
        (np.zeros((0, 37)), []),
        (np.full((1, 37), np.nan), []),
        (np.full((1, 37), -np.inf), []),
        (np.zeros((1, 37), complex), ["complex"]),
        (np.full((1, 37), "a"), ["real numbers"]),
    ],
)
def test_inputs_that_do_not_fit(array, words, eyrie: Callable, compiled: Path, tmp_path: Path) -> None:
    refused(eyrie("run", compiled, "--input", save(tmp_path / "bad.npy", array)), *words)


def test_a_pickle_is_not_opened(eyrie: Callable, compiled: Path, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self):
            return os.abort, ()

    np.save(tmp_path / "bad.npy", np.array([Bomb()], object), allow_pickle=True)
    refused(eyrie("run", compiled, "--input", tmp_path / "bad.npy"), "bad.npy")


def test_a_cut_array(eyrie: Callable, compiled: Path, inputs: Path) -> None:
    data = inputs.read_bytes()
    for length in (0, 5, 20, 127, 128, len(data) - 1):
        inputs.write_bytes(data[:length])
        refused(eyrie("run", compiled, "--input", inputs), "x.npy")


def test_a_cut_model(eyrie: Callable, model: Path, tmp_path: Path) -> None:
    data = model.read_bytes()
    for length in range(0, len(data), 97):
        model.write_bytes(data[:length])
        refused(eyrie("compile", model, "-o", tmp_path / "new"), "odd.onnx")


def test_a_damaged_image(eyrie: Callable, compiled: Path, inputs: Path) -> None:
    image = compiled / "network.eyrie"
    data = image.read_bytes()
    for position in range(0, len(data), 61):
        damaged = bytearray(data)
        damaged[position] ^= 1 << position % 8
        image.write_bytes(damaged)
        refused(eyrie("run", compiled, "--input", inputs), "network.eyrie")
    for length in range(0, len(data), 89):
        image.write_bytes(data[:length])
        refused(eyrie("run", compiled, "--input", inputs), "network.eyrie")


def test_an_image_for_other_hardware(
    eyrie: Callable, model: Path, compiled: Path, inputs: Path, tmp_path: Path
) -> None:
    assert eyrie("compile", model, "-o", tmp_path / "other", "--pes", 4).status == 0
    (compiled / "config.json").write_bytes((tmp_path / "other" / "config.json").read_bytes())
    refused(eyrie("run", compiled, "--input", inputs), "network.eyrie")


def test_a_full_disk_leaves_what_was_there(
    eyrie: Callable, model: Path, compiled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path.name: path.read_bytes() for path in compiled.iterdir()}

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    refused(eyrie("compile", model, "-o", compiled, "--pes", 2), "network.eyrie", "No space left")
    assert {path.name: path.read_bytes() for path in compiled.iterdir()} == before


def test_an_interrupted_run_is_one_line(
    eyrie: Callable, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(folder, "write_image", interrupt)
    refused(eyrie("compile", model, "-o", tmp_path / "new"), "interrupted")


def test_help_is_no_error(capfd: pytest.CaptureFixture[str]) -> None:
    for command in (
        [],
        ["compile"],
        ["run"],
        ["evaluate"],
        ["report"],
        ["verilog"],
        ["synth"],
        ["doctor"],
        ["demo"],
        ["train"],
    ):
        with pytest.raises(SystemExit) as ended:
            main([*command, "--help"])
        assert ended.value.code == 0
        assert "Usage:" in capfd.readouterr().out
