"""The processing element of the EIE engine (EIE, section IV, figure 4b)."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from eyrie.common.once import emitted_once
from eyrie.eie.accumulate import Accumulate
from eyrie.eie.activation_memory import ActivationReadWrite
from eyrie.eie.activation_queue import ActivationQueue
from eyrie.eie.codebook_decode import CodebookDecode
from eyrie.eie.config import EieConfig
from eyrie.eie.layouts import Op, command_layout, drain_layout, located_activation_layout
from eyrie.eie.multiply import Multiply
from eyrie.eie.pointer_read import PointerRead
from eyrie.eie.requantise import Requantise
from eyrie.eie.sparse_matrix_read import SHORT, SparseMatrixRead
from eyrie.eie.table import Table

DRAIN_AFTER_BUSY = 2 + SHORT
"""Cycles from the last in which a PE is busy to the first DRAIN."""

EMIT_LATENCY = 2
"""Cycles from an EMIT at a PE to its activation at `ProcessingElement.o`."""


class ProcessingElement(wiring.Component):
    """One PE: its part of every column, its rows' accumulators, its own activations.

    A broadcast activation passes pointer read, queue, sparse-matrix read, codebook decode, multiply and accumulate;
    one multiply a cycle while there are entries. All PEs get the same commands, so that N of them are one module.

    Parameters
    ----------
    config : EieConfig
        Geometry.
    reset : Value, optional
        In Verilog, the reset of this PE in place of the domain's.

    Members
    -------
    command : ``In(command_layout(config))``
        What to do in this cycle; none that concerns another PE alone. The first DRAIN comes `DRAIN_AFTER_BUSY` cycles
        or more after `busy` was high.
    stop : ``Out(1)``
        The queue wants the broadcast to stop.
    hold : ``In(1)``
        The PE that has the turn in the next cycle neither sends nor hands it on.
    turn_in : ``In(1)``
        From the next cycle on it is this PE's turn to send its activations towards the broadcast; in the cycle after
        the rewind at the earliest.
    turn_out : ``Out(1)``
        From the next cycle on it is the next PE's.
    o : ``Out(located_activation_layout(config, 0))``
        This PE's own activations, towards the broadcast or the output; 0 while there is none.
    busy : ``Out(1)``
        In the cycle before, broadcast activations were to be multiplied; the last entry of the last one does not count,
        and nothing of one that has `SHORT` entries or fewer.
    partial : ``Out(signed(config.accumulator_width))``
        In an engine with several groups of PEs, an accumulator that a drain asks for.
    total : ``In(signed(config.accumulator_width))``
        Its sum with those of the partners in the other groups, a cycle later; counts if groups work apart.
    """

    def __init__(self, config: EieConfig, *, reset: Value | None = None) -> None:
        self.config, self.reset = config, reset
        sums = signed(config.accumulator_width)
        super().__init__(
            {
                "command": In(command_layout(config)),
                "stop": Out(1),
                "hold": In(1),
                "turn_in": In(1),
                "turn_out": Out(1),
                "o": Out(located_activation_layout(config, 0)),
                "busy": Out(1),
                **({"partial": Out(sums), "total": In(sums)} if config.column_groups > 1 else {}),
            }
        )

    @emitted_once("pe")
    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config
        m.submodules.table = table = Table(config)
        m.submodules.pointers = pointers = PointerRead(config)
        m.submodules.queue = queue = ActivationQueue(config)
        m.submodules.matrix = matrix = SparseMatrixRead(config)
        m.submodules.decode = decode = CodebookDecode(config)
        m.submodules.multiply = multiply = Multiply(config)
        m.submodules.accumulate = accumulate = Accumulate(config)
        m.submodules.requantise = requantise = Requantise(config)
        m.submodules.activations = activations = ActivationReadWrite(config)

        command = self.command
        address, data = command.address, command.data
        value = data[: config.activation_width].as_signed()
        broadcast, draining, storing, skipping = Signal(), Signal(), Signal(), Signal()
        drain = Signal(drain_layout(config))
        m.d.comb += [
            broadcast.eq(command.op == Op.BROADCAST),
            draining.eq(command.op == Op.DRAIN),
            storing.eq(command.op == Op.STORE),
            skipping.eq(command.op == Op.SKIP),
            drain.eq(data),
        ]

        # From the broadcast to the product.
        m.d.comb += [
            table.read_en.eq(broadcast | draining),
            table.address.eq(address >> 2),
            pointers.i_valid.eq(broadcast),
            pointers.i_value.eq(value),
            pointers.i_place.eq(address[:2]),
            pointers.word.eq(table.word),
            queue.valid.eq(pointers.valid),
            queue.payload.eq(pointers.o),
            self.stop.eq(queue.stop),
            decode.i_valid.eq(matrix.valid),
            decode.i_first.eq(matrix.first),
            decode.i_value.eq(matrix.value),
            decode.i_entry.eq(matrix.entry),
            multiply.a.eq(decode.value),
            multiply.b.eq(decode.weight),
        ]
        wiring.connect(m, queue.o, matrix.i)
        if config.multipliers:
            with m.If(~decode.valid):
                m.d.comb += [multiply.a.eq(requantise.a), multiply.b.eq(requantise.b)]

        # Accumulate; in a drain, the accumulator that goes out makes place for a bias.
        exchanging, exchanged, exchanged_row = Signal(), Signal(), Signal(config.row_width)
        m.d.sync += [
            exchanging.eq(draining),
            exchanged.eq(draining & drain.last),
            exchanged_row.eq(drain.row),
        ]
        m.d.comb += [
            accumulate.valid.eq(decode.valid | exchanged),
            accumulate.read.eq(exchanging),
            accumulate.exchange.eq(exchanging),
            accumulate.row.eq(Mux(exchanging, exchanged_row, decode.row)),
            accumulate.product.eq(multiply.product),
            accumulate.bias.eq(table.word),
        ]

        # Drain into the PE's own activations. What an EMIT asks for has a long way before it.
        emitting = Signal()
        m.d.sync += emitting.eq(command.op == Op.EMIT)
        m.d.comb += [
            requantise.i_valid.eq(draining),
            requantise.i.eq(drain),
            requantise.scale.eq(table.word),
            requantise.sum.eq(self._reduced(m, accumulate.sum, draining, drain)),
            requantise.product.eq(multiply.product),
            activations.open.eq(command.op == Op.OPEN),
            activations.rewind.eq(command.op == Op.REWIND),
            activations.bank.eq(data[0]),
            activations.keep.eq(data[1]),
            activations.all_out.eq(data[1]),
            activations.index.eq(address),
            activations.valid.eq(storing | skipping | requantise.valid),
            activations.nonzero.eq(storing | requantise.o.any()),
            activations.value.eq(requantise.o | (value & storing.replicate(config.activation_width))),
            activations.emit.eq(emitting),
            activations.hold.eq(self.hold),
            activations.turn_in.eq(self.turn_in),
            self.turn_out.eq(activations.turn_out),
            self.o.eq(activations.o),
        ]

        # Loading.
        m.d.comb += [
            matrix.write_en.eq(command.op == Op.WRITE_ENTRY),
            matrix.write_address.eq(address),
            matrix.write_data.eq(data),
            table.write_en.eq(command.op == Op.WRITE_TABLE),
            table.write_data.eq(data),
            decode.write_en.eq(command.op == Op.WRITE_CODEBOOK),
            decode.write_address.eq(address),
            decode.write_data.eq(data),
        ]

        m.d.sync += self.busy.eq(broadcast | pointers.occupied | queue.waiting | matrix.continues)
        return m

    def _reduced(self, m: Module, own: Signal, draining: Signal, drain: Any) -> Signal:
        """The sum that a drain rounds: this PE's own, or if groups work apart, with those of its partners."""
        if self.config.column_groups == 1:
            return own
        apart = Signal()
        before, reduced = Signal.like(own), Signal.like(own)
        with m.If(draining):
            m.d.sync += apart.eq(drain.apart)
        m.d.comb += self.partial.eq(own)
        m.d.sync += [before.eq(own), reduced.eq(Mux(apart, self.total, before))]
        return reduced
