# amaranth: UnusedElaboratable=no
"""`ImageLoader`'s control: nothing is loaded that was not right, and no state waits for ever."""

from typing import Any

from amaranth.asserts import AnySeq
from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from eyrie.eie.config import TINY
from eyrie.formal.harness import Harness
from eyrie.formal.proof import Broken, Proof, Property
from eyrie.host.eie_map import DeviceError

_VERDICT_CYCLES = 3
_WRITER_CYCLES = 3
"""In which the load stream's writer ends, see its proof."""

_PARTS = ("SectionReader", "SectionUnpacker", "LoadStreamWriter")


class _Any(wiring.Component):
    """Something with the ports of a component whose outputs take any value in any cycle."""

    def __init__(self, like: wiring.Component) -> None:
        super().__init__(dict(like.signature.members.items()))

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        for _, member, value in self.signature.flatten(self):
            if member.flow is Out:
                m.d.comb += Value.cast(value).eq(AnySeq(len(Value.cast(value))))
        return m


def _with_any_parts(module: Any) -> Any:
    """The loader's module, in which reader, unpacker and writer do what they like."""
    for name in _PARTS:
        part = getattr(module, name)
        vars(module)[name] = lambda *positional, part=part, **named: _Any(part(*positional, **named))
    return module


def _build(image_loader: Any) -> Harness:
    dut = _with_any_parts(image_loader).ImageLoader(TINY)
    h = Harness(dut)
    m, none = h.m, DeviceError.NONE
    reader, unpacker, writer = h.inside("reader"), h.inside("unpacker"), h.inside("writer")
    states = ("IDLE", "LOAD", "FINISH", "VERDICT", "LOADED", "END")
    state = {name: Signal(name=f"in_{name.lower()}") for name in states}
    m.d.comb += [signal.eq(h.state("image_loader", name)) for name, signal in state.items()]

    # What the writer promises: an end in time, and none that is not asked for.
    asked = Signal(name="asked")
    asked_for = Signal(range(_WRITER_CYCLES + 1), name="asked_for")
    m.d.comb += asked.eq(writer.finish | writer.abort)
    m.d.sync += asked_for.eq(Mux(asked & ~writer.ended, asked_for + 1, 0))
    h.assume(~writer.ended | asked)
    h.assume(~asked | writer.ended | (asked_for < _WRITER_CYCLES - 1))

    # What it is promised.
    h.prove("finish or abort", ~(writer.finish & writer.abort))
    not_ended = h.before(Cat(writer.finish, writer.abort) & (~writer.ended).replicate(2), name="not_ended")
    h.prove("request kept", (not_ended & ~Cat(writer.finish, writer.abort)) == 0)

    # Verdicts.
    right, trusted, begun = Signal(name="right"), Signal(name="trusted"), Signal(name="begun")
    wrong = (reader.error != none) | ((unpacker.error != none) & (reader.at != unpacker.section))
    with m.If(dut.begin):
        m.d.sync += [right.eq(0), trusted.eq(0), begun.eq(1)]
    with m.Else():
        with m.If(state["LOAD"] & ~wrong & reader.whole & unpacker.done):
            m.d.sync += right.eq(1)
        with m.If(state["VERDICT"] & dut.engine_loaded):
            m.d.sync += trusted.eq(1)
    h.prove("one state", Cat(state.values()).any())
    h.prove("loaded", ~dut.loaded | (right & trusted))
    h.prove("not both", ~(dut.loaded & dut.loading))
    h.prove("right so far", ~(state["FINISH"] | state["VERDICT"]) | right | h.inside("again"))
    h.prove("forgets", ~h.before(dut.begin, name="was_begun") | (~dut.loaded & dut.loading))
    h.prove("says", ~begun | dut.loading | dut.loaded | (dut.error != none))
    h.prove("loaded without error", ~dut.loaded | (dut.error == none))
    told = h.before((dut.error != none) & ~dut.begin, name="told")
    about = Cat(Value.cast(dut.error), dut.section)
    h.prove("error stays", ~told | (about == h.before(about, name="about_before")))
    h.prove("error ends it", (dut.error == none) | state["END"] | state["IDLE"])
    h.prove("nothing begun", begun | state["IDLE"])
    h.prove("again", ~h.inside("again") | ~(state["IDLE"] | state["LOADED"] | state["LOAD"]))
    h.prove("first run of an error", ~state["IDLE"] | ~begun | (dut.error != none))
    h.prove("end of something", ~state["END"] | h.inside("again") | (dut.error != none))

    # Words are taken only while an image is expected, and go on to the reader as they are.
    h.prove("takes", dut.i.ready == (state["LOAD"] & reader.i.ready))
    h.prove("hands on", (reader.i.valid == (state["LOAD"] & dut.i.valid)) & (reader.i.payload == dut.i.payload))

    # Waiting: only for words, for an announcement, or as long as the writer and the engine take.
    waits = Signal(range(32), name="waits")
    longest = 2 * _WRITER_CYCLES + _VERDICT_CYCLES + 2
    m.d.sync += waits.eq(Mux(state["FINISH"] | state["VERDICT"] | state["END"], waits + 1, 0))
    h.prove("ends in time", waits <= longest)
    stuck = h.before(state["LOAD"] & (dut.begin | wrong | (reader.whole & unpacker.done)), name="stuck")
    h.prove("load ends", ~stuck | ~state["LOAD"])
    h.prove("waited", ~state["VERDICT"] | (h.inside("waited") <= _VERDICT_CYCLES))
    return h


