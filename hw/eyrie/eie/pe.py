"""The processing element of the EIE engine (EIE, section IV, figure 4b)."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from eyrie.common.once import emitted_once
from eyrie.eie.accumulate import Accumulate
from eyrie.eie.activation_memory import ActivationReadWrite
from eyrie.eie.activation_queue import ActivationQueue
from eyrie.eie.codebook_decode import CodebookDecode
from eyrie.eie.config import EieConfig
from eyrie.eie.layouts import Op, broadcast_layout, command_layout, drain_layout, local_activation_layout
from eyrie.eie.multiply import Multiply
from eyrie.eie.pointer_read import PointerRead
from eyrie.eie.requantise import Requantise
from eyrie.eie.sparse_matrix_read import SparseMatrixRead


class ProcessingElement(wiring.Component):
    """One PE: its part of every column, its rows' accumulators, its own activations.

    A broadcast activation passes queue, pointer read, sparse-matrix read, codebook decode, multiply and accumulate;
    one multiply a cycle while there are entries. All PEs get the same commands, so that N of them are one module.

    Parameters
    ----------
    config : EieConfig
        Geometry.

    Members
    -------
    command : ``In(command_layout(config))``
        What to do in this cycle.
    selected : ``In(1)``
        A command that concerns one PE concerns this one.
    broadcast_valid : ``In(1)``
    broadcast : ``In(broadcast_layout(config))``
        A non-zero activation of any PE; it is always taken.
    stop : ``Out(1)``
        The queue wants the broadcast to stop.
    activations : ``Out(stream.Signature(local_activation_layout(config)))``
        This PE's own activations, towards the broadcast or the output.
    busy : ``Out(1)``
        Anything is under way here.
    """

    activations: stream.Interface

    def __init__(self, config: EieConfig) -> None:
        self.config = config
        super().__init__(
            {
                "command": In(command_layout(config)),
                "selected": In(1),
                "broadcast_valid": In(1),
                "broadcast": In(broadcast_layout(config)),
                "stop": Out(1),
                "activations": Out(stream.Signature(local_activation_layout(config))),
                "busy": Out(1),
            }
        )

    @emitted_once("pe")
    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config
        m.submodules.queue = queue = ActivationQueue(config)
        m.submodules.pointers = pointers = PointerRead(config)
        m.submodules.matrix = matrix = SparseMatrixRead(config)
        m.submodules.decode = decode = CodebookDecode(config)
        m.submodules.multiply = multiply = Multiply(config)
        m.submodules.accumulate = accumulate = Accumulate(config)
        m.submodules.requantise = requantise = Requantise(config)
        m.submodules.activations = activations = ActivationReadWrite(config)

        command = self.command
        address, data = command.address, command.data
        drain = Signal(drain_layout(config))
        draining = Signal()
        m.d.comb += [drain.eq(data), draining.eq(command.op == Op.DRAIN)]

        # From the broadcast to the product.
        m.d.comb += [
            queue.valid.eq(self.broadcast_valid),
            queue.payload.eq(self.broadcast),
            self.stop.eq(queue.stop),
            decode.i_valid.eq(matrix.valid),
            decode.i_first.eq(matrix.first),
            decode.i_value.eq(matrix.value),
            decode.i_entry.eq(matrix.entry),
            multiply.a.eq(Mux(decode.valid, decode.value, requantise.a)),
            multiply.b.eq(Mux(decode.valid, decode.weight, requantise.b)),
        ]
        wiring.connect(m, queue.o, pointers.i)
        wiring.connect(m, pointers.o, matrix.i)

        # Accumulate; the row arrives a cycle before its product.
        multiplying, row = Signal(), Signal(config.row_width)
        m.d.sync += [multiplying.eq(decode.valid), row.eq(decode.row)]
        clearing, cleared_row = Signal(), Signal(config.row_width)
        m.d.sync += [clearing.eq(draining & drain.last), cleared_row.eq(drain.row)]
        m.d.comb += [
            accumulate.valid.eq(multiplying),
            accumulate.row.eq(row),
            accumulate.product.eq(multiply.product),
            accumulate.read_en.eq(draining),
            accumulate.read_row.eq(drain.row),
            accumulate.clear_en.eq(clearing | (command.op == Op.CLEAR)),
            accumulate.clear_row.eq(Mux(clearing, cleared_row, address)),
        ]

        # Drain into the PE's own activations.
        storing = Signal()
        m.d.comb += [
            requantise.i_valid.eq(draining),
            requantise.i.eq(drain),
            requantise.table.eq(address),
            requantise.sum.eq(accumulate.sum),
            requantise.product.eq(multiply.product),
            storing.eq((command.op == Op.STORE) & self.selected),
            activations.open.eq(command.op == Op.OPEN),
            activations.rewind.eq(command.op == Op.REWIND),
            activations.bank.eq(data[0]),
            activations.keep.eq(data[1]),
            activations.all_out.eq(data[1]),
            activations.index.eq(address),
            activations.valid.eq(storing | requantise.valid),
            activations.value.eq(Mux(storing, data[: config.activation_width].as_signed(), requantise.o)),
            activations.emit.eq((command.op == Op.EMIT) & self.selected),
        ]
        wiring.connect(m, activations.o, wiring.flipped(self.activations))

        # Loading.
        m.d.comb += [
            matrix.write_en.eq((command.op == Op.WRITE_ENTRY) & self.selected),
            matrix.write_address.eq(address),
            matrix.write_data.eq(data),
            pointers.write_en.eq((command.op == Op.WRITE_POINTER) & self.selected),
            pointers.write_address.eq(address),
            pointers.write_data.eq(data),
            requantise.write_bias.eq((command.op == Op.WRITE_BIAS) & self.selected),
            requantise.write_scale.eq((command.op == Op.WRITE_SCALE) & self.selected),
            requantise.write_address.eq(address),
            requantise.write_data.eq(data),
            decode.write_en.eq(command.op == Op.WRITE_CODEBOOK),
            decode.write_address.eq(address),
            decode.write_data.eq(data),
        ]

        m.d.comb += self.busy.eq(
            queue.occupied
            | pointers.occupied
            | matrix.occupied
            | decode.valid
            | multiplying
            | accumulate.occupied
            | requantise.occupied
            | activations.pending
        )
        return m
