"""An EIE engine behind a bus: registers, loader, queues."""

from typing import Any, cast

from amaranth.hdl import Cat, Const, Module, ResetInserter, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from eyrie.common.fifo import StreamFifo
from eyrie.eie.config import FORMAT_VERSION, EieConfig
from eyrie.eie.core import EieCore
from eyrie.host.config import HostConfig
from eyrie.host.eie_map import EIE_MAP, MAGIC, DeviceError
from eyrie.host.image_loader import ImageLoader
from eyrie.host.register_bank import RegisterBank
from eyrie.host.run_control import RunControl
from eyrie.host.stream_window import ReadWindow, WriteWindow
from eyrie.host.wishbone import WORD_WIDTH, WishboneSignature
from eyrie.host.wishbone_decoder import Range, WishboneDecoder

_LOAD_DEPTH = 64
"""Words of an image that wait while the loader sorts the symbols of a table."""


class EieDevice(wiring.Component):
    """All of an engine that a host sees, at the addresses of `eyrie.host.eie_map.EIE_MAP`.

    A transfer ends one cycle after it begins. It never waits for the engine.

    Parameters
    ----------
    config : EieConfig
        The engine.
    host : HostConfig
        Queues, and what the host is told of clock and link.
    streams : bool
        Activations come and go on streams of their own. The windows for them are always full, and always empty.

    Members
    -------
    bus : ``In(WishboneSignature(address_width=EIE_MAP.address_width))``
        The bus.
    link_fault : ``In(1)``
        The link that drives the bus dropped a command, or a transfer failed; counted.
    i : ``In(stream.Signature(signed(config.activation_width)))``
        Input activations, with ``streams`` only.
    o : ``Out(stream.Signature(signed(config.activation_width)))``
        Output activations, likewise.
    """

    bus: Any

    def __init__(self, config: EieConfig, host: HostConfig, *, streams: bool = False) -> None:
        self.config, self.host, self.streams = config, host, streams
        activations = stream.Signature(signed(config.activation_width))
        super().__init__(
            {
                "bus": In(WishboneSignature(address_width=EIE_MAP.address_width)),
                "link_fault": In(1),
                **({"i": In(activations), "o": Out(activations)} if streams else {}),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        windows = {window.name: (window.words - 1).bit_length() for window in EIE_MAP.windows}
        ranges = [Range(name="registers", address=0, width=(EIE_MAP.words - 1).bit_length())]
        ranges += [Range(name=one.name, address=one.address, width=windows[one.name]) for one in EIE_MAP.windows]
        m.submodules.decoder = decoder = WishboneDecoder(address_width=EIE_MAP.address_width, ranges=ranges)
        m.submodules.registers = registers = RegisterBank(EIE_MAP)
        m.submodules.load_window = load_window = WriteWindow(address_width=windows["load"])
        m.submodules.input_window = input_window = WriteWindow(address_width=windows["input"])
        m.submodules.output_window = output_window = ReadWindow(address_width=windows["output"])
        m.submodules.loader = loader = ImageLoader(self.config, crc_width=self.host.crc_width)
        m.submodules.run = run = RunControl(self.config, self.host)
        m.submodules.core = core = EieCore(self.config)
        load_queue = StreamFifo(WORD_WIDTH, depth=_LOAD_DEPTH)
        begin = Signal()
        m.submodules.load_queue = ResetInserter(begin)(load_queue)

        slaves = {
            "registers": registers,
            "load": load_window,
            "input": input_window,
            "output": output_window,
        }
        wiring.connect(m, wiring.flipped(self.bus), decoder.bus)
        for name, slave in slaves.items():
            wiring.connect(m, getattr(decoder, f"to_{name}"), slave.bus)  # type: ignore[attr-defined]
        wiring.connect(m, load_queue.o, loader.i)
        wiring.connect(m, loader.load, core.load)
        if self.streams:
            i, o = cast(stream.Interface, self.i), cast(stream.Interface, self.o)  # type: ignore[attr-defined]
            m.d.comb += [
                run.i.valid.eq(i.valid),
                run.i.payload.eq(i.payload),
                i.ready.eq(run.i.ready),
                o.valid.eq(run.o.valid),
                o.payload.eq(run.o.payload),
                run.o.ready.eq(o.ready),
            ]
        else:
            wiring.connect(m, input_window.o, run.i)
            wiring.connect(m, run.o, output_window.i)
        wiring.connect(m, run.engine_i, core.i)
        wiring.connect(m, core.o, run.engine_o)

        asked = {
            field.name: registers.control_written & registers.control_data[field.low]  # type: ignore[attr-defined]
            for field in EIE_MAP.register("control").fields
        }
        cleared = Signal()
        accepted = Signal()  # a word of an image finds a place
        m.d.comb += [
            begin.eq(asked["load"] & ~run.busy),
            cleared.eq(begin | (asked["clear"] & ~run.busy)),
            accepted.eq(load_queue.i.ready & loader.loading),
            load_queue.i.valid.eq(load_window.o.valid & loader.loading),
            load_queue.i.payload.eq(load_window.o.payload),
            load_window.o.ready.eq(accepted),
            loader.begin.eq(begin),
            loader.engine_loaded.eq(core.loaded),
            run.start.eq(asked["start"]),
            run.abort.eq(asked["abort"]),
            run.clear.eq(asked["clear"]),
            run.loaded.eq(loader.loaded),
            core.start.eq(run.engine_start),
            run.engine_busy.eq(core.busy),
            run.engine_done.eq(core.done),
        ]

        scratch = Signal(WORD_WIDTH)
        faults, load_words = Signal(self.host.counter_width), Signal(self.host.counter_width)
        with m.If(registers.scratch_written):  # type: ignore[attr-defined]
            m.d.sync += scratch.eq(registers.scratch_data)  # type: ignore[attr-defined]
        with m.If(self.link_fault):
            m.d.sync += faults.eq(faults + 1)
        with m.If(begin):
            m.d.sync += load_words.eq(0)
        with m.Elif(load_window.o.valid & accepted):
            m.d.sync += load_words.eq(load_words + 1)

        # The first error stays, of several at once the first in this list.
        error, section = Signal(DeviceError), Signal.like(loader.section)
        loader_error_before = Signal(DeviceError)
        m.d.sync += loader_error_before.eq(loader.error)
        is_news = (loader.error != DeviceError.NONE) & (loader_error_before == DeviceError.NONE)
        with m.If(cleared):
            m.d.sync += [error.eq(DeviceError.NONE), section.eq(0)]
        with m.Elif(error == DeviceError.NONE):
            with m.If(is_news):
                m.d.sync += [error.eq(loader.error), section.eq(loader.section)]
            for event, code in (
                (run.refused_empty, DeviceError.NOT_LOADED),
                (run.refused_busy | (asked["load"] & run.busy), DeviceError.BUSY),
                (load_window.overflow, DeviceError.LOAD_OVERFLOW),
                (input_window.overflow, DeviceError.INPUT_OVERFLOW),
                (output_window.underflow, DeviceError.OUTPUT_UNDERFLOW),
            ):
                with m.Elif(event):
                    m.d.sync += error.eq(code)

        values = {
            "magic": MAGIC,
            "version": EIE_MAP.version | FORMAT_VERSION << 16,
            "hash_high": self.config.hash >> 32,
            "hash_low": self.config.hash & 0xFFFFFFFF,
            "queues": self.host.input_depth | self.host.output_depth << 16,
            "clock": self.host.clock,
            "link_timeout": self.host.link_timeout,
            "scratch": scratch,
            "status": Cat(loader.loading, loader.loaded, run.busy, run.aborting),
            "error": Cat(error, Const(0, 8 - len(error)), section),
            "cycles": core.cycles,
            "load_words": load_words,
            "load_free": _LOAD_DEPTH - load_queue.waiting,
            "link_faults": faults,
        }
        for register in EIE_MAP.registers:
            if register.access.reads:
                source = values[register.name] if register.name in values else getattr(run, register.name)
                m.d.comb += getattr(registers, register.name).eq(source)
        return m
