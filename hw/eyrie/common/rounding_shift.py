"""Arithmetic right shift that rounds half up and saturates: how a wide sum becomes an activation."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

LATENCY = 3
"""Cycles from an input to its result."""


class RoundingShift(wiring.Component):
    """``clamp((i + 2 ** (shift - 1)) >> shift)`` to ``output_width`` signed bits; shift 0 only clamps.

    Rounding half up equals cutting off and adding the last bit cut off, so that one more bit goes through the shifter
    instead of an adder as wide as the input. Every stage drops the high bits that no later stage can bring into the
    result, and remembers whether they were more than a copy of the sign. One result a cycle, latency `LATENCY` cycles.

    Parameters
    ----------
    input_width : int
        Bits of the signed input.
    shift_width : int
        Bits of the shift.
    output_width : int
        Bits of the signed result.
    unit_bits : int
        Lowest bits of the shift that are always 0: every shift is a multiple of ``2 ** unit_bits``. At least two bits
        are left.

    Members
    -------
    i_valid : ``In(1)``
    i : ``In(signed(input_width))``
    shift : ``In(shift_width)``
    relu : ``In(1)``
        Give 0 instead of a negative result; stays the same while results are under way.
    valid : ``Out(1)``
    o : ``Out(signed(output_width))``
        The result, 0 while there is none.
    """

    def __init__(self, *, input_width: int, shift_width: int, output_width: int, unit_bits: int = 0) -> None:
        if shift_width - unit_bits < 2:
            raise ValueError(f"shift width must be at least 2 over {unit_bits} bits of a unit, not {shift_width}")
        self.input_width, self.shift_width, self.output_width = input_width, shift_width, output_width
        self.unit_bits = unit_bits
        super().__init__(
            {
                "i_valid": In(1),
                "i": In(signed(input_width)),
                "shift": In(shift_width),
                "relu": In(1),
                "valid": Out(1),
                "o": Out(signed(output_width)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        sign, overflow, shift = Value.cast(self.i[-1]), Value.cast(0), Value.cast(self.shift)
        bits = Cat(0, self.i).as_signed()

        # The larger shifts first: they let the most bits go. A register in the middle and one after.
        steps = list(reversed(range(self.unit_bits, self.shift_width)))
        valid = [Signal(name=f"valid_{stage}") for stage in range(2)]
        for number, bit in enumerate(steps):
            still = (1 << bit) - (1 << self.unit_bits)  # what later steps can shift by
            width = min(len(bits), self.output_width + 1 + still)
            if width < len(bits):
                dropped = bits[width - 1 :]
                overflow = overflow | (~shift[bit] & (dropped != sign.replicate(len(dropped))))
            if width + (1 << bit) < len(bits):  # an input so wide that even the shifted value does not fit
                dropped = bits[width - 1 + (1 << bit) :]
                overflow = overflow | (shift[bit] & (dropped != sign.replicate(len(dropped))))
            bits = Mux(shift[bit], bits >> (1 << bit), bits)[:width].as_signed()
            if number in (len(steps) // 2 - 1, len(steps) - 1):
                stage = 0 if bit != self.unit_bits else 1
                kept = Signal(signed(width), name=f"bits_{stage}")
                kept_sign, kept_overflow = Signal(name=f"sign_{stage}"), Signal(name=f"overflow_{stage}")
                kept_shift = Signal(max(1, bit), name=f"shift_{stage}")
                m.d.sync += [
                    kept.eq(bits),
                    kept_sign.eq(sign),
                    kept_overflow.eq(overflow),
                    kept_shift.eq(shift[:bit]),
                    valid[stage].eq(valid[0] if stage else self.i_valid),
                ]
                bits, sign, overflow, shift = kept, kept_sign, kept_overflow, kept_shift

        # A register that is cleared, and two bits that say with what it is filled instead: the highest or the lowest.
        rounded = Signal(signed(self.output_width + 1))
        over = Signal()  # rounding leads out, which it does at the top alone
        kept = Signal(signed(self.output_width), name="kept")
        high, low = Signal(), Signal()
        m.d.comb += [
            rounded.eq(bits[1:].as_signed() + bits[0]),
            over.eq(~rounded[-1] & rounded[-2]),
            self.o.eq(Cat(kept[:-1] | high.replicate(self.output_width - 1), kept[-1] | low).as_signed()),
        ]
        m.d.sync += [
            self.valid.eq(valid[1]),
            high.eq(valid[1] & Mux(overflow, ~sign, over)),
            low.eq(valid[1] & overflow & sign & ~self.relu),
            kept.eq(rounded),
        ]
        with m.If(~valid[1] | overflow | over | (self.relu & rounded[-1])):
            m.d.sync += kept.eq(0)
        return m
