"""The filter scratch pad of a PE, with its end of the multicast (Eyeriss, section V)."""

from typing import Any

from amaranth.hdl import Module, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from eyrie.common.memory import SyncMemory
from eyrie.rowstat.config import RowstatConfig
from eyrie.rowstat.layouts import filter_x_layout, set_width


class FilterScratchpad(wiring.Component):
    """Keeps the weights that are sent to its column's filter set.

    A weight is there from the cycle after it was sent; the cycle itself must not read its word.

    Parameters
    ----------
    config : RowstatConfig
        ``filter_depth`` and ``weight_width``.

    Members
    -------
    i : ``In(filter_x_layout(config))``
    set : ``In(set_width())``
        Number of the column's filter set.
    read_en : ``In(1)``
    read_address : ``In(config.filter_address_width)``
    weight : ``Out(signed(config.weight_width))``
        The word read in the cycle before; it stays until the next read.
    """

    def __init__(self, config: RowstatConfig) -> None:
        self.config = config
        super().__init__(
            {
                "i": In(filter_x_layout(config)),
                "set": In(set_width()),
                "read_en": In(1),
                "read_address": In(config.filter_address_width),
                "weight": Out(signed(config.weight_width)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.words = words = SyncMemory(
            shape=signed(self.config.weight_width), depth=self.config.filter_depth, collision="never"
        )
        m.d.comb += [
            words.write_en.eq(self.i.valid & (self.i.set == self.set)),
            words.write_address.eq(self.i.address),
            words.write_data.eq(self.i.weight),
            words.read_en.eq(self.read_en),
            words.read_address.eq(self.read_address),
            self.weight.eq(words.read_data),
        ]
        return m
