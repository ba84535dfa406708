"""Requantise: the same integers as Python's."""

import dataclasses
import random

import pytest

from eyrie.bench.component import Sink, run
from eyrie.rowstat.config import TINY
from eyrie.rowstat.control_timing import REQUANTISE_LATENCY
from eyrie.rowstat.requantise import Requantise

CONFIGS = {
    "tiny": TINY,
    "8 bits": dataclasses.replace(TINY, activation_width=8, weight_width=8, accumulator_width=24),
    "wide": dataclasses.replace(TINY, accumulator_width=42),
}
EDGES = [
    -(1 << 41),
    -(1 << 41) + 1,
    -(1 << 34) - 1,
    -(1 << 34),
    -(1 << 17),
    -1,
    0,
    1,
    (1 << 17) - 1,
    1 << 34,
    (1 << 41) - 1,
]


def expected(psum: int, bias: int, multiplier: int, shift: int, width: int) -> int:
    value = (psum + bias) * multiplier + (1 << shift >> 1) >> shift
    return max(-(1 << width - 1), min((1 << width - 1) - 1, value))


@pytest.mark.parametrize("name", CONFIGS)
def test_requantise(name: str) -> None:
    config, draw = CONFIGS[name], random.Random(name)
    low, high = -(1 << config.accumulator_width - 1), (1 << config.accumulator_width - 1) - 1
    cases = []
    for bias in EDGES:
        for psum in (low, -1, 0, high):
            cases += [(psum, bias, multiplier, draw.randrange(64)) for multiplier in (0, 1, 65535)]
    for _ in range(600):
        bits = draw.randrange(1, 43)
        bias, psum = draw.randrange(-(1 << bits - 1), 1 << bits - 1), draw.randint(low, high) >> draw.randrange(40)
        cases.append((psum, bias, draw.randrange(1 << 16), draw.randrange(64)))
        # Sums that round up at a half, and that just do not.
        shift = draw.randrange(1, 20)
        cases.append((draw.randrange(-50, 50) << shift, (1 << shift - 1) - draw.randrange(2), 1, shift))
    result = run(
        Requantise(config),
        {
            "i_valid": [
                {"psum": max(low, min(high, psum)), "scale": {"bias": bias, "multiplier": multiplier, "shift": shift}}
                for psum, bias, multiplier, shift in cases
            ]
        },
        {"valid": Sink(len(cases), ("o",))},
        stall="random",
        stall_sinks="never",
    )
    assert result.received["valid"] == [
        expected(max(low, min(high, psum)), *scale, config.activation_width) for psum, *scale in cases
    ]
    assert result.received_at["valid"] == [at + REQUANTISE_LATENCY for at in result.sent_at["i_valid"]]
