# amaranth: UnusedElaboratable=no
"""RoundingShift against Python's integers."""

import random
from itertools import product

import pytest

from eyrie.bench.component import STALLS, Stall, run
from eyrie.common.rounding_shift import RoundingShift

LATENCY = 3


def reference(value: int, shift: int, output_width: int, relu: bool) -> int:
    rounded = (value + (1 << shift - 1 if shift else 0)) >> shift
    clamped = max(-(1 << output_width - 1), min((1 << output_width - 1) - 1, rounded))
    return max(clamped, 0) if relu else clamped


def check(
    dut: RoundingShift,
    operands: list[tuple[int, int]],
    *,
    relu: bool = False,
    seed: int = 0,
    stall: Stall = "never",
) -> None:
    result = run(
        dut,
        {"i_valid": [{"i": value, "shift": shift} for value, shift in operands]},
        {},
        seed=seed,
        stall=stall,
        levels={"relu": [int(relu)]},
        watch=["valid", "o"],
    )
    due = [at + LATENCY for at in result.sent_at["i_valid"]]
    results = {
        at: reference(value, shift, dut.output_width, relu) for at, (value, shift) in zip(due, operands, strict=True)
    }
    n_cycles = len(result.watched["o"])
    assert [cycle for cycle in range(n_cycles) if result.watched["valid"][cycle]] == due
    assert result.watched["o"] == [results.get(cycle, 0) for cycle in range(n_cycles)]


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize(
    ("input_width", "shift_width", "output_width"),
    [(8, 4, 4), (8, 4, 5), (10, 4, 5), (9, 3, 4), (8, 2, 8), (6, 3, 8), (5, 4, 2), (10, 2, 4), (9, 3, 2), (4, 2, 3)],
)
def test_exhaustively(input_width: int, shift_width: int, output_width: int, relu: bool) -> None:
    dut = RoundingShift(input_width=input_width, shift_width=shift_width, output_width=output_width)
    values = range(-(1 << input_width - 1), 1 << input_width - 1)
    check(dut, list(product(values, range(1 << shift_width))), relu=relu)


@pytest.mark.parametrize(
    ("input_width", "shift_width", "output_width", "unit_bits"),
    [(8, 4, 4, 2), (10, 5, 4, 2), (10, 5, 6, 3), (9, 4, 2, 1), (7, 3, 3, 1), (5, 4, 5, 2), (9, 5, 3, 2)],
)
def test_shifts_in_units(input_width: int, shift_width: int, output_width: int, unit_bits: int) -> None:
    dut = RoundingShift(
        input_width=input_width, shift_width=shift_width, output_width=output_width, unit_bits=unit_bits
    )
    values = range(-(1 << input_width - 1), 1 << input_width - 1)
    check(dut, list(product(values, range(0, 1 << shift_width, 1 << unit_bits))))


@pytest.mark.parametrize("unit_bits", [0, 2])
@pytest.mark.parametrize("output_width", [8, 12, 16])
@pytest.mark.parametrize("input_width", [24, 40, 48, 64])
def test_wide(input_width: int, output_width: int, unit_bits: int) -> None:
    dut = RoundingShift(input_width=input_width, shift_width=6, output_width=output_width, unit_bits=unit_bits)
    draw = random.Random(f"{input_width} {output_width}")
    lowest, highest = -(1 << input_width - 1), (1 << input_width - 1) - 1
    operands = []
    for shift in range(0, 64, 1 << unit_bits):
        # All magnitudes, and the values on both sides of every border: of rounding, and of clamping.
        edges = [lowest, highest, 0, -1, 1]
        for border in (1 << output_width - 1, -(1 << output_width - 1), 1, -1):
            edges += [(border << shift) + offset for offset in (-1, 0, 1)]
            edges += [(border << shift) - (1 << shift >> 1) + offset for offset in (-1, 0, 1)]
        edges += [draw.randrange(lowest, highest + 1) >> draw.randrange(input_width) for _ in range(4)]
        operands += [(value, shift) for value in edges if lowest <= value <= highest]
    check(dut, operands)


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("stall", STALLS)
def test_zero_while_there_is_no_result(stall: Stall, relu: bool) -> None:
    draw = random.Random(3)
    operands = [(draw.randrange(-(1 << 20), 1 << 20), draw.randrange(16)) for _ in range(200)]
    check(RoundingShift(input_width=21, shift_width=4, output_width=8), operands, relu=relu, seed=3, stall=stall)


@pytest.mark.parametrize(("shift_width", "unit_bits"), [(1, 0), (3, 2)])
def test_refuses_a_shift_of_one_bit(shift_width: int, unit_bits: int) -> None:
    message = f"shift width must be at least 2 over {unit_bits} bits of a unit, not {shift_width}"
    with pytest.raises(ValueError, match=message):
        RoundingShift(input_width=8, shift_width=shift_width, output_width=4, unit_bits=unit_bits)
