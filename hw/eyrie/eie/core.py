"""The whole engine: loader, central control, program memory, array and output."""

from typing import Any

from amaranth.hdl import Module, Mux, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from eyrie.common.fifo import StreamFifo
from eyrie.common.memory import SyncMemory
from eyrie.eie.array import EieArray
from eyrie.eie.config import EieConfig
from eyrie.eie.control import Control
from eyrie.eie.load_format import LoadError
from eyrie.eie.loader import Loader, load_word_layout

_OUTPUT_DEPTH = 16


class EieCore(wiring.Component):
    """Sparse matrix-vector engine after EIE: takes a compiled network once, then activations, and gives activations.

    Parameters
    ----------
    config : EieConfig
        Geometry. Everything in the hardware follows from it.

    Members
    -------
    load : ``In(stream.Signature(load_word_layout))``
        A compiled network, see `eyrie.eie.load_format`. Stalls while a program runs.
    i : ``In(stream.Signature(signed(config.activation_width)))``
        Input activations, as many as the program's steps ask for.
    o : ``Out(stream.Signature(signed(config.activation_width)))``
        Output activations. A stall here stops the engine only while it emits.
    start : ``In(1)``
        Run the program. Ignored while busy; refused, with an error, when no network was loaded whole.
    busy : ``Out(1)``
        A program runs.
    done : ``Out(1)``
        High for the last cycle of a run.
    loaded : ``Out(1)``
        A network is there, and its stream was right.
    error : ``Out(4)``
        A `LoadError`; stays until the next load stream or accepted start.
    cycles : ``Out(32)``
        Cycles of this run or the last one, from its first broadcast to the last activation written, but for those that
        took input or emitted output.
    identification : ``Out(64)``
        `EieConfig.hash`.
    """

    load: stream.Interface
    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: EieConfig) -> None:
        self.config = config
        activations = stream.Signature(signed(config.activation_width))
        super().__init__(
            {
                "load": In(stream.Signature(load_word_layout)),
                "i": In(activations),
                "o": Out(activations),
                "start": In(1),
                "busy": Out(1),
                "done": Out(1),
                "loaded": Out(1),
                "error": Out(4),
                "cycles": Out(32),
                "identification": Out(64),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config
        m.submodules.loader = loader = Loader(config)
        m.submodules.control = control = Control(config, emit_credits=_OUTPUT_DEPTH)
        m.submodules.program = program = SyncMemory(
            shape=32,
            depth=config.program_depth,
            collision="never",
            style="single_port" if config.program_memory == "single_port" else None,
        )
        m.submodules.array = array = EieArray(config)
        m.submodules.output = output = StreamFifo(signed(config.activation_width), depth=_OUTPUT_DEPTH)

        wiring.connect(m, wiring.flipped(self.load), loader.i)
        wiring.connect(m, wiring.flipped(self.i), control.i)
        wiring.connect(m, output.o, wiring.flipped(self.o))

        with m.If(self.start & ~control.busy & ~loader.loaded):
            m.d.sync += self.error.eq(LoadError.NOT_LOADED)
        with m.Elif(loader.error != 0):
            m.d.sync += self.error.eq(loader.error)
        with m.Elif(loader.first | control.start):
            m.d.sync += self.error.eq(LoadError.NONE)

        m.d.comb += [
            loader.enable.eq(~control.busy),
            control.start.eq(self.start & ~control.busy & loader.loaded),
            program.write_en.eq(loader.program_write),
            program.write_address.eq(loader.program_address),
            program.write_data.eq(loader.program_data),
            program.read_en.eq(control.busy),
            program.read_address.eq(control.program_address),
            control.program_data.eq(program.read_data),
            # Loading and running exclude each other.
            array.command.eq(Mux(control.busy, control.command, loader.command)),
            array.pe.eq(Mux(control.busy, control.pe, loader.pe)),
            array.column_base.eq(control.column_base),
            array.to_output.eq(control.to_output),
            control.broadcasting.eq(array.broadcasting),
            control.array_busy.eq(array.busy),
            output.i.valid.eq(array.output_valid),
            output.i.payload.eq(array.output),
            control.emitted.eq(self.o.valid & self.o.ready),
            self.busy.eq(control.busy),
            self.done.eq(control.done),
            self.loaded.eq(loader.loaded),
            self.cycles.eq(control.cycles),
            self.identification.eq(config.hash),
        ]
        return m
