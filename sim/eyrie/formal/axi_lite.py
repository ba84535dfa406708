"""`AxiLiteBridge`: each request of an AXI4-Lite master has one answer, its own, and nobody waits for ever."""

from typing import Any

from amaranth.hdl import Cat, Mux, Signal, Value

from eyrie.formal.harness import Harness
from eyrie.formal.proof import Broken, Proof, Property

_ADDRESS_WIDTH = 2
_BUS_CYCLES = 2
"""Cycles in which a transfer on the bus is answered; see the proofs of its slaves."""

_LONGEST = 2 * _BUS_CYCLES + 2
"""Cycles from a whole request to its answer: a transfer of the other direction may come first."""


def _build(axi_lite_bridge: Any) -> Harness:
    dut = axi_lite_bridge.AxiLiteBridge(address_width=_ADDRESS_WIDTH)
    h = Harness(dut)
    m, bus = h.m, dut.bus
    payloads = {
        "aw": dut.s_axi_awaddr,
        "w": Cat(dut.s_axi_wdata, dut.s_axi_wstrb),
        "ar": dut.s_axi_araddr,
        "b": dut.s_axi_bresp,
        "r": Cat(dut.s_axi_rdata, dut.s_axi_rresp),
    }
    channels = {name: (getattr(dut, f"s_axi_{name}valid"), getattr(dut, f"s_axi_{name}ready")) for name in payloads}
    taken = {name: Signal(name=f"{name}_taken") for name in channels}
    for name, (valid, ready) in channels.items():
        m.d.comb += taken[name].eq(valid & ready)
        stalled = h.before(valid & ~ready, name=f"{name}_stalled")
        payload = h.before(payloads[name], name=f"{name}_before")
        kept = ~stalled | (valid & (Value.cast(payloads[name]) == payload))
        if name in ("b", "r"):
            h.prove(f"{name} kept", kept)
        else:
            h.assume(kept)

    # The bus.
    request = Cat(bus.adr, bus.sel, bus.we, Mux(bus.we, bus.dat_w, 0))  # a read's master may take its next word
    answered = Signal(name="answered")
    for_cycles = Signal(range(_BUS_CYCLES + 1), name="for_cycles")
    m.d.comb += answered.eq(bus.cyc & (bus.ack | bus.err))
    m.d.sync += for_cycles.eq(Mux(bus.cyc & ~answered, for_cycles + 1, 0))
    h.assume(~bus.cyc | answered | (for_cycles < _BUS_CYCLES - 1))
    h.assume(~(bus.ack & bus.err))
    going_on = h.before(bus.cyc & ~answered, name="going_on")
    h.prove("cyc and stb", bus.cyc == bus.stb)
    h.prove("request kept", ~going_on | (bus.cyc & (request == h.before(request, name="request_before"))))
    h.prove("let go", ~h.before(answered, name="was_answered") | ~bus.cyc)

    # Requests and answers: how many are open, and what the last one was.
    for name, ends in (("aw", "b"), ("w", "b"), ("ar", "r")):
        still_open = Signal(range(3), name=f"{name}_open")
        m.d.sync += still_open.eq(still_open + taken[name] - taken[ends])
        has = h.inside({"aw": "has_write_address", "w": "has_data", "ar": "has_read"}[name])
        given = channels[ends][0]
        h.prove(f"one {ends} a {name}", still_open == has + given)
    write_address, data, strobe = Signal(4, name="write_address"), Signal(32, name="data"), Signal(4, name="strobe")
    read_address = Signal(4, name="read_address")
    with m.If(taken["aw"]):
        m.d.sync += write_address.eq(dut.s_axi_awaddr)
    with m.If(taken["w"]):
        m.d.sync += [data.eq(dut.s_axi_wdata), strobe.eq(dut.s_axi_wstrb)]
    with m.If(taken["ar"]):
        m.d.sync += read_address.eq(dut.s_axi_araddr)
    meant = Mux(bus.we, write_address, read_address)[2:]
    h.prove("its address", ~bus.cyc | (bus.adr == meant))
    h.prove("its data", ~(bus.cyc & bus.we) | ((bus.dat_w == data) & strobe.all()))
    h.prove(
        "asked for", ~bus.cyc | Mux(bus.we, h.inside("has_write_address") & h.inside("has_data"), h.inside("has_read"))
    )
    h.prove("a place for it", ~bus.cyc | ~Mux(bus.we, dut.s_axi_bvalid, dut.s_axi_rvalid))
    h.prove("in a transfer", bus.cyc == h.state("bridge", "TRANSFER"))
    h.prove("address", ~h.inside("has_write_address") | (h.inside("write_address") == write_address[2:]))
    h.prove("address of a read", ~h.inside("has_read") | (h.inside("read_address") == read_address[2:]))
    same = (h.inside("data") == data) & (h.inside("whole") == strobe.all())
    h.prove("data", ~h.inside("has_data") | same)

    # Answers: those of the bus, or an error for a part of a word, which never got there.
    outcome = Mux(bus.err, axi_lite_bridge.SLAVE_ERROR, axi_lite_bridge.OKAY)
    ended = h.before(Cat(answered, bus.we, outcome, bus.dat_r), name="ended")
    has_ended, has_written, response, read_data = ended[0], ended[1], ended[2:4], ended[4:]
    reads = Cat(dut.s_axi_rdata, dut.s_axi_rresp) == Cat(read_data, response)
    h.prove("answer of a read", ~(has_ended & ~has_written) | (dut.s_axi_rvalid & reads))
    h.prove("answer of a write", ~(has_ended & has_written) | (dut.s_axi_bvalid & (dut.s_axi_bresp == response)))
    begins_b = dut.s_axi_bvalid & ~h.before(dut.s_axi_bvalid, name="b_before")
    parts = dut.s_axi_bresp == axi_lite_bridge.SLAVE_ERROR
    partial = h.before(~strobe.all(), name="partial")
    h.prove("part of a word", ~begins_b | (has_ended & has_written) | (parts & partial))

    # Waiting.
    for name, whole in (("write", h.inside("can_write")), ("read", h.inside("can_read"))):
        waits = Signal(range(_LONGEST + 2), name=f"{name}_waits")
        m.d.sync += waits.eq(Mux(whole, waits + 1, 0))
        h.prove(f"{name} answered in time", waits <= _LONGEST)
    for name in ("aw", "w", "ar"):
        has = h.inside({"aw": "has_write_address", "w": "has_data", "ar": "has_read"}[name])
        h.prove(f"takes {name}", channels[name][1] == ~has)
    return h


