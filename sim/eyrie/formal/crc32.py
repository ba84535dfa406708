"""`Crc32`: bit for bit what the polynomial says."""

import zlib
from functools import reduce
from operator import xor
from typing import Any

from amaranth.hdl import Const, Mux, Signal, Value

from eyrie.formal.harness import Harness
from eyrie.formal.proof import Broken, Proof, Property

_WIDTH = 8
_BYTES = _WIDTH // 8
_ONES = 0xFFFFFFFF


def _following(register: Value, data: Value) -> list[Value]:
    """The bits of the register behind zlib's CRC, which is its complement with the bits in reverse, after one number.

    They are sums of bits before. Which ones is what zlib gives where one bit changes. The order of the sums is that of
    the component, so that what is equal is found to be without putting sums in order, which no solver does well.
    """
    nothing = zlib.crc32(bytes(_BYTES))
    by_crc = [zlib.crc32(bytes(_BYTES), 1 << bit) ^ nothing for bit in range(32)]
    by_data = [zlib.crc32((1 << bit).to_bytes(_BYTES, "little")) ^ nothing for bit in range(_WIDTH)]
    assert reduce(xor, by_crc) ^ nothing == _ONES  # the complements go
    bits = []
    for number in range(31, -1, -1):
        parts = [bit for bit, change in zip(register, reversed(by_crc), strict=True) if change >> number & 1]
        parts += [bit for bit, change in zip(data[::-1], reversed(by_data), strict=True) if change >> number & 1]
        bits.append(reduce(xor, parts, Const(0, 1)))
    return bits


def _build(crc32: Any) -> Harness:
    dut = crc32.Crc32(width=_WIDTH)
    h = Harness(dut)
    register = h.inside("processor.crc_reg")
    source, following = Signal(32, name="source"), Signal(32, name="following")
    expected = Signal(32, name="expected", init=_ONES)
    h.m.d.comb += source.eq(Mux(dut.start, _ONES, register))
    h.m.d.comb += [following[number].eq(bit) for number, bit in enumerate(_following(source, dut.data))]
    with h.m.If(dut.valid):
        h.m.d.sync += expected.eq(following)
    with h.m.Else():
        h.m.d.sync += expected.eq(source)
    h.prove("crc", dut.crc == ~expected[::-1])
    h.prove("register", register == expected)
    return h


PROOF = Proof(
    name="crc32",
    module="eyrie.host.crc32",
    component="Crc32",
    configuration=f"{_WIDTH} bits a cycle",
    build=_build,
    properties=(
        Property(
            name="crc",
            says="The CRC of all numbers since the last start is zlib's; none comes without a number or a start.",
            broken=Broken(old="processor.data.eq(self.data)", new="processor.data.eq(self.data[::-1])"),
        ),
    ),
)
