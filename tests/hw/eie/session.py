"""A host at the ports of the whole engine, in Amaranth's simulator."""

from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from typing import Any

from amaranth.hdl import ResetInserter, Signal
from amaranth.sim import Simulator

from eyrie.bench.component import Stall, stalls
from eyrie.eie.config import EieConfig
from eyrie.eie.core import EieCore
from eyrie.eie.load_format import LoadError
from tests.hw.eie.network import Program

_VERDICT = 36
"""Cycles from the last word of a load stream to `loaded` or `error`, at most, if a word holds up to 32 elements."""

_PATIENCE = 5_000
"""Cycles after which anything counts as stuck."""


class Session:
    """What a host does, one thing after the other; all calls return in the cycle after what they waited for."""

    def __init__(self, ctx: Any, dut: EieCore, reset: Signal) -> None:
        self.ctx, self.dut, self._reset = ctx, dut, reset

    async def tick(self, n: int = 1) -> None:
        await self.ctx.tick().repeat(n)

    async def reset(self) -> None:
        """A cycle of reset, after which the engine is idle; and so is every input port."""
        for port in (self.dut.load.valid, self.dut.i.valid, self.dut.o.ready, self.dut.start):
            self.ctx.set(port, 0)
        self.ctx.set(self._reset, 1)
        await self.tick()
        self.ctx.set(self._reset, 0)
        assert not self.ctx.get(self.dut.busy)

    @property
    def error(self) -> LoadError:
        return LoadError(self.ctx.get(self.dut.error))

    @property
    def loaded(self) -> bool:
        return bool(self.ctx.get(self.dut.loaded))

    @property
    def cycles(self) -> int:
        return int(self.ctx.get(self.dut.cycles))

    async def load(
        self, words: Sequence[int], *, ends: bool = True, stall: Stall | Sequence[bool] = "never", seed: int = 0
    ) -> None:
        """Send a load stream, or a piece of one that does not end it; the engine must take all of it.

        Returns when the verdict on it is there.
        """
        ctx, port = self.ctx, self.dut.load
        held = stalls(stall, f"{seed} load")
        for place, word in enumerate(words):
            while next(held):
                await self.tick()
            ctx.set(port.payload, {"data": int(word), "last": ends and place == len(words) - 1})
            ctx.set(port.valid, 1)
            for _ in range(_PATIENCE):
                _, _, ready = await ctx.tick().sample(port.ready)
                if ready:
                    break
            else:
                raise TimeoutError(f"word {place} of {len(words)} is not taken after {_PATIENCE} cycles")
            ctx.set(port.valid, 0)
        await self.tick(_VERDICT)

    async def start(self) -> None:
        self.ctx.set(self.dut.start, 1)
        await self.tick()
        self.ctx.set(self.dut.start, 0)

    async def run(
        self,
        inputs: Sequence[int],
        n_outputs: int,
        *,
        stall: Stall | Sequence[bool] = "never",
        stall_outputs: Stall | Sequence[bool] | None = None,
        seed: int = 0,
        leave_after: int | None = None,
    ) -> list[int]:
        """Start the program, send inputs, and take outputs until it is done.

        Checks that it takes all inputs and no more, that ``busy`` lasts until ``done`` pulses once, and that a stalled
        output holds. With ``leave_after`` the run is left to itself after so many cycles.
        """
        ctx, dut = self.ctx, self.dut
        held_in = stalls(stall, f"{seed} i")
        held_out = stalls(stall if stall_outputs is None else stall_outputs, f"{seed} o")
        outputs: list[int] = []
        n_sent, n_done, offered, refused = 0, 0, False, None
        await self.start()
        for cycle in range(_PATIENCE):
            if cycle == leave_after:
                return outputs
            if not offered:
                # One input too many is on offer at the end, and nobody may take it.
                offered = not next(held_in)
                ctx.set(dut.i.valid, offered)
                ctx.set(dut.i.payload, inputs[n_sent] if n_sent < len(inputs) else -1)
            ready = not next(held_out)
            ctx.set(dut.o.ready, ready)
            _, _, taken, valid, payload, busy, done = await ctx.tick().sample(
                dut.i.ready, dut.o.valid, dut.o.payload, dut.busy, dut.done
            )
            if offered and taken:
                assert n_sent < len(inputs), f"took more than {len(inputs)} inputs (seed {seed})"
                n_sent, offered = n_sent + 1, False
            assert refused is None or (valid and payload == refused), f"output changed in cycle {cycle} (seed {seed})"
            refused = payload if valid and not ready else None
            if valid and ready:
                outputs.append(payload)
            n_done += done
            if not busy:
                break
        else:
            raise TimeoutError(
                f"took {n_sent} of {len(inputs)} inputs, gave {len(outputs)} of {n_outputs} (seed {seed})"
            )
        ctx.set(dut.i.valid, 0)
        assert (n_sent, n_done) == (len(inputs), 1), f"(inputs taken, done) (seed {seed})"
        assert not valid or len(outputs) < n_outputs, f"gave more than {n_outputs} outputs (seed {seed})"
        return outputs


async def infer(session: Session, program: Program, x: Sequence[int], **options: Any) -> None:
    """Run the loaded program on a vector; what comes out must be what the integer model says."""
    inputs, expected = program.streams(x)
    outputs = await session.run(inputs, len(expected), **options)
    assert outputs == expected, f"{x} gave {outputs}, not {expected}"
    assert session.error is LoadError.NONE


Scenario = Callable[[Session], Awaitable[None]]


class _Bench:
    """A simulator of one configuration, for many scenarios: building it takes longer than most of them."""

    def __init__(self, config: EieConfig) -> None:
        dut, reset = EieCore(config), Signal()
        self.scenario: Scenario | None = None

        async def testbench(ctx: Any) -> None:
            assert self.scenario is not None
            await self.scenario(Session(ctx, dut, reset))

        self.simulator = Simulator(ResetInserter(reset)(dut))
        self.simulator.add_clock(1e-8)
        self.simulator.add_testbench(testbench)
        self._used = False

    def run(self, scenario: Scenario) -> None:
        if self._used:
            self.simulator.reset()
        self.scenario, self._used = scenario, True
        self.simulator.run()


_bench = lru_cache(maxsize=2)(_Bench)


def play(config: EieConfig, scenario: Scenario) -> None:
    """Let a host deal with an engine just out of reset, its memories empty."""
    try:
        _bench(config).run(scenario)
    except BaseException:
        _bench.cache_clear()
        raise


def play_network(program: Program, vectors: Sequence[Sequence[int]], **options: Any) -> None:
    """Load a network once and run it on vectors, one after the other."""

    async def scenario(session: Session) -> None:
        await session.load(program.words.tolist())
        assert session.loaded
        for x in vectors:
            await infer(session, program, x, **options)

    play(program.config, scenario)
