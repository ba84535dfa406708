"""Requantisation at the drain: a psum becomes an activation."""

from typing import Any

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from eyrie.common import rounding_shift
from eyrie.common.rounding_shift import RoundingShift
from eyrie.rowstat.config import RowstatConfig
from eyrie.rowstat.control_timing import REQUANTISE_LATENCY
from eyrie.rowstat.layouts import command_layout

_CHUNK_BITS = 17
_PRODUCT_LATENCY = REQUANTISE_LATENCY - rounding_shift.LATENCY


class Requantise(wiring.Component):
    """``clamp((psum + bias) * multiplier + 2 ** (shift - 1) >> shift)``, one a cycle; shift 0 only clamps.

    The sum is multiplied in pieces that the multipliers of FPGAs take, a register behind each piece and each addition.
    Latency `REQUANTISE_LATENCY` cycles.

    Parameters
    ----------
    config : RowstatConfig
        Widths.

    Members
    -------
    i_valid : ``In(1)``
    psum : ``In(signed(config.accumulator_width))``
    scale : ``In(command_layout("requantise"))``
        Bias, multiplier and shift for it.
    valid : ``Out(1)``
    o : ``Out(signed(config.activation_width))``
        The activation, 0 while there is none.
    """

    def __init__(self, config: RowstatConfig) -> None:
        self.config = config
        super().__init__(
            {
                "i_valid": In(1),
                "psum": In(signed(config.accumulator_width)),
                "scale": In(command_layout("requantise")),
                "valid": Out(1),
                "o": Out(signed(config.activation_width)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        scale = self.scale
        width = max(self.config.accumulator_width, len(scale.bias)) + 1
        m.submodules.round = rounding = RoundingShift(
            input_width=width + len(scale.multiplier),
            shift_width=len(scale.shift),
            output_width=self.config.activation_width,
        )

        total, multiplier = Signal(signed(width)), Signal.like(scale.multiplier)
        m.d.sync += [total.eq(self.psum + scale.bias), multiplier.eq(scale.multiplier)]

        # Three pieces, the highest one signed; the second is added to the first, then the third.
        first, second = (Signal(signed(_CHUNK_BITS + len(multiplier) + 1), name=name) for name in ("first", "second"))
        third = Signal(signed(width - 2 * _CHUNK_BITS + len(multiplier)))
        third_later, lower = Signal.like(third), Signal(signed(2 * _CHUNK_BITS + len(multiplier) + 1))
        product = Signal(signed(width + len(multiplier)))
        m.d.sync += [
            first.eq(total[:_CHUNK_BITS] * multiplier),
            second.eq(total[_CHUNK_BITS : 2 * _CHUNK_BITS] * multiplier),
            third.eq(total[2 * _CHUNK_BITS :].as_signed() * multiplier),
            lower.eq(first + (second << _CHUNK_BITS)),
            third_later.eq(third),
            product.eq(lower + (third_later << 2 * _CHUNK_BITS)),
        ]

        valid, shift = self.i_valid, scale.shift
        for age in range(1, _PRODUCT_LATENCY + 1):
            later_valid = Signal(name=f"valid_{age}")
            later_shift = Signal(len(scale.shift), name=f"shift_{age}")
            m.d.sync += [later_valid.eq(valid), later_shift.eq(shift)]
            valid, shift = later_valid, later_shift
        m.d.comb += [
            rounding.i_valid.eq(valid),
            rounding.i.eq(product),
            rounding.shift.eq(shift),
            self.valid.eq(rounding.valid),
            self.o.eq(rounding.o),
        ]
        return m
