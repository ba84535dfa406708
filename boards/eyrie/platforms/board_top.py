"""The top module on a board: PLL, reset and pins around a system that is not touched."""

from eyrie.common.emit import EmittedVerilog
from eyrie.host.config import HostConfig
from eyrie.platforms.board import PINS, Board

_WAIT_BITS = 9
"""A reset lasts half as many clock cycles as these bits can count: 10 microseconds at 25 MHz. The block RAMs of an
iCE40 are not there for the first three of them after configuration."""


def top_name(board: Board) -> str:
    """Name of the top module."""
    return f"eyrie_{board.name.replace('-', '_')}"


def board_top(board: Board, system: EmittedVerilog, host: HostConfig) -> str:
    """Verilog of a module that makes clock and reset for the system and wires it to pins; the system is not in it.

    The design is reset until the PLL has locked and while the button is pressed, and for `_WAIT_BITS` of clock cycles
    after that; the reset begins and ends with the clock.

    Parameters
    ----------
    board : Board
        Pins, oscillator, PLL.
    system : EmittedVerilog
        With the ports ``clk``, ``rst``, ``rx`` and ``tx``.
    host : HostConfig
        Its clock.

    Raises
    ------
    InputError
        If the board's PLL cannot make the clock.
    """
    pll = board.pll(host.clock)
    pressed = f"{'~' if board.pins['reset'].active_low else ''}reset"
    lit = f"{'~' if board.pins['led'].active_low else ''}ready"
    source = "  assign clk = clock;\n  assign locked = 1'b1;\n" if pll is None else pll.verilog
    directions = {port: "output" if port in ("tx", "led") else "input" for port in PINS}
    return f"""
// {board.title}: {host.clock / 1e6:g} MHz from {board.oscillator / 1e6:g} MHz, serial line at {host.baud} baud.
module {top_name(board)}({", ".join(f"{direction} {port}" for port, direction in directions.items())});
  wire clk, locked;
{source}
  reg [1:0] go = 0;
  reg [{_WAIT_BITS - 1}:0] waited = 0;
  reg ready = 0, rst = 1;
  always @(posedge clk) begin
    go <= {{go[0], locked & ~({pressed})}};
    waited <= go[1] ? waited + !waited[{_WAIT_BITS - 1}] : 0;
    ready <= waited[{_WAIT_BITS - 1}];
    rst <= ~waited[{_WAIT_BITS - 1}];
  end
  assign led = {lit};

  {system.top} system(.clk(clk), .rst(rst), .rx(rx), .tx(tx));
endmodule
"""
