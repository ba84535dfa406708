"""Wishbone B4, classic cycles, 32 bits: the bus between the host links and everything they reach.

A master holds ``cyc`` and ``stb`` with address and data until ``ack`` or ``err`` is high for a cycle, which ends the
transfer. Every transfer here is of a whole word.
"""

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

WORD_WIDTH = 32


class WishboneSignature(wiring.Signature):
    """A bus as its master sees it.

    Parameters
    ----------
    address_width : int
        Bits of an address, which counts words.
    """

    def __init__(self, *, address_width: int) -> None:
        self.address_width = address_width
        super().__init__(
            {
                "adr": Out(address_width),
                "dat_w": Out(WORD_WIDTH),
                "dat_r": In(WORD_WIDTH),
                "sel": Out(WORD_WIDTH // 8),
                "cyc": Out(1),
                "stb": Out(1),
                "we": Out(1),
                "ack": In(1),
                "err": In(1),
            }
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WishboneSignature) and other.address_width == self.address_width

    def __hash__(self) -> int:
        return hash(self.address_width)

    def __repr__(self) -> str:
        return f"WishboneSignature(address_width={self.address_width})"
