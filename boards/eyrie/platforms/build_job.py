"""What is to be built: a board, an engine with its host's side, and what the tools are told about them."""

from dataclasses import dataclass
from functools import cached_property

from eyrie.common.emit import EmittedVerilog
from eyrie.eie.config import EieConfig
from eyrie.host.config import HostConfig
from eyrie.platforms.board import MHZ, Board
from eyrie.platforms.board_top import board_top, top_name
from eyrie.platforms.constraints import SUFFIXES, constraints
from eyrie.platforms.toolchain import PLACED, TOOLCHAINS, Toolchain
from eyrie.synth.design import placed_modules
from eyrie.synth.yosys import netlist_script


@dataclass(frozen=True, kw_only=True)
class BuildJob:
    """A system on a board; a bitstream depends on this and the seed alone.

    Parameters
    ----------
    board : Board
    config : EieConfig
        The engine.
    host : HostConfig
        Its host's side.
    system : EmittedVerilog
        Both, as `eyrie.bench.host_system.emit_system` gives them.
    placer : str
        nextpnr's.
    """

    board: Board
    config: EieConfig
    host: HostConfig
    system: EmittedVerilog
    placer: str

    @cached_property
    def design(self) -> EmittedVerilog:
        """The system's Verilog as it is simulated, with the board's top module behind it."""
        top = top_name(self.board)
        text = self.system.text + self.top_file[1]
        return EmittedVerilog(text=text, top=top, ports=(), modules={top: 1, **self.system.modules})

    @property
    def top_file(self) -> tuple[str, str]:
        """Name and text of the board's top module."""
        return f"{top_name(self.board)}.v", board_top(self.board, self.system, self.host)

    @property
    def toolchain(self) -> Toolchain | None:
        """What places, routes and packs it; None if no open tool does."""
        return TOOLCHAINS.get(self.board.family)

    @property
    def clock_mhz(self) -> int:
        """The clock to work towards."""
        return self.host.clock // MHZ

    @property
    def constraint_file(self) -> tuple[str, str]:
        """Name and text of the pins' constraints."""
        return f"{self.board.name}.{SUFFIXES[self.board.family]}", constraints(self.board)

    @property
    def script(self) -> tuple[str, ...]:
        """Commands of Yosys."""
        return netlist_script(self.design.top, self.board.family, placed_modules(self.config), vendor_cells=True)

    @property
    def options(self) -> tuple[str, ...]:
        """Options of nextpnr, all but the seed.

        Raises
        ------
        ValueError
            If no open tool routes the family.
        """
        if self.toolchain is None:
            raise ValueError(f"no open tool routes {self.board.family}")
        name, _ = self.constraint_file
        return (
            *self.board.options,
            *(part.format(name) for part in self.toolchain.constraints),
            *(self.toolchain.placed, PLACED),
            *("--freq", str(self.clock_mhz), "--placer", self.placer),
            *self.toolchain.options,
            "--timing-allow-fail",
        )
