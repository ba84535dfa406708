"""Boards: pins as the boards' own descriptions have them, PLLs as the vendors' tools set them, and the top module."""

import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from amaranth_boards.arty_a7 import ArtyA7_35Platform
from amaranth_boards.icebreaker import ICEBreakerPlatform
from amaranth_boards.tang_nano_9k import TangNano9kPlatform
from amaranth_boards.ulx3s import ULX3S_85F_Platform

from eyrie.bench.host_system import emit_system
from eyrie.bench.tools import find_iverilog
from eyrie.common.emit import EmittedVerilog, run_yosys
from eyrie.eie.config import TINY
from eyrie.errors import InputError
from eyrie.platforms.board import MHZ, PINS, Board
from eyrie.platforms.board_top import board_top, top_name
from eyrie.platforms.boards import BOARDS
from eyrie.platforms.build_job import BuildJob
from eyrie.platforms.constraints import SUFFIXES, constraints
from eyrie.platforms.pll import make_pll
from eyrie.synth.capacity import PARTS

DESCRIPTIONS: dict[str, tuple[Any, dict[str, tuple[str, int]]]] = {
    # amaranth-boards' class, and the resource behind the reset and the lamp
    "ulx3s-85f": (ULX3S_85F_Platform, {"reset": ("button_fire", 0), "led": ("led", 0)}),
    "icebreaker": (ICEBreakerPlatform, {"reset": ("button", 0), "led": ("led_g", 0)}),
    "tang-nano-9k": (TangNano9kPlatform, {"reset": ("button", 1), "led": ("led", 0)}),
    "arty-a7": (ArtyA7_35Platform, {"reset": ("rst", 0), "led": ("led", 0)}),
}

SYSTEM = EmittedVerilog(
    text="module eie_system(input clk, input rst, input rx, output tx);\n  assign tx = rx & ~rst;\nendmodule\n",
    top="eie_system",
    ports=(),
    modules={"eie_system": 1},
)


def resource(platform: Any, name: str, number: int = 0) -> Any:
    return next(one for one in platform.resources if (one.name, one.number) == (name, number))


@pytest.mark.parametrize("name", BOARDS)
def test_pins_are_those_of_the_board(name: str) -> None:
    board, (platform, others) = BOARDS[name], DESCRIPTIONS[name]
    clock, uart = resource(platform, platform.default_clk), resource(platform, "uart")
    described = {"clock": clock.ios[0]} | {signal.name: signal.ios[0] for signal in uart.ios}
    described |= {port: resource(platform, *which).ios[0] for port, which in others.items()}
    assert board.pins.keys() == set(PINS)
    for port in PINS:
        assert described[port].names == [board.pins[port].place], port
        assert described[port].invert == board.pins[port].active_low, port
        assert described[port].dir == ("o" if port in ("tx", "led") else "i"), port
    assert board.oscillator == round(clock.clock.frequency)


@pytest.mark.parametrize("name", BOARDS)
def test_parts_are_those_of_the_board(name: str) -> None:
    board, (platform, _) = BOARDS[name], DESCRIPTIONS[name]
    package = getattr(platform, "package", "").lower().replace("bg", "cabga", board.family == "ecp5")
    words = " ".join(board.options).lower()
    assert package in words
    assert board.part in PARTS[board.family]
    if board.family == "ecp5":
        assert platform.device == board.part
        assert f"--speed {platform.speed} " in words
        assert f"--{board.part.removeprefix('LFE5U-').removesuffix('F').lower()}k" in board.options
    elif board.family == "gowin":
        assert platform.part in board.options
        assert f"family={platform.family.replace('NR', 'N')}" in board.options
    elif board.family == "xilinx":
        assert board.options[0].lower() == f"{platform.device}{platform.package}-{platform.speed}".lower()
    else:
        assert platform.device == board.part