PROOF = Proof(
    name="image-loader",
    module="eyrie.host.image_loader",
    component="ImageLoader",
    configuration="its control: reader, unpacker and writer do anything; a verdict in 4 cycles",
    build=_build,
    constants={"_VERDICT_CYCLES": _VERDICT_CYCLES},
    cycles=12,
    properties=(
        Property(
            name="loaded",
            says="A network is there only if every part of its image was right and the engine agreed, since the last "
            "announcement.",
            broken=Broken(old="with m.Elif(reader.whole & unpacker.done):", new="with m.Elif(reader.whole):"),
        ),
        Property(
            name="forgets",
            says="The cycle after an announcement no network is there, and an image is expected.",
            broken=Broken(old="self.loading.eq(again), clear.eq(1)", new="self.loading.eq(0), clear.eq(1)"),
        ),
        Property(
            name="says",
            says="After an announcement the loader always says something: it loads, has loaded, or names an error.",
            broken=Broken(old="refuse(DeviceError.CONTENT, 0)", new="refuse(DeviceError.NONE, 0)"),
        ),
        Property(
            name="error stays",
            says="An error and its section stay until the next announcement.",
            broken=Broken(
                old='with m.State("END"):\n',
                new='with m.State("END"):\n                m.d.sync += self.section.eq(0)\n',
            ),
        ),
        Property(
            name="loaded without error",
            says="Never both.",
            broken=Broken(old="refuse(reader.error, reader.section)", new="m.d.sync += self.error.eq(reader.error)"),
        ),
        Property(
            name="request kept",
            says="What is asked of the writer is asked until it is done.",
            broken=Broken(
                old="with m.If(writer.ended):\n                    m.d.sync += waited",
                new="with m.If(1):\n                    m.d.sync += waited",
            ),
        ),
        Property(
            name="takes",
            says="Words are taken only while an image is expected, and then as fast as the reader does.",
            broken=Broken(old="self.i.ready.eq(reader.i.ready)", new="self.i.ready.eq(1)"),
        ),
        Property(
            name="ends in time",
            says="Behind the last word, after an error and after an announcement in the middle, it goes on in so many "
            "cycles as the writer and the engine may take.",
            broken=Broken(old="waited.eq(waited + 1)", new="waited.eq(waited)"),
            cycles=32,
        ),
        Property(
            name="load ends",
            says="An error, an announcement and the end of an image each end the state that waits for words.",
            broken=Broken(old="with m.Elif(misread):", new="with m.Elif(misread & self.i.valid):"),
        ),
    ),
)
