"""``eyrie verilog`` and ``eyrie synth``: which engine they take, what they say and how they end."""

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eyrie.common.emit import EmittedVerilog
from eyrie.eie.config import EieConfig
from eyrie.rowstat.config import DEFAULT, PAPER, SMALL, RowstatConfig
from eyrie.synth import design, yosys
from eyrie.synth.cells import Cells, Target
from eyrie.synth.design import configuration_text
from eyrie.synth.engines import ECP5_64, EngineConfig
from eyrie.synth.plan import ModulePlan, plan_for
from eyrie.synth.yosys import SynthesisReport

MULTIPLIERS = 157
"""Of ECP5, in and around the modules: one more than the largest part has."""


class Yosys:
    """Synthesis without Yosys: modules become what is planned for them, and more if there are ``odd`` cells."""

    def __init__(self, log: Path) -> None:
        self.engines, self.odd, self.log = list[EngineConfig](), dict[str, int](), log

    def emit_engine(self, config: EngineConfig, progress: Any) -> EmittedVerilog:
        self.engines.append(config)
        top = "rowstat_core" if isinstance(config, RowstatConfig) else "eie_core"
        return EmittedVerilog(text=f"module {top}; endmodule\n", top=top, ports=(), modules={top: 1})

    def synthesise(
        self, text: str, top: str, target: Target, *, keep: tuple[str, ...], flatten: bool, progress: Any
    ) -> SynthesisReport:
        plan = plan_for(self.engines[-1], target)
        modules = {} if flatten else {module: Counter(LUT4=5) for module in keep}
        for module, planned in {} if plan is None or flatten else plan.modules.items():
            modules[module] += _cells(planned)
        if "eie_pe" in modules or "rowstat_pe" in modules:
            modules[keep[0]] += Counter(self.odd)
        whole: Counter[str] = sum(modules.values(), Counter())
        whole["MULT18X18D"] = MULTIPLIERS
        self.log.write_text("log\n")
        return SynthesisReport(
            target=target,
            top=top,
            whole=Cells(target=target, by_kind=dict(whole)),
            modules={module: Cells(target=target, by_kind=dict(cells)) for module, cells in modules.items()},
            instances=dict.fromkeys(modules, 1),
            yosys="0.99",
            script=(),
            seconds=0,
            log=self.log,
        )


def _cells(planned: ModulePlan) -> Counter[str]:
    return Counter({**planned.block_rams, **planned.distributed_rams, **planned.multipliers})


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Yosys:
    """What stands for Yosys, with the engines that it was given."""
    found = Yosys(tmp_path / "yosys.log")
    monkeypatch.setattr(design, "emit_engine", found.emit_engine)
    monkeypatch.setattr(yosys, "synthesise", found.synthesise)
    return found


@pytest.mark.parametrize(
    ("arguments", "config"),
    [
        ((), EieConfig()),
        (("--pes", 3), EieConfig(n_pes=3)),
        (("--engine", "eie", "--index-bits", 5), EieConfig(index_bits=5)),
        (("--preset", "ecp5-64"), ECP5_64),
        (("--engine", "rowstat"), DEFAULT),
        (("--engine", "rowstat", "--preset", "default"), DEFAULT),
        (("--engine", "rowstat", "--preset", "paper"), PAPER),
        (("--engine", "rowstat", "--preset", "small"), SMALL),
        (("--engine", "rowstat", "--array", "4x5"), RowstatConfig(rows=4, columns=5)),  # columns that nothing divides
        (("--engine", "rowstat", "--array", "4x28"), replace(DEFAULT, rows=4, columns=28)),
        (("--engine", "rowstat", "--preset", "paper", "--array", "8x8"), replace(PAPER, rows=8, columns=8)),
    ],
)
def test_an_engine_is_selected(arguments: tuple[Any, ...], config: EngineConfig, eyrie: Callable, runs: Yosys) -> None:
    facts = eyrie("synth", *arguments, "--json").json
    assert runs.engines == [config]
    assert facts["config"] == json.loads(configuration_text(config))
    assert facts["config_hash"] == f"{config.hash:016x}"
    assert eyrie(*facts["command"].split()[1:]).json == facts
    assert runs.engines == [config, config]


