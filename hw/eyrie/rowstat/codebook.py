"""The codebook of shared weights: a small index stands for a weight (Deep Compression, section 3; EIE, section III)."""

from typing import Any

from amaranth.hdl import Assert, Module, Mux, signed
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from eyrie.common.once import emitted_once
from eyrie.rowstat.config import CODEBOOK_READS, RowstatConfig


class Codebook(wiring.Component):
    """Turns `CODEBOOK_READS` codes a cycle into weights.

    The weights of codes are there in the cycle after ``read_en``, and stay until the next one. One of the codes is read
    through the port that entries are written through, so that all is one block RAM: reads and writes in one cycle are a
    mistake, which an assertion watches. Entries have no meaning before they are written.

    Codes and weights have a port each: elements of an array would have the names that Yosys gives to the bits of a
    port.

    Parameters
    ----------
    config : RowstatConfig
        ``codebook_entries``, not 0, and ``weight_width``.

    Members
    -------
    write_en : ``In(1)``
    write_address : ``In(config.codebook_address_width)``
    entry : ``In(signed(config.weight_width))``
    read_en : ``In(1)``
    code_{read} : ``In(config.codebook_address_width)``
    weight_{read} : ``Out(signed(config.weight_width))``
    """

    def __init__(self, config: RowstatConfig) -> None:
        if not config.codebook_entries:
            raise ValueError("a codebook needs entries, but codebook_entries is 0")
        self.config = config
        super().__init__(
            {
                "write_en": In(1),
                "write_address": In(config.codebook_address_width),
                "entry": In(signed(config.weight_width)),
                "read_en": In(1),
                **{f"code_{read}": In(config.codebook_address_width) for read in range(CODEBOOK_READS)},
                **{f"weight_{read}": Out(signed(config.weight_width)) for read in range(CODEBOOK_READS)},
            }
        )

    @emitted_once("codebook")
    def elaborate(self, platform: Any) -> Module:
        m = Module()
        # A memory of one word would have no address; two words cost the same.
        m.submodules.entries = entries = Memory(
            shape=signed(self.config.weight_width),
            depth=max(2, self.config.codebook_entries),
            init=[],
            attrs={"no_rw_check": 1},
        )
        write = entries.write_port()
        reads = [entries.read_port() for _ in range(CODEBOOK_READS)]
        m.d.comb += [write.en.eq(self.write_en), write.addr.eq(reads[0].addr), write.data.eq(self.entry)]
        for number, read in enumerate(reads):
            code = getattr(self, f"code_{number}")
            m.d.comb += [
                read.en.eq(self.read_en),
                read.addr.eq(code if number else Mux(self.write_en, self.write_address, code)),
                getattr(self, f"weight_{number}").eq(read.data),
            ]
        m.d.sync += Assert(~(self.write_en & self.read_en), "codes are read while an entry is written")
        return m
