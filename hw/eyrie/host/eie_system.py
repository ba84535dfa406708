"""An EIE engine on a serial line: what goes onto a board."""

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from eyrie.eie.config import EieConfig
from eyrie.host.config import HostConfig
from eyrie.host.eie_device import EieDevice
from eyrie.host.eie_map import EIE_MAP
from eyrie.host.uart import Uart
from eyrie.host.uartbone import Uartbone
from eyrie.host.wishbone_decoder import Range, WishboneDecoder


class EieSystem(wiring.Component):
    """Engine, registers, loader and serial link: two pins, a clock, and nothing that is not in the design.

    Parameters
    ----------
    config : EieConfig
        The engine.
    host : HostConfig
        Clock, serial line and queues.

    Members
    -------
    rx : ``In(1, init=1)``
        Serial line from the host.
    tx : ``Out(1, init=1)``
        Serial line to the host.
    """

    def __init__(self, config: EieConfig, host: HostConfig) -> None:
        self.config, self.host = config, host
        super().__init__({"rx": In(1, init=1), "tx": Out(1, init=1)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.uart = uart = Uart(divisor=self.host.divisor)
        m.submodules.uartbone = uartbone = Uartbone(timeout=self.host.link_timeout)
        m.submodules.decoder = decoder = WishboneDecoder(
            address_width=32, ranges=[Range(name="device", address=0, width=EIE_MAP.address_width)]
        )
        m.submodules.device = device = EieDevice(self.config, self.host)

        wiring.connect(m, uart.o, uartbone.i)
        wiring.connect(m, uartbone.o, uart.i)
        wiring.connect(m, uartbone.bus, decoder.bus)
        wiring.connect(m, decoder.to_device, device.bus)  # type: ignore[attr-defined]
        m.d.comb += [uart.rx.eq(self.rx), self.tx.eq(uart.tx), device.link_fault.eq(uartbone.fault)]
        return m
