"""What a design takes against what parts have."""

from dataclasses import replace

import pytest

from eyrie.synth.capacity import KINDS, PARTS, Resources, fit_facts, lacking, taken
from eyrie.synth.cells import TARGETS, Cells
from eyrie.synth.part import DEVICES, Part
from eyrie.synth.table import FIT_COLUMNS, fit_rows

ECP5 = Cells(
    target="ecp5",
    by_kind={"LUT4": 100, "CCU2C": 10, "TRELLIS_DPR16X4": 5, "TRELLIS_FF": 70, "DP16KD": 57, "MULT18X18D": 172},
)
GOWIN = Cells(
    target="gowin",
    by_kind={
        "LUT3": 9,
        "ALU": 7,
        "MUX2_LUT5": 4,
        "RAM16SDP4": 3,
        "DFFRE": 5,
        "DFFS": 2,
        "DPB": 2,
        "SDPX9B": 1,
        "MULT18X18": 1,
        "IBUF": 1,
    },
)
XILINX = Cells(
    target="xilinx",
    by_kind={
        "LUT6": 9,
        "RAM32M": 2,
        "RAM64X1D_1": 3,
        "SRL16E": 4,
        "FDRE": 8,
        "RAMB18E1": 3,
        "RAMB36E1": 5,
        "DSP48E1": 1,
    },
)


def test_memories_take_look_up_tables_and_halves_of_block_rams() -> None:
    assert taken(ECP5) == Resources(luts=100 + 2 * 10 + 4 * 5, flip_flops=70, block_rams=57, multipliers=172)
    assert taken(GOWIN) == Resources(luts=9 + 7 + 3 * 4, flip_flops=5 + 2, block_rams=3, multipliers=1)
    assert taken(XILINX) == Resources(luts=9 + 2 * 4 + 3 * 2 + 4, flip_flops=8, block_rams=3 + 2 * 5, multipliers=1)


def test_what_a_part_lacks_is_counted() -> None:
    facts = fit_facts(ECP5)
    multipliers = {"taken": 172, "available": 156}
    assert facts["LFE5U-85F"] == {"fits": False, "lacks": {"multipliers": multipliers}}
    assert facts["LFE5U-25F"]["lacks"].keys() == {"block_rams", "multipliers"}
    assert all(part["fits"] for part in fit_facts(XILINX).values())


@pytest.mark.parametrize("kind", KINDS)
def test_exactly_as_many_fit(kind: str) -> None:
    for parts in PARTS.values():
        for part in parts.values():
            assert lacking(part, part) == {}
            more = replace(part, **{kind: getattr(part, kind) + 1})
            assert lacking(more, part) == {kind: (getattr(part, kind) + 1, getattr(part, kind))}


def test_the_table_says_which_part_holds_it() -> None:
    rows = fit_rows(ECP5)
    assert all(len(row) == len(FIT_COLUMNS) for row in rows)
    assert rows[0] == ("taken", 140, 70, 57, 172, "")
    assert [row[-1] for row in rows[1:]] == [
        "no: 57 of 56 block RAMs, 172 of 28 multipliers",
        "no: 172 of 72 multipliers",
        "no: 172 of 156 multipliers",
    ]
    assert fit_rows(Cells(target="ecp5", by_kind={"LUT4": 1}))[1][-1] == "yes"
    assert fit_rows(Cells(target="ice40", by_kind={"SB_SPRAM256KA": 4, "SB_RAM40_4K": 31}))[1][-1] == (
        "no: 31 of 30 block RAMs"
    )


def test_parts_grow_and_are_those_that_can_be_placed_on() -> None:
    assert set(PARTS) == set(TARGETS)
    assert set(PARTS["ecp5"]) == {Part(device=device).name for device in DEVICES}
    for parts in PARTS.values():
        sizes = [part.luts for part in parts.values()]
        assert sizes == sorted(sizes)


@pytest.mark.parametrize(
    ("kind", "luts"),
    [("RAM32X1S", 1), ("RAM32X1D", 2), ("RAM64X1S_1", 1), ("RAM128X1D", 4), ("RAM256X1S", 4), ("RAM64M", 4)],
)
def test_distributed_rams_are_look_up_tables(kind: str, luts: int) -> None:
    cells = Cells(target="xilinx", by_kind={kind: 3})
    assert cells.distributed_rams == {kind: 3}
    assert taken(cells).luts == 3 * luts
