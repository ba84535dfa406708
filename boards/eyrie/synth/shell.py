"""Three pins for a core with more ports than a package has pins.

Placed by itself, a core has inputs that nothing drives: nextpnr routes neither them nor clock and reset, and no path
from or to a port counts. In a shell everything is routed, and every path runs from register to register.
"""

from eyrie.common.emit import EmittedVerilog
from eyrie.common.fold import Port

CLOCK = "clk"


def shell_name(top: str) -> str:
    """Name of the shell's module."""
    return f"{top}_shell"


def in_shell(core: EmittedVerilog) -> str:
    """Verilog of a core in a shell of registers, with the pins clk, i and o.

    A shift register from pin i holds all inputs, the reset among them. A second one takes all outputs at once, when
    the bit that came in last says so, and shifts them to pin o.
    """
    inputs = [port for port in core.ports if port.direction == "input" and port.name != CLOCK]
    outputs = [port for port in core.ports if port.direction == "output"]
    n_in, n_out = (sum(port.width for port in ports) for ports in (inputs, outputs))
    connections = [f".{CLOCK}({CLOCK})", *_slices("held", inputs), *_slices("given", outputs)]
    return f"""{core.text}
module {shell_name(core.top)}(input {CLOCK}, input i, output o);
  reg [{n_in - 1}:0] held;
  reg [{n_out - 1}:0] sent;
  wire [{n_out - 1}:0] given;
  assign o = sent[{n_out - 1}];
  always @(posedge {CLOCK}) begin
    held <= {{held, i}};
    sent <= held[0] ? given : {{sent, 1'b0}};
  end
  {core.top} core({", ".join(connections)});
endmodule
"""


def _slices(register: str, ports: list[Port]) -> list[str]:
    connections, first = [], 0
    for port in ports:
        connections.append(f".{port.name}({register}[{first + port.width - 1}:{first}])")
        first += port.width
    return connections
