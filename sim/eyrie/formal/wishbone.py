"""Slaves of the Wishbone bus: each transfer ends, once, in its time, and reaches what its address says."""

from typing import Any

from amaranth.hdl import Cat, Signal, Value

from eyrie.formal.harness import Harness
from eyrie.formal.proof import Broken, Proof, Property
from eyrie.host.register_map import Access, Register, RegisterMap
from eyrie.host.wishbone_decoder import Range

_MAP = RegisterMap(
    name="small",
    version=1,
    text="One register of each kind, and an address without any.",
    words=4,
    registers=(
        Register(name="status", address=0, text="Read."),
        Register(name="control", address=1, access=Access.WRITE, text="Written."),
        Register(name="level", address=2, access=Access.READ_WRITE, text="Both."),
    ),
)
_RANGES = (Range(name="low", address=0, width=2), Range(name="high", address=8, width=1))


def _keep_transfers(h: Harness, bus: Any) -> None:
    """The master's part: a transfer goes on unchanged until it ends."""
    going_on = h.before(bus.cyc & bus.stb & ~bus.ack & ~bus.err, name="going_on")
    request = h.before(Cat(bus.adr, bus.dat_w, bus.sel, bus.we), name="request")
    h.assume(~going_on | (bus.cyc & bus.stb & (Cat(bus.adr, bus.dat_w, bus.sel, bus.we) == request)))


def _prove_answers(h: Harness, bus: Any) -> Signal:
    """One answer a transfer, in the cycle after it begins; the first cycle of a transfer."""
    answered, begins = Signal(name="answered"), Signal(name="begins")
    h.m.d.comb += [answered.eq(bus.ack | bus.err), begins.eq(bus.cyc & bus.stb & ~answered)]
    h.prove("one answer", answered == h.before(begins, name="began"))
    h.prove("ack or err", ~(bus.ack & bus.err))
    return begins


def _build_bank(register_bank: Any) -> Harness:
    dut = register_bank.RegisterBank(_MAP)
    h, bus = Harness(dut), dut.bus
    _keep_transfers(h, bus)
    begins = _prove_answers(h, bus)
    reads = Signal(name="reads")
    writes = {name: Signal(name=f"writes_{name}") for name in ("control", "level")}
    h.m.d.comb += [
        reads.eq(~bus.we & ((bus.adr == 0) | (bus.adr == 2))),
        writes["control"].eq(bus.we & (bus.adr == 1)),
        writes["level"].eq(bus.we & (bus.adr == 2)),
    ]
    allowed = reads | writes["control"] | writes["level"]
    h.prove("refuses", ~bus.err | ~h.before(begins & allowed, name="allowed"))
    h.prove("allows", ~bus.ack | h.before(begins & allowed, name="allowed_too"))
    strobes = Cat(dut.control_written, dut.level_written)
    h.prove("written", strobes == Cat(writes["control"] & begins, writes["level"] & begins))
    value = h.before(Value.cast(dut.level), name="level_before")
    read_level = h.before(begins & ~bus.we & (bus.adr == 2), name="read_level")
    h.prove("read", ~read_level | (bus.dat_r == value))
    return h


def _build_window(stream_window: Any, kind: str) -> Harness:
    dut = getattr(stream_window, kind)(address_width=2)
    h, bus = Harness(dut), dut.bus
    _keep_transfers(h, bus)
    begins = _prove_answers(h, bus)
    if kind == "WriteWindow":
        h.prove("a word a write", dut.o.valid == (begins & bus.we))
        h.prove("its data", dut.o.payload == bus.dat_w)
        h.prove("overflow", dut.overflow == (begins & bus.we & ~dut.o.ready))
    else:
        taken, payload = h.before(dut.i.valid & dut.i.ready, name="taken"), h.before(dut.i.payload, name="payload")
        h.prove("a word a read", dut.i.ready == (begins & ~bus.we))
        h.prove("its data", ~(bus.ack & taken) | (bus.dat_r == payload))
        h.prove("nothing is 0", ~(bus.ack & ~taken) | (bus.dat_r == 0))
        h.prove("underflow", dut.underflow == (begins & ~bus.we & ~dut.i.valid))
    return h


def _build_decoder(wishbone_decoder: Any) -> Harness:
    dut = wishbone_decoder.WishboneDecoder(address_width=4, ranges=_RANGES)
    h, bus = Harness(dut), dut.bus
    slaves = {one: getattr(dut, f"to_{one.name}") for one in _RANGES}
    inside = {one: (bus.adr >= one.address) & (bus.adr < one.address + (1 << one.width)) for one in _RANGES}
    nowhere = ~Cat(inside.values()).any()
    h.prove(
        "its slave",
        Cat(
            Cat(slave.cyc, slave.stb) == Cat(bus.cyc & inside[one], bus.stb & inside[one])
            for one, slave in slaves.items()
        ).all(),
    )
    h.prove(
        "its place",
        Cat(~slave.stb | (slave.adr == (bus.adr - one.address)[: one.width]) for one, slave in slaves.items()).all(),
    )
    answer = Signal(34, name="answer")
    for one, slave in slaves.items():
        with h.m.If(inside[one]):
            h.m.d.comb += answer.eq(Cat(slave.ack, slave.err, slave.dat_r))
    h.prove("its answer", nowhere | (Cat(bus.ack, bus.err, bus.dat_r) == answer))
    h.prove("no slave", ~nowhere | ((bus.err == (bus.cyc & bus.stb)) & ~bus.ack))
    return h


