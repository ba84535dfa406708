"""The ifmap scratch pad of a PE, with its end of the multicast (Eyeriss, section V)."""

from typing import Any

from amaranth.hdl import Module, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from eyrie.common.memory import SyncMemory
from eyrie.rowstat.config import RowstatConfig
from eyrie.rowstat.layouts import column_id_width, ifmap_x_layout


class IfmapScratchpad(wiring.Component):
    """Keeps the values that are sent to its column.

    A value is there from the cycle after it was sent; a read in the cycle itself gives the word as it was.

    Parameters
    ----------
    config : RowstatConfig
        ``ifmap_words`` and ``activation_width``.

    Members
    -------
    i : ``In(ifmap_x_layout(config))``
    column_id : ``In(column_id_width())``
    read_en : ``In(1)``
    read_address : ``In(config.ifmap_address_width)``
    value : ``Out(signed(config.activation_width))``
        The word read in the cycle before; it stays until the next read.
    """

    def __init__(self, config: RowstatConfig) -> None:
        self.config = config
        super().__init__(
            {
                "i": In(ifmap_x_layout(config)),
                "column_id": In(column_id_width()),
                "read_en": In(1),
                "read_address": In(config.ifmap_address_width),
                "value": Out(signed(config.activation_width)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.words = words = SyncMemory(
            shape=signed(self.config.activation_width),
            depth=self.config.ifmap_words,
            collision="old",
            style="distributed",
        )
        m.d.comb += [
            words.write_en.eq(self.i.valid & (self.i.column == self.column_id)),
            words.write_address.eq(self.i.address),
            words.write_data.eq(self.i.value),
            words.read_en.eq(self.read_en),
            words.read_address.eq(self.read_address),
            self.value.eq(words.read_data),
        ]
        return m
