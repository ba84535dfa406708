"""From the sections of an image to the words of a load stream."""

from typing import Any

from amaranth.hdl import Array, Cat, Module, Mux, ResetInserter, Signal
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
        Words of the section that ``i`` is in, while ``i.valid``.
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
        m.submodules.codes = codes = HuffmanDecoder(max_symbols=max(config.codebook_size, n_counts))
        m.submodules.runs = runs = HuffmanDecoder(max_symbols=n_runs)
        # Entries of each PE, as its counts say.
        m.submodules.totals = totals = SyncMemory(shape=WORD_WIDTH, depth=config.n_pes, collision="never")

        word = self.i.payload.data
        section = Signal(range(max(Section) + 1), init=Section.PROGRAM)  # that words are taken from
        here, missing, take, given = Signal(), Signal(), Signal(), Signal()
        ended = Signal()  # the section's last word was taken
        place = Signal(range(max(5, per_word)))  # of the words of a head, or of what makes up a word
        memory, pe = Signal(Memory), Signal(range(max(2, config.n_pes)))
        address, elements, left = Signal(WORD_WIDTH), Signal(WORD_WIDTH), Signal(WORD_WIDTH)
        quads = Signal(range(config.table_depth + 1))
        counts = [Signal(config.count_bits, name=f"count_{number}") for number in range(QUAD)]
        total, total_after = Signal(WORD_WIDTH), Signal(WORD_WIDTH)
        quad = Signal(table_words * WORD_WIDTH)
        code, packed = Signal(config.codebook_bits), Signal(WORD_WIDTH)

        m.d.comb += [
            here.eq(self.i.valid & (self.i.payload.section == section)),
            missing.eq(Mux(self.i.valid, self.i.payload.section != section, self.at_end)),
            take.eq(self.i.valid & self.i.ready),
            given.eq(self.o.valid & self.o.ready),
            bits.i.payload.eq(word),
            codes.i.payload.eq(bits.o.payload),
            runs.i.payload.eq(bits.o.payload),
            total_after.eq(total + sum(counts)),
            quad.eq(Cat((total + counts[0] + counts[1])[: config.entry_address_width], *counts)),
            totals.write_address.eq(pe),
            totals.write_data.eq(total_after),
            totals.read_address.eq(pe),
        ]
        with m.If(take):
            m.d.sync += ended.eq(self.i.payload.last)

        def refuse(error: DeviceError) -> None:
            m.d.sync += [self.error.eq(error), self.section.eq(section)]
            m.next = "ERROR"

        def give(value: Any) -> None:
            m.d.comb += [self.o.valid.eq(1), self.o.payload.eq(value)]

        def pass_bits(decoder: HuffmanDecoder) -> None:
            """Bits of this section go to a decoder."""
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

        def take_table(decoder: HuffmanDecoder, then: str) -> None:
            with m.If(decoder.built):
                m.d.sync += [pe.eq(0), total.eq(0)]
                m.next = then
            with m.Else():
                pass_bits(decoder)

        def take_codeword(decoder: HuffmanDecoder, then: str) -> None:
            pass_bits(decoder)
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
                with m.If(missing):
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
                with m.Elif(take & ((word % QUAD != 0) | (word == 0) | (word > QUAD * config.table_depth))):
                    refuse(DeviceError.CONTENT)
                with m.Elif(take):
                    m.next = "SYMBOLS"

            with m.State("SYMBOLS"):
                m.d.comb += [self.i.ready.eq(here), codes.load.eq(here), codes.n_symbols.eq(word)]
                with m.If(missing):
                    refuse(DeviceError.CONTENT)
                with m.Elif(take & ((word == 0) | (word > n_counts))):
                    refuse(DeviceError.CONTENT)
                with m.Elif(take):
                    m.next = "COUNT_TABLE"

            with m.State("COUNT_TABLE"):
                take_table(codes, "COLUMNS_HEAD")

            with m.State("COLUMNS_HEAD"):
                m.d.sync += [memory.eq(Memory.TABLE), address.eq(0), elements.eq(quads), total.eq(0)]
                m.next = "PACKET_HEAD"

            with m.State("COUNT_BITS"):
                take_codeword(codes, "COUNT")

            with m.State("COUNT"):
                m.d.comb += codes.o.ready.eq(1)
                m.d.sync += place.eq(place + 1)
                with m.Switch(place):
                    for number, count in enumerate(counts):
                        with m.Case(number):
                            m.d.sync += count.eq(codes.o.payload)
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
                    m.d.sync += [place.eq(0), left.eq(left - 1), total.eq(total_after)]
                    with m.If(left == 1):
                        m.d.comb += totals.write_en.eq(1)
                        next_pe("COLUMNS_HEAD", "COUNTS_END")
                    with m.Else():
                        m.next = "COUNT_BITS"

            with m.State("COUNTS_END"):
                m.d.comb += [codes.load.eq(1), codes.n_symbols.eq(config.codebook_size)]
                end_section(Section.ENTRIES, "CODE_TABLE")

            with m.State("CODE_TABLE"):
                m.d.comb += [runs.load.eq(codes.built), runs.n_symbols.eq(n_runs)]
                take_table(codes, "RUN_TABLE")

            with m.State("RUN_TABLE"):
                take_table(runs, "TOTAL")

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
                take_codeword(codes, "CODE")

            with m.State("CODE"):
                m.d.comb += codes.o.ready.eq(1)
                m.d.sync += code.eq(codes.o.payload)
                m.next = "RUN_BITS"

            with m.State("RUN_BITS"):
                take_codeword(runs, "RUN")

            with m.State("RUN"):
                m.d.comb += runs.o.ready.eq(1)
                m.d.sync += [
                    packed.word_select(place, config.entry_width).eq(Cat(code, runs.o.payload)),
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
                with m.If(missing | (take & (word == 0))):
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
