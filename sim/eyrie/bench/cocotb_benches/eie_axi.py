"""Bench of the engine behind AXI, with masters and streams of cocotbext-axi, which know nothing of ours.

``EYRIE_BENCH_JOBS`` names a file from `eyrie.bench.axi_bench.save_jobs`. Every channel pauses at random.
"""

import logging
import os
import random
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge, with_timeout

from eyrie.bench.axi_bench import AxiJob, load_jobs
from eyrie.host.eie_map import EIE_MAP, MAGIC, DeviceError

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it still says some things in cocotb 1's words
    from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiResp, AxiStreamBus, AxiStreamSink, AxiStreamSource

_TIMEOUT_US = 2_000
_WORD_BYTES = 4
_ADDRESSES = {
    **{one.name: _WORD_BYTES * one.address for one in EIE_MAP.registers},
    **{one.name: _WORD_BYTES * one.address for one in EIE_MAP.windows},
}


def _pauses(name: str) -> Iterator[bool]:
    draw = random.Random(f"{name} {cocotb.RANDOM_SEED}")
    while True:
        yield draw.random() < 0.3


class Bench:
    """The engine with a clock, a master, and a stream on either side; use `begin`."""

    def __init__(self, dut: Any) -> None:
        self.jobs = load_jobs(Path(os.environ["EYRIE_BENCH_JOBS"]))
        self.dut = dut
        logging.getLogger(f"cocotb.{dut._name}").setLevel(logging.WARNING)  # else a line for each transfer
        at = (dut.aclk, dut.aresetn, False)
        self.master = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), *at)
        self.i = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), *at)
        self.o = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), *at)
        writes, reads = self.master.write_if, self.master.read_if
        for name, port in (
            ("aw", writes.aw_channel),
            ("w", writes.w_channel),
            ("b", writes.b_channel),
            ("ar", reads.ar_channel),
            ("r", reads.r_channel),
            ("i", self.i),
            ("o", self.o),
        ):
            port.set_pause_generator(_pauses(name))

    @classmethod
    async def begin(cls, dut: Any) -> "Bench":
        """Start the clock; four cycles of reset."""
        dut.aresetn.value = 0
        Clock(dut.aclk, 10, unit="ns", impl="gpi").start()
        await RisingEdge(dut.aclk)
        bench = cls(dut)  # which looks at the reset at once
        await ClockCycles(dut.aclk, 4)
        dut.aresetn.value = 1
        await RisingEdge(dut.aclk)
        return bench

    async def read(self, name: str) -> int:
        """A register, which must be given."""
        response = await self.master.read(_ADDRESSES[name], _WORD_BYTES)
        assert response.resp == AxiResp.OKAY, f"{name}: {response.resp}"
        return int.from_bytes(response.data, "little")

    async def write(self, name: str, *words: int) -> None:
        """A register, or words into a window, which must be taken."""
        for word in words:
            response = await self.master.write(_ADDRESSES[name], word.to_bytes(_WORD_BYTES, "little"))
            assert response.resp == AxiResp.OKAY, f"{name}: {response.resp}"

    async def control(self, name: str) -> None:
        """Ask for something by the name of the control register's field."""
        await self.write("control", EIE_MAP.register("control").field(name).mask)

    async def status(self, name: str) -> int:
        """A field of the status register."""
        return EIE_MAP.register("status").unpack(await self.read("status"))[name]

    async def load(self, job: AxiJob) -> None:
        """Load a network as a host does."""
        await self.control("load")
        words = job.words.tolist()
        while words:
            places = await self.read("load_free")
            await self.write("load", *words[:places])
            words = words[places:]
        while await self.status("loading"):
            pass
        assert (await self.status("loaded"), await self.read("error")) == (1, DeviceError.NONE)

    async def run(self, job: AxiJob, sample: int) -> None:
        """A run; inputs and outputs go over the streams while the master looks on."""
        await self.control("clear")
        while await self.status("busy"):
            pass
        inputs = job.inputs[sample].astype("<i2")
        self.i.send_nowait(inputs.tobytes())
        await self.control("start")
        found: list[int] = []
        while await self.status("busy") or len(found) < len(job.outputs[sample]):
            while not self.o.empty():
                found += np.frombuffer(bytes(self.o.recv_nowait().tdata), "<i2").tolist()
        wanted = job.outputs[sample][job.counts].tolist()
        assert np.array(found)[job.counts].tolist() == wanted
        counts = [await self.read(name) for name in ("runs", "input_count", "output_count", "error")]
        assert counts == [1, len(inputs), len(found), DeviceError.NONE]


@cocotb.test()
async def loads_networks_and_runs_them(dut: Any) -> None:
    """One network over the other, every sample of each."""
    bench = await Bench.begin(dut)

    async def body() -> None:
        assert await bench.read("magic") == MAGIC
        for job in bench.jobs:
            await bench.load(job)
            for sample in range(len(job.inputs)):
                await bench.run(job, sample)

    await with_timeout(body(), _TIMEOUT_US, "us")


@cocotb.test()
async def refuses_what_is_not_there(dut: Any) -> None:
    """Addresses without a register, wrong directions and parts of words end with SLVERR, and change nothing."""
    bench = await Bench.begin(dut)
    word = b"\x01\x02\x03\x04"
    nowhere = _WORD_BYTES * (max(one.address for one in EIE_MAP.registers) + 1)

    async def body() -> None:
        master = bench.master
        await bench.write("scratch", 0x12345678)
        for address in (nowhere, _ADDRESSES["control"], _ADDRESSES["load"], _ADDRESSES["input"]):
            assert (await master.read(address, _WORD_BYTES)).resp == AxiResp.SLVERR, f"read at {address:#x}"
        for address in (nowhere, _ADDRESSES["magic"], _ADDRESSES["output"]):
            assert (await master.write(address, word)).resp == AxiResp.SLVERR, f"write at {address:#x}"
        assert (await master.write(_ADDRESSES["scratch"], word[:1])).resp == AxiResp.SLVERR
        assert await bench.read("scratch") == 0x12345678

    await with_timeout(body(), _TIMEOUT_US, "us")


@cocotb.test()
async def answers_reads_and_writes_at_once(dut: Any) -> None:
    """Reads and writes that are under way together: each has its own answer."""
    bench = await Bench.begin(dut)

    async def write_all() -> None:
        for number in range(40):
            await bench.write("scratch", number)

    async def body() -> None:
        writing = cocotb.start_soon(write_all())
        before = 0
        while not writing.done():
            assert await bench.read("magic") == MAGIC
            now = await bench.read("scratch")
            assert before <= now < 40
            before = now
        assert await bench.read("scratch") == 39

    await with_timeout(body(), _TIMEOUT_US, "us")
