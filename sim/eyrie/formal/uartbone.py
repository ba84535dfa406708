"""`Uartbone`: the bus is driven as Wishbone asks, each word has its transfer, and no command keeps the link."""

from typing import Any

from amaranth.hdl import Array, Cat, Signal

from eyrie.formal.harness import Harness
from eyrie.formal.proof import Broken, Proof, Property

_TIMEOUT, _BUS_TIMEOUT = 3, 3
_STATES = ("COMMAND", "LENGTH", "ADDRESS", "DATA", "TRANSFER", "ANSWER", "DAMAGED")


def _build(uartbone: Any) -> Harness:
    dut = uartbone.Uartbone(timeout=_TIMEOUT, bus_timeout=_BUS_TIMEOUT)
    h, bus = Harness(dut), dut.bus
    m = h.m
    state = {name: Signal(name=f"in_{name.lower()}") for name in _STATES}
    m.d.comb += [signal.eq(h.state("uartbone", name)) for name, signal in state.items()]
    take, byte, damaged = dut.i.valid & dut.i.ready, dut.i.payload.data, dut.i.payload.error
    ends = state["TRANSFER"] & ((bus.ack | bus.err) | (h.inside("waited") == _BUS_TIMEOUT - 1))
    h.prove("one state", Cat(state.values()).any())

    # The bus.
    request = Cat(bus.adr, bus.dat_w, bus.sel, bus.we)
    going_on = h.before(bus.cyc & ~bus.ack & ~bus.err, name="going_on")
    h.prove("cyc and stb", bus.cyc == bus.stb)
    h.prove("request kept", ~(going_on & bus.cyc) | (request == h.before(request, name="request_before")))
    h.prove("let go", ~h.before(bus.cyc & (bus.ack | bus.err), name="answered") | ~bus.cyc)
    for_cycles = Signal(range(_BUS_TIMEOUT + 2), name="for_cycles")
    with m.If(bus.cyc):
        m.d.sync += for_cycles.eq(for_cycles + 1)
    with m.Else():
        m.d.sync += for_cycles.eq(0)
    h.prove("ends", ~bus.cyc | (for_cycles < _BUS_TIMEOUT))
    h.prove("waited", ~bus.cyc | (for_cycles == h.inside("waited")))

    # A transfer a word, and the bytes of its answer.
    command, length, transfers = Signal(8, name="command"), Signal(8, name="length"), Signal(8, name="transfers")
    with m.If(take & state["COMMAND"]):
        m.d.sync += command.eq(byte)
    with m.If(take & state["LENGTH"]):
        m.d.sync += [length.eq(byte), transfers.eq(0)]
    with m.Elif(ends):
        m.d.sync += transfers.eq(transfers + 1)
    was = {name: h.before(signal, name=f"was_in_{name.lower()}") for name, signal in state.items()}
    done = (was["TRANSFER"] | was["ANSWER"]) & state["COMMAND"]
    h.prove("a transfer a word", ~done | (transfers == length))
    working = state["ADDRESS"] | state["DATA"] | state["TRANSFER"]
    h.prove("words to go", ~working | (h.inside("left") == (length - transfers - 1)[:8]))
    h.prove("words to go after a read", ~state["ANSWER"] | (h.inside("left") == (length - transfers)[:8]))
    writes = (command == 1) | (command == 3)
    commanded = working | state["LENGTH"] | state["ANSWER"]
    h.prove("as commanded", ~bus.cyc | (bus.we == writes))
    h.prove("a command", ~commanded | ((command >= 1) & (command <= 4) & (h.inside("is_write") == writes)))
    h.prove("only writes have data", ~state["DATA"] | writes)
    h.prove("only reads are answered", ~state["ANSWER"] | ~writes)

    sent, word = Signal(3, name="sent"), Signal(32, name="word")
    with m.If(ends):
        m.d.sync += [sent.eq(0), word.eq(uartbone.BUS_ERROR_WORD)]
        with m.If(bus.ack):
            m.d.sync += word.eq(bus.dat_r)
    with m.Elif(dut.o.valid & dut.o.ready):
        m.d.sync += sent.eq(sent + 1)
    high_first = Array(word.word_select(3 - number, 8) for number in range(4))
    h.prove("answer", ~dut.o.valid | ((sent < 4) & (dut.o.payload == high_first[sent[:2]])))
    h.prove("four bytes", ~(was["ANSWER"] & ~state["ANSWER"]) | (sent == 4))
    h.prove("place of a byte", ~state["ANSWER"] | ((sent < 4) & (h.inside("place") == sent[:2])))
    h.prove("bytes to go", ~state["ANSWER"] | (h.inside("word") == (word << (8 * sent[:2]))[:32]))
    h.prove("no place before", ~(state["TRANSFER"] | state["LENGTH"]) | (h.inside("place") == 0))
    h.prove_kept("kept", dut.o)

    # Silence.
    receives = state["LENGTH"] | state["ADDRESS"] | state["DATA"] | state["DAMAGED"]
    silent_for = Signal(range(_TIMEOUT + 2), name="silent_for")
    with m.If(receives & ~dut.i.valid & (silent_for <= _TIMEOUT)):
        m.d.sync += silent_for.eq(silent_for + 1)
    with m.Else():
        m.d.sync += silent_for.eq(0)
    h.prove("comes back", (silent_for < _TIMEOUT) | state["COMMAND"])
    h.prove("silence", ~receives | (silent_for == h.inside("silence")))
    h.prove("takes", dut.i.ready == ~(state["TRANSFER"] | state["ANSWER"]))
    after_damage = Signal(name="after_damage")
    with m.If(take & damaged):
        m.d.sync += after_damage.eq(1)
    with m.Elif(silent_for == _TIMEOUT - 1):
        with m.If(~dut.i.valid):
            m.d.sync += after_damage.eq(0)
    h.prove("no transfer after damage", ~after_damage | (~bus.cyc & ~dut.o.valid))
    h.prove("drops what follows damage", ~after_damage | state["DAMAGED"])
    return h


