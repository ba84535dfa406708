"""Random convolutions on compiled simulation of the emitted Verilog: hardware, models and plain convolution agree."""

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest

from eyrie.bench import rowstat_campaign
from eyrie.bench.rowstat_campaign import ConvolutionOutcome, run_convolutions
from eyrie.compile.rowstat.random_layers import draw_config

SEED = 20_264


@pytest.fixture(scope="module")
def outcomes() -> list[ConvolutionOutcome]:
    return list(run_convolutions(seed=SEED, n_engines=3, n_networks=16))


def test_nothing_differs(outcomes: list[ConvolutionOutcome]) -> None:
    assert len(outcomes) == 3 * 16
    assert [outcome.difference for outcome in outcomes if not outcome.agrees] == []


def test_the_draw_reaches_what_it_should(outcomes: list[ConvolutionOutcome]) -> None:
    assert len({outcome.array for outcome in outcomes}) == 3
    assert {outcome.stall for outcome in outcomes} == {"never", "alternate", "random", "gaps"}
    assert {len(outcome.layers) for outcome in outcomes} == {1, 2, 3}
    texts = [text for outcome in outcomes for text in outcome.layers]
    assert {kind: kind in " ".join(texts) for kind in ("maxima", "means", " T ")} == dict.fromkeys(
        ("maxima", "means", " T "), True
    )
    assert {outcome.codebooks for outcome in outcomes} >= {0, 1, 2}
    assert {outcome.coded_maps for outcome in outcomes} >= {0, 1, 2, 3}
    assert len({outcome.seed for outcome in outcomes}) == len(outcomes)
    assert len({outcome.latency for outcome in outcomes}) >= 3


def test_the_same_seed_draws_the_same_engines() -> None:
    configs = [draw_config(np.random.default_rng([3, number])) for number in range(8)]
    assert configs == [draw_config(np.random.default_rng([3, number])) for number in range(8)]
    assert len(set(configs)) == 8


def first() -> Iterator[ConvolutionOutcome]:
    return run_convolutions(seed=SEED, n_engines=1, n_networks=1)


def test_a_difference_of_one_bit_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    forward = rowstat_campaign.forward

    def wrong(*arguments, **options):
        y = forward(*arguments, **options)
        y[-1, -1, -1, -1] ^= 1
        return y

    monkeypatch.setattr(rowstat_campaign, "forward", wrong)
    (outcome,) = first()
    assert not outcome.values_agree
    assert outcome.difference.startswith("values differ; ")


def test_a_difference_of_one_cycle_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    run = rowstat_campaign.RowstatCycleModel.run

    def wrong(*arguments, **options):
        timing = run(*arguments, **options)
        return dataclasses.replace(timing, cycles=timing.cycles + 1)

    monkeypatch.setattr(rowstat_campaign.RowstatCycleModel, "run", wrong)
    (outcome,) = first()
    assert outcome.values_agree
    assert not outcome.agrees
    assert outcome.difference == f"{outcome.cycles} cycles, the cycle model says {outcome.cycles + 1}"


def test_a_failure_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    run = rowstat_campaign.SimulatedRowstat.run
    monkeypatch.setattr(
        rowstat_campaign.SimulatedRowstat, "run", lambda *a, **options: run(*a, **options, max_cycles=3)
    )
    (outcome,) = first()
    assert outcome.difference == "the engine was not done within 3 cycles"
