"""Decoder of canonical Huffman codes that come with their tables (see `eyrie.compress.huffman`)."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import enum, stream, wiring
from amaranth.lib.wiring import In, Out

from eyrie.common.memory import SyncMemory
from eyrie.host.image_format import LENGTH_BITS, MAX_LENGTH


class State(enum.Enum):
    """What the decoder is doing."""

    IDLE = 0
    LENGTHS = 1
    SORT = 2
    CHECK = 3
    CODEWORDS = 4
    ERROR = 5


class HuffmanDecoder(wiring.Component):
    """Takes the lengths of the codewords, then codewords, a bit a cycle, and gives symbols.

    Between the lengths and the first codeword it sorts the symbols, which takes fifteen times two cycles more than
    there are symbols, and one more. A codeword is followed down the tree: the place of a node among those of its level
    that are no symbols is twice that of its parent, and its own bit, less the symbols of its level, which come first.

    It keeps two tables, loaded one after the other, whose codewords may come in any order.

    Parameters
    ----------
    max_symbols : int
        Most symbols of a table, 2 to 256.

    Members
    -------
    load : ``In(1)``
        A new table follows. Whatever was under way is forgotten, and so is a bit that is taken in this cycle; the other
        table stays.
    table : ``In(1)``
        Which one follows, while `load` is high. Later the one of the next codeword: when `built` goes up that of the
        first, from one cycle before on, and with the last bit of a codeword that of the one behind it.
    n_symbols : ``In(range(max_symbols + 1))``
        Symbols of the table, 1 or more, while `load` is high.
    i : ``In(stream.Signature(1))``
        Bits: four for each symbol's length, the highest first (0 for a symbol that does not occur), then codewords.
    ends : ``Out(1)``
        The bit on ``i`` is the last one of a codeword.
    o : ``Out(stream.Signature(range(max_symbols)))``
        Symbols, each in the cycle after the last bit of its codeword was taken.
    built : ``Out(1)``
        The table that was loaded last is there, and the code is complete (or has a single codeword, of one bit, or
        none).
    error : ``Out(1)``
        The lengths were those of no such code, or bits came that are no codeword. Stays until the next load; nothing is
        taken meanwhile.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, *, max_symbols: int) -> None:
        if not 2 <= max_symbols <= 256:
            raise ValueError(f"max_symbols must be 2 to 256, not {max_symbols}")
        self.max_symbols = max_symbols
        super().__init__(
            {
                "load": In(1),
                "table": In(1),
                "n_symbols": In(range(max_symbols + 1)),
                "i": In(stream.Signature(1)),
                "ends": Out(1),
                "o": Out(stream.Signature(range(max_symbols))),
                "built": Out(1),
                "error": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        state = Signal(State)
        full = 1 << MAX_LENGTH
        # Lengths until the symbols are sorted, in the upper half; symbols of both tables, one beside the other, below.
        symbol_width = (self.max_symbols - 1).bit_length()
        m.submodules.words = words = SyncMemory(
            shape=max(LENGTH_BITS, symbol_width), depth=4 << symbol_width, collision="never"
        )
        m.submodules.counts = counts = SyncMemory(
            shape=range(self.max_symbols + 1), depth=2 * (MAX_LENGTH + 1), collision="never"
        )

        table = Signal()  # that is loaded, or of this codeword
        number = Signal(range(self.max_symbols + 1))  # symbols of the table
        position = Signal(range(self.max_symbols + 1))
        length = Signal(LENGTH_BITS)  # of the codewords that are sorted, or of the codeword so far, with the next bit
        nibble, nibble_bits = Signal(LENGTH_BITS - 1), Signal(range(LENGTH_BITS))
        new_length = Signal(LENGTH_BITS)
        filled = Signal(range(self.max_symbols * full // 2 + 1))  # of the code's space, a full one being `full`
        used = Signal(range(self.max_symbols + 1))
        looked_up = Signal()  # a length comes out of its memory
        index = Signal(range(self.max_symbols + 1))  # symbols of shorter codewords, and those sorted so far
        count = Signal.like(index)
        place = Signal(range(4 * self.max_symbols))
        below = Signal.like(place)
        take, length_address = Signal(), Signal(symbol_width + 2)

        m.d.comb += [
            take.eq(self.i.valid & self.i.ready),
            new_length.eq(Cat(self.i.payload, nibble)),
            length_address.eq(Cat(position[:symbol_width], Const(0b10, 2))),
            words.write_address.eq(Cat(table, index[:symbol_width], Const(0, 1))),
            words.write_data.eq(position - 1),
            words.read_address.eq(length_address),
            counts.write_address.eq(Cat(table, length)),
            counts.write_data.eq(count),
            self.o.payload.eq(words.read_data),
            below.eq(Cat(self.i.payload, place)),
        ]
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)

        with m.Switch(state):
            with m.Case(State.LENGTHS):
                m.d.comb += [
                    self.i.ready.eq(1),
                    words.write_address.eq(length_address),
                    words.write_data.eq(new_length),
                ]
                with m.If(take):
                    m.d.sync += [nibble.eq(new_length), nibble_bits.eq(nibble_bits + 1)]
                    with m.If(nibble_bits == LENGTH_BITS - 1):
                        m.d.comb += words.write_en.eq(1)
                        m.d.sync += position.eq(position + 1)
                        with m.If(new_length != 0):
                            m.d.sync += [filled.eq(filled + (full >> new_length)), used.eq(used + 1)]
                        with m.If(position == number - 1):
                            m.d.sync += [position.eq(0), length.eq(1), index.eq(0), count.eq(0)]
                            m.d.sync += state.eq(State.SORT)

            # Once for each length: a symbol a cycle out of the memory, and looked at in the next one.
            with m.Case(State.SORT):
                m.d.comb += words.read_en.eq(position != number)
                m.d.sync += looked_up.eq(words.read_en)
                with m.If(words.read_en):
                    m.d.sync += position.eq(position + 1)
                with m.If(looked_up & (words.read_data == length)):
                    m.d.comb += words.write_en.eq(1)
                    m.d.sync += [index.eq(index + 1), count.eq(count + 1)]
                with m.If(~words.read_en & ~looked_up):
                    m.d.comb += counts.write_en.eq(1)
                    m.d.sync += [position.eq(0), count.eq(0), length.eq(length + 1)]
                    with m.If(length == MAX_LENGTH):
                        m.d.sync += state.eq(State.CHECK)

            with m.Case(State.CHECK):
                m.d.comb += [counts.read_en.eq(1), counts.read_address.eq(Cat(self.table, Const(1, LENGTH_BITS)))]
                m.d.sync += [table.eq(self.table), length.eq(1), index.eq(0), place.eq(0)]
                lone = (used == 1) & (filled == full // 2)
                with m.If((filled == full) | (used == 0) | lone):
                    m.d.sync += state.eq(State.CODEWORDS)
                with m.Else():
                    m.d.sync += state.eq(State.ERROR)

            with m.Case(State.CODEWORDS):
                m.d.comb += [
                    self.built.eq(1),
                    self.i.ready.eq(~self.o.valid | self.o.ready),
                    self.ends.eq(below < counts.read_data),
                    counts.read_en.eq(take),
                    counts.read_address.eq(
                        Mux(self.ends, Cat(self.table, Const(1, LENGTH_BITS)), Cat(table, length + 1))
                    ),
                    words.read_en.eq(take & self.ends),
                    words.read_address.eq(Cat(table, (index + below)[:symbol_width], Const(0, 1))),
                ]
                with m.If(take & self.ends):
                    m.d.sync += [self.o.valid.eq(1), table.eq(self.table), length.eq(1), index.eq(0), place.eq(0)]
                with m.Elif(take & (length == MAX_LENGTH)):
                    m.d.sync += state.eq(State.ERROR)
                with m.Elif(take):
                    m.d.sync += [
                        length.eq(length + 1),
                        index.eq(index + counts.read_data),
                        place.eq(below - counts.read_data),
                    ]

            with m.Case(State.ERROR):
                m.d.comb += self.error.eq(1)

        with m.If(self.load):
            m.d.sync += [
                table.eq(self.table),
                number.eq(self.n_symbols),
                position.eq(0),
                nibble_bits.eq(0),
                filled.eq(0),
                used.eq(0),
                looked_up.eq(0),
                self.o.valid.eq(0),
                state.eq(State.LENGTHS),
            ]

        return m
