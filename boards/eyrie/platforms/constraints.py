"""Constraint files: which port of the design is which pin, and how fast the clock from outside is."""

from collections.abc import Callable, Mapping

from eyrie.platforms.board import MHZ, PINS, Board
from eyrie.synth.cells import Target

SUFFIXES: Mapping[Target, str] = {"ecp5": "lpf", "ice40": "pcf", "gowin": "cst", "xilinx": "xdc"}
"""What a family's constraint files end with."""


def constraints(board: Board) -> str:
    """The constraint file for the ports of `eyrie.platforms.board_top.board_top`."""
    return "".join(f"{line}\n" for line in _WRITERS[board.family](board))


def _lpf(board: Board) -> list[str]:
    lines = ["BLOCK RESETPATHS;", "BLOCK ASYNCPATHS;"]
    for port in PINS:
        pin = board.pins[port]
        lines.append(f'LOCATE COMP "{port}" SITE "{pin.place}";')
        lines.append(f'IOBUF PORT "{port}" {" ".join(f"{name}={value}" for name, value in pin.settings.items())};')
    return [*lines, f'FREQUENCY PORT "clock" {board.oscillator / MHZ:g} MHZ;']


def _pcf(board: Board) -> list[str]:
    lines = []
    for port in PINS:
        pin = board.pins[port]
        settings = "".join(f" -{name} {value}" for name, value in pin.settings.items())
        lines.append(f"set_io{settings} {port} {pin.place}")
    return [*lines, f"set_frequency clock {board.oscillator / MHZ:g}"]


def _cst(board: Board) -> list[str]:
    lines = []
    for port in PINS:
        pin = board.pins[port]
        lines.append(f'IO_LOC "{port}" {pin.place};')
        lines.append(f'IO_PORT "{port}" {" ".join(f"{name}={value}" for name, value in pin.settings.items())};')
    return lines


def _xdc(board: Board) -> list[str]:
    lines = []
    for port in PINS:
        pin = board.pins[port]
        for name, value in {"PACKAGE_PIN": pin.place, **pin.settings}.items():
            lines.append(f"set_property {name} {value} [get_ports {port}]")
    return [
        *lines,
        f"create_clock -name clock -period {1e9 / board.oscillator:.3f} [get_ports clock]",
        "set_false_path -from [get_ports {reset rx}]",
        "set_false_path -to [get_ports {tx led}]",
        "set_property CFGBVS VCCO [current_design]",
        "set_property CONFIG_VOLTAGE 3.3 [current_design]",
    ]


_WRITERS: Mapping[Target, Callable[[Board], list[str]]] = {"ecp5": _lpf, "ice40": _pcf, "gowin": _cst, "xilinx": _xdc}
