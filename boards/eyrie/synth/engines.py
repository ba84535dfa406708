"""The two engines, and those sizes of them that have a name."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal, get_args

from eyrie.eie.config import PAPER as EIE_PAPER
from eyrie.eie.config import EieConfig
from eyrie.rowstat.config import DEFAULT, SMALL, RowstatConfig
from eyrie.rowstat.config import PAPER as ROWSTAT_PAPER

EngineName = Literal["eie", "rowstat"]
"""Engines: sparse matrix times vector after EIE, row-stationary convolution after Eyeriss."""

ENGINE_NAMES: tuple[EngineName, ...] = get_args(EngineName)

EngineConfig = EieConfig | RowstatConfig
"""A configuration of either."""

ECP5_64 = EieConfig(
    n_pes=64,
    queue_depth=8,
    index_bits=4,
    table_depth=512,
    activation_depth=16,
    accumulator_depth=32,
    multipliers=False,
)
"""What an LFE5U-85F holds of 64 PEs: three of its 208 block RAMs for each, which are 4,096 entries of 8 bits, and 1,024
columns with 256 biases beside them."""

ECP5_8 = replace(ECP5_64, n_pes=8)
"""Eight of the same PEs, for a run of minutes."""

ENGINES: Mapping[str, EieConfig] = {
    "default": EieConfig(),
    "paper": EIE_PAPER,
    "ecp5-64": ECP5_64,
    "ecp5-8": ECP5_8,
}
"""EIE engines by the name that a command gives them."""

ARRAYS: Mapping[str, RowstatConfig] = {"default": DEFAULT, "paper": ROWSTAT_PAPER, "small": SMALL}
"""Row-stationary engines likewise."""

PRESETS: Mapping[EngineName, Mapping[str, EngineConfig]] = {"eie": ENGINES, "rowstat": ARRAYS}
"""Both."""


def engine_name(config: EngineConfig) -> EngineName:
    """Which engine a configuration is of."""
    return "rowstat" if isinstance(config, RowstatConfig) else "eie"
