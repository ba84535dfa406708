"""The order of channel groups where the halves of the psum banks turn."""

import pytest

from eyrie.compile.rowstat.layer import ConvShape
from eyrie.compile.rowstat.loops import Loops
from eyrie.compile.rowstat.mapping import Mapping
from eyrie.compile.rowstat.turns import loads_and_fetches, next_order, runs

SHAPE = ConvShape(name="conv", channels=6, height=10, width=6, filters=4, kernel=(3, 3))
MAPPING = Mapping(
    filters=2, slots=1, slot_pairs=3, sets=1, strip_rows=4, steps=4, region=5, ring=2, tiles=2, rolling=True, turn=2
)


def test_halves_go_through_the_ends_on_their_own() -> None:
    order = [(run.channel_group, tuple(run.places)) for run in runs(range(6), 3, 2)]
    first, second, whole = (0, 1), (2,), (0, 1, 2)
    begin = [(0, first), (1, first), (1, second), (0, second)]
    assert order == [*begin, (2, whole), (3, whole), (4, first), (5, first), (5, second), (4, second)]
    assert next_order(range(6), 3, 2) == [4, 5, 3, 2, 1, 0]


@pytest.mark.parametrize(("resident", "turn"), [(1, 2), (4, 0)])
def test_without_a_turn_the_order_is_plain(resident: int, turn: int) -> None:
    order = [(run.channel_group, tuple(run.places)) for run in runs(range(4), resident, turn)]
    assert order == [(group, tuple(range(resident))) for group in range(4)]
    assert next_order(range(4), resident, turn) == [3, 2, 1, 0]


@pytest.mark.parametrize("turn", range(4))
def test_every_place_sees_every_channel_group_once(turn: int) -> None:
    seen = sorted((run.channel_group, place) for run in runs([3, 1, 0, 2, 4, 5], 5, turn) for place in run.places)
    assert seen == [(group, place) for group in range(6) for place in range(5)]


def test_loads_and_fetches() -> None:
    """Two groups at each end are loaded twice but for one a turn; with two filter sets, their tiles come twice."""
    assert loads_and_fetches(6, 1, 1, 2, 0) == (6, 12)
    assert loads_and_fetches(6, 1, 1, 2, 2) == (6 + 2, 12)
    assert loads_and_fetches(6, 2, 1, 2, 2) == (12, 12 + 2 * 2)


def test_a_drain_has_the_passes_of_a_turn() -> None:
    """Between the last pass of the first half and its next one, the second half has its last groups to itself."""
    passes = Loops(shape=SHAPE, mapping=MAPPING).passes
    last = max(number for number, step in enumerate(passes) if (step.residency, step.half, step.last) == (0, 0, True))
    following = next(number for number in range(last + 1, len(passes)) if passes[number].half == 0)
    assert following - last - 1 == MAPPING.turn