PROOF = Proof(
    name="uartbone",
    module="eyrie.host.uartbone",
    component="Uartbone",
    configuration=f"{_TIMEOUT} cycles of silence, {_BUS_TIMEOUT} cycles a transfer",
    build=_build,
    properties=(
        Property(
            name="cyc and stb",
            says="The two go together.",
            broken=Broken(old="bus.cyc.eq(1), bus.stb.eq(1)", new="bus.cyc.eq(1), bus.stb.eq(waited == 0)"),
        ),
        Property(
            name="request kept",
            says="Address, data and direction stay until the transfer ends.",
            broken=Broken(old="waited.eq(waited + 1)", new="[waited.eq(waited + 1), word.eq(word + 1)]"),
        ),
        Property(
            name="let go",
            says="After the answer the bus is free for a cycle at least: one answer, one transfer.",
            broken=Broken(old="with m.If(bus.ack | bus.err | (waited", new="with m.If(bus.err | (waited"),
        ),
        Property(
            name="ends",
            says="A transfer ends in time, whether it is answered or not.",
            broken=Broken(old="waited.eq(waited + 1)", new="waited.eq(waited + bus.we)"),
        ),
        Property(
            name="a transfer a word",
            says="A command makes as many transfers as it says, no more and no fewer.",
            broken=Broken(old="with m.If(left == 0):", new="with m.If(left <= 1):"),
        ),
        Property(
            name="as commanded",
            says="Only a write writes.",
            broken=Broken(old="(byte == Command.WRITE_INCREMENT) |", new="(byte != Command.READ_INCREMENT) |"),
        ),
        Property(
            name="answer",
            says="The bytes of an answer are those of the word that was read, the highest first; all ones if the bus "
            "had none.",
            broken=Broken(old="word.eq(word << 8)", new="word.eq(word.rotate_left(16))"),
        ),
        Property(
            name="four bytes",
            says="A word read is answered by four bytes.",
            broken=Broken(
                old="""with m.If(place == 3):
                        next_word("TRANSFER")""",
                new="""with m.If(place == 2):
                        next_word("TRANSFER")""",
            ),
        ),
        Property(
            name="kept",
            says="A byte of an answer that is not taken stays.",
            broken=Broken(old="self.o.valid.eq(1)", new="self.o.valid.eq(~self.i.valid)"),
        ),
        Property(
            name="comes back",
            says="So many cycles of silence lead from any receiving state to the one that waits for a command.",
            broken=Broken(old="silence == self.timeout - 1", new="(silence == self.timeout - 1) & ~place[0]"),
        ),
        Property(
            name="takes",
            says="What comes over the line is taken in every cycle without a transfer or an answer.",
            broken=Broken(
                old="            m.d.comb += self.i.ready.eq(1)\n            drop_if_silent()",
                new="            m.d.comb += self.i.ready.eq(~place[1])\n            drop_if_silent()",
            ),
        ),
        Property(
            name="no transfer after damage",
            says="From a damaged byte to the next silence there is no transfer and no answer.",
            broken=Broken(
                old="with m.Elif(take):\n                m.d.sync += [number",
                new="with m.If(take):\n                m.d.sync += [number",
            ),
        ),
    ),
)
