"""`LoadStreamWriter`: every word once, and an end exactly where one is asked for."""

from typing import Any

from amaranth.hdl import Mux, Signal

from eyrie.formal.harness import Harness
from eyrie.formal.proof import Broken, Proof, Property

_LONGEST = 6
"""Cycles from a request to its end, those not counted in which the engine does not take what is offered."""


def _build(load_stream_writer: Any) -> Harness:
    dut = load_stream_writer.LoadStreamWriter()
    h = Harness(dut)
    m = h.m
    h.assume(~(dut.finish & dut.abort))
    h.assume(~h.before(dut.finish & ~dut.ended, name="finishing") | dut.finish)
    h.assume(~h.before(dut.abort & ~dut.ended, name="aborting") | dut.abort)
    request, last, bytes_left = dut.finish | dut.abort, h.inside("last"), h.inside("crc.left")

    under_way, word, begun = Signal(2, name="under_way"), Signal(32, name="word"), Signal(name="stream_begun")
    taken, given = dut.i.valid & dut.i.ready, dut.o.valid & dut.o.ready
    ended = given & dut.o.payload.last
    m.d.sync += [under_way.eq(under_way + taken - (given & ~dut.o.payload.last)), begun.eq((begun & ~ended) | taken)]
    with m.If(taken):
        m.d.sync += word.eq(dut.i.payload)
    is_word = dut.o.valid & ~dut.o.payload.last
    h.prove("a word a word", under_way == is_word)
    h.prove("its data", ~is_word | (dut.o.payload.data == word))
    h.prove_kept("kept", dut.o)
    h.prove("asked for", ~(dut.ended | (dut.o.valid & dut.o.payload.last)) | request)
    h.prove("one last word", dut.ended == (ended | (dut.abort & ~begun & h.inside("free"))))
    h.prove("no word between", ~(request & taken))

    waits, rank = Signal(range(16), name="waits"), Signal(range(8), name="rank")
    m.d.comb += rank.eq(Mux(dut.o.valid & last, 0, Mux(bytes_left > dut.o.valid, bytes_left, dut.o.valid) + 1))
    with m.If(~request | dut.ended):
        m.d.sync += waits.eq(0)
    with m.Elif(~dut.o.valid | dut.o.ready):
        m.d.sync += waits.eq(waits + 1)
    h.prove("ends in time", waits <= _LONGEST)
    h.prove("the rest of the time", (waits == 0) | (waits + rank <= _LONGEST))
    h.prove("last of a request", ~last | (dut.o.valid & request))
    h.prove("begun", h.inside("begun") == begun)
    h.prove("a word begins it", ~dut.o.valid | begun | dut.finish)
    h.prove("bytes of a word", bytes_left <= 4)
    return h


PROOF = Proof(
    name="load-stream-writer",
    module="eyrie.host.load_stream_writer",
    component="LoadStreamWriter",
    configuration="as it is",
    build=_build,
    properties=(
        Property(
            name="a word a word",
            says="Each word that is taken is given once.",
            broken=Broken(old="free.eq(~self.o.valid & crc.ready)", new="free.eq(crc.ready)"),
        ),
        Property(
            name="its data",
            says="It is given as it came.",
            broken=Broken(old="word.eq(self.i.payload)", new="word.eq(self.i.payload | 1)"),
        ),
        Property(
            name="kept",
            says="What is offered and not taken stays.",
            broken=Broken(old="self.o.payload.last.eq(last)", new="self.o.payload.last.eq(last | self.finish)"),
        ),
        Property(
            name="asked for",
            says="A last word comes only when an end is asked for, and so does the word that it is done.",
            broken=Broken(old="free & self.abort & ~begun", new="free & ~begun"),
        ),
        Property(
            name="one last word",
            says="An end is one last word; an abort without a stream is done without one.",
            broken=Broken(old="free & self.abort & ~begun", new="free & self.abort"),
        ),
        Property(
            name="ends in time",
            says=f"An end that is asked for comes within {_LONGEST} cycles and what the engine takes longer.",
            broken=Broken(old="(self.abort & begun)", new="(self.abort & begun & self.i.valid)"),
        ),
    ),
)
