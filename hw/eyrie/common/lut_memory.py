"""A memory that is read without a clock: distributed RAM, where the target has it."""

from typing import Any

from amaranth.hdl import Module, ShapeLike
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out


class LutMemory(wiring.Component):
    """One synchronous write port, one read port that shows a word in the cycle of its address.

    A word that is being written is seen as it was before. Its words have no meaning before they are written.

    Parameters
    ----------
    shape : shape-like
        Shape of a word.
    depth : int
        Words.

    Members
    -------
    write_en : ``In(1)``
    write_address : ``In(range(depth))``
    write_data : ``In(shape)``
    read_address : ``In(range(depth))``
    read_data : ``Out(shape)``
    """

    def __init__(self, *, shape: ShapeLike, depth: int) -> None:
        if depth < 1:
            raise ValueError(f"memory depth must be at least 1, not {depth}")
        self.shape, self.depth = shape, depth
        address_width = max(1, (depth - 1).bit_length())
        super().__init__(
            {
                "write_en": In(1),
                "write_address": In(address_width),
                "write_data": In(shape),
                "read_address": In(address_width),
                "read_data": Out(shape),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        # A memory of one word would have no address; two words cost the same.
        m.submodules.words = words = Memory(shape=self.shape, depth=max(2, self.depth), init=[])
        write, read = words.write_port(), words.read_port(domain="comb")
        m.d.comb += [
            write.en.eq(self.write_en),
            write.addr.eq(self.write_address),
            write.data.eq(self.write_data),
            read.addr.eq(self.read_address),
            self.read_data.eq(read.data),
        ]
        return m
