"""The loader of images: container, sections, load stream, and a verdict."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from eyrie.eie.config import EieConfig
from eyrie.eie.loader import load_word_layout
from eyrie.host.eie_map import DeviceError
from eyrie.host.image_format import Section
from eyrie.host.load_stream_writer import LoadStreamWriter
from eyrie.host.section_reader import SectionReader
from eyrie.host.section_unpacker import SectionUnpacker

WORD_WIDTH = 32

_VERDICT_CYCLES = 63
"""Cycles in which the engine must say that the stream was right, from the one after that took its last word."""


class ImageLoader(wiring.Component):
    """Loads an image into an engine, and says so only once all of it was right.

    An image that stops in the middle leaves the loader waiting for the rest, or for the next `begin`.

    Parameters
    ----------
    config : EieConfig
        The engine.
    crc_width : int
        Bits that checksums take in a cycle, one of `eyrie.host.config.CRC_WIDTHS`.

    Members
    -------
    begin : ``In(1)``
        Forget what was loaded, and what was under way: an image follows. At any time, while no program runs.
    i : ``In(stream.Signature(WORD_WIDTH))``
        The image, see `eyrie.host.image_format`. Taken while `loading`.
    load : ``Out(stream.Signature(load_word_layout))``
        To the engine.
    engine_loaded : ``In(1)``
        The engine's word on its load stream: low since it began, and high once it was right.
    loading : ``Out(1)``
        An image is expected or under way.
    loaded : ``Out(1)``
        A network is there.
    error : ``Out(DeviceError)``
        Why there is none, until the next `begin`.
    section : ``Out(range(max(Section) + 1))``
        The section that this concerns; 0 for header, table and none.
    """

    i: stream.Interface
    load: stream.Interface

    def __init__(self, config: EieConfig, *, crc_width: int = WORD_WIDTH) -> None:
        self.config, self.crc_width = config, crc_width
        super().__init__(
            {
                "begin": In(1),
                "i": In(stream.Signature(WORD_WIDTH)),
                "load": Out(stream.Signature(load_word_layout)),
                "engine_loaded": In(1),
                "loading": Out(1),
                "loaded": Out(1),
                "error": Out(DeviceError),
                "section": Out(range(max(Section) + 1)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.reader = reader = SectionReader(config_hash=self.config.hash, crc_width=self.crc_width)
        m.submodules.unpacker = unpacker = SectionUnpacker(self.config)
        m.submodules.writer = writer = LoadStreamWriter(crc_width=min(8, self.crc_width))
        wiring.connect(m, reader.o, unpacker.i)
        wiring.connect(m, unpacker.o, writer.i)
        wiring.connect(m, writer.o, wiring.flipped(self.load))

        clear, waited = Signal(), Signal(range(_VERDICT_CYCLES + 1))
        again = Signal()  # an image was announced while the stream before it is being ended

        m.d.comb += [
            reader.begin.eq(clear),
            unpacker.clear.eq(clear),
            reader.i.payload.eq(self.i.payload),
            unpacker.words.eq(reader.words),
            unpacker.present.eq(reader.present),
            unpacker.at_end.eq(reader.whole),
        ]
        with m.If(self.begin):
            m.d.sync += [again.eq(1), self.error.eq(DeviceError.NONE), self.section.eq(0)]

        def refuse(error: Any, section: Any) -> None:
            m.d.sync += [self.error.eq(error), self.section.eq(section)]
            m.next = "END"

        with m.FSM(name="image_loader"):
            with m.State("IDLE"):
                m.d.comb += clear.eq(1)
                with m.If(self.begin):
                    m.d.sync += again.eq(0)
                    m.next = "LOAD"

            with m.State("LOAD"):
                m.d.comb += [
                    self.loading.eq(1),
                    reader.i.valid.eq(self.i.valid),
                    self.i.ready.eq(reader.i.ready),
                ]
                # What a section holds is told to be wrong only if its CRC is right.
                misread = (unpacker.error != DeviceError.NONE) & (reader.at != unpacker.section)
                with m.If(self.begin):
                    m.next = "END"
                with m.Elif(reader.error != DeviceError.NONE):
                    refuse(reader.error, reader.section)
                with m.Elif(misread):
                    refuse(unpacker.error, unpacker.section)
                with m.Elif(reader.whole & unpacker.done):
                    m.next = "FINISH"

            with m.State("FINISH"):
                m.d.comb += [self.loading.eq(1), writer.finish.eq(1)]
                with m.If(writer.ended):
                    m.d.sync += waited.eq(0)
                    m.next = "VERDICT"

            with m.State("VERDICT"):
                m.d.comb += self.loading.eq(1)
                m.d.sync += waited.eq(waited + 1)
                with m.If(again | self.begin):
                    m.next = "END"
                with m.Elif(self.engine_loaded):
                    m.next = "LOADED"
                with m.Elif(waited == _VERDICT_CYCLES):
                    refuse(DeviceError.CONTENT, 0)

            with m.State("LOADED"):
                m.d.comb += [self.loaded.eq(1), clear.eq(1)]
                with m.If(self.begin):
                    m.d.sync += again.eq(0)
                    m.next = "LOAD"

            with m.State("END"):
                m.d.comb += [self.loading.eq(again), clear.eq(1), writer.abort.eq(1)]
                with m.If(writer.ended):
                    m.d.sync += again.eq(0)
                    with m.If(again | self.begin):
                        m.next = "LOAD"
                    with m.Else():
                        m.next = "IDLE"
        return m
