"""Front end: takes the tape apart, each packet into the queue of its unit."""

from typing import Any

from amaranth.hdl import Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from eyrie.rowstat.commands import Unit
from eyrie.rowstat.config import RowstatConfig
from eyrie.rowstat.layouts import command_layout

QUEUES = (Unit.FETCH, Unit.DELIVER, Unit.LOAD, Unit.COMPUTE, Unit.DRAIN)
"""The units that packets go to."""


class FrontEnd(wiring.Component):
    """Takes a word of the tape a cycle, headers too, and stops while the queue that a word is for is full.

    The first header is taken in the cycle after `start` at the earliest. Behind an END nothing is taken; `done` is high
    in the first cycle after it in which `idle` is. Words for a unit that there is none of are thrown away.

    Parameters
    ----------
    config : RowstatConfig
        Geometry.

    Members
    -------
    start : ``In(1)``
        Take a tape; ignored while busy.
    idle : ``In(1)``
        One cycle ago no unit had anything to do, with a word that left here two cycles ago or earlier.
    tape : ``In(stream.Signature(64))``
        Packets.
    fetch, deliver, load, compute, drain : ``Out(stream.Signature(64))``
        Their words, without the headers.
    started : ``Out(1)``
        `start` is accepted in this cycle.
    busy : ``Out(1)``
        From the cycle after `start` to `done`.
    done : ``Out(1)``
        High for the last cycle of a tape.
    cycles : ``Out(32)``
        Cycles in which `busy` was high since the last start.
    """

    tape: stream.Interface
    fetch: stream.Interface
    deliver: stream.Interface
    load: stream.Interface
    compute: stream.Interface
    drain: stream.Interface

    def __init__(self, config: RowstatConfig) -> None:
        self.config = config
        words = stream.Signature(64)
        super().__init__(
            {
                "start": In(1),
                "idle": In(1),
                "tape": In(words),
                "fetch": Out(words),
                "deliver": Out(words),
                "load": Out(words),
                "compute": Out(words),
                "drain": Out(words),
                "started": Out(1),
                "busy": Out(1),
                "done": Out(1),
                "cycles": Out(32),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        header = Signal(command_layout("header"))
        unit, left = Signal.like(header.unit), Signal.like(header.count)
        queues = {Unit.FETCH: self.fetch, Unit.DELIVER: self.deliver, Unit.LOAD: self.load}
        queues |= {Unit.COMPUTE: self.compute, Unit.DRAIN: self.drain}
        ready = Signal()

        m.d.comb += [header.eq(self.tape.payload), self.started.eq(self.start & ~self.busy)]
        with m.If(self.started):
            m.d.sync += [self.busy.eq(1), self.cycles.eq(0)]
        with m.If(self.busy):
            m.d.sync += self.cycles.eq(self.cycles + 1)

        with m.Switch(unit):
            for number, queue in queues.items():
                m.d.comb += queue.payload.eq(self.tape.payload)
                with m.Case(number):
                    m.d.comb += ready.eq(queue.ready)
            with m.Default():
                m.d.comb += ready.eq(Const(1))

        with m.FSM(name="front_end"):
            with m.State("HEADER"):
                m.d.comb += self.tape.ready.eq(self.busy)
                m.d.sync += [unit.eq(header.unit), left.eq(header.count)]
                with m.If(self.tape.valid & self.busy):
                    with m.If(header.unit == Unit.END):
                        m.next = "END"
                    with m.Elif(header.count != 0):
                        m.next = "WORDS"

            with m.State("WORDS"):
                m.d.comb += self.tape.ready.eq(ready)
                for number, queue in queues.items():
                    m.d.comb += queue.valid.eq(self.tape.valid & (unit == number))
                with m.If(self.tape.valid & ready):
                    m.d.sync += left.eq(left - 1)
                    with m.If(left == 1):
                        m.next = "HEADER"

            with m.State("END"):
                with m.If(self.idle):
                    m.d.comb += self.done.eq(1)
                    m.d.sync += self.busy.eq(0)
                    m.next = "HEADER"
        return m
