"""The recorded comparison of plain with balanced pruning, checked from the file alone."""

import json
from itertools import product
from pathlib import Path
from statistics import mean
from typing import Any

import pytest

from eyrie.eie.config import EieConfig
from eyrie.train.schedule import FULL

RECORD = Path(__file__).parents[3] / "results" / "lenet-300-100-balanced-pruning.json"
PES = (4, 16, 64)
SEEDS = (1, 2, 3)
WAYS = [(pruning, rows) for pruning in ("plain", "balanced") for rows in ("interleaved", "placed")]


@pytest.fixture(scope="module")
def record() -> dict[str, Any]:
    return json.loads(RECORD.read_text())


def test_command_and_settings_are_those_of_the_full_training(record: dict[str, Any]) -> None:
    given = [*(f"--pes {n_pes}" for n_pes in PES), *(f"--seed {seed}" for seed in SEEDS), "--threads 1", "--json"]
    assert record["command"] == " ".join(["eyrie train compare-pruning", *given])
    assert record["schedule"] == FULL.as_json()
    assert (record["test_images"], record["calibration_images"], record["timed_images"]) == (10_000, 256, 100)
    for name, value in record["engine"].items():
        assert getattr(EieConfig, name) == value


def test_all_networks_have_as_many_weights(record: dict[str, Any]) -> None:
    assert [(row["seed"], row["balanced_pes"]) for row in record["networks"]] == [
        (seed, balanced_pes) for seed in SEEDS for balanced_pes in (None, *PES)
    ]
    assert {row["weights_kept"] for row in record["networks"]} == {21_776}
    assert {sum(layer["weights_kept"] for layer in row["layers"]) for row in record["loads"]} == {21_776}


def test_imbalances_follow_from_the_counts(record: dict[str, Any]) -> None:
    assert [(row["seed"], row["pes"], row["pruning"], row["rows"]) for row in record["loads"]] == [
        (seed, n_pes, *way) for seed in SEEDS for n_pes in PES for way in WAYS
    ]
    for row in record["loads"]:
        longest = sum(layer["cycles_of_the_longest"] for layer in row["layers"])
        assert row["imbalance"] == longest * row["pes"] / sum(layer["cycles_of_all_pes"] for layer in row["layers"])
        first = row["layers"][0]
        if (row["pruning"], row["rows"]) == ("balanced", "interleaved"):
            assert first["most_weights_on_a_pe"] * row["pes"] == first["weights_kept"]


def test_means_are_those_of_the_seeds(record: dict[str, Any]) -> None:
    def accuracy(balanced_pes: int | None) -> float:
        return mean(row["right"] / 10_000 for row in record["networks"] if row["balanced_pes"] == balanced_pes)

    assert [row["pes"] for row in record["mean_over_seeds"]] == list(PES)
    for row in record["mean_over_seeds"]:
        assert row["accuracy_plain"] == accuracy(None)
        assert row["accuracy_balanced"] == accuracy(row["pes"])
        for (pruning, rows), figure in product(WAYS, ("imbalance", "cycles_an_image")):
            wanted = row["pes"], pruning, rows
            assert row[figure][f"{pruning}_{rows}"] == mean(
                load[figure] for load in record["loads"] if (load["pes"], load["pruning"], load["rows"]) == wanted
            )


def test_balance_costs_no_accuracy_to_speak_of(record: dict[str, Any]) -> None:
    for row in record["mean_over_seeds"]:
        assert abs(row["accuracy_balanced"] - row["accuracy_plain"]) < 0.001
        imbalance = row["imbalance"]
        assert imbalance["plain_interleaved"] > imbalance["balanced_interleaved"] > imbalance["plain_placed"]


def test_placing_rows_gains_more_cycles_than_balanced_pruning(record: dict[str, Any]) -> None:
    """And on 64 PEs there is nothing to gain: the broadcast, one activation a cycle, is what takes the time."""
    for row in record["mean_over_seeds"]:
        cycles = row["cycles_an_image"]
        plain = cycles["plain_interleaved"]
        if row["pes"] < 64:
            assert cycles["plain_placed"] < cycles["balanced_interleaved"] < plain
            assert abs(cycles["balanced_placed"] - cycles["plain_placed"]) < 0.01 * plain
        else:
            assert all(abs(other - plain) < 0.01 * plain for other in cycles.values())
