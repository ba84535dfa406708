"""What a netlist needs of an FPGA: cells of each family, put into the same five groups."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Target = Literal["ecp5", "ice40", "xilinx"]

_LUTS = {
    "ecp5": {"LUT4": 1, "CCU2C": 2},
    "ice40": {"SB_LUT4": 1},
    "xilinx": {f"LUT{inputs}": 1 for inputs in range(1, 7)} | {"INV": 1},
}
_FLIP_FLOPS = {
    "ecp5": ("TRELLIS_FF",),
    "ice40": ("SB_DFF",),
    "xilinx": ("FDRE", "FDSE", "FDCE", "FDPE"),
}
_DISTRIBUTED_RAMS = {
    "ecp5": {"TRELLIS_DPR16X4": 2},
    "ice40": {},
    "xilinx": {"RAM32M": 4, "RAM64M": 4, "RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1D": 4, "RAM32X1S": 1, "RAM64X1S": 1},
}
_BLOCK_RAMS = {
    "ecp5": {"DP16KD": 1, "PDPW16KD": 1},
    "ice40": {"SB_RAM40_4K": 1, "SB_SPRAM256KA": 1},
    "xilinx": {"RAMB18E1": 1, "RAMB36E1": 2},
}
_MULTIPLIERS = {
    "ecp5": {"MULT18X18D": 1},
    "ice40": {"SB_MAC16": 1},
    "xilinx": {"DSP48E1": 1},
}


@dataclass(frozen=True, kw_only=True)
class Resources:
    """Resources of a netlist.

    Parameters
    ----------
    luts : int
        Look-up tables for logic: LUT4 on ECP5 (a CCU2C carry cell counts as two) and iCE40, LUT1 to LUT6 on Xilinx.
    flip_flops : int
    distributed_ram_luts : int
        Look-up tables used as memory: two a DPR16X4 on ECP5, four a RAM32M or RAM64M on Xilinx; iCE40 has none.
    block_rams : int
        DP16KD on ECP5, 4 Kbit blocks (or SPRAM) on iCE40, 18 Kbit blocks on Xilinx (a RAMB36 counts as two).
    multipliers : int
        MULT18X18D, SB_MAC16 or DSP48E1.
    """

    luts: int
    flip_flops: int
    distributed_ram_luts: int
    block_rams: int
    multipliers: int


def count_resources(cells: Mapping[str, int], target: Target) -> Resources:
    """Resources of cells counted by type."""

    def weighted(weights: Mapping[str, int]) -> int:
        return sum(weight * cells.get(kind, 0) for kind, weight in weights.items())

    return Resources(
        luts=weighted(_LUTS[target]),
        flip_flops=sum(count for kind, count in cells.items() if kind.startswith(_FLIP_FLOPS[target])),
        distributed_ram_luts=weighted(_DISTRIBUTED_RAMS[target]),
        block_rams=weighted(_BLOCK_RAMS[target]),
        multipliers=weighted(_MULTIPLIERS[target]),
    )
