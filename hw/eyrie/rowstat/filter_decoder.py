"""What stands between the filter FIFO and the filter bus: words of weights, or of codes for them."""

from typing import Any

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from eyrie.rowstat.codebook import Codebook
from eyrie.rowstat.config import BUS_WORDS, CODE_WIDTH, CODEBOOK_READS, RowstatConfig
from eyrie.rowstat.layouts import filter_bus_layout


def filter_word_layout(config: RowstatConfig) -> data.ArrayLayout:
    """A word of the filter FIFO: a weight for each row of a group, or twice as many codes, those of the first group in
    the low half. An engine without a codebook keeps the bits of its weights alone."""
    return data.ArrayLayout(signed(config.filter_lane_width), BUS_WORDS)


class FilterDecoder(wiring.Component):
    """Gives four weights a cycle, in the cycle after ``take``.

    Parameters
    ----------
    config : RowstatConfig
        ``weight_width`` and ``codebook_entries``; without a codebook ``coded`` and the entries have no meaning.

    Members
    -------
    word : ``In(filter_word_layout(config))``
    take : ``In(1)``
        The weights of ``word`` are wanted; they stay until the next ``take``. Not while an entry is written.
    coded : ``In(1)``
        It is a word of codes.
    high : ``In(1)``
        The codes are those in its high half.
    entry_en : ``In(1)``
    entry_address : ``In(config.codebook_address_width)``
    entry : ``In(signed(config.weight_width))``
        An entry of the codebook.
    weights : ``Out(data.ArrayLayout(signed(config.weight_width), BUS_WORDS))``
    """

    def __init__(self, config: RowstatConfig) -> None:
        self.config = config
        super().__init__(
            {
                "word": In(filter_word_layout(config)),
                "take": In(1),
                "coded": In(1),
                "high": In(1),
                "entry_en": In(1),
                "entry_address": In(config.codebook_address_width),
                "entry": In(signed(config.weight_width)),
                "weights": Out(filter_bus_layout(config)["weights"].shape),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config
        plain = Signal(self.weights.shape())
        with m.If(self.take):
            m.d.sync += [plain[lane].eq(self.word[lane]) for lane in range(BUS_WORDS)]
        m.d.comb += self.weights.eq(plain)
        if not config.codebook_entries:
            return m

        decoded = Signal()
        codes = Signal(data.ArrayLayout(CODE_WIDTH, BUS_WORDS))
        halves = self.word.as_value()
        with m.If(self.take):
            m.d.sync += decoded.eq(self.coded)
        m.d.comb += codes.eq(halves.word_select(self.high, codes.shape().size))
        for first in range(0, BUS_WORDS, CODEBOOK_READS):
            m.submodules[f"codebook_{first // CODEBOOK_READS}"] = codebook = Codebook(config)
            m.d.comb += [
                codebook.write_en.eq(self.entry_en),
                codebook.write_address.eq(self.entry_address),
                codebook.entry.eq(self.entry),
                codebook.read_en.eq(self.take & self.coded),
                *(getattr(codebook, f"code_{read}").eq(codes[first + read]) for read in range(CODEBOOK_READS)),
            ]
            with m.If(decoded):
                for read in range(CODEBOOK_READS):
                    m.d.comb += self.weights[first + read].eq(getattr(codebook, f"weight_{read}"))
        return m
