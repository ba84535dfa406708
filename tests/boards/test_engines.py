"""Engines sized for a part: as small as they are said to be."""

import json
from dataclasses import replace
from pathlib import Path

from eyrie.bench.emitted import emit_core
from eyrie.eie.config import EieConfig
from eyrie.synth.engines import ECP5_64
from eyrie.synth.yosys import synthesise

ROOT = Path(__file__).parents[2]


def test_a_pe_of_the_small_engine_is_small() -> None:
    core = emit_core(replace(ECP5_64, n_pes=2))
    pe = synthesise(core.text, core.top, "ecp5").modules["eie_pe"]
    assert pe.luts <= 455
    assert pe.flip_flops <= 455
    assert pe.block_rams == {"DP16KD": 3}
    assert pe.multipliers == {"MULT18X18D": 1}


def test_the_small_engine_holds_what_it_is_said_to_hold() -> None:
    assert (ECP5_64.n_pes, ECP5_64.entry_depth, ECP5_64.codebook_bits) == (64, 4096, 4)
    n_column_words = 1024 // 4
    assert ECP5_64.table_depth - n_column_words == 256  # words for biases
    assert ECP5_64.table_width == 36


def test_the_recorded_engine_has_at_most_500_of_each_a_pe() -> None:
    recorded = json.loads((ROOT / "results" / "synth-ecp5-64-small.json").read_text())
    assert recorded["config_hash"] == f"{ECP5_64.hash:016x}"
    assert EieConfig.from_json(json.dumps(recorded["config"])) == ECP5_64
    assert recorded["whole"]["luts"] <= 500 * 64
    assert recorded["whole"]["flip_flops"] <= 500 * 64
    assert recorded["whole"]["block_rams"] == {"DP16KD": 3 * 64 + 1}  # the program memory
