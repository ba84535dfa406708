"""The harness for component tests: what it drives, what it sees, and how it fails."""

from itertools import islice
from typing import Any

import pytest
from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from eyrie.bench.component import STALLS, Sink, Stall, run, stalls


class Wire(wiring.Component):
    """A stream that passes through, beside a pulse that does; optionally one that breaks the rules of streams."""

    def __init__(self, fault: str = "") -> None:
        self.fault = fault
        super().__init__(
            {
                "i": In(stream.Signature(8)),
                "o": Out(stream.Signature(8)),
                "pulse": In(1),
                "value": In(4),
                "pulsed": Out(1),
                "squared": Out(8),
                "level": In(4),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.d.comb += [
            self.o.payload.eq(self.i.payload),
            self.o.valid.eq(self.i.valid),
            self.i.ready.eq(self.o.ready),
            self.squared.eq(self.value * self.value),
        ]
        m.d.sync += self.pulsed.eq(self.pulse)
        if self.fault == "takes back":
            m.d.comb += self.o.valid.eq(self.i.valid & self.level[0])
        if self.fault == "changes":
            m.d.comb += self.o.payload.eq(self.i.payload + self.level)
        if self.fault == "stuck":
            m.d.comb += [self.o.valid.eq(0), self.i.ready.eq(0)]
        return m


@pytest.mark.parametrize("stall", STALLS)
def test_transfers_under_every_stall(stall: Stall) -> None:
    first, second = (run(Wire(), {"i": range(50)}, {"o": 50}, seed=3, stall=stall) for _ in range(2))
    assert first.received["o"] == list(range(50))
    assert first.sent_at["i"] == first.received_at["o"]
    assert first == second
    assert (first.sent_at["i"] == list(range(50))) == (stall == "never")


def test_pulses_levels_and_what_is_watched() -> None:
    pulses = [{"value": 3}, {"value": 5}]
    result = run(
        Wire(),
        {"pulse": pulses},
        {"pulsed": Sink(2, ("squared", "level"))},
        levels={"level": [1, 2, 3]},
        watch=["level", "pulse"],
        after=2,
    )
    assert result.received["pulsed"] == [(25, 2), (25, 3)]
    assert result.received_at["pulsed"] == [1, 2]
    assert result.watched == {"level": [1, 2, 3, 3, 3], "pulse": [1, 1, 0, 0, 0]}


def test_preload_comes_before_and_is_gone_after() -> None:
    result = run(Wire(), {}, {}, preload=[{"level": 7}, {"level": 2, "value": 1}], watch=["level", "value"], after=1)
    assert result.watched == {"level": [0], "value": [0]}


def test_surplus_payloads_are_received() -> None:
    assert run(Wire(), {"i": range(5)}, {"o": 3}).received["o"] == [0, 1, 2, 3, 4]


def test_time_out_says_what_is_missing() -> None:
    with pytest.raises(
        TimeoutError, match=r"^Wire stuck after 70 cycles: i sent 0 of 4, o received 0 of 3 \(seed 9\)$"
    ):
        run(Wire("stuck"), {"i": range(4)}, {"o": 3}, seed=9, timeout=70)


@pytest.mark.parametrize("fault", ["takes back", "changes"])
def test_streams_that_break_the_rules_are_caught(fault: str) -> None:
    with pytest.raises(AssertionError, match="took it back"):
        run(Wire(fault), {"i": range(4)}, {"o": 4}, stall_sinks=[True] * 5, levels={"level": [1, 1, 2, 4]})


def test_patterns() -> None:
    taken = {pattern: list(islice(stalls(pattern, "x"), 500)) for pattern in STALLS}
    assert taken["never"] == [False] * 500
    assert taken["alternate"] in ([True, False] * 250, [False, True] * 250)
    assert 150 < sum(taken["random"]) < 350
    gaps = "".join("x" if held else " " for held in taken["gaps"]).split()
    assert all(10 <= len(gap) <= 60 for gap in gaps[:-1])
    assert list(islice(stalls([True, False, True], ""), 5)) == [True, False, True, False, False]
    for pattern in STALLS:
        assert taken[pattern] == list(islice(stalls(pattern, "x"), 500))
    assert taken["random"] != list(islice(stalls("random", "y"), 500))
