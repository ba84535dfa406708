"""What parts have, against what a design takes: whether it can fit, by counting alone.

Lattice, FPGA-DS-02012 and FPGA-DS-02008, family selection guides (look-up tables as nextpnr knows them); Gowin, DS117;
Xilinx, DS180, Artix-7.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from eyrie.synth.cells import Cells, Target


@dataclass(frozen=True, kw_only=True)
class Resources:
    """Cells that a part has or a design takes.

    Parameters
    ----------
    luts : int
        Look-up tables; those that are memories count too.
    flip_flops : int
        Flip-flops.
    block_rams : int
        Block RAMs of 18 kbit; on an iCE40 of 4 kbit, its single-port RAMs not counted.
    multipliers : int
        Hard multipliers.
    """

    luts: int
    flip_flops: int
    block_rams: int
    multipliers: int


KINDS = tuple(field.name for field in fields(Resources))
"""Kinds of cells that are compared."""

PARTS: Mapping[Target, Mapping[str, Resources]] = {
    "ecp5": {
        "LFE5U-25F": Resources(luts=24288, flip_flops=24288, block_rams=56, multipliers=28),
        "LFE5U-45F": Resources(luts=43848, flip_flops=43848, block_rams=108, multipliers=72),
        "LFE5U-85F": Resources(luts=83640, flip_flops=83640, block_rams=208, multipliers=156),
    },
    "ice40": {"iCE40UP5K": Resources(luts=5280, flip_flops=5280, block_rams=30, multipliers=8)},
    "gowin": {"GW1NR-9C": Resources(luts=8640, flip_flops=6480, block_rams=26, multipliers=20)},
    "xilinx": {
        "XC7A35T": Resources(luts=20800, flip_flops=41600, block_rams=100, multipliers=90),
        "XC7A100T": Resources(luts=63400, flip_flops=126800, block_rams=270, multipliers=240),
        "XC7A200T": Resources(luts=134600, flip_flops=269200, block_rams=730, multipliers=740),
    },
}
"""Some parts of each family, the smallest first."""

# Look-up tables that a cell of distributed RAM is made of.
_LUTS_PER_RAM: Mapping[str, int] = {
    "TRELLIS_DPR16X4": 4,
    **{f"RAM16S{kind}{bits}": 4 for kind in ("", "DP") for bits in (1, 2, 4)},
    **{f"RAM{depth}M": 4 for depth in (32, 64)},
    **{f"RAM{depth}X1S": luts for depth, luts in ((16, 1), (32, 1), (64, 1), (128, 2), (256, 4))},
    **{f"RAM{depth}X1D": luts for depth, luts in ((16, 2), (32, 2), (64, 2), (128, 4))},
    "SRL16E": 1,
    "SRLC32E": 1,
}

_BLOCKS_PER_RAM: Mapping[str, int] = {"RAMB36E1": 2, "SB_SPRAM256KA": 0}


def taken(cells: Cells) -> Resources:
    """What a design takes at least, placed as well as can be."""
    memories = sum(count * _LUTS_PER_RAM[kind.removesuffix("_1")] for kind, count in cells.distributed_rams.items())
    halves = sum(count * _BLOCKS_PER_RAM.get(kind, 1) for kind, count in cells.block_rams.items())
    return Resources(
        luts=cells.luts + memories,
        flip_flops=cells.flip_flops,
        block_rams=halves,
        multipliers=sum(cells.multipliers.values()),
    )


def lacking(wanted: Resources, part: Resources) -> dict[str, tuple[int, int]]:
    """Kinds of which a part has too few: how many are taken, and how many there are."""
    pairs = {kind: (getattr(wanted, kind), getattr(part, kind)) for kind in KINDS}
    return {kind: (want, have) for kind, (want, have) in pairs.items() if want > have}


def fit_facts(cells: Cells) -> dict[str, Any]:
    """For each part of the family whether a design can fit, and what it lacks, as JSON values."""
    wanted = taken(cells)
    facts = {}
    for name, part in PARTS[cells.target].items():
        lacks = lacking(wanted, part)
        facts[name] = {
            "fits": not lacks,
            "lacks": {kind: {"taken": want, "available": have} for kind, (want, have) in lacks.items()},
        }
    return facts
