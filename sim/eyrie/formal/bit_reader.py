"""`BitReader`: every bit of every word, once, in order."""

from typing import Any

from amaranth.hdl import Array, Mux, Signal

from eyrie.formal.harness import Harness
from eyrie.formal.proof import Broken, Proof, Property

_WIDTH = 32
_ORDER = [8 * byte + bit for byte in range(4) for bit in reversed(range(8))]
"""Bits of a word as they leave."""


def _build(bit_reader: Any) -> Harness:
    dut = bit_reader.BitReader()
    h = Harness(dut)
    # Any one bit is followed: the one at this place in the order in which they leave.
    followed = h.constant(range(_WIDTH), name="followed")
    place, under_way, bit = Signal(range(_WIDTH), name="place"), Signal(name="under_way"), Signal(name="bit")
    with h.m.If(dut.clear):
        h.m.d.sync += under_way.eq(0)
    with h.m.Elif(dut.i.valid & dut.i.ready):
        in_order = Array(dut.i.payload[number] for number in _ORDER)
        h.m.d.sync += [bit.eq(in_order[followed]), place.eq(0), under_way.eq(1)]
    with h.m.Elif(dut.o.valid & dut.o.ready):
        h.m.d.sync += [place.eq(place + 1), under_way.eq(place != _WIDTH - 1)]
    h.prove("bits", ~(dut.o.valid & (place == followed)) | (dut.o.payload == bit))
    h.prove("all of them", dut.o.valid == (under_way & ~dut.clear))
    h.prove("takes", dut.i.ready == (~under_way & ~dut.clear))

    h.prove("left", h.inside("left") == Mux(under_way, _WIDTH - place, 0))
    here = h.inside("bits").bit_select((_WIDTH - 1 - followed + place)[:5], 1)
    h.prove("the bit lies in its place", ~under_way | (place > followed) | (here == bit))
    return h


PROOF = Proof(
    name="bit-reader",
    module="eyrie.host.bit_reader",
    component="BitReader",
    configuration="as it is",
    build=_build,
    properties=(
        Property(
            name="bits",
            says="The bits of a word leave from its lowest byte up, the highest bit of each first.",
            broken=Broken(old="Cat(*reversed(bytes_first_up))", new="Cat(*bytes_first_up)"),
        ),
        Property(
            name="all of them",
            says="All bits of a word are offered, one after the other, and nothing else.",
            broken=Broken(old="left.eq(left - 1)", new="left.eq(left - 2)"),
        ),
        Property(
            name="takes",
            says="A word is taken exactly when no bit is left and nothing is being forgotten.",
            broken=Broken(old="self.i.ready.eq((left == 0) & ~self.clear)", new="self.i.ready.eq(left == 0)"),
        ),
    ),
)
