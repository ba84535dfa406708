"""`UartReceiver`: a byte that is framed well is received, once, and nothing keeps the receiver from the next one."""

from typing import Any

from amaranth.hdl import Cat, Const, Mux, ResetSignal, Signal

from eyrie.formal.harness import Harness
from eyrie.formal.proof import Broken, Proof, Property

_DIVISOR = 8
_FRAME = 10 * _DIVISOR
_LATENCY = 4
"""Cycles from the line to the receiver's filtered copy of it."""
_DECIDES = 9 * _DIVISOR + 5
"""Cycle of a frame in which the receiver has seen enough of the stop bit."""

_LIST = "\n                        m.d.comb += [\n                            "


def _build_bytes(uart_receiver: Any) -> Harness:
    dut = uart_receiver.UartReceiver(divisor=_DIVISOR)
    h = Harness(dut, driven={"rx"})
    # The frame is sent as a whole: a reset in its middle leaves the receiver with the rest of it.
    h.assume(~ResetSignal())

    # A sender that begins when it likes. In the first and the last cycle of a bit the line is anything: that is more
    # than a clock 1 % off does to the last bit, and ringing besides. The first cycle of a frame is low.
    sending, cycle, byte = Signal(name="sending"), Signal(range(_FRAME), name="cycle"), Signal(8, name="byte")
    begins = h.any_value(1, name="begins")
    with h.m.If(sending & (cycle != _FRAME - 1)):
        h.m.d.sync += cycle.eq(cycle + 1)
    with h.m.Else():
        h.m.d.sync += [sending.eq(begins), cycle.eq(0), byte.eq(h.any_value(8, name="next_byte"))]
    place, within = cycle[3:], cycle[:3]
    bit = Cat(Const(0, 1), byte, Const(1, 1)).bit_select(place, 1)
    uncertain = sending & (cycle != 0) & (cycle < _FRAME - _DIVISOR) & ((within == 0) | (within == _DIVISOR - 1))
    h.m.d.comb += dut.rx.eq(Mux(uncertain, h.any_value(1, name="ringing"), ~sending | bit))

    # The same, as the receiver sees it.
    seen: Any = Cat(sending, cycle, byte)
    for age in range(1, _LATENCY + 1):
        seen = h.before(seen, name=f"seen_{age}")
    active, at, sent = seen[0], seen[1:8], seen[8:]
    frame = Cat(Const(0, 1), sent, Const(1, 1))
    receiving = active & (at >= 1) & (at <= _DECIDES)
    h.prove("byte", ~dut.valid | (dut.data == sent))
    h.prove("one a frame", dut.valid == (active & (at == _DECIDES)))
    h.prove("no error", ~dut.error & ~dut.line_break)

    h.prove("frames", at < _FRAME)
    h.prove("in a frame", h.state("receiver", "BIT") == receiving)
    h.prove("between", h.state("receiver", "IDLE") == ~receiving)
    count, number = h.inside("count"), h.inside("place")
    h.prove("in step", ~receiving | (Cat(count, number) == at))
    samples = (at[:3] > 2) + (at[:3] > 3) + (at[:3] > 4)
    h.prove("samples", ~receiving | (h.inside("highs") == Mux(frame.bit_select(at[3:], 1), samples, 0)))
    line = h.inside("line")
    steady = (at[:3] >= 1) & (at[:3] <= _DIVISOR - 2)
    h.prove("line", ~active | ~steady | (line == frame.bit_select(at[3:], 1)))
    h.prove("quiet line", active | line)
    h.prove("beginning", ~(active & (at == 0)) | ~line)
    # Bits decided upon so far, the latest on top.
    decided = (at + 2)[3:]
    received = Cat(h.inside("bits"), Const(0, 8))
    for bit_number in range(8):
        known = receiving & (decided > bit_number + 1) & (decided <= 9)
        where = (7 + bit_number + 2 - decided)[:4]
        h.prove(f"bit {bit_number}", ~known | (received.bit_select(where, 1) == sent[bit_number]))
    return h