@pytest.mark.parametrize("name", BOARDS)
def test_constraints_name_every_port_once(name: str) -> None:
    board = BOARDS[name]
    text = constraints(board)
    for port in PINS:
        place = board.pins[port].place
        pattern = {
            "ecp5": rf'^LOCATE COMP "{port}" SITE "{place}";$',
            "ice40": rf"^set_io .*\b{port} {place}$|^set_io {port} {place}$",
            "gowin": rf'^IO_LOC "{port}" {place};$',
            "xilinx": rf"^set_property PACKAGE_PIN {place} \[get_ports {port}\]$",
        }[board.family]
        assert len(re.findall(pattern, text, re.MULTILINE)) == 1, port
    assert set(SUFFIXES) == set(PARTS)


# What ecppll, icepll and gowin_pll answer for the same two frequencies.
PLLS = [
    ("ecp5", 25, 40, {"CLKI_DIV": 5, "CLKFB_DIV": 8, "CLKOP_DIV": 15}),
    ("ecp5", 25, 50, {"CLKI_DIV": 1, "CLKFB_DIV": 2, "CLKOP_DIV": 12}),
    ("ecp5", 25, 60, {"CLKI_DIV": 5, "CLKFB_DIV": 12, "CLKOP_DIV": 10}),
    ("ecp5", 25, 100, {"CLKI_DIV": 1, "CLKFB_DIV": 4, "CLKOP_DIV": 6}),
    ("ice40", 12, 18, {"DIVR": 0, "DIVF": 47, "DIVQ": 5, "FILTER_RANGE": 1}),
    ("ice40", 12, 24, {"DIVR": 0, "DIVF": 63, "DIVQ": 5, "FILTER_RANGE": 1}),
    ("ice40", 12, 48, {"DIVR": 0, "DIVF": 63, "DIVQ": 4, "FILTER_RANGE": 1}),
    ("gowin", 27, 54, {"IDIV_SEL": 0, "FBDIV_SEL": 1, "ODIV_SEL": 8}),
    ("gowin", 27, 36, {"IDIV_SEL": 2, "FBDIV_SEL": 3, "ODIV_SEL": 16}),
    ("gowin", 27, 45, {"IDIV_SEL": 2, "FBDIV_SEL": 4, "ODIV_SEL": 16}),
]


@pytest.mark.parametrize(("family", "source", "clock", "settings"), PLLS)
def test_plls_are_set_as_the_vendors_tools_set_them(
    family: Any, source: int, clock: int, settings: dict[str, int]
) -> None:
    pll = make_pll(family, source * MHZ, clock * MHZ)
    assert pll is not None
    assert pll.settings == settings
    assert all(f".{name}({value})" in pll.verilog for name, value in settings.items())


LAWS: dict[str, Any] = {
    # the clock that settings give, and the range of the VCO
    "ecp5": (lambda f, s: f / s["CLKI_DIV"] * s["CLKFB_DIV"], "CLKOP_DIV", 400, 800),
    "ice40": (lambda f, s: f / (s["DIVR"] + 1) * (s["DIVF"] + 1) / (1 << s["DIVQ"]), None, 533, 1066),
    "gowin": (lambda f, s: f / (s["IDIV_SEL"] + 1) * (s["FBDIV_SEL"] + 1), "ODIV_SEL", 400, 1200),
    "xilinx": (lambda f, s: f * s["CLKFBOUT_MULT"] / s["CLKOUT0_DIVIDE"], "CLKOUT0_DIVIDE", 800, 1600),
}


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_every_pll_makes_what_was_asked_for_within_its_limits(board: Board) -> None:
    made, (law, divider, low, high) = 0, LAWS[board.family]
    for clock in range(8, 150):
        if clock * MHZ == board.oscillator:
            assert board.pll(clock * MHZ) is None
        elif (pll := make_pll(board.family, board.oscillator, clock * MHZ)) is not None:
            made += 1
            assert law(board.oscillator, pll.settings) == pytest.approx(clock * MHZ, rel=1e-12)
            assert low * MHZ <= pll.oscillator_hz <= high * MHZ
            if divider is not None:
                assert pll.oscillator_hz == clock * MHZ * pll.settings[divider]
    assert made >= 20


