"""``eyrie serve``, and ``eyrie run``, ``evaluate`` and ``info`` on the board that it simulates."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eyrie.bench import host_system
from eyrie.compile.folder import CONFIGURATION, IMAGE, read_folder
from eyrie.compile.image import write_image
from eyrie.compile.scaling import quantise_input
from eyrie.driver.linked_engine import LinkedEngine
from eyrie.driver.schedule import run_network
from eyrie.eie.config import EieConfig
from eyrie.errors import InputError
from eyrie.files import write_atomic
from eyrie.host.config import FASTEST, HostConfig
from eyrie.platforms.boards import BOARDS
from tests.hw.host.images import SMALL, draw_network


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two networks for one engine, as the compiler writes them, with inputs."""
    made = []
    for seed in (1, 2):
        folder = tmp_path_factory.mktemp("network")
        network = draw_network(seed, SMALL, largest_side=20)
        write_image(folder / IMAGE, network)
        write_atomic(folder / CONFIGURATION, SMALL.as_json())
        np.save(folder / "x.npy", np.random.default_rng(seed).uniform(-1, 1, (3, network.inputs)))
        made.append(folder)
    return made


@pytest.fixture(scope="module")
def board(folders: list[Path]) -> Iterator[dict[str, object]]:
    """What ``eyrie serve`` says; it must end well when it is told to."""
    command = [sys.executable, "-c", "from eyrie.cli import main; main()", "serve", folders[0], "--json"]
    with subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        text = ""
        for line in server.stdout:
            text += line
            if line == "}\n":
                break
        yield json.loads(text)
        server.send_signal(signal.SIGTERM)
        out, err = server.communicate(timeout=60)
        assert (server.returncode, out, err) == (0, "", "")


def test_networks_one_after_the_other_in_one_design(eyrie: Callable, folders: list[Path], board: dict) -> None:
    assert board["hash"] == f"{SMALL.hash:016x}"
    for folder in (*folders, folders[0]):
        ended = eyrie("run", folder, "--input", folder / "x.npy", "--on", "board", "--port", board["port"], "--json")
        assert (ended.status, ended.err) == (0, "")
        network = read_folder(folder)
        expected = run_network(network, quantise_input(network, np.load(folder / "x.npy")))
        assert ended.json["outputs_integer"] == expected.tolist()
        assert ended.json["mismatches"] == 0
        assert len(ended.json["cycles"]) == 3
        assert (ended.json["clock"], ended.json["baud"]) == (board["clock"], board["baud"])
        assert 0 < ended.json["load_seconds"] < 600
    ended = eyrie("run", folder, "--input", folder / "x.npy", "--on", "board", "--port", board["port"], "--keep")
    assert "samples that differ from golden" in ended.out
    assert "samples/s" in ended.out


def test_info(eyrie: Callable, board: dict) -> None:
    ended = eyrie("info", "--port", board["port"], "--json")
    assert (ended.status, ended.json["config_hash"], ended.json["where"]) == (0, board["hash"], board["port"])
    assert "link timeout" in eyrie("info", "--port", board["port"]).out


def test_evaluate_on_a_board(eyrie: Callable, folders: list[Path], board: dict, tmp_path: Path) -> None:
    network = read_folder(folders[0])
    outputs = run_network(network, quantise_input(network, np.load(folders[0] / "x.npy")))
    np.save(tmp_path / "l.npy", outputs.argmax(axis=1))
    arguments = ("--input", folders[0] / "x.npy", "--labels", tmp_path / "l.npy", "--json")
    ended = eyrie("evaluate", folders[0], *arguments, "--on", "board", "--port", board["port"])
    assert (ended.status, ended.json["right"], ended.json["on"]) == (0, 3, "board")


