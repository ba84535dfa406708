"""Random networks on compiled simulation of the emitted Verilog: hardware, golden model and plain matrices agree."""

from collections import Counter

import pytest

from eyrie.bench import campaign
from eyrie.bench.campaign import draw_engine, run_campaign

SEED = 20_262


@pytest.fixture(scope="module")
def outcomes() -> list[campaign.Outcome]:
    return list(run_campaign(seed=SEED, n_engines=4, n_networks=14))


def test_nothing_differs(outcomes: list[campaign.Outcome]) -> None:
    assert len(outcomes) == 4 * 14
    assert [outcome for outcome in outcomes if not outcome.agrees] == []


def test_the_draw_reaches_what_it_should(outcomes: list[campaign.Outcome]) -> None:
    assert {outcome.n_pes for outcome in outcomes} >= {16}
    assert len({outcome.n_pes for outcome in outcomes}) >= 3
    assert len(Counter(outcome.stall for outcome in outcomes)) == 4
    assert {len(outcome.layers) for outcome in outcomes} >= {1, 2, 3, 4}
    assert len({outcome.seed for outcome in outcomes}) == len(outcomes)


def test_the_same_seed_draws_the_same_engines() -> None:
    assert [draw_engine(3, number) for number in range(8)] == [draw_engine(3, number) for number in range(8)]
    assert len({draw_engine(3, number) for number in range(8)}) == 8


def test_engines_have_groups_of_pes_or_none() -> None:
    drawn = [draw_engine(3, number) for number in range(40)]
    assert {config.column_groups for config in drawn} == {1, 2, 4}
    assert {config.column_groups for config in drawn if config.n_pes > 9} > {1}


def test_a_difference_of_one_bit_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    forward = campaign.forward

    def wrong(*arguments, **options):
        y = forward(*arguments, **options)
        y[-1, -1] ^= 1
        return y

    monkeypatch.setattr(campaign, "forward", wrong)
    outcomes = list(run_campaign(seed=SEED, n_engines=1, n_networks=2))
    assert [outcome.mismatches for outcome in outcomes] == [1, 1]


def test_a_difference_of_one_cycle_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    timing = campaign.PhaseWatch.timing

    def wrong(*arguments):
        result = timing(*arguments)
        result.cycles += 1
        return result

    monkeypatch.setattr(campaign.PhaseWatch, "timing", wrong)
    outcomes = list(run_campaign(seed=SEED, n_engines=1, n_networks=2))
    assert [(outcome.mismatches, outcome.cycle_mismatches) for outcome in outcomes] == [
        (0, outcome.samples) for outcome in outcomes
    ]
