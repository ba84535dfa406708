"""AXI4-Lite on one side, Wishbone on the other (ARM IHI 0022, chapter B1)."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from eyrie.host.wishbone import WORD_WIDTH, WishboneSignature

OKAY = 0
SLAVE_ERROR = 2


class AxiLiteBridge(wiring.Component):
    """Bus master for an AXI4-Lite master, one transfer at a time.

    Address and data of a write may come in either order. Of a read and a write that both wait, the one goes first that
    did not go last. Writes must be of whole words; one with another strobe ends with an error and has no effect. No
    output depends on an input of the same cycle.

    Parameters
    ----------
    address_width : int
        Bits of an address in words; AXI counts bytes, in two bits more.

    Members
    -------
    s_axi_awaddr : ``In(address_width + 2)``
    s_axi_awvalid : ``In(1)``
    s_axi_awready : ``Out(1)``
    s_axi_wdata : ``In(WORD_WIDTH)``
    s_axi_wstrb : ``In(WORD_WIDTH // 8)``
    s_axi_wvalid : ``In(1)``
    s_axi_wready : ``Out(1)``
    s_axi_bresp : ``Out(2)``
    s_axi_bvalid : ``Out(1)``
    s_axi_bready : ``In(1)``
    s_axi_araddr : ``In(address_width + 2)``
    s_axi_arvalid : ``In(1)``
    s_axi_arready : ``Out(1)``
    s_axi_rdata : ``Out(WORD_WIDTH)``
    s_axi_rresp : ``Out(2)``
    s_axi_rvalid : ``Out(1)``
    s_axi_rready : ``In(1)``
        The five channels.
    bus : ``Out(WishboneSignature(address_width=address_width))``
        The bus; every transfer on it must end.
    """

    bus: Any

    def __init__(self, *, address_width: int) -> None:
        self.address_width = address_width
        super().__init__(
            {
                **axi_lite_members(address_width),
                "bus": Out(WishboneSignature(address_width=address_width)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        bus: Any = self.bus
        axi: Any = self
        write_address, read_address = Signal(self.address_width), Signal(self.address_width)
        has_write_address, has_data, has_read = Signal(), Signal(), Signal()
        data, whole = Signal(WORD_WIDTH), Signal()
        writing, wrote_last = Signal(), Signal()
        can_write, can_read = Signal(), Signal()

        m.d.comb += [
            axi.s_axi_awready.eq(~has_write_address),
            axi.s_axi_wready.eq(~has_data),
            axi.s_axi_arready.eq(~has_read),
            can_write.eq(has_write_address & has_data & ~axi.s_axi_bvalid),
            can_read.eq(has_read & ~axi.s_axi_rvalid),
            bus.adr.eq(Mux(writing, write_address, read_address)),
            bus.dat_w.eq(data),
            bus.sel.eq(~0),
            bus.we.eq(writing),
        ]
        with m.If(axi.s_axi_awvalid & axi.s_axi_awready):
            m.d.sync += [write_address.eq(axi.s_axi_awaddr >> 2), has_write_address.eq(1)]
        with m.If(axi.s_axi_wvalid & axi.s_axi_wready):
            m.d.sync += [data.eq(axi.s_axi_wdata), whole.eq(axi.s_axi_wstrb.all()), has_data.eq(1)]
        with m.If(axi.s_axi_arvalid & axi.s_axi_arready):
            m.d.sync += [read_address.eq(axi.s_axi_araddr >> 2), has_read.eq(1)]
        with m.If(axi.s_axi_bready):
            m.d.sync += axi.s_axi_bvalid.eq(0)
        with m.If(axi.s_axi_rready):
            m.d.sync += axi.s_axi_rvalid.eq(0)

        def end_write(response: Any) -> None:
            m.d.sync += [
                axi.s_axi_bvalid.eq(1),
                axi.s_axi_bresp.eq(response),
                has_write_address.eq(0),
                has_data.eq(0),
                wrote_last.eq(1),
            ]

        with m.FSM(name="bridge"):
            with m.State("IDLE"):
                with m.If(can_write & ~(can_read & wrote_last)):
                    m.d.sync += writing.eq(1)
                    with m.If(whole):
                        m.next = "TRANSFER"
                    with m.Else():
                        end_write(SLAVE_ERROR)
                with m.Elif(can_read):
                    m.d.sync += writing.eq(0)
                    m.next = "TRANSFER"

            with m.State("TRANSFER"):
                m.d.comb += [bus.cyc.eq(1), bus.stb.eq(1)]
                with m.If(bus.ack | bus.err):
                    m.next = "IDLE"
                    with m.If(writing):
                        end_write(Mux(bus.err, SLAVE_ERROR, OKAY))
                    with m.Else():
                        m.d.sync += [
                            axi.s_axi_rvalid.eq(1),
                            axi.s_axi_rdata.eq(bus.dat_r),
                            axi.s_axi_rresp.eq(Mux(bus.err, SLAVE_ERROR, OKAY)),
                            has_read.eq(0),
                            wrote_last.eq(0),
                        ]
        return m


def axi_lite_members(address_width: int) -> dict[str, Any]:
    """The five channels of a slave, under the names that vendors' tools know; the address counts words."""
    return {
        "s_axi_awaddr": In(address_width + 2),
        "s_axi_awvalid": In(1),
        "s_axi_awready": Out(1),
        "s_axi_wdata": In(WORD_WIDTH),
        "s_axi_wstrb": In(WORD_WIDTH // 8),
        "s_axi_wvalid": In(1),
        "s_axi_wready": Out(1),
        "s_axi_bresp": Out(2),
        "s_axi_bvalid": Out(1),
        "s_axi_bready": In(1),
        "s_axi_araddr": In(address_width + 2),
        "s_axi_arvalid": In(1),
        "s_axi_arready": Out(1),
        "s_axi_rdata": Out(WORD_WIDTH),
        "s_axi_rresp": Out(2),
        "s_axi_rvalid": Out(1),
        "s_axi_rready": In(1),
    }
