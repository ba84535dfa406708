"""What is to be placed and routed, on what, and towards which clock."""

from dataclasses import dataclass
from typing import Literal, get_args

from eyrie.common.emit import EmittedVerilog
from eyrie.synth.part import Part
from eyrie.synth.shell import in_shell, shell_name
from eyrie.synth.yosys import netlist_script

Placer = Literal["heap", "static"]
"""nextpnr's placers. On 64 PEs, whose block RAMs lie all over the part, "static" takes a third of the time, and its
placements can be routed; on a few PEs "heap" reaches the faster clock."""

PLACERS: tuple[Placer, ...] = get_args(Placer)
"""All of `Placer`."""

# Its other router does not end on 8 PEs. A clock slower than asked for is a result, not an error.
_OPTIONS = ("--router", "router2", "--timing-allow-fail")


@dataclass(frozen=True, kw_only=True)
class RouteJob:
    """A core to be placed and routed; what comes out depends on this and the seed alone.

    Parameters
    ----------
    core : EmittedVerilog
        The design, with one clock called clk.
    part : Part
        Where it is placed.
    constraint_mhz : int
        The clock to work towards.
    placer : "heap" or "static"
    out_of_context : bool
        The core alone, with open ports: nextpnr then routes neither clock nor reset nor inputs. Otherwise it stands in
        a shell of registers with three pins, see `eyrie.synth.shell`, and everything is routed.
    keep : tuple of str
        Modules that are mapped once.
    """

    core: EmittedVerilog
    part: Part
    constraint_mhz: int = 100
    placer: Placer = "heap"
    out_of_context: bool = False
    keep: tuple[str, ...] = ()

    @property
    def top(self) -> str:
        """Top module of what is placed."""
        return self.core.top if self.out_of_context else shell_name(self.core.top)

    @property
    def verilog(self) -> str:
        """What is placed."""
        return self.core.text if self.out_of_context else in_shell(self.core)

    @property
    def script(self) -> tuple[str, ...]:
        """Commands of Yosys."""
        return netlist_script(self.top, "ecp5", self.keep)

    @property
    def options(self) -> tuple[str, ...]:
        """Options of nextpnr, all but the seed."""
        context = ("--out-of-context",) if self.out_of_context else ()
        placer = ("--placer", self.placer)
        return (*self.part.options, "--freq", str(self.constraint_mhz), *placer, *_OPTIONS, *context)
