"""The root of the tree: gives an activation its column, keeps it until it may leave, and sends it to all PEs."""

from typing import Any

from amaranth.hdl import Assert, Const, Module, Mux
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from eyrie.common.fifo import StreamFifo
from eyrie.eie.config import EieConfig
from eyrie.eie.layouts import broadcast_layout, located_activation_layout

_DEPTH = 32

HOLD_LATENCY = 4
"""Cycles from a `Broadcast` that fills up to PEs that send no more: a register here, two of commands, one in the PE."""


class Broadcast(wiring.Component):
    """From local index and PE to the number of the column, at one activation a cycle.

    The activation in slot ``s = local * n_pes + pe`` meets column ``column_base + s``; if groups of PEs work apart,
    that of a group's PE meets column ``column_base + local * group_pes + pe``. Latency two cycles. With `stop`, none
    leaves. What arrives meanwhile waits here; `hold` goes up early enough for all that the PEs still send, and down
    early enough for none to be missed when `stop` ends.

    Parameters
    ----------
    config : EieConfig
        ``n_pes``, ``column_groups`` and widths.
    levels : int
        Of the tree: 1 to 5.

    Members
    -------
    valid : ``In(1)``
        `i` is to be broadcast.
    i : ``In(located_activation_layout(config, 2 * levels))``
        What the tree found; it is always accepted.
    hold : ``Out(1)``
        No PE may send.
    column_base : ``In(config.column_width)``
        Number of slot 0's column, while activations arrive.
    stop : ``In(1)``
        A PE's queue is full.
    o_waits : ``Out(1)``
        There is an activation at `o`, which leaves unless there is a `stop`.
    o_valid : ``Out(1)``
        It leaves.
    o : ``Out(broadcast_layout(config))``
        To all PEs, on their way through registers.
    occupied : ``Out(1)``
        An activation waits here.
    apart : ``In(1)``
        While activations arrive: the group's own columns alone. There if ``column_groups`` is more than 1.
    """

    def __init__(self, config: EieConfig, *, levels: int) -> None:
        self.config, self.levels = config, levels
        super().__init__(
            {
                "valid": In(1),
                "i": In(located_activation_layout(config, 2 * levels)),
                "hold": Out(1),
                "column_base": In(config.column_width),
                "stop": In(1),
                "o_waits": Out(1),
                "o_valid": Out(1),
                "o": Out(broadcast_layout(config)),
                "occupied": Out(1),
                **({"apart": In(1)} if config.column_groups > 1 else {}),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config
        m.submodules.fifo = fifo = StreamFifo(broadcast_layout(config), depth=_DEPTH)
        # local * n_pes by shifts: a constant product must not take a DSP multiplier.
        size, groups = config.group_pes, config.column_groups
        product: Any = sum(
            (self.i.local << bit for bit in range(size.bit_length()) if size >> bit & 1),
            start=Const(0, 1),
        )
        if groups > 1:
            product = Mux(self.apart, product, product << groups.bit_length() - 1)
        # What PEs have sent by the time that they see a hold, and was not counted when it was due: the way of the hold,
        # a PE's output, the tree. When a hold ends, two cycles more pass until what they send then is at the head.
        under_way = HOLD_LATENCY + 1 + self.levels
        full = _DEPTH - under_way
        assert full >= under_way + 2
        m.d.comb += [
            fifo.i.valid.eq(self.valid),
            fifo.i.payload.value.eq(self.i.value),
            fifo.i.payload.column.eq(self.column_base + product + self.i.pe),
            fifo.o.ready.eq(~self.stop),
            self.occupied.eq((fifo.waiting != 0) | fifo.o.valid),
            self.o_waits.eq(fifo.o.valid),
            self.o_valid.eq(fifo.o.valid & ~self.stop),
            self.o.eq(fifo.o.payload),
        ]
        m.d.sync += [
            self.hold.eq(fifo.waiting >= full),
            Assert(~self.valid | fifo.i.ready, "broadcast overflow"),
        ]
        return m
