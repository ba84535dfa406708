"""LeadingNonzeroDetect: every activation of every PE, once, with the PE's number."""

import dataclasses
import random

import pytest

from eyrie.bench.component import STALLS, Stall, run, stalls
from eyrie.eie.config import TINY
from eyrie.eie.leading_nonzero_detect import LeadingNonzeroDetect, tree_levels

Activation = dict[str, int]


def activations_in_turn(n_pes: int, seed: int) -> list[Activation]:
    """A few activations of PEs in any order, those of the first and the last among them; values may be the same."""
    draw = random.Random(f"{n_pes} {seed}")
    pes = [0, n_pes - 1, *(draw.randrange(n_pes) for _ in range(30)), n_pes - 1, 0]
    values = [*TINY.activation_range, -1, 1, draw.randint(2, 99)]
    return [{"valid": 1, "value": draw.choice(values), "local": draw.randrange(16), "pe": pe} for pe in pes]


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("n_pes", [1, 2, 3, 4, 5, 16, 17, 64])
def test_each_activation_as_many_cycles_later_as_there_are_levels(n_pes: int, stall: Stall) -> None:
    dut = LeadingNonzeroDetect(dataclasses.replace(TINY, n_pes=n_pes))
    nothing = {"valid": 0, "value": 0, "local": 0, "pe": 0}
    held = stalls(stall, f"{n_pes}")
    sent: list[Activation] = []  # in each cycle
    for activation in activations_in_turn(n_pes, seed=1):
        while next(held):
            sent.append(nothing)
        sent.append(activation)
    sent.append(nothing)
    inputs = {
        f"i_{pe}": [{**activation, "pe": 0} if activation["pe"] == pe else nothing for activation in sent]
        for pe in range(n_pes)
    }
    levels = tree_levels(n_pes)
    result = run(dut, {}, {}, levels=inputs, watch=["o"], after=len(sent) + levels)
    assert result.watched["o"] == [nothing] * levels + sent


@pytest.mark.parametrize(("n_pes", "levels"), [(1, 1), (4, 1), (5, 2), (16, 2), (17, 3), (64, 3), (65, 4), (256, 4)])
def test_levels(n_pes: int, levels: int) -> None:
    assert tree_levels(n_pes) == levels
