"""The path that limits the clock: which cells and nets lie on it, and how long each takes."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

# Yosys names what it makes after the nearest name in the source; nextpnr marks the parts of what it takes apart.
_MADE = re.compile(
    r"(_(LUT[1-4]|CCU2C|PFUMX|L6MUX21|TRELLIS_FF|TRELLIS_DPR16X4|DP16KD|MULT18X18D?"
    r"|SB_(LUT4|CARRY|DFF[A-Z]*|RAM40_4K[A-Z]*|SPRAM256KA|MAC16)"
    r"|ALU|DFF[A-Z]*|MUX2_LUT[5-8]|RAM16SDP4|SDPX9B|DPX9B|SPX9)_|(?<=[^.])\$).*"
)


@dataclass(frozen=True, kw_only=True)
class Hop:
    """From the input of a cell, through it and one net, to the input of the next; a carry chain is one cell.

    Parameters
    ----------
    cell : str
        The cell, by the nearest name that stands in the source.
    logic_ns : float
        Delay within it.
    net : str
        The net, named likewise.
    routing_ns : float
        Delay on it.
    tiles : int
        Columns and rows between its two ends.
    """

    cell: str
    logic_ns: float
    net: str
    routing_ns: float
    tiles: int


@dataclass(frozen=True, kw_only=True)
class CriticalPath:
    """A path from clock edge to clock edge.

    Parameters
    ----------
    hops : tuple of Hop
        The way; the first begins with the clock of a register or memory.
    sink : str
        The register or memory where it ends.
    setup_ns : float
        Time that its input must be there before the next edge.
    """

    hops: tuple[Hop, ...]
    sink: str
    setup_ns: float

    @property
    def source(self) -> str:
        """The register or memory where the path begins."""
        return self.hops[0].cell

    @property
    def levels(self) -> int:
        """Cells between the two."""
        return len(self.hops) - 1

    @property
    def logic_ns(self) -> float:
        """Time within cells, clock to output and setup included."""
        return sum(hop.logic_ns for hop in self.hops) + self.setup_ns

    @property
    def routing_ns(self) -> float:
        """Time on nets."""
        return sum(hop.routing_ns for hop in self.hops)

    @property
    def total_ns(self) -> float:
        """Shortest period of the clock."""
        return self.logic_ns + self.routing_ns

    def __str__(self) -> str:
        longest = max(self.hops, key=lambda hop: hop.routing_ns)
        share = self.routing_ns / self.total_ns
        return (
            f"{self.source} to {self.sink}: {self.total_ns:.2f} ns, {self.logic_ns:.2f} in cells (levels between the "
            f"two: {self.levels}) and {self.routing_ns:.2f} on nets ({100 * share:.0f} %); the longest net is "
            f"{longest.net}, {longest.routing_ns:.2f} ns over {longest.tiles} tiles"
        )

    def as_json(self) -> dict[str, Any]:
        """The path as JSON values."""
        return {
            "from": self.source,
            "to": self.sink,
            "total_ns": round(self.total_ns, 3),
            "logic_ns": round(self.logic_ns, 3),
            "routing_ns": round(self.routing_ns, 3),
            "setup_ns": round(self.setup_ns, 3),
            "hops": [
                asdict(hop) | {"logic_ns": round(hop.logic_ns, 3), "routing_ns": round(hop.routing_ns, 3)}
                for hop in self.hops
            ],
        }


def read_critical_path(steps: Sequence[dict[str, Any]]) -> CriticalPath:
    """The path from the steps of one in nextpnr's report: delays in cells and on nets by turns."""
    hops, cell, logic = [], steps[0]["from"]["cell"], 0.0
    for step in steps:
        if step["type"] != "routing":
            logic += step["delay"]
        elif step["delay"] > 0:  # otherwise it is within a carry chain
            (x, y), (to_x, to_y) = step["from"]["loc"], step["to"]["loc"]
            hops.append(
                Hop(
                    cell=_in_source(cell),
                    logic_ns=logic,
                    net=_in_source(step["net"]),
                    routing_ns=step["delay"],
                    tiles=abs(to_x - x) + abs(to_y - y),
                )
            )
            cell, logic = step["to"]["cell"], 0.0
    return CriticalPath(hops=tuple(hops), sink=_in_source(cell), setup_ns=logic)


def _in_source(name: str) -> str:
    return _MADE.sub("", name)