_ONE_ANSWER = "A transfer is answered once, in the cycle after it begins; without a transfer there is no answer."

BANK = Proof(
    name="register-bank",
    module="eyrie.host.register_bank",
    component="RegisterBank",
    configuration="a register of each kind, and none at the fourth address",
    build=_build_bank,
    properties=(
        Property(
            name="one answer",
            says=_ONE_ANSWER,
            broken=Broken(old="& ~bus.ack & ~bus.err", new="& ~bus.ack"),
        ),
        Property(
            name="ack or err",
            says="Never both.",
            broken=Broken(old="bus.err.eq(begins & ~allowed)", new="bus.err.eq(begins & (bus.we | ~allowed))"),
        ),
        Property(
            name="refuses",
            says="What the map allows is not refused.",
            broken=Broken(old="with m.If(~bus.we):", new="with m.If(~bus.we & (bus.adr == 0)):"),
        ),
        Property(
            name="allows",
            says="What the map does not allow is refused.",
            broken=Broken(old="with m.If(~bus.we):", new="with m.If(1):"),
        ),
        Property(
            name="written",
            says="A register is written for one cycle in a write to it that is allowed, and in no other.",
            broken=Broken(old='_written").eq(begins)', new='_written").eq(bus.stb)'),
        ),
        Property(
            name="read",
            says="A read gives the register's value in the cycle in which it begins.",
            broken=Broken(
                old="m.d.sync += bus.dat_r.eq(getattr(self, register.name))",
                new="m.d.sync += bus.dat_r.eq(getattr(self, self.map.registers[0].name))",
            ),
        ),
    ),
)

WRITE_WINDOW = Proof(
    name="write-window",
    module="eyrie.host.stream_window",
    component="WriteWindow",
    configuration="four addresses",
    build=lambda module: _build_window(module, "WriteWindow"),
    properties=(
        Property(
            name="one answer",
            says=_ONE_ANSWER,
            broken=Broken(
                old="bus.ack.eq(begins & bus.we), bus.err.eq(begins & ~bus.we)",
                new="bus.ack.eq(begins & bus.we & self.o.ready), bus.err.eq(begins & ~bus.we)",
            ),
        ),
        Property(
            name="a word a write",
            says="Each write offers its word for one cycle; nothing else does.",
            broken=Broken(old="self.o.valid.eq(begins & bus.we)", new="self.o.valid.eq(bus.cyc & bus.stb & bus.we)"),
        ),
        Property(
            name="overflow",
            says="A word that is not taken in its cycle is reported.",
            broken=Broken(old="self.overflow.eq(self.o.valid & ~self.o.ready)", new="self.overflow.eq(0)"),
        ),
    ),
)

READ_WINDOW = Proof(
    name="read-window",
    module="eyrie.host.stream_window",
    component="ReadWindow",
    configuration="four addresses",
    build=lambda module: _build_window(module, "ReadWindow"),
    properties=(
        Property(
            name="a word a read",
            says="Each read takes one word; nothing else does.",
            broken=Broken(old="self.i.ready.eq(begins & ~bus.we)", new="self.i.ready.eq(begins)"),
        ),
        Property(
            name="its data",
            says="The word that was taken is what the read gives.",
            broken=Broken(old="with m.If(self.i.valid):", new="with m.If(self.i.valid & self.i.payload[0]):"),
        ),
        Property(
            name="underflow",
            says="A read that finds no word is reported.",
            broken=Broken(old="self.underflow.eq(self.i.ready & ~self.i.valid)", new="self.underflow.eq(0)"),
        ),
    ),
)

DECODER = Proof(
    name="wishbone-decoder",
    module="eyrie.host.wishbone_decoder",
    component="WishboneDecoder",
    configuration="two ranges, and addresses of neither",
    build=_build_decoder,
    properties=(
        Property(
            name="its slave",
            says="A transfer reaches the slave of its address and no other.",
            broken=Broken(old="slave.stb.eq(bus.stb & selected)", new="slave.stb.eq(bus.stb)"),
        ),
        Property(
            name="its answer",
            says="The answer is that of the slave that is meant.",
            broken=Broken(old="bus.ack.eq(slave.ack)", new="bus.ack.eq(slave.ack | slave.err)"),
        ),
        Property(
            name="no slave",
            says="Where no slave is, a transfer ends at once with an error: the bus never hangs.",
            broken=Broken(old="bus.err.eq(bus.cyc & bus.stb)", new="bus.err.eq(0)"),
        ),
    ),
)

PROOFS = (DECODER, BANK, WRITE_WINDOW, READ_WINDOW)
