"""Multiply: exact, one cycle later."""

import dataclasses
import random

import pytest

from eyrie.bench.component import run
from eyrie.eie.config import TINY
from eyrie.eie.multiply import Multiply

LATENCY = 1


@pytest.mark.parametrize("weight_width", [8, 13, 16])
@pytest.mark.parametrize("activation_width", [8, 12, 16])
def test_products(activation_width: int, weight_width: int) -> None:
    config = dataclasses.replace(TINY, activation_width=activation_width, weight_width=weight_width)
    draw = random.Random(f"{activation_width} {weight_width}")
    edges_a, edges_b = ([*pair, 0, -1, 1] for pair in (config.activation_range, config.weight_range))
    pairs = [(a, b) for a in edges_a for b in edges_b]
    pairs += [(draw.randint(*config.activation_range), draw.randint(*config.weight_range)) for _ in range(200)]
    levels = {"a": [a for a, _ in pairs], "b": [b for _, b in pairs]}
    result = run(Multiply(config), {}, {}, levels=levels, watch=["product"], after=len(pairs) + LATENCY)
    assert result.watched["product"][LATENCY:] == [a * b for a, b in pairs]
