"""Bench of the engine's top module: networks from a file, streams that stall, the protocol around a run.

``EYRIE_BENCH_TRAFFIC`` names a file with at least two networks, from `eyrie.bench.traffic.save_traffic`;
``EYRIE_BENCH_STALL`` the pattern of stalls, see `eyrie.bench.component.stalls`.
"""

import os
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
import numpy.typing as npt
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly, with_timeout

from eyrie.bench.cocotb_benches.streams import StreamSink, StreamSource
from eyrie.bench.component import stalls
from eyrie.bench.traffic import load_traffic
from eyrie.eie.load_format import LoadError

_TIMEOUT_US = 2_000
_LAST = 1 << 32


class Bench:
    """The engine with a clock, sources, a sink, and eyes on busy and done."""

    def __init__(self, dut: Any) -> None:
        self.config, self.networks = load_traffic(Path(os.environ["EYRIE_BENCH_TRAFFIC"]))
        pattern: Any = os.environ["EYRIE_BENCH_STALL"]
        self.dut = dut
        self.load, self.i = (
            StreamSource(dut, name, stalls(pattern, f"{name} {cocotb.RANDOM_SEED}")) for name in ("load", "i")
        )
        self.o = StreamSink(dut, "o", stalls(pattern, f"o {cocotb.RANDOM_SEED}"))
        dut.start.value = 0
        dut.rst.value = 1
        self.ended = 0

    async def begin(self) -> None:
        """Start clock and watchers; two cycles of reset."""
        Clock(self.dut.clk, 10, unit="ns", impl="gpi").start()
        cocotb.start_soon(self.o.run())
        cocotb.start_soon(self._watch_done())
        await self.reset()

    async def reset(self) -> None:
        await FallingEdge(self.dut.clk)
        self.load.abandon()
        self.i.abandon()
        self.dut.start.value = 0
        self.dut.rst.value = 1
        await FallingEdge(self.dut.clk)
        await FallingEdge(self.dut.clk)
        self.dut.rst.value = 0
        self.o.received.clear()

    async def wait_until(self, condition: Any) -> None:
        """Wait for the first settled cycle in which it holds; returns at the falling edge after it."""
        while True:
            await ReadOnly()
            holds = condition()
            await FallingEdge(self.dut.clk)
            if holds:
                return

    async def send_network(self, words: npt.NDArray[np.uint32]) -> None:
        """Send a load stream and wait for the verdict."""
        payloads = words.tolist()
        payloads[-1] |= _LAST
        await self.load.send(payloads)
        await self.wait_until(lambda: int(self.dut.loaded.value) or int(self.dut.error.value))

    async def start(self) -> None:
        """One cycle of start, once the engine is idle."""
        await self.wait_until(lambda: not int(self.dut.busy.value))
        self.dut.start.value = 1
        await FallingEdge(self.dut.clk)
        self.dut.start.value = 0

    async def run(self, inputs: npt.NDArray[np.int64], outputs: npt.NDArray[np.int64]) -> None:
        """One run; outputs, busy and done must be as they should."""
        dut = self.dut
        before = self.ended
        self.o.received.clear()
        await self.start()
        assert int(dut.busy.value), "not busy in the cycle after start"
        sending = cocotb.start_soon(self.i.send(inputs.tolist()))
        while self.ended == before:
            assert int(dut.busy.value), "busy fell before done"
            await FallingEdge(dut.clk)
        assert sending.done(), "done before all inputs were taken"
        assert self.o.received == outputs.tolist()
        assert not int(dut.busy.value), "busy after done"
        assert int(dut.error.value) == LoadError.NONE

    async def _watch_done(self) -> None:
        """Count runs that ended; done must be one cycle, and busy with it."""
        previous = 0
        while True:
            await FallingEdge(self.dut.clk)
            await ReadOnly()
            done = 0 if int(self.dut.rst.value) else int(self.dut.done.value)
            assert not (done and previous), "done for more than one cycle"
            assert not done or int(self.dut.busy.value), "done without busy"
            self.ended += done
            previous = done


@cocotb.test()
async def computes_one_network_after_another(dut: Any) -> None:
    """Every network over the one before, every sample; a start in the middle of a run changes nothing."""
    bench = Bench(dut)
    await bench.begin()
    assert int(dut.identification.value) == bench.config.hash

    async def body() -> None:
        for traffic in bench.networks:
            await bench.send_network(traffic.words)
            assert (int(dut.loaded.value), int(dut.error.value)) == (1, LoadError.NONE)
            for inputs, outputs in zip(traffic.inputs, traffic.outputs, strict=True):
                cycles = []
                for disturb in (False, True):
                    running = cocotb.start_soon(bench.run(inputs, outputs))
                    if disturb:
                        await bench.wait_until(lambda: int(dut.busy.value))
                        dut.start.value = 1
                        await FallingEdge(dut.clk)
                        dut.start.value = 0
                    await running
                    cycles.append(int(dut.cycles.value))
                assert cycles[0] == cycles[1] > 0

    await with_timeout(body(), _TIMEOUT_US, "us")


@cocotb.test()
async def recovers_from_reset_in_the_middle(dut: Any) -> None:
    """A reset while loading, while taking inputs, while computing: the network has to be loaded again, and works."""
    bench = Bench(dut)
    await bench.begin()
    traffic = bench.networks[0]

    async def body() -> None:
        loading = cocotb.start_soon(bench.send_network(traffic.words))
        await bench.wait_until(lambda: int(dut.load__valid.value) and int(dut.load__ready.value))
        loading.cancel()
        await bench.reset()
        for inputs_before_reset in (len(traffic.inputs[0]) // 2, len(traffic.inputs[0])):
            await bench.send_network(traffic.words)
            assert int(dut.loaded.value)
            await bench.start()
            await bench.i.send(traffic.inputs[0][:inputs_before_reset].tolist())
            assert int(dut.busy.value)
            await bench.reset()
            assert not int(dut.loaded.value)
            await bench.send_network(traffic.words)
            await bench.run(traffic.inputs[0], traffic.outputs[0])

    await with_timeout(body(), _TIMEOUT_US, "us")


@cocotb.test()
async def refuses_what_is_broken(dut: Any) -> None:
    """Start without a network, and a network with one bit wrong, are refused; a good one over it works."""
    bench = Bench(dut)
    await bench.begin()
    good, other = bench.networks[:2]
    broken = good.words.copy()
    broken[-2] ^= 1

    async def refused_start() -> None:
        await bench.start()
        await FallingEdge(dut.clk)
        assert not int(dut.busy.value)
        assert int(dut.error.value) == LoadError.NOT_LOADED

    async def body() -> None:
        await refused_start()
        for stream, error in ((broken, LoadError.CRC), (good.words[:-1], LoadError.LENGTH)):
            await bench.send_network(other.words)
            assert int(dut.loaded.value)
            await bench.send_network(stream)
            assert (int(dut.loaded.value), int(dut.error.value)) == (0, error)
            await refused_start()
        await bench.send_network(good.words)
        await bench.run(good.inputs[0], good.outputs[0])

    await with_timeout(body(), _TIMEOUT_US, "us")
