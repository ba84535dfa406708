"""`UartTransmitter`: every byte is framed, once, in its time."""

from typing import Any

from amaranth.hdl import Cat, Const, Signal

from eyrie.formal.harness import Harness
from eyrie.formal.proof import Broken, Proof, Property

_DIVISOR = 3
_FRAME = 10 * _DIVISOR


def _build(uart_transmitter: Any) -> Harness:
    dut = uart_transmitter.UartTransmitter(divisor=_DIVISOR)
    h = Harness(dut)
    accepted = dut.i.valid & dut.i.ready

    # The cycles of a frame, and what a receiver would want to see in each.
    sending, cycle = Signal(name="sending"), Signal(range(_FRAME), name="cycle")
    byte, last = Signal(8, name="byte"), Signal(name="last")
    h.m.d.comb += last.eq(cycle == _FRAME - 1)
    with h.m.If(accepted):
        h.m.d.sync += [sending.eq(1), cycle.eq(0), byte.eq(dut.i.payload)]
    with h.m.Elif(sending):
        h.m.d.sync += [sending.eq(~last), cycle.eq(cycle + 1)]
    frame = Cat(Const(0, 1), byte, Const(1, 1))
    bit = Signal(range(10), name="bit")
    h.m.d.comb += bit.eq(cycle // _DIVISOR)
    h.prove("frame", ~sending | (dut.tx == frame.bit_select(bit, 1)))
    h.prove("idle", sending | dut.tx)
    h.prove("takes", dut.i.ready == (~sending | last))

    left, count = h.inside("left"), h.inside("count")
    h.prove("bits to go", left == (10 - bit) * sending)
    h.prove("cycles of the bit", ~sending | (count == cycle % _DIVISOR))
    rest = Cat(frame, Const((1 << 10) - 1, 10)) >> (bit + 1)
    h.prove("what follows", ~sending | (h.inside("frame") == rest[:9]))
    h.prove("the frame's own end", ~sending | (cycle < _FRAME))
    return h


PROOF = Proof(
    name="uart-transmitter",
    module="eyrie.host.uart_transmitter",
    component="UartTransmitter",
    configuration=f"{_DIVISOR} cycles a bit",
    build=_build,
    properties=(
        Property(
            name="frame",
            says="A byte taken is on the line from the next cycle on: start bit, eight bits, the lowest first, stop "
            "bit, each as long as the divisor says.",
            broken=Broken(old="Cat(self.i.payload, Const(1, 1))", new="Cat(self.i.payload[::-1], Const(1, 1))"),
        ),
        Property(
            name="idle",
            says="Without a byte the line is high.",
            broken=Broken(old='"tx": Out(1, init=1)', new='"tx": Out(1, init=0)'),
        ),
        Property(
            name="takes",
            says="A byte is taken exactly while none is sent and in the last cycle of a stop bit: nothing waits for "
            "ever.",
            broken=Broken(old="(left == 0) | ((left == 1) & bit_ends)", new="(left <= 1) & bit_ends"),
        ),
    ),
)
