# amaranth: UnusedElaboratable=no
"""AxiLiteBridge: five channels with a mind of their own each, against a bus that answers by address."""

import random
from collections import deque
from typing import Any, NamedTuple

import pytest
from amaranth.sim import Simulator

from eyrie.host.axi_lite_bridge import OKAY, SLAVE_ERROR, AxiLiteBridge

ADDRESS_WIDTH = 6
COUNT = 30


class Done(NamedTuple):
    """Responses of the two directions in order, and the transfers that the bus saw (address, data or None)."""

    writes: list[int]
    reads: list[tuple[int, int]]
    bus: list[tuple[int, int | None]]


def value_of(address: int) -> int:
    return address * 0x01000193 & 0xFFFFFFFF


def refused(address: int) -> bool:
    return address % 8 == 7


def converse(writes: list[tuple[int, int, int]], reads: list[int], *, seed: int, busy: float) -> Done:
    """Writes of (address, data, strobe) and reads of addresses, at the same time."""
    dut: Any = AxiLiteBridge(address_width=ADDRESS_WIDTH)
    draw = random.Random(seed)
    responses: list[int] = []
    answers: list[tuple[int, int]] = []
    seen: list[tuple[int, int | None]] = []

    async def testbench(ctx: Any) -> None:
        queues = {
            "aw": deque({"addr": 4 * address} for address, _, _ in writes),
            "w": deque({"data": data, "strb": strobe} for _, data, strobe in writes),
            "ar": deque({"addr": 4 * address} for address in reads),
        }
        offered = dict.fromkeys(queues, False)
        stalled: dict[str, Any] = {}
        begun: tuple[int, int, int] | None = None
        delay = 0
        for _ in range(3000):
            for name, queue in queues.items():
                if queue and not offered[name] and draw.random() >= busy:
                    offered[name] = True
                    for part, value in queue[0].items():
                        ctx.set(getattr(dut, f"s_axi_{name}{part}"), value)
                ctx.set(getattr(dut, f"s_axi_{name}valid"), offered[name])
            ready = {name: draw.random() >= busy for name in ("b", "r")}
            for name, level in ready.items():
                ctx.set(getattr(dut, f"s_axi_{name}ready"), level)
            ends = False
            if ctx.get(dut.bus.stb & dut.bus.cyc):
                we = ctx.get(dut.bus.we)
                now = (ctx.get(dut.bus.adr), we, ctx.get(dut.bus.dat_w) if we else 0)
                if begun is None:
                    begun, delay = now, draw.randrange(4)
                    seen.append((now[0], now[2] if now[1] else None))
                assert now == begun, "a transfer changed before it ended"
                ends = delay == 0
                delay -= 1
            at = begun[0] if begun else 0
            ctx.set(dut.bus.ack, ends and not refused(at))
            ctx.set(dut.bus.err, ends and refused(at))
            ctx.set(dut.bus.dat_r, value_of(at) if ends else 0xBAD)
            if ends:
                begun = None
            held = {
                "b": (ctx.get(dut.s_axi_bresp),) if ctx.get(dut.s_axi_bvalid) else None,
                "r": (ctx.get(dut.s_axi_rdata), ctx.get(dut.s_axi_rresp)) if ctx.get(dut.s_axi_rvalid) else None,
            }
            for name, payload in stalled.items():
                assert held[name] == payload, f"a response on {name} was withdrawn or changed"
            stalled = {name: payload for name, payload in held.items() if payload and not ready[name]}
            if held["b"] and ready["b"]:
                responses.append(held["b"][0])
            if held["r"] and ready["r"]:
                answers.append((held["r"][0], held["r"][1]))
            taken = [name for name in queues if offered[name] and ctx.get(getattr(dut, f"s_axi_{name}ready"))]
            await ctx.tick()
            for name in taken:
                queues[name].popleft()
                offered[name] = False
            if len(responses) == len(writes) and len(answers) == len(reads):
                break
        await ctx.tick().repeat(10)
        assert not ctx.get(dut.s_axi_bvalid | dut.s_axi_rvalid | dut.bus.stb)

    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(testbench)
    simulator.run()
    return Done(responses, answers, seen)


@pytest.mark.parametrize("busy", [0.0, 0.6])
@pytest.mark.parametrize("seed", range(2))
def test_one_response_a_request_in_order(seed: int, busy: float) -> None:
    draw = random.Random(seed)
    writes = [
        (draw.randrange(64), draw.getrandbits(32), 15 if draw.random() < 0.8 else draw.randrange(15))
        for _ in range(COUNT)
    ]
    reads = [draw.randrange(64) for _ in range(COUNT)]
    done = converse(writes, reads, seed=seed, busy=busy)
    whole = [strobe == 15 for _, _, strobe in writes]
    assert done.writes == [
        OKAY if ok and not refused(address) else SLAVE_ERROR for ok, (address, _, _) in zip(whole, writes, strict=True)
    ]
    assert done.reads == [(value_of(address), SLAVE_ERROR if refused(address) else OKAY) for address in reads]
    assert [at for at in done.bus if at[1] is not None] == [
        (address, data) for ok, (address, data, _) in zip(whole, writes, strict=True) if ok
    ]
    assert [address for address, data in done.bus if data is None] == reads


def test_neither_direction_waits_for_ever() -> None:
    writes = [(1, number, 15) for number in range(COUNT)]
    done = converse(writes, [2] * COUNT, seed=1, busy=0.0)
    kinds = [data is None for _, data in done.bus]
    longest = max(sum(1 for _ in run) for run in _runs(kinds[:-2]))
    assert longest <= 2


def _runs(kinds: list[bool]) -> list[list[bool]]:
    runs: list[list[bool]] = [[]]
    for kind in kinds:
        if runs[-1] and runs[-1][-1] != kind:
            runs.append([])
        runs[-1].append(kind)
    return runs
