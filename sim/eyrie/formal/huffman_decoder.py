"""`HuffmanDecoder`: a symbol a codeword, an end to everything, and no table that is not complete."""

from typing import Any

from amaranth.hdl import Cat, Mux, Signal
from amaranth.utils import exact_log2

from eyrie.formal.harness import Harness
from eyrie.formal.proof import Broken, Proof, Property

_SYMBOLS = {4: 16, 2: 3}
"""By bits of a length: as the loader has them, and fewer, with which a broken variant comes to its failure soon."""


def _build(huffman_decoder: Any) -> Harness:
    length_bits, longest = huffman_decoder.LENGTH_BITS, huffman_decoder.MAX_LENGTH
    n_symbols, full = _SYMBOLS[length_bits], 1 << longest
    dut, state = huffman_decoder.HuffmanDecoder(max_symbols=n_symbols), huffman_decoder.State
    h = Harness(dut)
    m, now = h.m, h.inside("state")
    h.assume(~dut.load | ((dut.n_symbols >= 1) & (dut.n_symbols <= n_symbols)))
    take = dut.i.valid & dut.i.ready
    inside = {one.name: Signal(name=f"in_{one.name.lower()}") for one in state}
    m.d.comb += [signal.eq(now == state[name]) for name, signal in inside.items()]
    number, position, length = h.inside("number"), h.inside("position"), h.inside("length")

    # Lengths: so many bits each, as many as there are symbols; what they fill of the code's space.
    bits, nibble = Signal(range(length_bits * n_symbols + 1), name="bits"), Signal(length_bits - 1, name="first_bits")
    space, used = Signal(range(n_symbols * full // 2 + 1), name="space"), Signal(range(n_symbols + 1), name="used")
    new = Cat(dut.i.payload, nibble)
    with m.If(inside["LENGTHS"] & take):
        m.d.sync += [bits.eq(bits + 1), nibble.eq(new)]
        with m.If(bits[: exact_log2(length_bits)].all() & (new != 0)):
            m.d.sync += [space.eq(space + (full >> new)), used.eq(used + 1)]
    with m.If(dut.load):
        m.d.sync += [bits.eq(0), space.eq(0), used.eq(0)]
    was_lengths = h.before(inside["LENGTHS"], name="was_lengths")
    h.prove("as many lengths as symbols", ~(was_lengths & inside["SORT"]) | (bits == length_bits * number))
    lone = (used == 1) & (space == full // 2)
    h.prove("complete", ~dut.built | (space == full) | (used == 0) | lone)
    h.prove("built or error", ~(dut.built & dut.error))
    counting = inside["LENGTHS"] | inside["SORT"] | inside["CHECK"] | inside["CODEWORDS"]
    h.prove("sums", ~counting | ((h.inside("filled") == space) & (h.inside("used") == used)))
    h.prove("place among the lengths", ~inside["LENGTHS"] | (bits == Cat(h.inside("nibble_bits"), position)))
    h.prove("bits of a length", h.inside("nibble") == nibble)
    h.prove("bits to come", ~inside["LENGTHS"] | (position < number))
    h.prove("symbols of a table", inside["IDLE"] | ((number >= 1) & (number <= n_symbols)))
    h.prove("no more bits", bits <= length_bits * number)

    # Sorting: a fixed time.
    sorting, looked_up = Signal(range(longest * (n_symbols + 2) + 1), name="sorting"), h.inside("looked_up")
    m.d.sync += sorting.eq(Mux(inside["SORT"], sorting + 1, 0))
    h.prove("sorts in time", ~inside["SORT"] | (sorting < longest * (number + 2)))
    done = (position == number) & ~looked_up
    h.prove("time so far", ~inside["SORT"] | (sorting == (length - 1) * (number + 2) + position + done))
    h.prove("a length at a time", ~inside["SORT"] | ((length != 0) & (position <= number)))
    h.prove("looks up", ~inside["SORT"] | (position == number) | (looked_up == (position != 0)))
    h.prove("looks up only then", inside["SORT"] | ~looked_up)
    h.prove("begins to sort", inside["SORT"] | (sorting == 0) | inside["CHECK"] | inside["LENGTHS"])

    # Codewords.
    ends, owed, deep = take & dut.ends, Signal(2, name="owed"), Signal(5, name="deep")
    with m.If(dut.load):
        m.d.sync += owed.eq(0)
    with m.Else():
        m.d.sync += owed.eq(owed + ends - (dut.o.valid & dut.o.ready))
    with m.If(~inside["CODEWORDS"] | ends):
        m.d.sync += deep.eq(0)
    with m.Elif(take):
        m.d.sync += deep.eq(deep + 1)
    h.prove("a symbol a codeword", owed == dut.o.valid)
    h.prove("ends or is refused", ~inside["CODEWORDS"] | (deep < longest))
    h.prove("bits of a codeword", ~inside["CODEWORDS"] | (deep + 1 == length))
    h.prove("symbols of codewords", ~dut.o.valid | inside["CODEWORDS"] | inside["ERROR"])
    h.prove("takes", ~inside["CODEWORDS"] | (dut.i.ready == (~dut.o.valid | dut.o.ready)))
    stalled = h.before(dut.o.valid & ~dut.o.ready & ~dut.load, name="stalled")
    h.prove("kept", ~stalled | (dut.o.valid & (dut.o.payload == h.before(dut.o.payload, name="symbol"))))
    refused = h.before(dut.error & ~dut.load, name="refused")
    h.prove("error stays", ~refused | (dut.error & ~dut.i.ready))
    return h


PROOF = Proof(
    name="huffman-decoder",
    module="eyrie.host.huffman_decoder",
    component="HuffmanDecoder",
    configuration="16 symbols, lengths of 4 bits, codewords of up to 15; broken variants with 3 symbols, 2 bits, 3",
    build=_build,
    broken_constants={"LENGTH_BITS": 2, "MAX_LENGTH": 3},
    properties=(
        Property(
            name="as many lengths as symbols",
            says="So many bits are taken for each symbol's length, no more and no fewer, before symbols are sorted.",
            broken=Broken(old="with m.If(position == number - 1):", new="with m.If(position == number[1:]):"),
        ),
        Property(
            name="complete",
            says="A table is built only if its code is complete, or has one codeword of one bit, or none.",
            broken=Broken(old="(filled == full) | (used == 0) | lone", new="(filled <= full)"),
            cycles=32,
        ),
        Property(
            name="built or error",
            says="Never both.",
            broken=Broken(old="self.built.eq(1)", new="[self.built.eq(1), self.error.eq(self.o.valid & self.ends)]"),
            cycles=32,
        ),
        Property(
            name="sorts in time",
            says="Sorting takes two cycles more than there are symbols, for each length of codeword, whatever the "
            "lengths.",
            broken=Broken(old="with m.If(words.read_en):", new="with m.If(words.read_en & ~self.i.valid):"),
            cycles=32,
        ),
        Property(
            name="a symbol a codeword",
            says="Each codeword gives one symbol, in the cycle after its last bit; nothing else gives one.",
            broken=Broken(old="with m.If(take & self.ends):", new="with m.If(self.ends):"),
            cycles=32,
        ),
        Property(
            name="takes",
            says="Once the table is there a bit is taken whenever no symbol waits.",
            broken=Broken(old="self.i.ready.eq(~self.o.valid | self.o.ready)", new="self.i.ready.eq(~self.o.valid)"),
            cycles=32,
        ),
        Property(
            name="kept",
            says="A symbol that is not taken stays.",
            broken=Broken(old="with m.If(self.o.ready):", new="with m.If(1):"),
            cycles=32,
        ),
        Property(
            name="error stays",
            says="After an error nothing is taken, and the error stays until a new table is announced.",
            broken=Broken(old="m.d.comb += self.error.eq(1)", new="m.d.comb += [self.error.eq(1), self.i.ready.eq(1)]"),
            cycles=32,
        ),
    ),
)
