"""What Eyrie does past the paper, each part of which can be switched off."""

from dataclasses import dataclass
from typing import Any, Literal

from eyrie.anchors.eie import published_design

IndexBits = int | Literal["cycles", "bits"]
"""Bits of a zero run, or what they are chosen for, layer by layer."""


@dataclass(frozen=True, kw_only=True)
class Levers:
    """Switches.

    Parameters
    ----------
    balance : bool
        Rows are placed so that all PEs have equal work. Otherwise they are interleaved, as in the paper.
    index_bits : int or "cycles" or "bits"
        Width of a zero run: one for all layers, or for each layer what takes the fewest cycles or bits.
    queue_depth : int
        Slices that a PE's queue holds before it stops the broadcast.
    skip_empty : bool
        A slice without entries costs the multiplier nothing. Otherwise it costs a cycle, as in the paper.
    column_groups : int
        A layer that is predicted to take fewer cycles with its columns split over so many groups of PEs runs on an
        engine that has them; all others, and with 1 all, on one with a single broadcast, as in the paper.
    """

    balance: bool = True
    index_bits: IndexBits = "cycles"
    queue_depth: int = 64
    skip_empty: bool = True
    column_groups: int = 2


PAPER = Levers(
    balance=False,
    index_bits=published_design().index_bits,
    queue_depth=published_design().queue_depth,
    skip_empty=False,
    column_groups=1,
)
"""Everything past the paper switched off."""

LEVERS: dict[str, dict[str, Any]] = {
    "balance": {"balance": PAPER.balance},
    "index bits": {"index_bits": PAPER.index_bits},
    "queue depth": {"queue_depth": PAPER.queue_depth},
    "empty slices": {"skip_empty": PAPER.skip_empty},
    "column groups": {"column_groups": PAPER.column_groups},
}
"""Name of each lever, and what switches it off."""
