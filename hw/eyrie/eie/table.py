"""The table: one memory for the places of slices, for biases and for scales (EIE's pointers, section IV)."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from eyrie.common.memory import SyncMemory
from eyrie.eie.config import EieConfig


class Table(wiring.Component):
    """A block RAM behind a register: a word a cycle, two cycles after its address.

    Parameters
    ----------
    config : EieConfig
        ``table_depth`` and widths.

    Members
    -------
    read_en : ``In(1)``
    address : ``In(config.table_address_width)``
        Of the word that is read, or written with `write_en`.
    word : ``Out(config.table_width)``
        The word read two cycles ago.
    write_en : ``In(1)``
    write_data : ``In(config.table_width)``
        Loads one word.
    """

    def __init__(self, config: EieConfig) -> None:
        self.config = config
        super().__init__(
            {
                "read_en": In(1),
                "address": In(config.table_address_width),
                "word": Out(config.table_width),
                "write_en": In(1),
                "write_data": In(config.table_width),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config
        m.submodules.words = words = SyncMemory(shape=config.table_width, depth=config.table_depth, collision="never")
        read_data = Signal(config.table_width)
        m.d.comb += [
            words.read_en.eq(self.read_en),
            words.read_address.eq(self.address),
            words.write_en.eq(self.write_en),
            words.write_address.eq(self.address),
            words.write_data.eq(self.write_data),
            read_data.eq(words.read_data),
        ]
        # The block RAM's own delay takes a cycle for itself.
        m.d.sync += self.word.eq(read_data)
        return m
