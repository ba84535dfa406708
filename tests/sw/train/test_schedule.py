"""The settings of a training."""

import json
from dataclasses import replace
from typing import Any

import pytest

from eyrie.errors import InputError
from eyrie.train.schedule import FULL, QUICK, Schedule


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"train_epochs": 0}, "train_epochs must be 1 or more, not 0"),
        ({"tune_epochs": -1}, "tune_epochs must be 1 or more, not -1"),
        ({"batch_size": 0}, "batch_size"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0"),
        ({"learning_rate": float("nan")}, "learning_rate must be above 0, not nan"),
        ({"retraining_rate": -1.0}, "retraining_rate must be above 0"),
        ({"weight_decay": -0.1}, "weight_decay must be 0 or more"),
        ({"densities": (0.1, 0.0, 0.1)}, "density must be above 0"),
        ({"densities": (0.1, 0.1, 1.1)}, r"at most 1, not 1\.1"),
        ({"densities": (0.1, 0.1)}, "3 densities"),
        ({"codebook_bits": 0}, "codebook_bits must be from 1 to 8"),
        ({"codebook_bits": 9}, "codebook_bits must be from 1 to 8, not 9"),
        ({"balanced_pes": 0}, "balanced_pes must be from 1 to 65536, not 0"),
        ({"balanced_pes": 65537}, "balanced_pes must be from 1 to 65536, not 65537"),
    ],
)
def test_setting_outside_its_range_is_refused(setting: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Schedule(**setting)


def test_epochs_of_all_stages_add_up() -> None:
    schedule = Schedule(train_epochs=2, prune_epochs=30, retrain_epochs=400, tune_epochs=5000)
    assert schedule.epochs == 5432
    assert QUICK.epochs == 4


@pytest.mark.parametrize("schedule", [FULL, replace(FULL, balanced_pes=16)], ids=["plain", "balanced"])
def test_json_holds_every_setting(schedule: Schedule) -> None:
    values = json.loads(json.dumps(schedule.as_json()))
    assert Schedule(**(values | {"densities": tuple(values["densities"])})) == schedule
    assert ("balanced_pes" in values) == (schedule.balanced_pes is not None)
