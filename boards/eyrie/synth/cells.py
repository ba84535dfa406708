"""What the cells of each family are: look-up tables, flip-flops, memories, multipliers."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

Target = Literal["ecp5", "ice40", "gowin", "xilinx"]
"""Families: Lattice ECP5, Lattice iCE40 UltraPlus, Gowin GW1N, Xilinx 7 series."""

TARGETS: tuple[Target, ...] = get_args(Target)

WITHOUT_LUT_RAM: tuple[Target, ...] = ("ice40",)
"""Families that have no memories that are read without a clock."""

WITH_SINGLE_PORT: tuple[Target, ...] = ("ice40",)
"""Families that have memories with one port beside their block RAMs."""

_KINDS: Mapping[Target, Mapping[str, str]] = {
    "ecp5": {
        "lut": r"LUT4",
        "flip_flop": r"TRELLIS_FF",
        "carry": r"CCU2C",
        "wide_multiplexer": r"PFUMX|L6MUX21",
        "block_ram": r"DP16KD|PDPW16KD",
        "distributed_ram": r"TRELLIS_DPR16X4",
        "multiplier": r"MULT(18X18|9X9)D",
    },
    "ice40": {
        "lut": r"SB_LUT4",
        "flip_flop": r"SB_DFF\w*",
        "carry": r"SB_CARRY",
        "wide_multiplexer": r"(?!)",
        "block_ram": r"SB_RAM40_4K\w*|SB_SPRAM256KA",
        "distributed_ram": r"(?!)",
        "multiplier": r"SB_MAC16",
    },
    "gowin": {
        "lut": r"LUT[1-4]",
        "flip_flop": r"DFFN?[SRPC]?E?",
        "carry": r"ALU",
        "wide_multiplexer": r"MUX2_LUT[5-8]",
        "block_ram": r"(SP|SDP|DP)X?9?B?|pROM",
        "distributed_ram": r"RAM16S(DP)?[124]",
        "multiplier": r"MULT(9X9|18X18|36X36)|MULTADDALU18X18|MULTALU(18X18|36X18)",
    },
    "xilinx": {
        "lut": r"LUT[1-6]|INV",
        "flip_flop": r"FD[RSCP]E(_1)?",
        "carry": r"CARRY4",
        "wide_multiplexer": r"MUXF[78]",
        "block_ram": r"RAMB(18|36)E1",
        "distributed_ram": r"RAM\d+(M|X1[SD])(_1)?|SRL(16|C32)E",
        "multiplier": r"DSP48E1",
    },
}

# An ECP5 carry cell is two look-up tables of its slice, a Gowin one is one. Elsewhere the chain lies beside them.
_LUTS_PER_CARRY: Mapping[Target, int] = {"ecp5": 2, "ice40": 0, "gowin": 1, "xilinx": 0}


@dataclass(frozen=True, kw_only=True)
class Cells:
    """Cells of a module with all that it contains.

    Parameters
    ----------
    target : Target
        The family.
    by_kind : dict of str to int
        How many of each kind, under the names that Yosys and the vendor give them.
    """

    target: Target
    by_kind: dict[str, int]

    def of(self, category: str) -> dict[str, int]:
        """Cells of a category by kind: ``lut``, ``flip_flop``, ``carry``, ``wide_multiplexer``, ``block_ram``,
        ``distributed_ram`` or ``multiplier``."""
        pattern = re.compile(_KINDS[self.target][category])
        return {kind: count for kind, count in sorted(self.by_kind.items()) if pattern.fullmatch(kind)}

    @property
    def luts(self) -> int:
        """Look-up tables for logic, those that carry cells occupy included, those that are memories not."""
        return sum(self.of("lut").values()) + _LUTS_PER_CARRY[self.target] * sum(self.of("carry").values())

    @property
    def flip_flops(self) -> int:
        """Flip-flops."""
        return sum(self.of("flip_flop").values())

    @property
    def block_rams(self) -> dict[str, int]:
        """Block RAMs by kind."""
        return self.of("block_ram")

    @property
    def distributed_rams(self) -> dict[str, int]:
        """Cells that are look-up tables used as memory, by kind."""
        return self.of("distributed_ram")

    @property
    def multipliers(self) -> dict[str, int]:
        """Hard multipliers by kind."""
        return self.of("multiplier")
