"""The settings of a training."""

import json
from dataclasses import replace
from typing import Any

import pytest

from eyrie.errors import InputError
from eyrie.train.schedule import FULL, FULL_LENET_5, QUICK, QUICK_LENET_5, Schedule


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
        ({"codebook_bits": 0}, "codebook_bits must be from 1 to 8"),
        ({"codebook_bits": 9}, "codebook_bits must be from 1 to 8, not 9"),
        ({"codebook_bits": (4, 0)}, "codebook_bits must be from 1 to 8, not 0"),
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
    assert QUICK.epochs == QUICK_LENET_5.epochs == 4


def test_codes_have_one_width_or_one_a_layer() -> None:
    assert Schedule(codebook_bits=5).bits_of(3) == (5, 5, 5)
    assert Schedule(codebook_bits=(8, 4)).bits_of(2) == (8, 4)


def test_densities_and_widths_are_as_many_as_layers() -> None:
    FULL.require_layers(3)
    FULL_LENET_5.require_layers(4)
    with pytest.raises(InputError, match="there must be 4 densities, one a layer, not 3"):
        FULL.require_layers(4)
    with pytest.raises(InputError, match="there must be 3 codebook_bits, one a layer, not 2"):
        replace(FULL, codebook_bits=(8, 4)).require_layers(3)


@pytest.mark.parametrize(
    "schedule", [FULL, replace(FULL, balanced_pes=16), FULL_LENET_5], ids=["plain", "balanced", "convolutional"]
)
def test_json_holds_every_setting(schedule: Schedule) -> None:
    values = json.loads(json.dumps(schedule.as_json()))
    assert Schedule(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}) == schedule
    assert ("balanced_pes" in values) == (schedule.balanced_pes is not None)
