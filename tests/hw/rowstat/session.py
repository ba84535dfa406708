"""The core in Amaranth's simulator, with the external memory that it reads and writes."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from amaranth.sim import Simulator

from eyrie.bench.component import Stall, stalls
from eyrie.rowstat.config import RowstatConfig
from eyrie.rowstat.core import RowstatCore

PORTS = ("tape", "filters", "map_read_request", "map_read", "map_write")


@dataclass(frozen=True)
class Execution:
    """What the core did with a tape: the memory after it, its cycles as they were and as it counted them, and the words
    that it took."""

    memory: list[int]
    cycles: int
    counted: int
    tape_taken: int
    filters_taken: int


def execute(
    config: RowstatConfig,
    tapes: Sequence[tuple[list[int], list[int]]],
    memory: list[int],
    *,
    latency: int = 16,
    seed: int = 0,
    stall: Stall | dict[str, Stall] = "never",
    timeout: int = 10_000,
) -> list[Execution]:
    """Execute tapes (words and filters), one after the other, on one memory; ``latency`` is that of its reads."""
    dut = RowstatCore(config)
    executions = []
    patterns = {port: stall if isinstance(stall, str) else stall.get(port, "never") for port in PORTS}
    held = {port: stalls(pattern, f"{seed} {port}") for port, pattern in patterns.items()}
    words = list(memory)

    async def testbench(ctx: Any) -> None:
        for tape, filters in tapes:
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            sources = {"tape": deque(tape), "filters": deque(filters)}
            answers: deque[Any] = deque()  # when at the earliest, and the word
            offered = dict.fromkeys(("tape", "filters", "map_read"), False)
            cycles = 0
            while True:
                for name, source in sources.items():
                    port = getattr(dut, name)
                    offered[name] = bool(source) and (offered[name] or not next(held[name]))
                    ctx.set(port.valid, offered[name])
                    if offered[name]:
                        ctx.set(port.payload, source[0])
                due = bool(answers) and answers[0][0] <= cycles
                offered["map_read"] = due and (offered["map_read"] or not next(held["map_read"]))
                ctx.set(dut.map_read.valid, offered["map_read"])
                if offered["map_read"]:
                    ctx.set(dut.map_read.payload, answers[0][1])
                takes = {name: not next(held[name]) for name in ("map_read_request", "map_write")}
                ctx.set(dut.map_read_request.ready, takes["map_read_request"])
                ctx.set(dut.map_write.ready, takes["map_write"])

                _, _, done, *sample = await ctx.tick().sample(
                    dut.done,
                    *(getattr(dut, name).ready for name in offered),
                    dut.map_read_request.valid,
                    dut.map_read_request.payload,
                    dut.map_write.valid,
                    dut.map_write.payload,
                )
                for name, ready in zip(offered, sample, strict=False):
                    if offered[name] and ready:
                        (answers if name == "map_read" else sources[name]).popleft()
                        offered[name] = False
                requested, request, written, write = sample[3:]
                if requested and takes["map_read_request"]:
                    run = words[request["address"] : request["address"] + request["words"]]
                    assert len(run) == request["words"], f"read beyond the memory from word {request['address']} on"
                    lasts = [place for place, word in enumerate(run, 1) if word >> 63] if request["coded"] else []
                    answers += [(cycles + latency, word) for word in run[: (lasts or [len(run)])[0]]]
                if written and takes["map_write"]:
                    words[write["address"]] = write["data"]
                cycles += 1
                if cycles == timeout:
                    left = ", ".join(f"{len(source)} {name}" for name, source in sources.items())
                    raise TimeoutError(f"no end after {cycles} cycles; words left: {left}")
                if done:
                    break
            assert not answers
            taken = (len(tape) - len(sources["tape"]), len(filters) - len(sources["filters"]))
            executions.append(Execution(list(words), cycles, ctx.get(dut.cycles), *taken))
            assert not ctx.get(dut.busy)

    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(testbench)
    simulator.run()
    return executions
