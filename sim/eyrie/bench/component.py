"""One harness for the tests of single components in Amaranth's simulator: streams in, streams out, stalls between."""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, repeat
from operator import attrgetter
from typing import Any, Literal, get_args

from amaranth.hdl import Signal
from amaranth.lib import data, wiring
from amaranth.sim import Simulator

Stall = Literal["never", "alternate", "random", "gaps"]
STALLS: tuple[Stall, ...] = get_args(Stall)
"""All patterns of `stalls`."""


def stalls(pattern: Stall | Sequence[bool], seed: str) -> Iterator[bool]:
    """Whether a port holds back, one cycle after the other, without end.

    A sequence says it for its own length; after that nothing is held back. ``never`` and ``alternate`` (every second
    cycle) need no explanation; ``random`` holds back in half of the cycles; ``gaps`` lets 1 to 12 cycles pass, then
    holds back for 10 to 60. The same pattern and seed give the same stalls.
    """
    draw = random.Random(seed)
    if not isinstance(pattern, str):
        yield from pattern
        yield from repeat(False)
    elif pattern == "never":
        yield from repeat(False)
    elif pattern == "alternate":
        yield from cycle([True, False] if draw.random() < 0.5 else [False, True])
    elif pattern == "random":
        while True:
            yield draw.random() < 0.5
    else:
        while True:
            yield from repeat(False, draw.randint(1, 12))
            yield from repeat(True, draw.randint(10, 60))


@dataclass(frozen=True)
class Sink:
    """What a sink waits for.

    Parameters
    ----------
    count : int
        Payloads to wait for; more that come within the cycles after the last are received too.
    ports : tuple of str
        For a sink that is no stream but a one-bit output: the ports whose values are its payload, as a tuple if
        there are several.
    """

    count: int
    ports: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Run:
    """What happened, with the cycle in which it did; cycles count from 0 once `run`'s preload is over."""

    received: dict[str, list[Any]]
    received_at: dict[str, list[int]]
    sent_at: dict[str, list[int]]
    watched: dict[str, list[Any]]


def run(
    dut: wiring.Component,
    sources: Mapping[str, Sequence[Any]],
    sinks: Mapping[str, Sink | int],
    *,
    seed: int = 0,
    stall: Stall | Sequence[bool] = "never",
    stall_sinks: Stall | Sequence[bool] | None = None,
    preload: Iterable[Mapping[str, Any]] = (),
    levels: Mapping[str, Iterable[Any]] | None = None,
    watch: Sequence[str] = (),
    after: int = 16,
    timeout: int | None = None,
) -> Run:
    """Drive a component until everything is sent and received.

    Layouts go in and come out as dictionaries of their fields, everything else as integers. A stream that takes
    back ``valid`` or changes its payload before it is accepted fails the run.

    Parameters
    ----------
    dut : wiring.Component
        In reset at the start, clocked by ``sync``.
    sources : dict of str to sequence
        By the name of an input stream its payloads; by the name of a one-bit input, dictionaries of the ports
        that have a value while that input is high for a cycle.
    sinks : dict of str to Sink or int
        By the name of an output stream the count of payloads to wait for; by that of a one-bit output a `Sink`.
    seed : int
        Of all stalls.
    stall, stall_sinks : Stall or sequence of bool
        Pattern for sources and for sinks (``stall`` if not given), see `stalls`; every port has a seed of its own.
    preload : iterable of dict
        Ports to set before the run, a cycle each; they are 0 again afterwards.
    levels : dict of str to iterable
        Inputs that have a value of their own in each cycle; the last one stays.
    watch : sequence of str
        Ports whose values to record in each cycle.
    after : int
        Cycles to go on, with open sinks, after the last payload that was waited for.
    timeout : int
        Cycles to wait at most; many more than any stalls explain if not given.

    Raises
    ------
    TimeoutError
        If something is still to be sent or received at the end of that time; the message says what.
    """
    waited = {name: Sink(sink) if isinstance(sink, int) else sink for name, sink in sinks.items()}
    if timeout is None:
        timeout = 1000 + 100 * (sum(map(len, sources.values())) + sum(sink.count for sink in waited.values()))
    inputs = [_Source(dut, name, items, stalls(stall, f"{seed} {name}")) for name, items in sources.items()]
    held = stall if stall_sinks is None else stall_sinks
    outputs = [_Sink(dut, name, sink, stalls(held, f"{seed} {name}")) for name, sink in waited.items()]
    level_inputs = [(attrgetter(name)(dut), iter(values)) for name, values in (levels or {}).items()]
    watched: dict[str, list[Any]] = {name: [] for name in watch}
    ports: list[_Source | _Sink] = [*inputs, *outputs]
    observed = [*(part for port in ports for part in port.observed), *(attrgetter(name)(dut) for name in watch)]

    async def testbench(ctx: Any) -> None:
        for values in preload:
            for name, value in values.items():
                ctx.set(attrgetter(name)(dut), value)
            await ctx.tick()
            for name, value in values.items():
                ctx.set(attrgetter(name)(dut), {} if isinstance(value, dict) else 0)
        now, left = 0, after
        while left or not all(port.finished for port in ports):
            waiting = not all(port.finished for port in ports)
            if waiting and now >= timeout:
                state = ", ".join(str(port) for port in ports)
                raise TimeoutError(f"{type(dut).__name__} stuck after {now} cycles: {state} (seed {seed})")
            left -= not waiting
            for level, level_values in level_inputs:
                value = next(level_values, None)
                if value is not None:
                    ctx.set(level, value)
            for port in ports:
                port.drive(ctx, waiting)
            _, _, *samples = await ctx.tick().sample(*observed)
            rest = iter(samples)
            for port in ports:
                port.sample(now, [next(rest) for _ in port.observed])
            for name in watch:
                watched[name].append(_plain(next(rest)))
            now += 1

    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(testbench)
    simulator.run()
    return Run(
        received={port.name: port.payloads for port in outputs},
        received_at={port.name: port.times for port in outputs},
        sent_at={port.name: port.times for port in inputs},
        watched=watched,
    )