def test_a_wrong_output_of_a_board_ends_with_status_one(
    eyrie: Callable, folders: list[Path], board: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = LinkedEngine.run

    def wrong(self: LinkedEngine, *arguments: object) -> object:
        outputs, cycles = run(self, *arguments)
        return outputs ^ 1, cycles

    monkeypatch.setattr(LinkedEngine, "run", wrong)
    arguments = ("--input", folders[0] / "x.npy", "--on", "board", "--port", board["port"])
    ended = eyrie("run", folders[0], *arguments)
    assert (ended.status, ended.err) == (1, "eyrie: 3 of 3 samples differ between board and golden model\n")


def test_rehearse(eyrie: Callable, folders: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ("rehearse", folders[0], "--input", folders[0] / "x.npy", "--limit", 2)
    ended = eyrie(*arguments, "--json")
    assert (ended.status, ended.err) == (0, "")
    first, second = ended.json["networks"]
    assert first["layers"] != second["layers"] or first["image_bytes"] != second["image_bytes"]
    for network in (first, second):
        assert (network["samples"], network["mismatches"], network["cycle_mismatches"]) == (2, 0, 0)
        assert network["load_seconds"] > network["counted_load_seconds"] > 10e-6 * network["image_bytes"]
    run = LinkedEngine.run

    def a_cycle_more(self: LinkedEngine, *arguments: object) -> object:
        outputs, cycles = run(self, *arguments)
        return outputs, cycles + 1

    monkeypatch.setattr(LinkedEngine, "run", a_cycle_more)
    ended = eyrie(*arguments)
    assert (ended.status, ended.err.count("the simulated board and the models differ: random_1")) == (1, 1)


def test_what_is_simulated_for_a_board(eyrie: Callable, folders: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[EieConfig, HostConfig]] = []

    def simulate(config: EieConfig, host: HostConfig, **_: object) -> None:
        asked.append((config, host))
        raise InputError("that is enough")

    monkeypatch.setattr(host_system, "simulate_system", simulate)
    board = BOARDS["ulx3s-85f"]
    for arguments, expected in (
        (("--board", board.name), (board.engine, board.host)),
        (("--board", board.name, "--pes", 7), (replace(board.engine, n_pes=7), board.host)),
        (("--board", board.name, folders[0]), (SMALL, board.host)),
        ((folders[0],), (SMALL, FASTEST)),
    ):
        assert eyrie("serve", *arguments).err == "eyrie: that is enough\n"
        assert asked.pop() == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--on", "board"), "--on board needs --port"),
        (("--port", "/dev/null"), "--port goes with --on board, not with --on golden"),
        (("--on", "rtl", "--baud", 9600), "--baud goes with --on board, not with --on rtl"),
        (("--keep",), "--keep goes with --on board, not with --on golden"),
        (("--on", "board", "--port", "/dev/nothing"), "cannot open the serial port /dev/nothing: No such file"),
    ],
)
def test_options_that_do_not_go_together(options: tuple, message: str, eyrie: Callable, folders: list[Path]) -> None:
    ended = eyrie("run", folders[0], "--input", folders[0] / "x.npy", *options)
    assert (ended.status, ended.out) == (2, "")
    assert message in ended.err
    assert ended.err.count("\n") == 1


def test_convolutions_have_no_board(eyrie: Callable, segments: Path, maps: Path) -> None:
    ended = eyrie("run", segments, "--input", maps, "--on", "board", "--port", "pty:/dev/nothing")
    assert ended.status == 2
    assert (
        "a network with convolutions runs on golden or rtl, not on board: boards have the EIE engine only" in ended.err
    )
    assert eyrie("rehearse", segments, "--input", maps).status == 2
    assert eyrie("serve", segments, "--engine", "rowstat").status == 2
    assert eyrie("info", "--port", "golden").status == 2
    ended = eyrie("serve", "--baud", 7_000_000)
    assert (ended.status, ended.err.count("\n")) == (2, 1)
    assert "baud 7000000 leaves 1 cycles" in ended.err
    ended = eyrie("serve", "--baud", 9600, "--board", "ulx3s-85f")
    assert ended.status == 2
    assert "--board ulx3s-85f has a clock and a line: --baud cannot be given with it" in ended.err
