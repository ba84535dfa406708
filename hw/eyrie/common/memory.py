"""Memories that say what a read returns while the same word is written."""

from collections.abc import Mapping
from typing import Any, Literal

from amaranth.hdl import Assert, Module, Mux, ShapeLike, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

Collision = Literal["old", "new", "never"]
Style = Literal["distributed", "single_port"]

# Yosys's names. Elsewhere than on an iCE40 a memory with one address is a block RAM like others.
_RAM_STYLES: Mapping[Style, str] = {"distributed": "distributed", "single_port": "huge"}


class SyncMemory(wiring.Component):
    """One write port, one read port, both synchronous.

    The word at ``read_address`` is on ``read_data`` in the cycle after ``read_en``, and stays there until the next
    ``read_en``. Its words have no meaning before they are written.

    Parameters
    ----------
    shape : shape-like
        Shape of a word.
    depth : int
        Words.
    collision : "old", "new" or "never"
        What a read returns while the same address is written: the word before or after the write; or the user
        promises that it does not happen, which an assertion watches and which costs no logic around a block RAM.
    style : "distributed", "single_port" or None
        Lie in distributed RAM, whatever synthesis would choose. Or have a single address, which reads and writes
        share: the user promises that they do not come in one cycle, which an assertion watches, and what was read is
        lost with the next write. On an iCE40 UltraPlus that is SB_SPRAM256KA, 16,384 words of 16 bits; narrower words
        leave the upper bits of theirs unused.

    Members
    -------
    write_en : ``In(1)``
    write_address : ``In(range(depth))``
    write_data : ``In(shape)``
    read_en : ``In(1)``
    read_address : ``In(range(depth))``
    read_data : ``Out(shape)``
    """

    def __init__(self, *, shape: ShapeLike, depth: int, collision: Collision, style: Style | None = None) -> None:
        if depth < 1:
            raise ValueError(f"memory depth must be at least 1, not {depth}")
        if collision not in ("old", "new", "never"):
            raise ValueError(f"collision must be 'old', 'new' or 'never', not {collision!r}")
        if style == "single_port" and collision != "never":
            raise ValueError(f"a memory with one address has collision 'never', not {collision!r}")
        self.shape, self.depth, self.collision, self.style = shape, depth, collision, style
        address_width = max(1, (depth - 1).bit_length())
        super().__init__(
            {
                "write_en": In(1),
                "write_address": In(address_width),
                "write_data": In(shape),
                "read_en": In(1),
                "read_address": In(address_width),
                "read_data": Out(shape),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        attrs: dict[str, int | str] = {"no_rw_check": 1} if self.collision == "never" else {}
        if self.style is not None:
            attrs["ram_style"] = _RAM_STYLES[self.style]
        # A memory of one word would have no address; two words cost the same.
        m.submodules.words = words = Memory(shape=self.shape, depth=max(2, self.depth), init=[], attrs=attrs)
        write_address, read_address = self.write_address, self.read_address
        if self.style == "single_port":
            # One signal, so that Yosys sees that it is one address.
            write_address = read_address = Signal(len(self.read_address), name="address")
            m.d.comb += read_address.eq(Mux(self.write_en, self.write_address, self.read_address))
            m.d.sync += Assert(~(self.write_en & self.read_en), "read and write in one cycle")
        write = words.write_port()
        read = words.read_port(transparent_for=(write,) if self.collision == "new" else ())
        m.d.comb += [
            write.en.eq(self.write_en),
            write.addr.eq(write_address),
            write.data.eq(self.write_data),
            read.en.eq(self.read_en),
            read.addr.eq(read_address),
            self.read_data.eq(read.data),
        ]
        if self.collision == "never" and self.style != "single_port":
            clash = Signal()
            m.d.comb += clash.eq(self.write_en & self.read_en & (self.write_address == self.read_address))
            m.d.sync += Assert(~clash, "read and write of one word in one cycle")
        return m
