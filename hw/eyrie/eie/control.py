"""Central control: runs the program, layer after layer, without the host (EIE, section IV)."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from eyrie.eie.array import BUSY_LATENCY, COMMAND_LATENCY
from eyrie.eie.config import EieConfig
from eyrie.eie.layouts import Op, command_layout, drain_layout
from eyrie.eie.program import FIELDS, STEP_WORDS
from eyrie.eie.requantise import DRAIN_LATENCY, SCALED_DRAIN_LATENCY, reduction_latency

SETTLE = 1 + BUSY_LATENCY
"""Cycles after a REWIND in which `array_busy` does not yet speak of its effect."""


def _program_layout(config: EieConfig) -> data.FlexibleLayout:
    """A step, without what the engine has no use for."""
    fields = {name: data.Field(width, 32 * word + low) for name, (word, low, width) in FIELDS.items()}
    if config.column_groups == 1:
        del fields["apart"]
    return data.FlexibleLayout(32 * STEP_WORDS, fields)


class Control(wiring.Component):
    """Fetches steps (see `eyrie.eie.program.Step`) and turns them into commands.

    Parameters
    ----------
    config : EieConfig
        Geometry.
    emit_credits : int
        Activations that the output queue can take.

    Members
    -------
    start : ``In(1)``
        Run the program from its beginning; ignored while busy.
    busy : ``Out(1)``
        Running.
    done : ``Out(1)``
        High for the last cycle of a run.
    cycles : ``Out(32)``
        Cycles of the run so far, or of the last one, from its first broadcast to the last activation written, but for
        those that took input or emitted output.
    program_address : ``Out(range(config.program_depth))``
    program_data : ``In(32)``
        The program memory; data in the cycle after the address.
    i : ``In(stream.Signature(signed(config.activation_width)))``
        Input activations.
    command : ``Out(command_layout(config))``
    pe : ``Out(max(1, config.pe_width))``
    column_base : ``Out(config.column_width)``
    to_output : ``Out(1)``
    broadcasting, array_busy : ``In(1)``
        To and from the array.
    emitted : ``In(1)``
        An emitted activation has left the output queue.
    """

    i: stream.Interface

    def __init__(self, config: EieConfig, *, emit_credits: int) -> None:
        self.config, self.emit_credits = config, emit_credits
        super().__init__(
            {
                "start": In(1),
                "busy": Out(1),
                "done": Out(1),
                "cycles": Out(32),
                "program_address": Out(max(1, (config.program_depth - 1).bit_length())),
                "program_data": In(32),
                "i": In(stream.Signature(signed(config.activation_width))),
                "command": Out(command_layout(config)),
                "pe": Out(max(1, config.pe_width)),
                "column_base": Out(config.column_width),
                "to_output": Out(1),
                "broadcasting": In(1),
                "array_busy": In(1),
                "emitted": In(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config
        command = self.command

        step = Signal(_program_layout(config))
        apart = [step.apart] if config.column_groups > 1 else []
        bank = Signal()  # the source
        address = Signal.like(self.program_address)  # of the next step, then of its codebook
        next_step = Signal.like(address)
        index = Signal(range(max(config.accumulator_depth, config.codebook_size, STEP_WORDS) + 1))
        left = Signal(range(config.n_pes << config.local_width + 1))  # activations of this step still to load or emit
        bias_word, scale_word = Signal(config.table_address_width), Signal(config.table_address_width)
        chunk = Signal(range(config.n_chunks))  # of a row that is drained
        drain_way = COMMAND_LATENCY + reduction_latency(config)  # besides the latency of a drain itself
        settle = Signal(range(max(SETTLE, drain_way + SCALED_DRAIN_LATENCY) + 1))
        quiet, drains = Signal(), Signal()
        drain, drain_word = Signal(drain_layout(config)), Signal.like(bias_word)
        scaled = step.scaled if config.multipliers else Const(0, 1)
        pe = Signal.like(self.pe)
        # Of the counts of a step as many bits as what they count can need.
        n_rows, bias_rows = step.n_rows[: config.row_width + 1], step.bias_rows[: config.row_width + 1]
        codebook_count = step.codebook_count[: config.codebook_bits + 1]
        m.d.comb += [
            self.program_address.eq(address),
            self.pe.eq(pe),
            self.column_base.eq(step.column_base),
            quiet.eq((settle == 0) & ~self.array_busy),
            drains.eq(step.drain | (bias_rows != 0)),
            drain.row.eq(index),
            drain.first.eq(chunk == 0),
            drain.last.eq(~scaled | (chunk == config.n_chunks - 1)),
            drain.store.eq(step.drain & (index < n_rows)),
            drain.scaled.eq(scaled),
            drain.relu.eq(step.relu),
            drain.shift.eq(step.shift),
            drain_word.eq(Mux(drain.last, bias_word, scale_word)),
        ]
        if apart:
            m.d.comb += drain.apart.eq(step.apart)
        with m.If(settle != 0):
            m.d.sync += settle.eq(settle - 1)

        def send(op: Any, *, to: Any = 0, value: Any = 0) -> list[Any]:
            return [command.op.eq(op), command.address.eq(to), command.data.eq(value)]

        next_pe = Mux(pe == config.n_pes - 1, 0, pe + 1)

        # Where a step goes from here: the first of its remaining parts. What a drain writes to is opened ahead.
        def go_open() -> None:
            with m.If(step.drain):
                m.next = "OPEN"
            with m.Else():
                go_broadcast()

        def go_broadcast() -> None:
            with m.If(step.broadcast):
                m.next = "REWIND"
            with m.Else():
                go_drain()

        def go_drain() -> None:
            with m.If(drains):
                m.next = "DRAIN"
            with m.Else():
                go_emit()

        def go_emit() -> None:
            with m.If(step.emit):
                m.next = "EMIT_REWIND"
            with m.Else():
                m.next = "END"

        # A command of a drain, the first one of them in the cycle in which the array is found quiet.
        def send_drain() -> None:
            m.d.comb += [begins.eq(drain.store), *send(Op.DRAIN, to=drain_word << 2, value=drain)]
            m.d.sync += chunk.eq(chunk + 1)
            with m.If(drain.last):
                m.d.sync += [
                    chunk.eq(0),
                    index.eq(index + 1),
                    bias_word.eq(bias_word + 1),
                    scale_word.eq(scale_word + 1),
                ]
                with m.If((index + 1 >= n_rows) & (index + 1 >= bias_rows)):
                    latency = Mux(scaled, SCALED_DRAIN_LATENCY, DRAIN_LATENCY)
                    m.d.sync += [index.eq(0), settle.eq(drain_way + latency - 1)]
                    m.next = "DRAINED"

        # Emission spends credits that the output queue gives back.
        credits = Signal(range(self.emit_credits + 1), init=self.emit_credits)
        emit = Signal()
        m.d.sync += credits.eq(credits - emit + self.emitted)

        counting, begins, begun = Signal(), Signal(), Signal()
        m.d.comb += begins.eq(self.broadcasting)
        m.d.sync += begun.eq((begun | begins) & self.busy)
        # What to count is known late in a cycle.
        counted, before = Signal(), Signal(32)
        m.d.sync += [counted.eq(counting & (begun | begins)), before.eq(self.cycles)]
        m.d.comb += self.cycles.eq(before + counted)

        with m.FSM(name="control"):
            with m.State("IDLE"):
                with m.If(self.start):
                    m.d.sync += [self.busy.eq(1), before.eq(0), address.eq(0), index.eq(0)]
                    m.next = "FETCH"

            # The word of the address before arrives while the next is asked for.
            with m.State("FETCH"):
                m.d.comb += counting.eq(1)
                m.d.sync += [address.eq(address + 1), index.eq(index + 1)]
                with m.If(index != 0):
                    m.d.sync += step.eq(Cat(step.as_value()[32:], self.program_data))
                with m.If(index == STEP_WORDS):
                    m.d.sync += [next_step.eq(address), index.eq(0)]
                    m.next = "DECIDE"

            with m.State("DECIDE"):
                m.d.comb += counting.eq(1)
                m.d.sync += [
                    address.eq(step.codebook_base),
                    left.eq(step.count),
                    pe.eq(0),
                    bias_word.eq(step.bias_base),
                    scale_word.eq(step.scale_base),
                ]
                with m.If(codebook_count != 0):
                    m.next = "CODEBOOK"
                with m.Elif(step.load):
                    m.next = "LOAD_OPEN"
                with m.Else():
                    go_open()

            with m.State("CODEBOOK"):
                m.d.comb += counting.eq(1)
                m.d.sync += [address.eq(address + 1), index.eq(index + 1)]
                with m.If(index != 0):
                    m.d.comb += send(Op.WRITE_CODEBOOK, to=index - 1, value=self.program_data)
                with m.If(index == codebook_count):
                    m.d.sync += index.eq(0)
                    with m.If(step.load):
                        m.next = "LOAD_OPEN"
                    with m.Else():
                        go_open()

            with m.State("LOAD_OPEN"):
                m.d.comb += [counting.eq(1), *send(Op.OPEN, value=~bank)]
                m.d.sync += bank.eq(~bank)
                m.next = "LOAD"

            with m.State("LOAD"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(self.i.valid):
                    m.d.comb += send(Mux(self.i.payload == 0, Op.SKIP, Op.STORE), value=self.i.payload)
                    m.d.sync += [left.eq(left - 1), pe.eq(next_pe)]
                    with m.If(left == 1):
                        go_open()

            with m.State("OPEN"):
                m.d.comb += [counting.eq(1), *send(Op.OPEN, to=step.local_base, value=Cat(~bank, ~step.open))]
                go_broadcast()

            with m.State("REWIND"):
                m.d.comb += [counting.eq(1), *send(Op.REWIND, value=Cat(bank, 1, *apart))]
                m.d.sync += settle.eq(SETTLE)
                m.next = "BROADCAST"

            with m.State("BROADCAST"):
                m.d.comb += counting.eq(1)
                with m.If(quiet):
                    with m.If(drains):
                        m.next = "DRAIN"
                        send_drain()
                    with m.Else():
                        go_emit()

            with m.State("DRAIN"):
                m.d.comb += counting.eq(1)
                send_drain()

            with m.State("DRAINED"):
                m.d.comb += counting.eq(1)
                with m.If(settle == 0):
                    go_emit()

            with m.State("EMIT_REWIND"):
                m.d.comb += send(Op.REWIND, to=step.local_base, value=Cat(~bank, 0))
                m.d.sync += [settle.eq(SETTLE), left.eq(step.emit_count), pe.eq(0)]
                m.next = "EMIT"

            with m.State("EMIT"):
                m.d.comb += self.to_output.eq(1)
                with m.If((settle == 0) & (credits != 0) & (left != 0)):
                    m.d.comb += [emit.eq(1), *send(Op.EMIT)]
                    m.d.sync += [left.eq(left - 1), pe.eq(next_pe)]
                with m.If((left == 0) & (credits == self.emit_credits)):
                    m.next = "END"

            with m.State("END"):
                m.d.comb += counting.eq(~step.last)
                with m.If(step.swap):
                    m.d.sync += bank.eq(~bank)
                m.d.sync += address.eq(next_step)
                with m.If(step.last):
                    m.d.comb += self.done.eq(1)
                    m.d.sync += [self.busy.eq(0), index.eq(0)]
                    m.next = "IDLE"
                with m.Else():
                    m.next = "FETCH"
        return m
