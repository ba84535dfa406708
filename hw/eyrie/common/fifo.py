"""A queue with a shape, in a memory with a synchronous read."""

from typing import Any

from amaranth.hdl import Module, ShapeLike, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from eyrie.common.memory import SyncMemory


class StreamFifo(wiring.Component):
    """A first-in first-out queue whose head waits in the memory's output register.

    One transfer a cycle at either end. What enters an empty queue is offered two cycles later.

    Parameters
    ----------
    shape : shape-like
        Shape of the payload.
    depth : int
        Words of memory, a power of two; the head comes on top of them.

    Members
    -------
    i : ``In(stream.Signature(shape))``
        Stalls only while all words of the memory wait.
    o : ``Out(stream.Signature(shape))``
        The oldest payload.
    waiting : ``Out(range(depth + 1))``
        Payloads in the memory, behind the head.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, shape: ShapeLike, *, depth: int) -> None:
        if depth < 2 or depth & (depth - 1):
            raise ValueError(f"FIFO depth must be a power of two from 2 up, not {depth}")
        self.shape, self.depth = shape, depth
        super().__init__(
            {
                "i": In(stream.Signature(shape)),
                "o": Out(stream.Signature(shape)),
                "waiting": Out(range(depth + 1)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.memory = memory = SyncMemory(shape=self.shape, depth=self.depth, collision="never")

        # Addresses with a bit more than the memory's, so that their difference is what waits.
        wide = self.depth.bit_length()
        write_address, read_address = Signal(wide), Signal(wide)
        push, fetch = Signal(), Signal()

        m.d.comb += [
            self.waiting.eq((write_address - read_address)[:wide]),
            self.i.ready.eq(~self.waiting[-1]),
            push.eq(self.i.valid & self.i.ready),
            fetch.eq((write_address != read_address) & (~self.o.valid | self.o.ready)),
            memory.write_en.eq(push),
            memory.write_address.eq(write_address),
            memory.write_data.eq(self.i.payload),
            memory.read_en.eq(fetch),
            memory.read_address.eq(read_address),
            self.o.payload.eq(memory.read_data),
        ]
        with m.If(push):
            m.d.sync += write_address.eq(write_address + 1)
        with m.If(fetch):
            m.d.sync += read_address.eq(read_address + 1)
        m.d.sync += self.o.valid.eq(fetch | (self.o.valid & ~self.o.ready))
        return m
