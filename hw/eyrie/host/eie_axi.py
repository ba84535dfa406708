"""An EIE engine for a system on AXI: AXI4-Lite for control and images, AXI4-Stream for activations.

Ports have the flat names by which vendors' tools recognise the interfaces.
"""

from typing import Any

from amaranth.hdl import ClockDomain, ClockSignal, Module, ResetSignal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from eyrie.eie.config import EieConfig
from eyrie.host.axi_lite_bridge import AxiLiteBridge, axi_lite_members
from eyrie.host.config import HostConfig
from eyrie.host.eie_device import EieDevice
from eyrie.host.eie_map import EIE_MAP

DATA_WIDTH = 16
"""Bits of an activation on a stream, with its sign."""


class EieAxi(wiring.Component):
    """Registers of `eyrie.host.eie_map.EIE_MAP` on AXI4-Lite, activations on two streams, everything on one clock.

    A packet's end means nothing to the engine: the input stream needs no ``tlast``, the output stream has none. A host
    that writes an image asks ``load_free`` first.

    Parameters
    ----------
    config : EieConfig
        The engine.
    host : HostConfig
        Queues and clock frequency.

    Members
    -------
    aclk : ``In(1)``
        Clock.
    aresetn : ``In(1)``
        Reset, synchronous, active low.
    s_axi_awaddr : ``In(EIE_MAP.address_width + 2)``
    s_axi_awvalid : ``In(1)``
    s_axi_awready : ``Out(1)``
    s_axi_wdata : ``In(32)``
    s_axi_wstrb : ``In(4)``
    s_axi_wvalid : ``In(1)``
    s_axi_wready : ``Out(1)``
    s_axi_bresp : ``Out(2)``
    s_axi_bvalid : ``Out(1)``
    s_axi_bready : ``In(1)``
    s_axi_araddr : ``In(EIE_MAP.address_width + 2)``
    s_axi_arvalid : ``In(1)``
    s_axi_arready : ``Out(1)``
    s_axi_rdata : ``Out(32)``
    s_axi_rresp : ``Out(2)``
    s_axi_rvalid : ``Out(1)``
    s_axi_rready : ``In(1)``
        AXI4-Lite, see `eyrie.host.axi_lite_bridge.AxiLiteBridge`.
    s_axis_tdata : ``In(DATA_WIDTH)``
    s_axis_tvalid : ``In(1)``
    s_axis_tready : ``Out(1)``
        Input activations.
    m_axis_tdata : ``Out(DATA_WIDTH)``
    m_axis_tvalid : ``Out(1)``
    m_axis_tready : ``In(1)``
        Output activations.
    """

    def __init__(self, config: EieConfig, host: HostConfig) -> None:
        self.config, self.host = config, host
        super().__init__(
            {
                "aclk": In(1),
                "aresetn": In(1),
                **axi_lite_members(EIE_MAP.address_width),
                "s_axis_tdata": In(DATA_WIDTH),
                "s_axis_tvalid": In(1),
                "s_axis_tready": Out(1),
                "m_axis_tdata": Out(DATA_WIDTH),
                "m_axis_tvalid": Out(1),
                "m_axis_tready": In(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        top: Any = self
        m.domains.sync = ClockDomain("sync")
        m.submodules.bridge = bridge = AxiLiteBridge(address_width=EIE_MAP.address_width)
        m.submodules.device = device = EieDevice(self.config, self.host, streams=True)
        inner: Any = device

        wiring.connect(m, bridge.bus, device.bus)
        for name, member in axi_lite_members(EIE_MAP.address_width).items():
            outer, port = getattr(self, name), getattr(bridge, name)
            m.d.comb += port.eq(outer) if member.flow is In else outer.eq(port)
        m.d.comb += [
            ClockSignal().eq(top.aclk),
            ResetSignal().eq(~top.aresetn),
            inner.i.valid.eq(top.s_axis_tvalid),
            inner.i.payload.eq(top.s_axis_tdata),
            top.s_axis_tready.eq(inner.i.ready),
            top.m_axis_tvalid.eq(inner.o.valid),
            top.m_axis_tdata.eq(inner.o.payload),
            inner.o.ready.eq(top.m_axis_tready),
        ]
        return m
