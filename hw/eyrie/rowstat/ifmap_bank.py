"""The part of the global buffer that holds ifmaps."""

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from eyrie.common.memory import SyncMemory
from eyrie.rowstat.config import RowstatConfig
from eyrie.rowstat.layouts import bank_word_layout


class IfmapBank(wiring.Component):
    """Words of four values, one written and one read a cycle.

    A word is there for reads from the cycle after its write on; the cycle of the write itself must not read it. What
    was read stays on `read_data` until the next read's word comes.

    Parameters
    ----------
    config : RowstatConfig
        ``ifmap_bank_words`` and ``activation_width``.

    Members
    -------
    write_en : ``In(1)``
    write_address : ``In(config.bank_address_width)``
    write_data : ``In(bank_word_layout(config))``
    read_en : ``In(1)``
    read_address : ``In(config.bank_address_width)``
    read_data : ``Out(bank_word_layout(config))``
        The word, ``IFMAP_BANK_READ_LATENCY`` cycles after `read_en`.
    """

    def __init__(self, config: RowstatConfig) -> None:
        self.config = config
        word = bank_word_layout(config)
        super().__init__(
            {
                "write_en": In(1),
                "write_address": In(config.bank_address_width),
                "write_data": In(word),
                "read_en": In(1),
                "read_address": In(config.bank_address_width),
                "read_data": Out(word),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.words = words = SyncMemory(
            shape=bank_word_layout(self.config), depth=self.config.ifmap_bank_words, collision="never"
        )
        m.d.comb += [
            words.write_en.eq(self.write_en),
            words.write_address.eq(self.write_address),
            words.write_data.eq(self.write_data),
            words.read_en.eq(self.read_en),
            words.read_address.eq(self.read_address),
        ]
        # Many block RAMs and the choice between them lie before this register.
        m.d.sync += self.read_data.eq(words.read_data)
        return m
