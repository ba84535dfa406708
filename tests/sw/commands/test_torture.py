"""``eyrie torture``: what it counts, and how it ends when something does not hold."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from eyrie.bench import image_campaign, link_campaign, reset_campaign
from eyrie.bench.link_campaign import DamagedSequence
from eyrie.bench.simulation import SimulationError


def test_resets(eyrie: Callable[..., Any]) -> None:
    found = eyrie("torture", "reset", "--every", "150", "--json").json
    assert (found["holds"], found["failure"], found["every"]) == (True, None, 150)
    assert [outcome["what"] for outcome in found["outcomes"]] == list(reset_campaign.INTERRUPTIONS)
    for outcome in found["outcomes"]:
        assert outcome["interruptions"] == -(-outcome["cycles"] // 150)
    assert found["jobs_exact_afterwards"] == sum(outcome["interruptions"] for outcome in found["outcomes"])


def test_an_image_that_is_taken(eyrie: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_campaign, "single_bit_flips", lambda words: iter([words[:4], words]))
    monkeypatch.setattr(image_campaign, "truncations", lambda words: iter([words[:5]]))
    ended = eyrie("torture", "image", "--corruptions", "3")
    assert (ended.status, ended.err) == (1, "eyrie: image 1 was taken\n")
    assert "single-bit flips refused with WAITING" in ended.out


def test_damaged_sequences_that_go_wrong(eyrie: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def two(*arguments: Any, **named: Any) -> Iterator[DamagedSequence]:
        yield DamagedSequence(what="run", damages=("drop", "gap"), taken=False, loaded_anew=True)
        yield DamagedSequence(what="load", damages=(), taken=True, loaded_anew=False)
        raise SimulationError("run 2 of seed 5 (break): the device hangs")

    class Nothing:
        cycles = 7

    monkeypatch.setattr("eyrie.bench.host_system.simulate_system", lambda *arguments, **named: Nothing())
    monkeypatch.setattr(link_campaign, "damaged_sequences", two)
    ended = eyrie("torture", "link", "--seed", "5", "--json")
    assert (ended.status, ended.err) == (1, "eyrie: run 2 of seed 5 (break): the device hangs\n")
    found = ended.json
    assert (found["holds"], found["sequences"], found["damages"], found["loaded_anew"]) == (False, 2, 2, 1)
    assert found["outcomes"]["drop"] == {"sequences": 1, "taken": 0}
    assert found["outcomes"]["no damage"] == {"sequences": 1, "taken": 1}
    assert "1" in eyrie("torture", "link").out
