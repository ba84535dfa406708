"""Passes by the short cut against passes followed to their end, unit by unit, as the contract says it."""

from dataclasses import dataclass

import numpy as np
import pytest

from eyrie.cycles.rowstat.passes import LayerPasses, LayerTiming, PassTimes
from eyrie.rowstat.control_timing import (
    COMMAND_LATENCY,
    FINISH_AHEAD,
    READY_LATENCY,
    SHORTEST_DELIVERY,
    SPACE_LATENCY,
    UNIT_DELIVERED_LATENCY,
)


@dataclass
class Unit:
    """When the delivery of a unit and its computation are decided upon, and where its window ends."""

    delivery: int
    computation: int
    end: int
    slot: int


def follow(
    layer: LayerTiming, passes: list[tuple[int, int, tuple[int, ...], list[int]]]
) -> list[tuple[int, int, int, int, int, tuple[int, ...]]]:
    """What `LayerPasses.add` says of each pass, the waits left out."""
    units: list[Unit] = []
    position = 0
    times = []
    delivery_free, compute_free, delivered = 0, 0, 0
    for deliver_begun, compute_begun, channels, blocks in passes:
        delivery_free = max(delivery_free, deliver_begun + 2)
        compute_free = max(compute_free, compute_begun + 2)
        own: list[Unit] = []
        last_value = -1
        for step in range(layer.steps):
            for slot in range(layer.slots):
                # Every unit of the slot whose window begins too far back must have been computed.
                delivery = delivery_free
                for unit in reversed(units + own):
                    if unit.slot == slot and unit.end - layer.window < position + layer.window - layer.region:
                        last_cycle = unit.computation + COMMAND_LATENCY + layer.unit - 1
                        delivery = max(delivery, last_cycle - FINISH_AHEAD + SPACE_LATENCY)
                        break
                values = channels[slot] * layer.rows * (layer.advance if step else layer.window)
                delivery_free = delivery + max(values, SHORTEST_DELIVERY)
                delivered = delivery + max(values, 1)
                last_value = delivered if values else last_value
                computation = max(compute_free, delivered + UNIT_DELIVERED_LATENCY + READY_LATENCY)
                if not step:
                    computation = max(computation, blocks[slot] + READY_LATENCY)
                compute_free = computation + layer.unit
                own.append(Unit(delivery, computation, position + layer.window, slot))
            position += layer.advance if step + 1 < layer.steps else layer.window
        units = (units + own)[-2000:]
        last = tuple(unit.computation for unit in own[-layer.slots :])
        times.append((own[-1].delivery, delivered, last_value, own[0].computation, own[-1].computation, last))
    return times


def as_told(one: PassTimes) -> tuple[int, int, int, int, int, tuple[int, ...]]:
    return one.delivery_decided, one.delivered, one.last_value, one.first_decided, one.last_decided, one.last_units


@pytest.mark.parametrize("seed", range(150))
def test_the_short_cut_is_exact(seed: int) -> None:
    rng = np.random.default_rng(seed)
    window = int(rng.integers(1, 8))
    advance = int(rng.integers(1, window + 1))
    layer = LayerTiming(
        slots=int(rng.integers(1, 5)),
        steps=int(rng.choice([1, 2, 5, 60])),
        window=window,
        advance=advance,
        region=window + int(rng.integers(0, 14)),
        rows=int(rng.integers(1, 6)),
        unit=max(window * int(rng.integers(1, 9)), window + 2),
    )
    passes = []
    begun = 0
    for _ in range(6):
        begun += int(rng.integers(0, 2) * rng.integers(0, 300))
        channels = tuple(int(n) for n in rng.integers(0, 4, layer.slots))
        blocks = [int(n) for n in begun + rng.integers(0, 100, layer.slots)]
        passes.append((begun, begun + int(rng.integers(0, 50)), channels, blocks))
    model = LayerPasses(layer, 0)
    told = [model.add(*one) for one in passes]
    assert [as_told(one) for one in told] == follow(layer, passes)
    # Nothing is lost between the passes: compute works or waits.
    waited = sum(sum(one.waits.values()) for one in told)
    assert waited + 6 * layer.steps * layer.slots * layer.unit == told[-1].last_decided + layer.unit
    assert min(min(one.waits.values()) for one in told) >= 0


def test_long_passes_are_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = LayerTiming(slots=3, steps=4000, window=5, advance=1, region=9, rows=7, unit=20)
    model = LayerPasses(layer, 0)
    looked = 0
    lags = model._lags

    class Counting(list[int]):
        def __getitem__(self, index: int) -> int:  # type: ignore[override]
            nonlocal looked
            looked += 1
            return lags[index]

    monkeypatch.setattr(model, "_lags", Counting(lags))
    model.add(0, 0, (1, 2, 1), [0, 0, 0])
    assert looked < 50
