"""What Yosys makes of the array: one module for all PEs, one multiplier in it, scratch pads in no flip-flops."""

import dataclasses

from eyrie.common.emit import emit_verilog
from eyrie.rowstat.array import RowstatArray
from eyrie.rowstat.config import PAPER
from eyrie.synth.yosys import synthesise

MODULES = {"rowstat_pe": 8, "rowstat_filter_pad": 4, "rowstat_row": 2, "rowstat_psum_bank": 4}


def test_a_pe_becomes_what_was_planned() -> None:
    emitted = emit_verilog(
        RowstatArray(dataclasses.replace(PAPER, rows=2, columns=4, filter_columns=2)),
        name="rowstat_array",
        prefix="rowstat",
    )
    assert {name: emitted.modules.get(name) for name in MODULES} == MODULES
    report = synthesise(emitted.text, "rowstat_array", "ecp5", keep=tuple(MODULES))
    assert report.instances == MODULES
    pe, pad, row, bank = (report.modules[name] for name in MODULES)
    # Four 16 x 4 RAMs for the ifmap pad of 16 words, and 2 x 8 for the psum pad of 24 words of 32 bits.
    assert (pe.block_rams, pe.distributed_rams) == ({}, {"TRELLIS_DPR16X4": 20})
    assert (pe.multipliers, row.multipliers, bank.multipliers) == ({"MULT18X18D": 1}, {}, {})
    assert pe.flip_flops <= 200
    assert (pad.block_rams, pad.distributed_rams, pad.flip_flops) == ({"DP16KD": 1}, {}, 0)
    assert (row.block_rams, row.distributed_rams) == ({}, {"TRELLIS_DPR16X4": 4})
    assert (bank.block_rams, bank.distributed_rams) == ({"DP16KD": 2}, {})
