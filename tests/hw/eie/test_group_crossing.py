"""GroupCrossing: what goes to which root, and with which number."""

import dataclasses
import random

import pytest

from eyrie.bench.component import run
from eyrie.eie.config import TINY, EieConfig
from eyrie.eie.group_crossing import GroupCrossing

NOTHING = {"valid": 0, "value": 0, "local": 0, "pe": 0}

SHAPES = [(4, 2), (4, 4), (6, 2), (20, 4), (40, 2)]


def configuration(n_pes: int, column_groups: int) -> EieConfig:
    return dataclasses.replace(TINY, n_pes=n_pes, column_groups=column_groups)


def draw_activation(draw: random.Random, config: EieConfig) -> dict[str, int]:
    value, local = draw.choice([*config.activation_range, 7]), draw.randrange(config.activation_depth)
    return {"valid": 1, "value": value, "local": local, "pe": draw.randrange(config.group_pes)}


@pytest.mark.parametrize(("n_pes", "column_groups"), SHAPES)
def test_apart_every_group_has_its_own_root(n_pes: int, column_groups: int) -> None:
    config, draw = configuration(n_pes, column_groups), random.Random(n_pes)
    sent = [[draw.choice([NOTHING, draw_activation(draw, config)]) for _ in range(40)] for _ in range(column_groups)]
    levels = {f"i_{group}": [*own, NOTHING] for group, own in enumerate(sent)}
    roots = [f"o_{group}" for group in range(column_groups)]
    result = run(GroupCrossing(config), {}, {}, levels={"apart": [1], **levels}, watch=roots, after=41)
    for own, root in zip(sent, roots, strict=True):
        assert result.watched[root] == [NOTHING, *own]


@pytest.mark.parametrize(("n_pes", "column_groups"), SHAPES)
def test_together_all_roots_hear_of_every_group(n_pes: int, column_groups: int) -> None:
    config, draw = configuration(n_pes, column_groups), random.Random(n_pes)
    sent = [[NOTHING] * 41 for _ in range(column_groups)]
    expected = [NOTHING]
    for cycle in range(40):
        group, found = draw.randrange(column_groups + 1), draw_activation(draw, config)
        if group == column_groups:
            expected.append(NOTHING)
            continue
        sent[group][cycle] = found
        expected.append({**found, "pe": group * config.group_pes + found["pe"]})
    levels = {f"i_{group}": own for group, own in enumerate(sent)}
    outputs = ["any", *(f"o_{group}" for group in range(column_groups))]
    result = run(GroupCrossing(config), {}, {}, levels={"apart": [0], **levels}, watch=outputs, after=41)
    for output in outputs:
        assert result.watched[output] == expected
