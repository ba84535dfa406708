"""LeadingNonzeroDetect: every activation of every PE, once, with the PE's number."""

import dataclasses
import random

import pytest

from eyrie.bench.component import STALLS, Stall, run
from eyrie.eie.config import TINY
from eyrie.eie.leading_nonzero_detect import LeadingNonzeroDetect, tree_levels

Activation = dict[str, int]


def own_activations(n_pes: int, longest: int, seed: int) -> list[list[Activation]]:
    """For each PE a list of activations, some empty; values tell all of them apart."""
    draw = random.Random(f"{n_pes} {seed}")
    lengths = [draw.choice([0, 1, longest, draw.randint(0, longest)]) for _ in range(n_pes)]
    return [
        [{"value": pe * 16 + number - 2048, "local": draw.randrange(16)} for number in range(length)]
        for pe, length in enumerate(lengths)
    ]


def located(activations: list[list[Activation]]) -> list[list[Activation]]:
    return [[{**activation, "pe": pe} for activation in own] for pe, own in enumerate(activations)]


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("n_pes", [1, 2, 3, 4, 5, 16, 17, 64])
def test_every_activation_once(n_pes: int, stall: Stall) -> None:
    activations = own_activations(n_pes, longest=5, seed=1)
    result = run(
        LeadingNonzeroDetect(dataclasses.replace(TINY, n_pes=n_pes)),
        {f"i_{pe}": own for pe, own in enumerate(activations)},
        {"o": sum(map(len, activations))},
        seed=n_pes,
        stall=stall,
        watch=["occupied"],
    )
    by_pe: list[list[Activation]] = [[] for _ in range(n_pes)]
    for activation in result.received["o"]:
        by_pe[activation["pe"]].append(activation)
    assert by_pe == located(activations)  # each PE's own in their order

    for cycle, occupied in enumerate(result.watched["occupied"]):
        sent = sum(at < cycle for pe in range(n_pes) for at in result.sent_at[f"i_{pe}"])
        received = sum(at < cycle for at in result.received_at["o"])
        assert occupied == (sent > received), f"cycle {cycle}"


@pytest.mark.parametrize("n_pes", [1, 2, 3, 4, 5, 16, 17, 64])
def test_one_a_cycle_lower_numbers_first(n_pes: int) -> None:
    activations = own_activations(n_pes, longest=3, seed=2)
    activations[0] = activations[0] or [{"value": 1, "local": 1}]
    total = sum(map(len, activations))
    levels = tree_levels(n_pes)
    result = run(
        LeadingNonzeroDetect(dataclasses.replace(TINY, n_pes=n_pes)),
        {f"i_{pe}": own for pe, own in enumerate(activations)},
        {"o": total},
    )
    assert result.received_at["o"] == list(range(levels, levels + total))
    assert result.received["o"] == [activation for own in located(activations) for activation in own]


@pytest.mark.parametrize(("n_pes", "levels"), [(1, 1), (4, 1), (5, 2), (16, 2), (17, 3), (64, 3), (65, 4), (256, 4)])
def test_levels(n_pes: int, levels: int) -> None:
    assert tree_levels(n_pes) == levels
