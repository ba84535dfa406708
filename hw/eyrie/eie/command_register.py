"""A register on the way of commands and holds, one for each group of PEs."""

from typing import Any

from amaranth.hdl import Module, ResetSignal, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from eyrie.common.once import emitted_once
from eyrie.eie.config import EieConfig
from eyrie.eie.layouts import command_layout


class CommandRegister(wiring.Component):
    """Hands on the command of the cycle before, and whether PEs must hold what they would send.

    A module of its own, so that synthesis which keeps modules does not make one register of all with the fan-out of
    the whole array.

    Parameters
    ----------
    config : EieConfig
        Widths.
    reset : Value, optional
        In Verilog, the reset of this register in place of the domain's.

    Members
    -------
    i : ``In(command_layout(config))``
    i_pe : ``In(max(1, config.pe_width))``
        The PE that a command for one PE concerns.
    i_hold : ``In(1)``
    o : ``Out(command_layout(config))``
    o_pe : ``Out(max(1, config.pe_width))``
    o_hold : ``Out(1)``
    o_reset : ``Out(1)``
        There was a reset in the cycle before.
    """

    def __init__(self, config: EieConfig, *, reset: Value | None = None) -> None:
        self.config, self.reset = config, reset
        layout = command_layout(config)
        pe = max(1, config.pe_width)
        super().__init__(
            {
                "i": In(layout),
                "i_pe": In(pe),
                "i_hold": In(1),
                "o": Out(layout),
                "o_pe": Out(pe),
                "o_hold": Out(1),
                "o_reset": Out(1),
            }
        )

    @emitted_once("command")
    def elaborate(self, platform: Any) -> Module:
        m = Module()
        reset = Signal(reset_less=True)
        m.d.sync += reset.eq(ResetSignal())
        m.d.comb += self.o_reset.eq(reset)
        m.d.sync += [self.o.eq(self.i), self.o_pe.eq(self.i_pe), self.o_hold.eq(self.i_hold)]
        return m
