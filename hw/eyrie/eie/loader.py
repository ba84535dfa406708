"""Loader: takes the load stream apart and checks it (see `eyrie.eie.load_format`)."""

from typing import Any

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.crc.catalog import CRC32_ISO_HDLC
from amaranth.lib.wiring import In, Out

from eyrie.eie.config import FORMAT_VERSION, EieConfig
from eyrie.eie.layouts import Op, command_layout
from eyrie.eie.load_format import (
    MAGIC,
    WORD_WIDTH,
    LoadError,
    Memory,
    element_width,
    elements_per_word,
    memory_depth,
    words_per_element,
)

load_word_layout = data.StructLayout({"data": WORD_WIDTH, "last": 1})
"""A word of the load stream; ``last`` marks the stream's last one."""

_OPS = (Op.NONE, Op.WRITE_ENTRY, Op.WRITE_TABLE)
"""The command that writes to a memory, by `Memory`; the program memory needs none."""


class Loader(wiring.Component):
    """Writes the elements of a load stream into the memories, one a cycle, and vouches for the whole.

    A word is taken every five cycles at most. It waits in a register first, as it may come from far away.

    With ``entry_memory="single_port"``, which is for small parts, addresses and counts are as narrow as the memories
    ask for, and a number that is too large for them is refused as soon as it comes. Otherwise they are whole words.

    Parameters
    ----------
    config : EieConfig
        Geometry; the stream must carry its hash.

    Members
    -------
    i : ``In(stream.Signature(load_word_layout))``
        The load stream.
    enable : ``In(1)``
        Words are taken.
    first : ``Out(1)``
        The first word of a stream is being taken.
    error : ``Out(4)``
        A `LoadError` in the cycle in which it is found, else 0. What is left of the stream is thrown away.
    loaded : ``Out(1)``
        A whole stream was taken, and it was right: some cycles after its last word came, as that waits until the
        elements of the word before it are written. The same holds for `error`, and for the end of an older `loaded`.
    command : ``Out(command_layout(config))``
    pe : ``Out(max(1, config.pe_width))``
        Writes to a PE's memory.
    program_write : ``Out(1)``
    program_address : ``Out(range(config.program_depth))``
    program_data : ``Out(32)``
        Writes to the program memory.
    """

    i: stream.Interface

    def __init__(self, config: EieConfig) -> None:
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(load_word_layout)),
                "enable": In(1),
                "first": Out(1),
                "error": Out(4),
                "loaded": Out(1),
                "command": Out(command_layout(config)),
                "pe": Out(max(1, config.pe_width)),
                "program_write": Out(1),
                "program_address": Out(max(1, (config.program_depth - 1).bit_length())),
                "program_data": Out(32),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config
        m.submodules.crc = crc = CRC32_ISO_HDLC(data_width=8).create()

        word, last, there = Signal(WORD_WIDTH), Signal(), Signal()
        take, wants, early, ended, ready = Signal(), Signal(), Signal(), Signal(), Signal()
        crc_word, crc_bytes = Signal(WORD_WIDTH), Signal(range(WORD_WIDTH // 8 + 1))
        header = Signal(range(5))
        narrow = config.entry_memory == "single_port"
        number_width = max(memory_depth(config, kind) for kind in Memory).bit_length() if narrow else WORD_WIDTH
        number, too_large = word[:number_width], word[number_width:].any()
        packets = Signal(number_width)
        memory, pe = Signal(range(len(Memory))), Signal.like(self.pe)
        address, elements = Signal(number_width), Signal(number_width)
        held, held_elements = Signal(WORD_WIDTH), Signal(range(WORD_WIDTH + 1))
        low, low_held = Signal(WORD_WIDTH), Signal()

        def per_memory(values: dict[Memory, int]) -> Any:
            return Array([values[kind] for kind in Memory])[memory]

        widths = {kind: element_width(config, kind) for kind in Memory}
        width = per_memory(widths)
        depth = per_memory({kind: memory_depth(config, kind) for kind in Memory})
        per_word = per_memory({kind: elements_per_word(bits) for kind, bits in widths.items()})
        wide = per_memory({kind: words_per_element(bits) - 1 for kind, bits in widths.items()})

        m.d.comb += [
            self.i.ready.eq(~there & self.enable),
            take.eq(there & wants),
            early.eq(take & last),
            crc.valid.eq(crc_bytes != 0),
            crc.data.eq(crc_word[:8]),
            ready.eq(self.enable & (crc_bytes == 0)),
            self.program_address.eq(address),
            self.program_data.eq(held),
            self.command.address.eq(Mux(memory == Memory.TABLE, address << 2, address)),
            self.pe.eq(pe),
        ]

        with m.If(self.i.ready):
            m.d.sync += [word.eq(self.i.payload.data), last.eq(self.i.payload.last), there.eq(self.i.valid)]
        with m.Elif(take):
            m.d.sync += there.eq(0)

        # The CRC takes a byte a cycle: less logic, and no slower where a word holds four elements.
        with m.If(take):
            m.d.sync += [ended.eq(last), crc_word.eq(word), crc_bytes.eq(WORD_WIDTH // 8)]
        with m.Elif(crc_bytes != 0):
            m.d.sync += [crc_word.eq(crc_word >> 8), crc_bytes.eq(crc_bytes - 1)]

        def refuse(error: Any) -> None:
            m.d.comb += self.error.eq(error)
            m.next = "DISCARD"

        def refuse_if_too_large() -> None:
            if narrow:
                with m.If(too_large):
                    refuse(LoadError.PACKET)

        with m.FSM(name="loader"):
            with m.State("HEADER"):
                expected = Array([MAGIC, FORMAT_VERSION, config.hash >> 32, config.hash & 0xFFFFFFFF])
                refusal = Array([LoadError.MAGIC, LoadError.VERSION, LoadError.HASH, LoadError.HASH])
                m.d.comb += [wants.eq(ready), crc.start.eq(header == 0)]
                with m.If(take):
                    m.d.sync += header.eq(header + 1)
                    with m.If(header == 0):
                        m.d.comb += self.first.eq(1)
                        m.d.sync += self.loaded.eq(0)
                with m.If(early):
                    refuse(LoadError.LENGTH)
                with m.Elif(take & (header == 4)):
                    m.d.sync += packets.eq(word)
                    with m.If(word == 0):
                        m.next = "CRC"
                    with m.Else():
                        m.next = "PACKET"
                    refuse_if_too_large()
                with m.Elif(take & (word != expected[header[:2]])):
                    refuse(refusal[header[:2]])

            with m.State("PACKET"):
                m.d.comb += wants.eq(ready)
                n_pes = Mux(word[16:] == Memory.PROGRAM, 1, config.n_pes)
                with m.If(take):
                    m.d.sync += [memory.eq(word[16:]), pe.eq(word[:16]), packets.eq(packets - 1)]
                with m.If(early):
                    refuse(LoadError.LENGTH)
                with m.Elif(take & ((word[16:] > max(Memory)) | (word[:16] >= n_pes))):
                    refuse(LoadError.PACKET)
                with m.Elif(take):
                    m.next = "ADDRESS"

            with m.State("ADDRESS"):
                m.d.comb += wants.eq(ready)
                with m.If(take):
                    m.d.sync += address.eq(word)
                with m.If(early):
                    refuse(LoadError.LENGTH)
                with m.Elif(take):
                    m.next = "COUNT"
                    refuse_if_too_large()

            with m.State("COUNT"):
                m.d.comb += wants.eq(ready)
                with m.If(take):
                    m.d.sync += [elements.eq(word), low_held.eq(0)]
                with m.If(early):
                    refuse(LoadError.LENGTH)
                with m.Elif(take & ((word == 0) | (address + number > depth))):
                    refuse(LoadError.PACKET)
                with m.Elif(take):
                    m.next = "WORD"
                    refuse_if_too_large()

            with m.State("WORD"):
                m.d.comb += wants.eq(ready)
                with m.If(take):
                    m.d.sync += [held.eq(word), held_elements.eq(per_word)]
                with m.If(early):
                    refuse(LoadError.LENGTH)
                with m.Elif(take & wide & ~low_held):
                    m.d.sync += [low.eq(word), low_held.eq(1)]
                with m.Elif(take):
                    m.d.sync += low_held.eq(0)
                    m.next = "ELEMENTS"

            with m.State("ELEMENTS"):
                m.d.sync += [
                    held_elements.eq(held_elements - 1),
                    held.eq(held >> width),
                    address.eq(address + 1),
                    elements.eq(elements - 1),
                ]
                m.d.comb += [
                    self.program_write.eq(memory == Memory.PROGRAM),
                    self.command.op.eq(Array(_OPS)[memory]),
                    self.command.data.eq(Mux(wide, Cat(low, held), held)),
                ]
                with m.If(elements == 1):
                    with m.If(packets == 0):
                        m.next = "CRC"
                    with m.Else():
                        m.next = "PACKET"
                with m.Elif(held_elements == 1):
                    m.next = "WORD"

            with m.State("CRC"):
                m.d.comb += wants.eq(ready)
                with m.If(take & ~last):
                    refuse(LoadError.LENGTH)
                with m.Elif(take & (word != crc.crc)):
                    refuse(LoadError.CRC)
                with m.Elif(take):
                    m.d.sync += [self.loaded.eq(1), header.eq(0)]
                    m.next = "HEADER"

            # What follows a refusal is thrown away up to the stream's end, which may be behind us already.
            with m.State("DISCARD"):
                m.d.comb += wants.eq(self.enable & ~ended)
                with m.If(ended | (take & last)):
                    m.d.sync += header.eq(0)
                    m.next = "HEADER"
        return m