@pytest.mark.parametrize("config", [PAPER, ECP5_64])
@pytest.mark.parametrize("engine", [(), ("--engine",)])
def test_a_file_says_which_engine_it_is(
    config: EngineConfig, engine: tuple[str, ...], eyrie: Callable, runs: Yosys, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "config.json").write_text(configuration_text(config))
    name = "rowstat" if config is PAPER else "eie"
    for source in (folder, folder / "config.json"):
        facts = eyrie("synth", source, *engine, *(name for _ in engine), "--json").json
        assert facts["command"] == "eyrie synth CONFIG.json --target ecp5 --json"
    assert runs.engines == [config, config]


def test_a_file_may_leave_fields_of_the_row_stationary_engine_at_their_defaults(
    eyrie: Callable, runs: Yosys, tmp_path: Path
) -> None:
    path = tmp_path / "wide.json"
    path.write_text('{"filter_depth": 512}')
    assert eyrie("synth", path).status == 0
    assert runs.engines == [RowstatConfig(filter_depth=512)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--engine", "eyeriss"], ["--engine", "eie", "rowstat"]),
        (["--preset", "tiny"], ["--preset", "ecp5-64", "small"]),
        (["--preset", "small"], ["--preset small", "other engine", "--engine eie has default, paper, ecp5-64"]),
        (["--engine", "rowstat", "--preset", "ecp5-64"], ["--preset ecp5-64", "--engine rowstat has default, paper"]),
        (["--array", "4x4"], ["--array", "--engine rowstat", "--pes"]),
        (["--engine", "rowstat", "--pes", "16"], ["--pes", "--engine eie", "--array"]),
        (["--engine", "rowstat", "--array", "4"], ["--array", "'4'", "12x14"]),
        (["--engine", "rowstat", "--array", "4x-1"], ["--array", "'4x-1'"]),
        (["--engine", "rowstat", "--array", "0x4"], ["--array", "rows", "1 to 64", "0"]),
        (["--engine", "rowstat", "--array", "4x129"], ["--array", "columns", "1 to 128", "129"]),
        (["--engine", "rowstat", "--target", "ice40"], ["ice40", "without a clock", "row-stationary"]),
        (["{rowstat}", "--engine", "eie"], ["rowstat.json", "rowstat", "not eie"]),
        (["{eie}", "--engine", "rowstat"], ["eie.json", "not rowstat"]),
        (["{rowstat}", "--array", "4x4"], ["rowstat.json", "--array"]),
        (["{rowstat}", "--preset", "small"], ["rowstat.json", "--preset"]),
        (["{eie}", "--pes", "3"], ["eie.json", "--pes"]),
        (["{odd}"], ["odd.json", "rows", "65"]),
        (["{unknown}"], ["unknown.json", "'queue_depth'"]),
        (["{empty}"], ["empty.json"]),
    ],
)
def test_what_does_not_go_together(
    arguments: list[str], words: list[str], eyrie: Callable, runs: Yosys, tmp_path: Path
) -> None:
    texts = {
        "rowstat": configuration_text(PAPER),
        "eie": configuration_text(ECP5_64),
        "odd": '{"rows": 65}',
        "unknown": '{"rows": 4, "queue_depth": 3}',
        "empty": "{}",
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.json").write_text(text)
    ended = eyrie(
        "synth", *(argument.format(**{name: tmp_path / f"{name}.json" for name in texts}) for argument in arguments)
    )
    assert (ended.status, ended.out) == (2, "")
    assert re.fullmatch(r"eyrie: [^\n]+\n", ended.err), ended.err
    for word in words:
        assert word in ended.err
    assert runs.engines == []


def test_a_report_says_that_the_plan_holds_and_which_part_holds_the_engine(eyrie: Callable, runs: Yosys) -> None:
    ended = eyrie("synth", "--engine", "rowstat", "--preset", "paper")
    assert (ended.status, ended.err) == (0, "")
    for line in (
        r"rowstat_core, 12 x 14 PEs, ecp5, Yosys 0\.99 \(not placed\)",
        r"LFE5U-85F .* 156 .* no: 157 of 156 multipliers",
        r"As planned \(rowstat paper\): rowstat_pe, rowstat_filter_pad, rowstat_row, rowstat_psum_bank",
    ):
        assert re.search(line, ended.out), line
    facts = eyrie("synth", "--engine", "rowstat", "--preset", "paper", "--json").json
    assert facts["plan"] == {"name": "rowstat paper", "holds": True, "departures": []}
    assert facts["parts"]["LFE5U-85F"]["lacks"] == {"multipliers": {"taken": 157, "available": 156}}
    assert facts["modules"]["rowstat_pe"]["luts"] == 5


@pytest.mark.parametrize(
    ("engine", "module"), [((), "eie_pe"), (("--engine", "rowstat", "--array", "2x2"), "rowstat_pe")]
)
def test_a_departure_from_the_plan_ends_with_status_one(
    engine: tuple[str, ...], module: str, eyrie: Callable, runs: Yosys, tmp_path: Path
) -> None:
    runs.odd = {"TRELLIS_FF": 4000}
    ended = eyrie("synth", *engine, "--json", "-o", tmp_path / "out")
    assert ended.status == 1
    assert re.fullmatch(rf"eyrie: not as planned: ecp5, [^\n]* flip-flops of {module} are 4000, [^\n]*\n", ended.err)
    assert not ended.json["plan"]["holds"]
    assert len(ended.json["plan"]["departures"]) == 1
    assert json.loads((tmp_path / "out" / "ecp5.json").read_text()) == ended.json
    assert "As planned" not in eyrie("synth", *engine).out


def test_without_a_plan_nothing_is_compared(eyrie: Callable, runs: Yosys) -> None:
    runs.odd = {"TRELLIS_FF": 4000}
    unplanned = eyrie("synth", "--queue-depth", 9)
    assert (unplanned.status, unplanned.err) == (0, "")
    assert "No plan is recorded" in unplanned.out
    flat = eyrie("synth", "--flatten", "--json")
    assert (flat.status, flat.json["plan"]) == (0, None)
    assert flat.json["command"].endswith(" --target ecp5 --flatten --json")


def test_verilog_of_the_row_stationary_engine(eyrie: Callable, tmp_path: Path) -> None:
    ended = eyrie("verilog", "--engine", "rowstat", "--array", "2x3", "-o", tmp_path / "v", "--json")
    assert (ended.status, ended.err) == (0, "")
    modules = ended.json["modules"]
    assert (modules["rowstat_pe"], modules["rowstat_row"], modules["rowstat_psum_bank"]) == (6, 2, 3)
    text = (tmp_path / "v" / "rowstat_core.v").read_text()
    assert text.count("\nmodule rowstat_pe(") == 1
    described = json.loads((tmp_path / "v" / "rowstat_core.json").read_text())
    assert RowstatConfig.from_json(json.dumps(described["configuration"])) == RowstatConfig(rows=2, columns=3)
    # What was written comes back out of its own configuration.
    (tmp_path / "c.json").write_text(json.dumps(described["configuration"]))
    assert eyrie("verilog", tmp_path / "c.json", "-o", tmp_path / "w").status == 0
    assert (tmp_path / "w" / "rowstat_core.v").read_text() == text
    table = eyrie("verilog", "--engine", "rowstat", "--array", "2x3", "-o", tmp_path / "v").out
    assert "rowstat_core, 2 x 3 PEs" in table


def test_one_pe_is_synthesised_with_yosys(eyrie: Callable) -> None:
    facts = eyrie("synth", "--engine", "rowstat", "--array", "1x1", "--json").json
    assert facts["plan"] == {"name": "rowstat default", "holds": True, "departures": []}
    assert facts["whole"]["multipliers"] == {"MULT18X18D": 1 + 3 * RowstatConfig().drain_lanes + 1}
    assert facts["parts"]["LFE5U-25F"]["fits"]
