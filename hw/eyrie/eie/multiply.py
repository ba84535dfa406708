"""The one multiplier of a PE."""

from typing import Any

from amaranth.hdl import Module, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from eyrie.eie.config import EieConfig


class Multiply(wiring.Component):
    """Exact signed product with a registered result: one DSP multiplier.

    One product a cycle, latency one cycle.

    Parameters
    ----------
    config : EieConfig
        Widths.

    Members
    -------
    a : ``In(signed(config.activation_width))``
    b : ``In(signed(config.weight_width))``
    product : ``Out(signed(config.activation_width + config.weight_width))``
    """

    def __init__(self, config: EieConfig) -> None:
        self.config = config
        super().__init__(
            {
                "a": In(signed(config.activation_width)),
                "b": In(signed(config.weight_width)),
                "product": Out(signed(config.activation_width + config.weight_width)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.d.sync += self.product.eq(self.a * self.b)
        return m