def _build_any(uart_receiver: Any) -> Harness:
    dut = uart_receiver.UartReceiver(divisor=_DIVISOR)
    h = Harness(dut)
    # Whatever was on the line before, and whatever state that led to.
    line, count, number = h.inside("line"), h.inside("count"), h.inside("place")
    busy, low = h.state("receiver", "BIT"), h.state("receiver", "LOW")
    high_for = Signal(range(_FRAME + 1), name="high_for")
    with h.m.If(~line):
        h.m.d.sync += high_for.eq(0)
    with h.m.Elif(high_for != _FRAME):
        h.m.d.sync += high_for.eq(high_for + 1)
    h.prove("comes back", (high_for < _FRAME) | ~(busy | low))
    elapsed = Cat(count, number)
    was_busy, was_low = h.before(busy, name="was_busy"), h.before(low & line, name="was_low")
    one_more = elapsed == (h.before(elapsed, name="elapsed_before") + 1)[:7]
    h.prove("goes on", ~(was_busy & busy & ~one_more) & ~(was_low & low))
    h.prove("one of them", ~(dut.valid & dut.error))
    h.prove("break", ~dut.line_break | (dut.error & (dut.data == 0)))
    h.prove("error in a frame", ~(dut.valid | dut.error) | busy)
    again = Signal(range(_FRAME + 1), name="since", init=_FRAME)
    with h.m.If(dut.valid | dut.error):
        h.m.d.sync += again.eq(0)
    with h.m.Elif(again != _FRAME):
        h.m.d.sync += again.eq(again + 1)
    h.prove("one at a time", ~(dut.valid | dut.error) | (again >= 9 * _DIVISOR))

    h.prove("no longer than a frame", ~busy | (elapsed <= _DECIDES))
    h.prove("began low", ~busy | (elapsed >= high_for))
    h.prove("waits for a high line", ~low | (high_for <= _DECIDES + 1))
    h.prove("ends of the counts", (high_for <= _FRAME) & (again <= _FRAME))
    h.prove("since the last", ~busy | (again >= elapsed))
    return h


BYTES = Proof(
    name="uart-receiver-bytes",
    module="eyrie.host.uart_receiver",
    component="UartReceiver",
    configuration=f"{_DIVISOR} cycles a bit; edges may come a cycle early or late, and ring",
    build=_build_bytes,
    cycles=8,
    properties=(
        Property(
            name="byte",
            says="What is received is what was sent.",
            cycles=4 * _DIVISOR,
            broken=Broken(old="with m.Elif(place == 9):", new="with m.Elif(place == 2):"),
        ),
        Property(
            name="one a frame",
            says="Each frame gives one byte, in the middle of its stop bit, also where frames follow without a gap.",
            cycles=4 * _DIVISOR,
            broken=Broken(old="with m.Elif(place == 9):", new="with m.Elif((place == 9) | (place == 1)):"),
        ),
        Property(
            name="no error",
            says="A frame sent well is never an error.",
            cycles=4 * _DIVISOR,
            broken=Broken(old="with m.Elif(place == 9):", new="with m.Elif((place == 9) | ((place == 1) & ~high)):"),
        ),
    ),
)

ANY = Proof(
    name="uart-receiver-any",
    module="eyrie.host.uart_receiver",
    component="UartReceiver",
    configuration=f"{_DIVISOR} cycles a bit; anything on the line",
    build=_build_any,
    properties=(
        Property(
            name="goes on",
            says="A frame takes cycle after cycle, and a line that is high ends the wait for it after a bad stop bit: "
            "ten bits of a high line lead from any state to the one that waits for a start bit.",
            broken=Broken(old="place.eq(place + 1)", new="place.eq(place + ~line)"),
        ),
        Property(
            name="one of them",
            says="A byte and an error never come together.",
            broken=Broken(
                old=f"(place == 9):{_LIST}self.valid.eq(high)",
                new=f"(place == 1):{_LIST}self.valid.eq(highs[0])",
            ),
        ),
        Property(
            name="one at a time",
            says="Nine bits at least lie between what is reported and what is reported next.",
            broken=Broken(old="with m.Elif(place == 9):", new="with m.Elif(place == 1):"),
            cycles=6 * _DIVISOR,
        ),
    ),
)

PROOFS = (BYTES, ANY)
