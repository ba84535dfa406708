"""The filter scratch pad of one PE or several in a row (Eyeriss, section V)."""

from typing import Any

from amaranth.hdl import Module, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from eyrie.common.memory import SyncMemory
from eyrie.common.once import emitted_once
from eyrie.rowstat.config import RowstatConfig


class FilterScratchpad(wiring.Component):
    """Keeps weights for its columns.

    All PEs are in step and columns of a set have the same weights, so that neighbouring ones want the same word in the
    same cycle, unless their value is 0: one pad with one read port serves ``filter_columns`` of them. A weight is there
    from the cycle after it was written; the cycle itself must not read its word.

    Parameters
    ----------
    config : RowstatConfig
        ``filter_depth`` and ``weight_width``.

    Members
    -------
    write_en : ``In(1)``
    write_address : ``In(config.filter_address_width)``
    write_weight : ``In(signed(config.weight_width))``
    read_en : ``In(1)``
        One of the PEs wants the word.
    read_address : ``In(config.filter_address_width)``
    weight : ``Out(signed(config.weight_width))``
        The word read in the cycle before; it stays until the next read.
    """

    def __init__(self, config: RowstatConfig) -> None:
        self.config = config
        super().__init__(
            {
                "write_en": In(1),
                "write_address": In(config.filter_address_width),
                "write_weight": In(signed(config.weight_width)),
                "read_en": In(1),
                "read_address": In(config.filter_address_width),
                "weight": Out(signed(config.weight_width)),
            }
        )

    @emitted_once("filter_pad")
    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.words = words = SyncMemory(
            shape=signed(self.config.weight_width), depth=self.config.filter_depth, collision="never"
        )
        m.d.comb += [
            words.write_en.eq(self.write_en),
            words.write_address.eq(self.write_address),
            words.write_data.eq(self.write_weight),
            words.read_en.eq(self.read_en),
            words.read_address.eq(self.read_address),
            self.weight.eq(words.read_data),
        ]
        return m
