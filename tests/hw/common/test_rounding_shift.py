# amaranth: UnusedElaboratable=no
"""RoundingShift against Python's integers."""

import random
from itertools import product

import pytest

from eyrie.bench.component import STALLS, Sink, Stall, run
from eyrie.common.rounding_shift import RoundingShift

LATENCY = 3


def reference(value: int, shift: int, output_width: int) -> int:
    rounded = (value + (1 << shift - 1 if shift else 0)) >> shift
    return max(-(1 << output_width - 1), min((1 << output_width - 1) - 1, rounded))


def check(dut: RoundingShift, operands: list[tuple[int, int]], *, seed: int = 0, stall: Stall = "never") -> None:
    result = run(
        dut,
        {"i_valid": [{"i": value, "shift": shift} for value, shift in operands]},
        {"valid": Sink(len(operands), ("o",))},
        seed=seed,
        stall=stall,
        watch=["occupied"],
    )
    assert result.received["valid"] == [reference(value, shift, dut.output_width) for value, shift in operands]
    assert result.received_at["valid"] == [at + LATENCY for at in result.sent_at["i_valid"]]
    under_way = {at + age for at in result.sent_at["i_valid"] for age in range(1, LATENCY + 1)}
    assert [cycle for cycle, occupied in enumerate(result.watched["occupied"]) if occupied] == sorted(under_way)


@pytest.mark.parametrize(
    ("input_width", "shift_width", "output_width"),
    [(8, 4, 4), (8, 4, 5), (10, 4, 5), (9, 3, 4), (8, 2, 8), (6, 3, 8), (5, 4, 2), (10, 2, 4), (9, 3, 2), (4, 2, 3)],
)
def test_exhaustively(input_width: int, shift_width: int, output_width: int) -> None:
    dut = RoundingShift(input_width=input_width, shift_width=shift_width, output_width=output_width)
    values = range(-(1 << input_width - 1), 1 << input_width - 1)
    check(dut, list(product(values, range(1 << shift_width))))


@pytest.mark.parametrize("output_width", [8, 12, 16])
@pytest.mark.parametrize("input_width", [24, 40, 48, 64])
def test_wide(input_width: int, output_width: int) -> None:
    dut = RoundingShift(input_width=input_width, shift_width=6, output_width=output_width)
    draw = random.Random(f"{input_width} {output_width}")
    lowest, highest = -(1 << input_width - 1), (1 << input_width - 1) - 1
    operands = []
    for shift in range(64):
        # All magnitudes, and the values on both sides of every border: of rounding, and of clamping.
        edges = [lowest, highest, 0, -1, 1]
        for border in (1 << output_width - 1, -(1 << output_width - 1), 1, -1):
            edges += [(border << shift) + offset for offset in (-1, 0, 1)]
            edges += [(border << shift) - (1 << shift >> 1) + offset for offset in (-1, 0, 1)]
        edges += [draw.randrange(lowest, highest + 1) >> draw.randrange(input_width) for _ in range(4)]
        operands += [(value, shift) for value in edges if lowest <= value <= highest]
    check(dut, operands)


@pytest.mark.parametrize("stall", STALLS)
def test_with_gaps(stall: Stall) -> None:
    draw = random.Random(3)
    operands = [(draw.randrange(-(1 << 20), 1 << 20), draw.randrange(16)) for _ in range(200)]
    check(RoundingShift(input_width=21, shift_width=4, output_width=8), operands, seed=3, stall=stall)


def test_refuses_a_shift_of_one_bit() -> None:
    with pytest.raises(ValueError, match="shift width must be at least 2, not 1"):
        RoundingShift(input_width=8, shift_width=1, output_width=4)
