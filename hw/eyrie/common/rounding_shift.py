"""Arithmetic right shift that rounds half up and saturates: how a wide sum becomes an activation."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class RoundingShift(wiring.Component):
    """``clamp((i + 2 ** (shift - 1)) >> shift)`` to ``output_width`` signed bits; shift 0 only clamps.

    Rounding half up equals cutting off and adding the last bit cut off, so that one more bit goes through the shifter
    instead of an adder as wide as the input. Every stage drops the high bits that no later stage can bring into the
    result, and remembers whether they were more than a copy of the sign. One result a cycle, latency three cycles.

    Parameters
    ----------
    input_width : int
        Bits of the signed input.
    shift_width : int
        Bits of the shift, at least 2.
    output_width : int
        Bits of the signed result.

    Members
    -------
    i_valid : ``In(1)``
    i : ``In(signed(input_width))``
    shift : ``In(shift_width)``
    valid : ``Out(1)``
    o : ``Out(signed(output_width))``
    occupied : ``Out(1)``
        A result is under way.
    """

    def __init__(self, *, input_width: int, shift_width: int, output_width: int) -> None:
        if shift_width < 2:
            raise ValueError(f"shift width must be at least 2, not {shift_width}")
        self.input_width, self.shift_width, self.output_width = input_width, shift_width, output_width
        super().__init__(
            {
                "i_valid": In(1),
                "i": In(signed(input_width)),
                "shift": In(shift_width),
                "valid": Out(1),
                "o": Out(signed(output_width)),
                "occupied": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        sign, overflow, shift = Value.cast(self.i[-1]), Value.cast(0), Value.cast(self.shift)
        bits = Cat(0, self.i).as_signed()

        # The larger shifts first: they let the most bits go. A register in the middle and one after.
        half = self.shift_width // 2
        valid = [Signal(name=f"valid_{stage}") for stage in range(2)]
        for bit in reversed(range(self.shift_width)):
            width = min(len(bits), self.output_width + 1 + (1 << bit) - 1)
            if width < len(bits):
                dropped = bits[width - 1 :]
                overflow = overflow | (~shift[bit] & (dropped != sign.replicate(len(dropped))))
            if width + (1 << bit) < len(bits):  # an input so wide that even the shifted value does not fit
                dropped = bits[width - 1 + (1 << bit) :]
                overflow = overflow | (shift[bit] & (dropped != sign.replicate(len(dropped))))
            bits = Mux(shift[bit], bits >> (1 << bit), bits)[:width].as_signed()
            if bit in (half, 0):
                stage = 0 if bit else 1
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

        rounded = Signal(signed(self.output_width + 1))
        lowest, highest = -(1 << self.output_width - 1), (1 << self.output_width - 1) - 1
        m.d.comb += rounded.eq(bits[1:].as_signed() + bits[0])
        m.d.sync += self.valid.eq(valid[1])
        with m.If(overflow):
            m.d.sync += self.o.eq(Mux(sign, lowest, highest))
        with m.Elif(rounded[-1] != rounded[-2]):
            m.d.sync += self.o.eq(highest)  # rounding can only lead out at the top
        with m.Else():
            m.d.sync += self.o.eq(rounded)
        m.d.comb += self.occupied.eq(valid[0] | valid[1] | self.valid)
        return m
