# amaranth: UnusedElaboratable=no
"""StreamFifo: order, capacity, how many wait, throughput and latency."""

import random

import pytest
from amaranth.lib import data

from eyrie.bench.component import STALLS, Stall, run
from eyrie.common.fifo import StreamFifo

DEPTHS = [2, 4, 16]
PAIR = data.StructLayout({"low": 3, "high": 5})


@pytest.mark.parametrize("stall_sinks", STALLS)
@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("depth", DEPTHS)
def test_order_and_how_many_wait(depth: int, stall: Stall, stall_sinks: Stall) -> None:
    draw = random.Random(depth)
    items = [{"low": draw.randrange(8), "high": draw.randrange(32)} for _ in range(100)]
    result = run(
        StreamFifo(PAIR, depth=depth),
        {"i": items},
        {"o": len(items)},
        seed=depth,
        stall=stall,
        stall_sinks=stall_sinks,
        watch=["waiting", "o.valid"],
    )
    assert result.received["o"] == items
    sent, received = result.sent_at["i"], result.received_at["o"]
    for cycle, (waiting, head) in enumerate(zip(result.watched["waiting"], result.watched["o.valid"], strict=True)):
        inside = sum(at < cycle for at in sent) - sum(at < cycle for at in received)
        assert waiting + head == inside, f"cycle {cycle}"
        # The head is empty beside what waits only in the cycle after that came in.
        assert head or waiting == (cycle - 1 in sent), f"cycle {cycle}"


@pytest.mark.parametrize("depth", DEPTHS)
def test_one_transfer_a_cycle_and_latency_of_two(depth: int) -> None:
    items = list(range(50))
    result = run(StreamFifo(8, depth=depth), {"i": items}, {"o": len(items)})
    assert result.sent_at["i"] == list(range(50))
    assert result.received_at["o"] == list(range(2, 52))


@pytest.mark.parametrize("depth", DEPTHS)
def test_holds_its_depth_and_a_head(depth: int) -> None:
    with pytest.raises(TimeoutError, match=f"stuck after 50 cycles: i sent {depth + 1} of {depth + 5} "):
        run(StreamFifo(8, depth=depth), {"i": range(depth + 5)}, {}, timeout=50)


@pytest.mark.parametrize("depth", [-2, 0, 1, 3, 12])
def test_refuses_a_depth_that_is_no_power_of_two(depth: int) -> None:
    with pytest.raises(ValueError, match=f"FIFO depth must be a power of two from 2 up, not {depth}"):
        StreamFifo(8, depth=depth)