PROOF = Proof(
    name="axi-lite-bridge",
    module="eyrie.host.axi_lite_bridge",
    component="AxiLiteBridge",
    configuration=f"addresses of {_ADDRESS_WIDTH} bits, a bus that answers within {_BUS_CYCLES} cycles",
    build=_build,
    cycles=_LONGEST + 2,
    properties=(
        Property(
            name="one b a aw",
            says="Each write address that is taken has one answer: none is lost, none comes twice.",
            broken=Broken(old="with m.If(axi.s_axi_bready):", new="with m.If(1):"),
        ),
        Property(
            name="one b a w",
            says="So has each word that is to be written.",
            broken=Broken(old="                has_data.eq(0),\n", new=""),
        ),
        Property(
            name="one r a ar",
            says="So has each read.",
            broken=Broken(old="can_read.eq(has_read & ~axi.s_axi_rvalid)", new="can_read.eq(has_read)"),
        ),
        Property(
            name="b kept",
            says="The answer of a write that is not taken stays.",
            broken=Broken(old="with m.If(axi.s_axi_bready):", new="with m.If(axi.s_axi_bready | axi.s_axi_rready):"),
        ),
        Property(
            name="r kept",
            says="So does that of a read, with its data.",
            broken=Broken(old="can_read.eq(has_read & ~axi.s_axi_rvalid)", new="can_read.eq(has_read)"),
        ),
        Property(
            name="request kept",
            says="Address, data and direction stay on the bus until the transfer ends.",
            broken=Broken(old="axi.s_axi_awready.eq(~has_write_address)", new="axi.s_axi_awready.eq(1)"),
        ),
        Property(
            name="let go",
            says="After its answer the bus is free for a cycle at least: one answer, one transfer.",
            broken=Broken(old="with m.If(bus.ack | bus.err):", new="with m.If(bus.err):"),
        ),
        Property(
            name="its address",
            says="A transfer goes to the address that was asked for.",
            broken=Broken(old="write_address.eq(axi.s_axi_awaddr >> 2)", new="write_address.eq(axi.s_axi_awaddr)"),
        ),
        Property(
            name="its data",
            says="A write puts the word there that came for it, whole.",
            broken=Broken(old="with m.If(whole):", new="with m.If(1):"),
        ),
        Property(
            name="asked for",
            says="There is no transfer that nobody asked for.",
            broken=Broken(
                old="can_write.eq(has_write_address & has_data & ~axi.s_axi_bvalid)",
                new="can_write.eq(has_write_address & ~axi.s_axi_bvalid)",
            ),
        ),
        Property(
            name="answer of a read",
            says="A read is answered with what the bus gave, and with an error where the bus had one.",
            broken=Broken(old="axi.s_axi_rresp.eq(Mux(bus.err, SLAVE_ERROR, OKAY))", new="axi.s_axi_rresp.eq(OKAY)"),
        ),
        Property(
            name="answer of a write",
            says="A write is answered as the bus answered.",
            broken=Broken(old="end_write(Mux(bus.err, SLAVE_ERROR, OKAY))", new="end_write(OKAY)"),
        ),
        Property(
            name="part of a word",
            says="A write of a part of a word is answered by an error, and so is nothing else that has not been on the "
            "bus.",
            broken=Broken(old="end_write(SLAVE_ERROR)", new="end_write(OKAY)"),
        ),
        Property(
            name="write answered in time",
            says=f"A write that is whole is answered within {_LONGEST} cycles, whatever the reads do.",
            broken=Broken(
                old="with m.If(can_write & ~(can_read & wrote_last)):",
                new="with m.If(can_write & axi.s_axi_bready & ~(can_read & wrote_last)):",
            ),
        ),
        Property(
            name="read answered in time",
            says="So is a read, whatever the writes do.",
            broken=Broken(old="with m.Elif(can_read):", new="with m.Elif(can_read & axi.s_axi_rready):"),
        ),
        Property(
            name="takes ar",
            says="An address is taken as long as no other one waits.",
            broken=Broken(old="axi.s_axi_arready.eq(~has_read)", new="axi.s_axi_arready.eq(~has_read & ~writing)"),
        ),
    ),
)
