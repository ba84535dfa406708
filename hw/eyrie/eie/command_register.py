"""A register on the way of commands and holds, one for each group of PEs."""

from typing import Any

from amaranth.hdl import Module
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

    Members
    -------
    i : ``In(command_layout(config))``
    i_hold : ``In(1)``
    o : ``Out(command_layout(config))``
    o_hold : ``Out(1)``
    """

    def __init__(self, config: EieConfig) -> None:
        self.config = config
        layout = command_layout(config)
        super().__init__({"i": In(layout), "i_hold": In(1), "o": Out(layout), "o_hold": Out(1)})

    @emitted_once("command")
    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.d.sync += [self.o.eq(self.i), self.o_hold.eq(self.i_hold)]
        return m
