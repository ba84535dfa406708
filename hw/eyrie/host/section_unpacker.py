"""From the sections of an image to the words of a load stream."""

from typing import Any

from amaranth.hdl import Array, Cat, Module, Mux, ResetInserter, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from eyrie.common.memory import SyncMemory
from eyrie.eie.config import FORMAT_VERSION, QUAD, EieConfig
from eyrie.eie.load_format import MAGIC, Memory, elements_per_word, words_per_element
from eyrie.host.bit_reader import BitReader
from eyrie.host.eie_map import DeviceError
from eyrie.host.huffman_decoder import HuffmanDecoder
from eyrie.host.image_format import Section
from eyrie.host.section_reader import section_word_layout

WORD_WIDTH = 32

_CODES, _RUNS = 0, 1
"""The decoder's tables: of counts and of codes, and of runs."""


class SectionUnpacker(wiring.Component):
    """Turns sections into packets for the engine, see `eyrie.host.image_format` and `eyrie.eie.load_format`.

    Program, columns of each PE, entries of each PE (one that is 0 where there are none), biases of each PE, scales of
    each PE. A bit of a Huffman stream takes a cycle, a symbol two more, a packet's head three words.

    Parameters
    ----------
    config : EieConfig
        The engine. A count of entries is one symbol: ``count_bits`` is 8 at most.

    Members
    -------
    clear : ``In(1)``
        Begin anew.
    i : ``In(stream.Signature(section_word_layout))``
        Words of the sections, from `eyrie.host.section_reader.SectionReader`.
    words : ``In(30)``
        Words of the section that ``i`` is in which were not taken yet, while ``i.valid``.
    present : ``In(len(Section) + 1)``
        Which sections have words, by their number, from the first word on.
    at_end : ``In(1)``
        No more words will come.
    o : ``Out(stream.Signature(WORD_WIDTH))``
        The load stream but for its last word.
    done : ``Out(1)``
        All of it was given.
    error : ``Out(DeviceError)``
        CONTENT or CODE, until `clear`. Everything is taken and nothing given then.
    section : ``Out(range(max(Section) + 1))``
        The section in which it was found.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: EieConfig) -> None:
        if config.count_bits > 8:
            raise ValueError(f"the loader takes engines of up to 8 count_bits, not {config.count_bits}")
        self.config = config
        super().__init__(
            {
                "clear": In(1),
                "i": In(stream.Signature(section_word_layout)),
                "words": In(30),
                "present": In(len(Section) + 1),
                "at_end": In(1),
                "o": Out(stream.Signature(WORD_WIDTH)),
                "done": Out(1),
                "error": Out(DeviceError),
                "section": Out(range(max(Section) + 1)),
            }
        )

    def elaborate(self, platform: Any) -> Any:
        m = Module()
        config = self.config
        n_counts, n_runs = 1 << config.count_bits, 1 << config.index_bits
        per_word = elements_per_word(config.entry_width)
        table_words = words_per_element(config.table_width)
        m.submodules.bits = bits = BitReader()
        m.submodules.decoder = decoder = HuffmanDecoder(max_symbols=max(config.codebook_size, n_counts, n_runs))
        # Entries of each PE, as its counts say.
        most_entries = QUAD * config.table_depth * config.max_count
        m.submodules.totals = totals = SyncMemory(shape=range(most_entries + 1), depth=config.n_pes, collision="never")

        word = self.i.payload.data
        section = Signal(range(max(Section) + 1), init=Section.PROGRAM)  # that words are taken from
        here, missing, take, given = Signal(), Signal(), Signal(), Signal()
        ended = Signal()  # the section's last word was taken
        place = Signal(range(max(5, per_word)))  # of the words of a head, or of what makes up a word
        memory, pe = Signal(Memory), Signal(range(max(2, config.n_pes)))
        address = Signal(range(3 * config.table_depth))
        elements = Signal(range(max(most_entries, config.program_depth, config.table_depth) + 1))
        left = Signal.like(elements)
        quads = Signal(range(config.table_depth + 1))
        counts = [Signal(config.count_bits, name=f"count_{number}") for number in range(QUAD)]
        total = Signal(range(most_entries + 1))  # entries of the columns so far, or still to come
        base = Signal(config.entry_address_width)  # of the third of four columns
        quad = Signal(table_words * WORD_WIDTH)
        code, packed = Signal(config.codebook_bits), Signal(WORD_WIDTH)

        m.d.comb += [
            here.eq(self.i.valid & (self.i.payload.section == section)),
            missing.eq(Mux(self.i.valid, self.i.payload.section != section, self.at_end)),
            take.eq(self.i.valid & self.i.ready),
            given.eq(self.o.valid & self.o.ready),
            bits.i.payload.eq(word),
            decoder.i.payload.eq(bits.o.payload),
            quad.eq(Cat(base, *counts)),
            totals.write_address.eq(pe),
            totals.write_data.eq(total),
            totals.read_address.eq(pe),
        ]
        with m.If(take):
            m.d.sync += ended.eq(self.i.payload.last)

        def refuse(error: DeviceError) -> None:
            m.d.sync += [self.error.eq(error), self.section.eq(section)]
            m.next = "ERROR"

        def give(value: Any) -> None:
            m.d.comb += [self.o.valid.eq(1), self.o.payload.eq(value)]

        def pass_bits() -> None:
            """Bits of this section go to the decoder."""
            m.d.comb += [
                bits.i.valid.eq(here & decoder.i.ready),
                self.i.ready.eq(here & decoder.i.ready & bits.i.ready),
                decoder.i.valid.eq(bits.o.valid),
                bits.o.ready.eq(decoder.i.ready),
            ]
            with m.If(decoder.error):
                refuse(DeviceError.CODE)
            with m.Elif(decoder.i.ready & bits.i.ready & missing):
                refuse(DeviceError.CONTENT)

        def take_table(then: str) -> None:
            with m.If(decoder.built):
                m.d.sync += [pe.eq(0), total.eq(0)]
                m.next = then
            with m.Else():
                pass_bits()

        def take_codeword(then: str, *, next_table: int) -> None:
            m.d.comb += decoder.table.eq(next_table)
            pass_bits()
            with m.If(decoder.i.valid & decoder.i.ready & decoder.ends):
                m.next = then

        def end_section(number: Section, then: str) -> None:
            """All is there that a section must hold: its words must be at their end."""
            m.d.comb += bits.clear.eq(1)
            with m.If(ended):
                m.d.sync += section.eq(number)
                m.next = then
            with m.Else():
                refuse(DeviceError.CONTENT)

        def next_pe(then: str, after_last: str) -> None:
            m.d.sync += pe.eq(pe + 1)
            with m.If(pe == config.n_pes - 1):
                m.next = after_last
            with m.Else():
                m.next = then

        with m.FSM(name="unpacker"):
            with m.State("STREAM_HEAD"):
                n_packets = 1 + config.n_pes * (3 + self.present[Section.SCALE])
                head = Array([MAGIC, FORMAT_VERSION, config.hash >> 32, config.hash & 0xFFFFFFFF, n_packets])
                with m.If(missing | (here & _exceeds(self.words, config.program_depth))):
                    refuse(DeviceError.CONTENT)
                with m.Elif(here):
                    give(head[place])
                with m.If(given):
                    m.d.sync += place.eq(place + 1)
                    with m.If(place == 4):
                        m.d.sync += [place.eq(0), memory.eq(Memory.PROGRAM), address.eq(0), elements.eq(self.words)]
                        m.next = "PACKET_HEAD"

            with m.State("PACKET_HEAD"):
                give(Array([memory << 16 | pe, address, elements])[place])
                with m.If(given):
                    m.d.sync += place.eq(place + 1)
                    with m.If(place == 2):
                        m.d.sync += [place.eq(0), left.eq(elements)]
                        with m.Switch(section):
                            with m.Case(Section.PROGRAM):
                                m.next = "PROGRAM"
                            with m.Case(Section.COUNTS):
                                m.next = "COUNT_BITS"
                            with m.Case(Section.ENTRIES):
                                with m.If(total == 0):
                                    m.next = "ENTRY_WORD"
                                with m.Else():
                                    m.next = "CODE_BITS"
                            with m.Default():
                                m.next = "ROW"

            with m.State("PROGRAM"):
                with m.If(here):
                    give(word)
                m.d.comb += self.i.ready.eq(here & self.o.ready)
                with m.If(missing):
                    refuse(DeviceError.CONTENT)
                with m.Elif(take & self.i.payload.last):
                    m.d.sync += section.eq(Section.COUNTS)
                    m.next = "COLUMNS"

            with m.State("COLUMNS"):
                m.d.comb += self.i.ready.eq(here)
                m.d.sync += quads.eq(word >> 2)
                with m.If(missing):
                    refuse(DeviceError.CONTENT)
                with m.Elif(take & ((word % QUAD != 0) | (word == 0) | _exceeds(word, QUAD * config.table_depth))):
                    refuse(DeviceError.CONTENT)
                with m.Elif(take):
                    m.next = "SYMBOLS"

            with m.State("SYMBOLS"):
                m.d.comb += [self.i.ready.eq(here), decoder.load.eq(here), decoder.n_symbols.eq(word)]
                with m.If(missing):
                    refuse(DeviceError.CONTENT)
                with m.Elif(take & ((word == 0) | _exceeds(word, n_counts))):
                    refuse(DeviceError.CONTENT)
                with m.Elif(take):
                    m.next = "COUNT_TABLE"

            with m.State("COUNT_TABLE"):
                take_table("COLUMNS_HEAD")

            with m.State("COLUMNS_HEAD"):
                m.d.sync += [memory.eq(Memory.TABLE), address.eq(0), elements.eq(quads), total.eq(0)]
                m.next = "PACKET_HEAD"

            with m.State("COUNT_BITS"):
                take_codeword("COUNT", next_table=_CODES)

            with m.State("COUNT"):
                m.d.comb += decoder.o.ready.eq(1)
                m.d.sync += [place.eq(place + 1), total.eq(total + decoder.o.payload)]
                with m.If(place == QUAD // 2):
                    m.d.sync += base.eq(total)
                with m.Switch(place):
                    for number, count in enumerate(counts):
                        with m.Case(number):
                            m.d.sync += count.eq(decoder.o.payload)
                with m.If(place == QUAD - 1):
                    m.d.sync += place.eq(0)
                    m.next = "QUAD"
                with m.Else():
                    m.next = "COUNT_BITS"

            with m.State("QUAD"):
                give(quad.word_select(place, WORD_WIDTH))
                with m.If(given & (place != table_words - 1)):
                    m.d.sync += place.eq(place + 1)
                with m.Elif(given):
                    m.d.sync += [place.eq(0), left.eq(left - 1)]
                    with m.If(left == 1):
                        m.d.comb += totals.write_en.eq(1)
                        next_pe("COLUMNS_HEAD", "COUNTS_END")
                    with m.Else():
                        m.next = "COUNT_BITS"

            with m.State("COUNTS_END"):
                m.d.comb += [decoder.load.eq(1), decoder.n_symbols.eq(config.codebook_size)]
                end_section(Section.ENTRIES, "CODE_TABLE")

            with m.State("CODE_TABLE"):
                m.d.comb += [decoder.load.eq(decoder.built), decoder.n_symbols.eq(n_runs)]
                with m.If(decoder.built):
                    m.d.comb += decoder.table.eq(_RUNS)
                take_table("RUN_TABLE")

            with m.State("RUN_TABLE"):
                take_table("TOTAL")

            with m.State("TOTAL"):
                m.d.comb += totals.read_en.eq(1)
                m.next = "ENTRIES_HEAD"

            with m.State("ENTRIES_HEAD"):
                m.d.sync += [
                    memory.eq(Memory.ENTRY),
                    address.eq(0),
                    total.eq(totals.read_data),
                    elements.eq(Mux(totals.read_data == 0, 1, totals.read_data)),
                    packed.eq(0),
                ]
                m.next = "PACKET_HEAD"

            with m.State("CODE_BITS"):
                take_codeword("CODE", next_table=_RUNS)

            with m.State("CODE"):
                m.d.comb += decoder.o.ready.eq(1)
                m.d.sync += code.eq(decoder.o.payload)
                m.next = "RUN_BITS"

            with m.State("RUN_BITS"):
                take_codeword("RUN", next_table=_CODES)

            with m.State("RUN"):
                m.d.comb += decoder.o.ready.eq(1)
                m.d.sync += [
                    packed.word_select(place, config.entry_width).eq(Cat(code, decoder.o.payload[: config.index_bits])),
                    place.eq(place + 1),
                    total.eq(total - 1),
                ]
                with m.If((place == per_word - 1) | (total == 1)):
                    m.next = "ENTRY_WORD"
                with m.Else():
                    m.next = "CODE_BITS"

            with m.State("ENTRY_WORD"):
                give(packed)
                with m.If(given):
                    m.d.sync += [packed.eq(0), place.eq(0)]
                    with m.If(total == 0):
                        next_pe("TOTAL", "ENTRIES_END")
                    with m.Else():
                        m.next = "CODE_BITS"

            with m.State("ENTRIES_END"):
                m.d.sync += address.eq(quads)
                end_section(Section.BIAS, "ROWS")

            with m.State("ROWS"):
                m.d.comb += self.i.ready.eq(here)
                m.d.sync += [memory.eq(Memory.TABLE), pe.eq(0), elements.eq(word)]
                with m.If(missing | (take & ((word == 0) | _exceeds(word, config.table_depth)))):
                    refuse(DeviceError.CONTENT)
                with m.Elif(take):
                    m.next = "PACKET_HEAD"

            with m.State("ROW"):
                # Words that the section has of an element, as far as the table has them; zeros above.
                from_section = (place == 0) | ((section == Section.BIAS) & (config.accumulator_width > WORD_WIDTH))
                with m.If(~from_section):
                    give(0)
                with m.Elif(here):
                    give(word)
                m.d.comb += self.i.ready.eq(here & from_section & self.o.ready)
                with m.If(from_section & missing):
                    refuse(DeviceError.CONTENT)
                with m.Elif(given & (place != table_words - 1)):
                    m.d.sync += place.eq(place + 1)
                with m.Elif(given):
                    m.d.sync += [place.eq(0), left.eq(left - 1)]
                    with m.If(left == 1):
                        next_pe("PACKET_HEAD", "ROWS_END")

            with m.State("ROWS_END"):
                m.d.sync += address.eq(address + elements)
                with m.If((section == Section.BIAS) & self.present[Section.SCALE]):
                    end_section(Section.SCALE, "ROWS")
                with m.Else():
                    end_section(Section.SCALE, "DONE")

            with m.State("DONE"):
                m.d.comb += self.done.eq(1)

            with m.State("ERROR"):
                m.d.comb += self.i.ready.eq(1)
        return ResetInserter(self.clear)(m)


def _exceeds(number: Value, limit: int) -> Value:
    """Whether a number is greater, in less logic than a comparison of all its bits takes."""
    width = limit.bit_length()
    return number[width:].any() | (number[:width] > limit)
