"""Runs of an engine: start, end, abort; queues for activations; counts and CRCs of what went through them."""

from typing import Any

from amaranth.hdl import Module, ResetInserter, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from eyrie.common.fifo import StreamFifo
from eyrie.eie.config import EieConfig
from eyrie.host.config import HostConfig
from eyrie.host.crc32 import Crc32

WORD_WIDTH = 32

_CRC_BITS = 16
_SETTLE = 8
"""Cycles without an output after which the engine's own output queue is empty."""


class RunControl(wiring.Component):
    """Between the host's words and the engine's ports.

    An abort gives the engine zeros for input and drops its outputs until the program has ended, which it does whatever
    its inputs are; the network stays. After it, and after `clear`, outputs that are still on their way are dropped.

    Parameters
    ----------
    config : EieConfig
        The engine.
    host : HostConfig
        Depths of the queues, ``crc_width``, ``counter_width``, ``stall_counters``.

    Members
    -------
    start, abort, clear : ``In(1)``
        What the host asks for, for a cycle. A start is refused while `busy` or without a network.
    loaded : ``In(1)``
        A network is there.
    i : ``In(stream.Signature(WORD_WIDTH))``
        Input activations from the host, one a word.
    o : ``Out(stream.Signature(WORD_WIDTH))``
        Output activations for the host, with their sign.
    engine_i : ``Out(stream.Signature(signed(config.activation_width)))``
        To the engine's input.
    engine_o : ``In(stream.Signature(signed(config.activation_width)))``
        From the engine's output.
    engine_start : ``Out(1)``
        To the engine.
    engine_busy, engine_done : ``In(1)``
        From the engine.
    busy : ``Out(1)``
        A program runs, or outputs are being dropped.
    aborting : ``Out(1)``
        Outputs are being dropped.
    refused_busy, refused_empty : ``Out(1)``
        A start was refused, in its cycle: while busy, or without a network.
    runs, run_cycles, input_stalls, output_stalls : ``Out(32)``
    input_count, input_crc, output_count, output_crc : ``Out(32)``
        Registers of `eyrie.host.eie_map`.
    input_free : ``Out(range(host.input_depth + 1))``
        Places in the input queue.
    output_waiting : ``Out(range(host.output_depth + 2))``
        Activations in the output queue.
    """

    i: stream.Interface
    o: stream.Interface
    engine_i: stream.Interface
    engine_o: stream.Interface

    def __init__(self, config: EieConfig, host: HostConfig) -> None:
        self.config, self.host = config, host
        activations = stream.Signature(signed(config.activation_width))
        super().__init__(
            {
                "start": In(1),
                "abort": In(1),
                "clear": In(1),
                "loaded": In(1),
                "i": In(stream.Signature(WORD_WIDTH)),
                "o": Out(stream.Signature(WORD_WIDTH)),
                "engine_i": Out(activations),
                "engine_o": In(activations),
                "engine_start": Out(1),
                "engine_busy": In(1),
                "engine_done": In(1),
                "busy": Out(1),
                "aborting": Out(1),
                "refused_busy": Out(1),
                "refused_empty": Out(1),
                "runs": Out(32),
                "run_cycles": Out(32),
                "input_stalls": Out(32),
                "output_stalls": Out(32),
                "input_count": Out(32),
                "input_crc": Out(32),
                "output_count": Out(32),
                "output_crc": Out(32),
                "input_free": Out(range(host.input_depth + 1)),
                "output_waiting": Out(range(host.output_depth + 2)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        shape = signed(self.config.activation_width)
        inputs, outputs = (
            StreamFifo(shape, depth=self.host.input_depth),
            StreamFifo(shape, depth=self.host.output_depth),
        )
        clear, flush = Signal(), Signal()
        m.submodules.inputs = ResetInserter(flush)(inputs)
        m.submodules.outputs = ResetInserter(flush)(outputs)
        step = min(_CRC_BITS, self.host.crc_width)
        m.submodules.input_crc = input_crc = Crc32(width=_CRC_BITS, step=step)
        m.submodules.output_crc = output_crc = Crc32(width=_CRC_BITS, step=step)

        settled = Signal(range(_SETTLE + 1))
        given, taken = Signal(), Signal()  # a word from the host, a word to the host
        value, result = Signal(signed(_CRC_BITS)), Signal(signed(_CRC_BITS))
        started = Signal()  # covers the cycle between start and the engine's busy

        m.d.comb += [
            clear.eq(self.clear & ~self.busy),
            flush.eq(clear | self.aborting),
            self.busy.eq(self.engine_busy | started | self.aborting),
            self.refused_busy.eq(self.start & self.busy),
            self.refused_empty.eq(self.start & ~self.busy & ~self.loaded),
            self.engine_start.eq(self.start & ~self.busy & self.loaded),
            # Inputs.
            inputs.i.valid.eq(self.i.valid & input_crc.ready & ~flush),
            inputs.i.payload.eq(self.i.payload),
            self.i.ready.eq(inputs.i.ready & input_crc.ready & ~flush),
            self.engine_i.valid.eq(inputs.o.valid | self.aborting),
            inputs.o.ready.eq(self.engine_i.ready),
            self.input_free.eq(self.host.input_depth - inputs.waiting),
            given.eq(self.i.valid & self.i.ready),
            value.eq(self.i.payload[: self.config.activation_width].as_signed()),
            input_crc.valid.eq(given),
            input_crc.data.eq(value),
            input_crc.start.eq(clear),
            self.input_crc.eq(input_crc.crc),
            # Outputs.
            outputs.i.valid.eq(self.engine_o.valid & ~flush),
            outputs.i.payload.eq(self.engine_o.payload),
            self.engine_o.ready.eq(outputs.i.ready | flush),
            self.o.valid.eq(outputs.o.valid & output_crc.ready & ~flush),
            self.o.payload.eq(outputs.o.payload),
            outputs.o.ready.eq(self.o.ready & output_crc.ready),
            self.output_waiting.eq(outputs.waiting + outputs.o.valid),
            taken.eq(self.o.valid & self.o.ready),
            result.eq(outputs.o.payload),
            output_crc.valid.eq(taken),
            output_crc.data.eq(result),
            output_crc.start.eq(clear),
            self.output_crc.eq(output_crc.crc),
        ]
        with m.If(~self.aborting):
            m.d.comb += self.engine_i.payload.eq(inputs.o.payload)

        m.d.sync += started.eq(self.engine_start)
        with m.If(clear | (self.abort & self.busy)):
            m.d.sync += [self.aborting.eq(1), settled.eq(0)]
        with m.Elif(self.engine_busy | started | self.engine_o.valid):
            m.d.sync += settled.eq(0)
        with m.Elif(settled == _SETTLE):
            m.d.sync += self.aborting.eq(0)
        with m.Else():
            m.d.sync += settled.eq(settled + 1)

        width = self.host.counter_width
        counts = [
            (self.runs, width, self.engine_done & ~self.aborting),
            (self.input_count, width, given),
            (self.output_count, width, taken),
        ]
        if self.host.stall_counters:
            counts += [
                (self.run_cycles, 32, self.engine_busy),
                (self.input_stalls, 32, self.engine_busy & self.engine_i.ready & ~self.engine_i.valid),
                (self.output_stalls, 32, self.engine_busy & self.engine_o.valid & ~self.engine_o.ready),
            ]
        for register, width, event in counts:
            counter = Signal(width, name=f"count_{register.name}")
            m.d.comb += register.eq(counter)
            with m.If(clear):
                m.d.sync += counter.eq(0)
            with m.Elif(event):
                m.d.sync += counter.eq(counter + 1)
        return m
