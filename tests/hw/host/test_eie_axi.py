# amaranth: UnusedElaboratable=no
"""EieAxi: names of the ports in Verilog, and a network loaded and run over AXI."""

import random
from collections.abc import Callable
from typing import Any

import numpy as np
from amaranth.sim import Simulator

from eyrie.common.emit import emit_verilog
from eyrie.compile.schedule import Receive
from eyrie.driver.link_image import pack_link_image
from eyrie.driver.schedule import run_network
from eyrie.host.config import FASTEST
from eyrie.host.eie_axi import EieAxi
from eyrie.host.eie_map import EIE_MAP, MAGIC
from tests.hw.host.images import NARROW, draw_network, image_words

HALF = 5e-9


def test_ports() -> None:
    emitted = emit_verilog(EieAxi(NARROW, FASTEST), name="eie_axi", prefix="eie")
    ports = {port.name: (port.direction, port.width) for port in emitted.ports}
    assert ports == {
        "aclk": ("input", 1),
        "aresetn": ("input", 1),
        "s_axi_awaddr": ("input", 12),
        "s_axi_awvalid": ("input", 1),
        "s_axi_awready": ("output", 1),
        "s_axi_wdata": ("input", 32),
        "s_axi_wstrb": ("input", 4),
        "s_axi_wvalid": ("input", 1),
        "s_axi_wready": ("output", 1),
        "s_axi_bresp": ("output", 2),
        "s_axi_bvalid": ("output", 1),
        "s_axi_bready": ("input", 1),
        "s_axi_araddr": ("input", 12),
        "s_axi_arvalid": ("input", 1),
        "s_axi_arready": ("output", 1),
        "s_axi_rdata": ("output", 32),
        "s_axi_rresp": ("output", 2),
        "s_axi_rvalid": ("output", 1),
        "s_axi_rready": ("input", 1),
        "s_axis_tdata": ("input", 16),
        "s_axis_tvalid": ("input", 1),
        "s_axis_tready": ("output", 1),
        "m_axis_tdata": ("output", 16),
        "m_axis_tvalid": ("output", 1),
        "m_axis_tready": ("input", 1),
    }


def test_a_network_over_axi() -> None:
    network = draw_network(6, NARROW, largest_side=4)
    x = np.random.default_rng(1).integers(network.clip[0], network.clip[1] + 1, network.inputs)
    expected = run_network(network, x[None])[0]
    dut: Any = EieAxi(NARROW, FASTEST)
    draw = random.Random(1)
    outputs: list[int] = []

    async def testbench(ctx: Any) -> None:
        to_send = [int(value) & 0xFFFF for value in x]
        sending = False

        async def cycle() -> None:
            # The streams move in the background, each with stalls of its own.
            nonlocal sending
            sending = sending or (bool(to_send) and ctx.get(dut.aresetn) and draw.random() < 0.5)
            ctx.set(dut.s_axis_tvalid, sending)
            ctx.set(dut.s_axis_tdata, to_send[0] if sending else 0)
            ctx.set(dut.m_axis_tready, draw.random() < 0.5)
            taken = sending and ctx.get(dut.s_axis_tready)
            if ctx.get(dut.m_axis_tvalid & dut.m_axis_tready):
                word = ctx.get(dut.m_axis_tdata)
                outputs.append(word - (word >> 15 << 16))
            ctx.set(dut.aclk, 1)
            await ctx.delay(HALF)
            ctx.set(dut.aclk, 0)
            await ctx.delay(HALF)
            if taken:
                to_send.pop(0)
                sending = False

        async def write(name: str, value: int) -> None:
            entries = {one.name: one.address for one in EIE_MAP.registers}
            entries |= {one.name: one.address for one in EIE_MAP.windows}
            ctx.set(dut.s_axi_awaddr, 4 * entries[name])
            ctx.set(dut.s_axi_wdata, value)
            ctx.set(dut.s_axi_wstrb, 15)
            ctx.set(dut.s_axi_bready, 1)
            waiting = {"aw", "w"}
            for channel in waiting:
                ctx.set(getattr(dut, f"s_axi_{channel}valid"), 1)
            while True:
                taken = {channel for channel in waiting if ctx.get(getattr(dut, f"s_axi_{channel}ready"))}
                responded, response = ctx.get(dut.s_axi_bvalid), ctx.get(dut.s_axi_bresp)
                await cycle()
                for channel in taken:
                    ctx.set(getattr(dut, f"s_axi_{channel}valid"), 0)
                waiting -= taken
                if responded:
                    assert response == 0
                    return

        async def read(name: str) -> int:
            ctx.set(dut.s_axi_araddr, 4 * EIE_MAP.register(name).address)
            ctx.set(dut.s_axi_arvalid, 1)
            ctx.set(dut.s_axi_rready, 1)
            while True:
                taken = ctx.get(dut.s_axi_arready)
                answered, data = ctx.get(dut.s_axi_rvalid), ctx.get(dut.s_axi_rdata)
                await cycle()
                if taken:
                    ctx.set(dut.s_axi_arvalid, 0)
                if answered:
                    assert isinstance(data, int)
                    return data

        async def until(condition: Callable[[int], bool], name: str) -> None:
            for _ in range(200):
                if condition(await read(name)):
                    return
            raise TimeoutError(f"{name} is {await read(name)}, {len(outputs)} outputs came, {len(to_send)} inputs wait")

        ctx.set(dut.aresetn, 0)
        await cycle()
        await cycle()
        ctx.set(dut.aresetn, 1)
        assert await read("magic") == MAGIC
        await write("control", 1)
        for word in image_words(pack_link_image(network)):
            await until(bool, "load_free")
            await write("load", word)
        await until(lambda status: not status & 1, "status")
        assert (await read("status"), await read("error")) == (2, 0)
        await write("control", 2)
        await until(lambda runs: runs == 1 and len(outputs) >= network.schedule.n_received, "runs")
        assert await read("input_count") == len(x)
        assert await read("output_count") == len(outputs)

    simulator = Simulator(dut)
    simulator.add_testbench(testbench)
    simulator.run()
    elements = np.concatenate([part.elements for part in network.schedule.transfers if isinstance(part, Receive)])
    assert np.array_equal(np.array(outputs)[elements >= 0], expected[elements[elements >= 0]])
