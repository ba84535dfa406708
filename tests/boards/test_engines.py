"""Engines sized for a part: as small as they are said to be."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from eyrie.bench.emitted import emit_core
from eyrie.eie.config import EieConfig
from eyrie.rowstat.config import PAPER, SMALL, RowstatConfig
from eyrie.synth.cells import Target
from eyrie.synth.design import array_size, configuration_facts, configuration_text, obstacle, repeated_modules
from eyrie.synth.engines import ECP5_64, PRESETS, engine_name
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


def test_presets_are_of_their_engine() -> None:
    for name, presets in PRESETS.items():
        assert "default" in presets
        assert "paper" in presets
        assert all(engine_name(config) == name for config in presets.values())


def test_both_engines_say_what_they_are() -> None:
    assert array_size(PAPER) == "12 x 14 PEs"
    assert array_size(ECP5_64) == "64 PEs"
    assert repeated_modules(PAPER)[0] == "rowstat_pe"
    assert repeated_modules(ECP5_64)[0] == "eie_pe"
    assert RowstatConfig.from_json(configuration_text(SMALL)) == SMALL
    assert EieConfig.from_json(configuration_text(ECP5_64)) == ECP5_64
    facts = configuration_facts(SMALL)
    assert RowstatConfig.from_json(json.dumps(facts["config"])) == SMALL
    assert facts["config_hash"] == f"{SMALL.hash:016x}"


def test_scratch_pads_keep_the_row_stationary_engine_off_ice40() -> None:
    assert "row-stationary" in (obstacle(PAPER, "ice40") or "")
    assert "--lut-ram off" in (obstacle(EieConfig(), "ice40") or "")
    assert obstacle(EieConfig(lut_ram=False), "ice40") is None
    single_port = EieConfig(lut_ram=False, program_memory="single_port")
    assert obstacle(single_port, "ice40") is None
    assert "take program_memory 'block'" in (obstacle(single_port, "ecp5") or "")
    assert obstacle(PAPER, "ecp5") is obstacle(PAPER, "xilinx") is None


RECORDED: list[tuple[str, Target, RowstatConfig]] = [
    ("ecp5-4x4", "ecp5", replace(PAPER, rows=4, columns=4)),
    ("ecp5-8x8", "ecp5", replace(PAPER, rows=8, columns=8)),
    ("ecp5-12x14", "ecp5", PAPER),
    ("ecp5-small", "ecp5", SMALL),
    ("xilinx-4x4", "xilinx", replace(PAPER, rows=4, columns=4)),
    ("xilinx-8x8", "xilinx", replace(PAPER, rows=8, columns=8)),
    ("xilinx-12x14", "xilinx", PAPER),
]


@pytest.mark.parametrize(("name", "target", "config"), RECORDED, ids=[name for name, _, _ in RECORDED])
def test_recorded_row_stationary_engines(name: str, target: Target, config: RowstatConfig) -> None:
    recorded = json.loads((ROOT / "results" / f"synth-rowstat-{name}.json").read_text())
    assert recorded["target"] == target
    assert RowstatConfig.from_json(json.dumps(recorded["config"])) == config
    assert recorded["config_hash"] == f"{config.hash:016x}"
    assert recorded["plan"]["holds"]
    assert recorded["modules"]["rowstat_pe"]["instances"] == config.n_pes
    # One multiplier a PE, three a lane of the drain, one for addresses.
    multipliers = config.n_pes + 3 * config.drain_lanes + 1
    assert sum(recorded["whole"]["multipliers"].values()) == multipliers
    fits = {part: found["fits"] for part, found in recorded["parts"].items()}
    if target == "ecp5":
        assert fits["LFE5U-85F"] == (config != PAPER)
        assert fits["LFE5U-45F"] or config.n_pes >= 64
    else:
        assert fits["XC7A100T"]


def test_the_small_engine_can_be_held_by_what_it_is_sized_for() -> None:
    recorded = json.loads((ROOT / "results" / "synth-rowstat-ecp5-small.json").read_text())
    assert recorded["parts"]["LFE5U-45F"] == {"fits": True, "lacks": {}}
    assert recorded["modules"]["rowstat_filter_pad"]["block_rams"] == {"DP16KD": 1}


def test_an_85f_has_too_few_multipliers_for_the_paper() -> None:
    recorded = json.loads((ROOT / "results" / "synth-rowstat-ecp5-12x14.json").read_text())
    assert recorded["parts"]["LFE5U-85F"]["lacks"]["multipliers"]["available"] == 156
