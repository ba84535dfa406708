"""The outer form of an image: header, section table, sections; all of it checked as it comes."""

from typing import Any

from amaranth.hdl import Array, Cat, Module, ResetInserter, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from eyrie.common.memory import SyncMemory
from eyrie.host.crc32 import Crc32
from eyrie.host.eie_map import DeviceError
from eyrie.host.image_format import FIRST_LOADED, HEADER_WORDS, MAGIC, TABLE_WORDS, VERSION_WORD, Section

WORD_WIDTH = 32

section_word_layout = data.StructLayout({"data": WORD_WIDTH, "section": range(max(Section) + 1), "last": 1})
"""A word of a section that is to be loaded; ``last`` marks the section's last one."""

_CRC_PLACE = HEADER_WORDS - 1
_HEADER_BYTES = 4 * (HEADER_WORDS + TABLE_WORDS * len(Section))


class SectionReader(wiring.Component):
    """Takes an image, word after word, and hands on those of the sections that are to be loaded.

    A word is handed on in the cycle in which it is taken, before the CRC of its section is known: nothing may come of
    the words before `whole` is high. A section costs two cycles more than its words.

    Parameters
    ----------
    config_hash : int
        64-bit hash of the hardware's configuration; the image must carry it.
    crc_width : int
        Bits that the checksum takes in a cycle, one of `eyrie.host.config.CRC_WIDTHS`. With 32 of them a word can be
        taken in every cycle, with fewer in every ``1 + 32 / crc_width``.

    Members
    -------
    begin : ``In(1)``
        Forget everything: an image begins with the next word. A word in this cycle is taken and forgotten too.
    i : ``In(stream.Signature(WORD_WIDTH))``
        The image. Stalls when ``o`` does, while the checksum takes the word before, and once the image is whole. After
        an error everything is taken and thrown away.
    o : ``Out(stream.Signature(section_word_layout))``
        Words of the sections from `FIRST_LOADED` on.
    words : ``Out(30)``
        Words of the section that ``o`` is in which were not taken yet, while ``o.valid``.
    present : ``Out(len(Section) + 1)``
        Which sections have words, by their number, from the first word on.
    at : ``Out(range(max(Section) + 2))``
        The section that is being read; those before it were right.
    whole : ``Out(1)``
        All of the image came, and all of it was right.
    error : ``Out(DeviceError)``
        What is wrong, until the next `begin`: magic, version, hash, length, section table or a CRC.
    section : ``Out(range(max(Section) + 1))``
        The section that it concerns; 0 for the header and the table.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, *, config_hash: int, crc_width: int = WORD_WIDTH) -> None:
        self.config_hash, self.crc_width = config_hash, crc_width
        super().__init__(
            {
                "begin": In(1),
                "i": In(stream.Signature(WORD_WIDTH)),
                "o": Out(stream.Signature(section_word_layout)),
                "words": Out(30),
                "present": Out(len(Section) + 1),
                "at": Out(range(max(Section) + 2)),
                "whole": Out(1),
                "error": Out(DeviceError),
                "section": Out(range(max(Section) + 1)),
            }
        )

    def elaborate(self, platform: Any) -> Any:
        m = Module()
        m.submodules.crc = crc = Crc32(width=WORD_WIDTH, step=self.crc_width)
        # Length in words and CRC of each section; under number 0 length in bytes and CRC of the header.
        m.submodules.table = table = SyncMemory(shape=WORD_WIDTH, depth=2 * (max(Section) + 1), collision="never")

        word = self.i.payload
        take = Signal()
        place = Signal(range(HEADER_WORDS))
        number = Signal(range(max(Section) + 2))
        end = Signal(32)
        left = Signal(30)
        is_crc = Signal()
        found = Signal.like(self.error)  # a mistake in the table, told once its CRC is known to be right

        def refuse(error: Any) -> None:
            m.d.sync += self.error.eq(error)
            m.next = "REFUSED"

        def note(error: DeviceError) -> None:
            with m.If(found == DeviceError.NONE):
                m.d.sync += found.eq(error)

        m.d.comb += [
            take.eq(self.i.valid & self.i.ready),
            crc.data.eq(word),
            self.o.payload.data.eq(word),
            self.o.payload.section.eq(number),
            self.o.payload.last.eq(left == 1),
            self.at.eq(number),
            self.words.eq(left),
            table.write_address.eq(Cat(is_crc, number)),
            table.write_data.eq(word),
            table.read_address.eq(Cat(is_crc, number)),
        ]

        with m.FSM(name="reader"):
            with m.State("HEADER"):
                hash_low, hash_high = self.config_hash & 0xFFFFFFFF, self.config_hash >> 32
                magic = [int.from_bytes(MAGIC[begin : begin + 4], "little") for begin in (0, 4)]
                expected = Array([*magic, VERSION_WORD, len(Section), hash_low, hash_high, 0, 0])
                errors = Array(
                    [
                        DeviceError.MAGIC,
                        DeviceError.MAGIC,
                        DeviceError.VERSION,
                        DeviceError.SECTIONS,
                        DeviceError.HASH,
                        DeviceError.HASH,
                        DeviceError.NONE,
                        DeviceError.NONE,
                    ]
                )
                m.d.comb += [
                    self.i.ready.eq(crc.ready),
                    crc.valid.eq(take & (place != _CRC_PLACE)),
                    is_crc.eq(place == _CRC_PLACE),
                    table.write_en.eq(take & (place >= HEADER_WORDS - 2)),
                ]
                with m.If(take):
                    m.d.sync += place.eq(place + 1)
                    with m.If(place == _CRC_PLACE):
                        m.d.sync += [number.eq(1), end.eq(_HEADER_BYTES), place.eq(0)]
                        m.next = "TABLE"
                    with m.Elif((word != expected[place]) & (place < HEADER_WORDS - 2)):
                        refuse(errors[place])

            with m.State("TABLE"):
                m.d.comb += [
                    self.i.ready.eq(crc.ready),
                    crc.valid.eq(take),
                    is_crc.eq(place == 3),
                    table.write_en.eq(take & (place >= 2)),
                ]
                with m.If(take):
                    m.d.sync += place.eq(place + 1)
                    with m.Switch(place):
                        with m.Case(0):
                            with m.If(word != number):
                                note(DeviceError.SECTIONS)
                        with m.Case(1):
                            with m.If(word != end):
                                note(DeviceError.SECTIONS)
                        with m.Case(2):
                            m.d.sync += [end.eq(end + word), self.present.bit_select(number, 1).eq(word != 0)]
                            with m.If(word[:2] != 0):
                                note(DeviceError.LENGTH)
                        with m.Case(3):
                            m.d.sync += [place.eq(0), number.eq(number + 1)]
                            with m.If(number == max(Section)):
                                m.d.sync += number.eq(0)
                                m.next = "HEADER_CRC"

            with m.State("HEADER_CRC"):
                m.d.comb += [table.read_en.eq(1), is_crc.eq(1)]
                m.next = "VERIFY"

            with m.State("VERIFY"):
                m.d.comb += table.read_en.eq(crc.ready)
                with m.If(crc.ready):
                    with m.If(crc.crc != table.read_data):
                        refuse(DeviceError.CRC)
                    with m.Elif(found != DeviceError.NONE):
                        refuse(found)
                    with m.Else():
                        m.next = "LENGTH"

            with m.State("LENGTH"):
                m.d.sync += number.eq(1)
                with m.If(end != table.read_data):
                    refuse(DeviceError.LENGTH)
                with m.Else():
                    m.next = "ENTRY"

            with m.State("ENTRY"):
                m.d.comb += [table.read_en.eq(1), crc.start.eq(1)]
                m.next = "OPEN"

            with m.State("OPEN"):
                m.d.comb += [table.read_en.eq(1), is_crc.eq(1)]
                m.d.sync += left.eq(table.read_data >> 2)
                with m.If(table.read_data == 0):
                    m.next = "CLOSE"
                with m.Else():
                    m.next = "WORDS"

            with m.State("WORDS"):
                skipped = number < FIRST_LOADED
                m.d.comb += [
                    self.i.ready.eq(crc.ready & (skipped | self.o.ready)),
                    self.o.valid.eq(self.i.valid & crc.ready & ~skipped),
                    crc.valid.eq(take),
                ]
                with m.If(take):
                    m.d.sync += left.eq(left - 1)
                    with m.If(left == 1):
                        m.next = "CLOSE"

            with m.State("CLOSE"):
                with m.If(crc.ready & (crc.crc != table.read_data)):
                    m.d.sync += self.section.eq(number)
                    refuse(DeviceError.CRC)
                with m.Elif(crc.ready):
                    m.d.sync += number.eq(number + 1)
                    with m.If(number == max(Section)):
                        m.next = "WHOLE"
                    with m.Else():
                        m.next = "ENTRY"

            with m.State("WHOLE"):
                m.d.comb += self.whole.eq(1)

            with m.State("REFUSED"):
                m.d.comb += self.i.ready.eq(1)
        return ResetInserter(self.begin)(m)