def test_a_clock_that_cannot_be_made_is_refused() -> None:
    with pytest.raises(InputError, match=r"^icebreaker: its PLL makes no clock of exactly 7 MHz from 12 MHz$"):
        BOARDS["icebreaker"].pll(7 * MHZ)
    with pytest.raises(InputError, match=r"^ulx3s-85f: baud 12000000 leaves 4 cycles of a 50000000 Hz clock a bit"):
        BOARDS["ulx3s-85f"].host_at(baud=12_000_000)


def test_a_slow_line_has_time_for_three_bytes() -> None:
    assert all(board.host_at() == board.host for board in BOARDS.values())
    host = BOARDS["ulx3s-85f"].host_at(clock=25 * MHZ, baud=1200)
    assert (host.clock, host.divisor, host.link_timeout) == (25 * MHZ, 20833, 30 * 20834)


@pytest.mark.parametrize("name", BOARDS)
def test_every_board_takes_its_own_engine_and_clock(name: str) -> None:
    board = BOARDS[name]
    text = board_top(board, SYSTEM, board.host)
    directions = {port: "output" if port in ("tx", "led") else "input" for port in PINS}
    assert f"module {top_name(board)}({', '.join(f'{directions[port]} {port}' for port in PINS)});" in text
    assert (".LOCK" in text) == (board.host.clock != board.oscillator)


@pytest.mark.parametrize("name", ["icebreaker", "ulx3s-85f"])
def test_the_system_is_reset_at_first_and_after_the_button(name: str, tmp_path: Path) -> None:
    board = BOARDS[name]
    off, on = (1, 0) if board.pins["reset"].active_low else (0, 1)
    lit = 0 if board.pins["led"].active_low else 1
    top = board_top(board, SYSTEM, board.host_at(clock=board.oscillator))
    bench = f"""
module bench;
  reg clock = 0, reset = {off};
  wire tx, led;
  integer cycle;
  {top_name(board)} top(.clock(clock), .reset(reset), .rx(1'b1), .tx(tx), .led(led));
  initial begin
    for (cycle = 0; cycle < 1000; cycle = cycle + 1) begin
      reset = cycle >= 500 && cycle < 502 ? {on} : {off};
      #1 $display("%d %b %b", cycle, tx, led == {lit});
      #1 clock = 1;
      #2 clock = 0;
    end
  end
endmodule
"""
    seen = simulate(tmp_path, SYSTEM.text + top + bench)
    runs = [cycle for cycle, (tx, led) in enumerate(seen) if (tx, led) == (1, 1)]
    assert all(tx == led for tx, led in seen)
    assert runs == [*range(2 + 256 + 1, 500 + 4), *range(502 + 2 + 256 + 1, 1000)]


def simulate(folder: Path, text: str) -> list[tuple[int, int]]:
    """The last two columns of what a bench prints, from Icarus."""
    iverilog = find_iverilog()
    if iverilog is None:
        pytest.skip("Icarus Verilog is not installed")
    (folder / "bench.v").write_text(text)
    subprocess.run([iverilog[0], "-o", folder / "bench", "-s", "bench", folder / "bench.v"], check=True)
    run = subprocess.run([folder / "bench"], check=True, capture_output=True, text=True)
    return [(int(line.split()[1]), int(line.split()[2])) for line in run.stdout.splitlines()]


def test_what_is_placed_is_what_is_simulated_and_a_thin_top() -> None:
    board = BOARDS["icebreaker"]
    config = replace(TINY, n_pes=1, lut_ram=False)
    system = emit_system(config, board.host)
    job = BuildJob(board=board, config=config, host=board.host, system=system, placer="heap")
    assert job.design.text == system.text + board_top(board, system, board.host)
    assert job.design.modules == {"eyrie_icebreaker": 1, **system.modules}
    run_yosys("read_verilog design.v\nhierarchy -check -top eyrie_icebreaker\n", {"design.v": job.design.text}, [])
