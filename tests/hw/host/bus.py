"""A bus master for tests of slaves."""

import random
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from amaranth.hdl import ClockDomain, Module
from amaranth.lib import wiring
from amaranth.sim import Simulator


class Answer(NamedTuple):
    """How a transfer ended: ``"ack"``, ``"err"`` or ``"none"``, what was read, and in how many cycles."""

    end: str
    data: int
    cycles: int


class Transfer(NamedTuple):
    """A read of an address, or a write if there are data."""

    address: int
    data: int | None = None


def transfers(
    dut: wiring.Component,
    wanted: Sequence[Transfer],
    *,
    seed: int = 0,
    limit: int = 20,
    drive: Callable[[Any, int], None] | None = None,
    watch: Callable[[Any], None] | None = None,
) -> list[Answer]:
    """Make transfers on ``dut.bus``, some back to back and some after a while.

    ``drive`` is called with a counter of cycles at the start of each, ``watch`` at its end.
    """
    answers = []
    draw = random.Random(seed)

    async def testbench(ctx: Any) -> None:
        bus: Any = dut.bus  # type: ignore[attr-defined]
        now = 0

        async def cycle() -> None:
            nonlocal now
            if drive is not None:
                drive(ctx, now)
            if watch is not None:
                watch(ctx)
            await ctx.tick()
            now += 1

        for transfer in wanted:
            for _ in range(draw.choice([0, 0, 1, 3])):
                await cycle()
                assert not ctx.get(bus.ack | bus.err), "an answer without a transfer"
            ctx.set(bus.adr, transfer.address)
            ctx.set(bus.we, transfer.data is not None)
            ctx.set(bus.dat_w, transfer.data or 0)
            ctx.set(bus.sel, 15)
            ctx.set(bus.cyc, 1)
            ctx.set(bus.stb, 1)
            waited = 0
            while waited < limit and not ctx.get(bus.ack | bus.err):
                await cycle()
                waited += 1
            ends = {(1, 0): "ack", (0, 1): "err", (0, 0): "none"}
            answers.append(Answer(ends[ctx.get(bus.ack), ctx.get(bus.err)], ctx.get(bus.dat_r), waited))
            await cycle()
            ctx.set(bus.cyc, 0)
            ctx.set(bus.stb, 0)
        await cycle()

    top = Module()
    top.domains.sync = ClockDomain()  # a decoder has none of its own
    top.submodules.dut = dut
    simulator = Simulator(top)
    simulator.add_clock(1e-8)
    simulator.add_testbench(testbench)
    simulator.run()
    return answers