def _plain(value: Any) -> Any:
    if isinstance(value, data.Const):
        return {name: _plain(value[name]) for name, _ in value.shape()}
    return value


class _Source:
    """Offers items one after the other, on a stream or as pulses."""

    def __init__(self, dut: wiring.Component, name: str, items: Sequence[Any], held: Iterator[bool]) -> None:
        self.dut, self.name, self.items, self.held = dut, name, items, held
        self.port = getattr(dut, name)
        self.is_stream = not isinstance(self.port, Signal)
        self.valid = self.port.valid if self.is_stream else self.port
        self.observed = [self.port.ready] if self.is_stream else []
        self.times: list[int] = []
        self.offered = False

    def __str__(self) -> str:
        return f"{self.name} sent {len(self.times)} of {len(self.items)}"

    @property
    def finished(self) -> bool:
        return len(self.times) == len(self.items)

    def drive(self, ctx: Any, _waiting: bool) -> None:
        if not self.offered:
            self.offered = not next(self.held) and not self.finished
            ctx.set(self.valid, self.offered)
            if self.offered and self.is_stream:
                ctx.set(self.port.payload, self.items[len(self.times)])
            elif self.offered:
                for name, value in self.items[len(self.times)].items():
                    ctx.set(getattr(self.dut, name), value)

    def sample(self, now: int, values: list[Any]) -> None:
        if self.offered and all(values):
            self.times.append(now)
            self.offered = False


class _Sink:
    """Receives payloads from a stream, or whenever an output is high."""

    def __init__(self, dut: wiring.Component, name: str, sink: Sink, held: Iterator[bool]) -> None:
        self.name, self.sink, self.held = name, sink, held
        self.port = getattr(dut, name)
        self.is_stream = not isinstance(self.port, Signal)
        if self.is_stream:
            self.observed = [self.port.valid, self.port.payload]
        else:
            self.observed = [self.port, *(getattr(dut, port) for port in sink.ports)]
        self.payloads: list[Any] = []
        self.times: list[int] = []
        self.ready = True
        self.refused: Any = None

    def __str__(self) -> str:
        return f"{self.name} received {len(self.times)} of {self.sink.count}"

    @property
    def finished(self) -> bool:
        return len(self.times) >= self.sink.count

    def drive(self, ctx: Any, waiting: bool) -> None:
        if self.is_stream:
            self.ready = not (next(self.held) and waiting)
            ctx.set(self.port.ready, self.ready)

    def sample(self, now: int, values: list[Any]) -> None:
        valid, *rest = map(_plain, values)
        payload = rest[0] if len(rest) == 1 else tuple(rest)
        if self.refused is not None and (not valid or self.refused != payload):
            raise AssertionError(f"{self.name} offered {self.refused} and, not accepted, took it back in cycle {now}")
        self.refused = payload if valid and not self.ready else None
        if valid and self.ready:
            self.payloads.append(payload)
            self.times.append(now)
