"""EieConfig: what it refuses, its JSON, its identity."""

import dataclasses
import json
import re
from typing import Any

import pytest

from eyrie.eie.config import FORMAT_VERSION, PAPER, TINY, EieConfig

RANGES = {
    "n_pes": (1, 256),
    "queue_depth": (1, 1024),
    "activation_width": (8, 16),
    "weight_width": (8, 16),
    "codebook_bits": (1, 8),
    "index_bits": (1, 8),
    "count_bits": (1, 10),
    "accumulator_width": (24, 48),
    "entry_depth": (2, 1 << 20),
    "table_depth": (2, 1 << 16),
    "activation_depth": (1, 1 << 12),
    "accumulator_depth": (1, 1 << 12),
    "program_depth": (16, 1 << 14),
    "column_groups": (1, 4),
}
FLAGS = ("skip_empty", "multipliers", "lut_ram")
MEMORIES = ("entry_memory", "program_memory")


def test_every_field_has_a_range_or_is_a_flag_or_a_choice() -> None:
    fields = [field.name for field in dataclasses.fields(EieConfig)]
    assert sorted(fields) == sorted([*RANGES, *FLAGS, *MEMORIES])


@pytest.mark.parametrize("name", RANGES)
def test_refuses_what_is_out_of_range(name: str) -> None:
    low, high = RANGES[name]
    for value in (low, high):
        assert getattr(dataclasses.replace(TINY, **{name: value}), name) == value
    wrong: list[Any] = [low - 1, high + 1, float(low), str(low), True, None]
    for odd in wrong:
        message = f"{name} must be an integer from {low} to {high}, not {odd!r}"
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            dataclasses.replace(TINY, **{name: odd})


@pytest.mark.parametrize("name", FLAGS)
def test_refuses_a_flag_that_is_none(name: str) -> None:
    for value in (False, True):
        assert getattr(dataclasses.replace(TINY, **{name: value}), name) is value
    for odd in (0, 1, "true", None):
        with pytest.raises(ValueError, match=f"^{name} must be true or false, not {odd!r}$"):
            dataclasses.replace(TINY, **{name: odd})


@pytest.mark.parametrize(("n_pes", "column_groups"), [(4, 3), (6, 4), (7, 2), (1, 2)])
def test_refuses_groups_that_do_not_divide_the_pes(n_pes: int, column_groups: int) -> None:
    message = f"column_groups must be 1, 2 or 4 and divide {n_pes} PEs evenly, not be {column_groups}"
    with pytest.raises(ValueError, match=f"^{message}$"):
        dataclasses.replace(TINY, n_pes=n_pes, column_groups=column_groups)


def test_a_single_group_leaves_no_trace_in_the_json() -> None:
    two = dataclasses.replace(TINY, column_groups=2)
    assert json.loads(two.as_json()) == {**json.loads(TINY.as_json()), "column_groups": 2}
    assert EieConfig.from_json(two.as_json()) == two
    assert EieConfig.from_json(changed(column_groups=1)) == TINY


@pytest.mark.parametrize("name", MEMORIES)
def test_refuses_a_memory_of_no_kind(name: str) -> None:
    for value in ("block", "single_port"):
        assert getattr(dataclasses.replace(TINY, **{name: value}), name) == value
    odd_values: list[Any] = ["", "spram", None, 1, ["block"]]
    for odd in odd_values:
        message = f"{name} must be 'block' or 'single_port', not {odd!r}"
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            dataclasses.replace(TINY, **{name: odd})


@pytest.mark.parametrize("name", MEMORIES)
def test_a_later_field_is_in_the_json_only_where_it_is_used(name: str) -> None:
    assert name not in json.loads(TINY.as_json())
    assert EieConfig.from_json(changed(**{name: "block"})) == TINY
    other = dataclasses.replace(TINY, **{name: "single_port"})
    assert json.loads(other.as_json()) == {**json.loads(TINY.as_json()), name: "single_port"}
    assert EieConfig.from_json(other.as_json()) == other
    assert other.hash != TINY.hash


def test_is_frozen_and_named() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        TINY.n_pes = 5  # type: ignore[misc]
    with pytest.raises(TypeError):
        EieConfig(4)  # type: ignore[misc]


@pytest.mark.parametrize("config", [TINY, PAPER, EieConfig(), dataclasses.replace(TINY, n_pes=7, index_bits=1)])
def test_json_there_and_back(config: EieConfig) -> None:
    text = config.as_json()
    assert EieConfig.from_json(text) == EieConfig.from_json(text.encode()) == config
    assert EieConfig.from_json(text).as_json() == text
    assert EieConfig.from_json(text).hash == config.hash


def changed(**fields: Any) -> str:
    return json.dumps({**json.loads(TINY.as_json()), **fields})


def without(name: str) -> str:
    fields = json.loads(TINY.as_json())
    del fields[name]
    return json.dumps(fields)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "configuration is not JSON"),
        ("{", "configuration is not JSON"),
        (b"\xff\xfe\x00", "configuration is not JSON"),
        ("[" * 100_000, "configuration is not JSON"),
        ("[]", "configuration is not a JSON object"),
        ("7", "configuration is not a JSON object"),
        ("{}", "configuration has format None, expected 2"),
        (changed(format=1), "configuration has format 1, expected 2"),
        (changed(format="2"), "configuration has format '2', expected 2"),
        (changed(engine="rowstat"), "configuration is of engine 'rowstat', expected 'eie'"),
        (changed(speed=5), "configuration has unknown or missing fields: speed"),
        (changed(b=1, a=1), "configuration has unknown or missing fields: a, b"),
        (without("n_pes"), "configuration has unknown or missing fields: n_pes"),
        (changed(n_pes=0), "n_pes must be an integer from 1 to 256, not 0"),
        (changed(n_pes=4.0), "n_pes must be an integer from 1 to 256, not 4.0"),
        (changed(n_pes="4"), "n_pes must be an integer from 1 to 256, not '4'"),
        (changed(lut_ram=1), "lut_ram must be true or false, not 1"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_json_that_is_refused(text: str | bytes, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        EieConfig.from_json(text)


def test_hash_is_64_bits_and_changes_with_every_field() -> None:
    hashes = {TINY.hash}
    for name, (low, high) in RANGES.items():
        value = getattr(TINY, name)
        hashes.add(dataclasses.replace(TINY, **{name: value + 1 if value < high else low}).hash)
    hashes |= {dataclasses.replace(TINY, **{name: not getattr(TINY, name)}).hash for name in FLAGS}
    assert len(hashes) == 1 + len(RANGES) + len(FLAGS)
    assert all(0 <= number < 1 << 64 for number in hashes)


def test_hash_is_the_same_on_every_machine() -> None:
    # SHA-256 of the canonical JSON, which this text is; a change of either is a change of the format.
    text = (
        '{"accumulator_depth": 16, "accumulator_width": 32, "activation_depth": 16, "activation_width": 16, '
        '"codebook_bits": 4, "count_bits": 6, "engine": "eie", "entry_depth": 512, "format": 2, "index_bits": 4, '
        '"lut_ram": true, "multipliers": true, "n_pes": 4, "program_depth": 128, "queue_depth": 4, "skip_empty": true, '
        '"table_depth": 192, "weight_width": 16}'
    )
    assert FORMAT_VERSION == 2
    assert TINY.as_json() == text
    assert TINY.hash == 0xB15E92F8ED7057E0


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"codebook_bits": 3, "index_bits": 5}, {"entry_width": 8, "codebook_size": 8, "max_run": 31}),
        ({"count_bits": 1}, {"max_count": 1}),
        ({"count_bits": 10}, {"max_count": 1023}),
        ({"entry_depth": 512, "count_bits": 6}, {"entry_address_width": 9, "quad_width": 33}),
        ({"entry_depth": 513, "count_bits": 1}, {"entry_address_width": 10, "quad_width": 14}),
        ({"entry_depth": 512, "count_bits": 6, "accumulator_width": 32}, {"table_width": 33}),
        ({"entry_depth": 512, "count_bits": 6, "accumulator_width": 40}, {"table_width": 40}),
        ({"entry_depth": 1 << 20, "count_bits": 10, "accumulator_width": 48}, {"table_width": 60}),
        ({"table_depth": 256}, {"table_address_width": 8, "column_width": 10}),
        ({"table_depth": 257}, {"table_address_width": 9, "column_width": 11}),
        ({"activation_depth": 1}, {"local_width": 1}),
        ({"activation_depth": 17}, {"local_width": 5}),
        ({"n_pes": 1}, {"pe_width": 0}),
        ({"n_pes": 5}, {"pe_width": 3}),
        ({"n_pes": 256}, {"pe_width": 8}),
        ({"accumulator_depth": 1}, {"row_width": 1}),
        ({"accumulator_depth": 17}, {"row_width": 5}),
        ({"weight_width": 8}, {"multiplier_width": 7, "max_multiplier": 127, "scale_width": 13}),
        ({}, {"shift_width": 6, "max_shift": 63}),
        ({"activation_width": 16, "accumulator_width": 32}, {"chunk_width": 15, "n_chunks": 3}),
        ({"activation_width": 16, "accumulator_width": 30}, {"n_chunks": 2}),
        ({"activation_width": 16, "accumulator_width": 31}, {"n_chunks": 3}),
        ({"activation_width": 8, "accumulator_width": 48}, {"chunk_width": 7, "n_chunks": 7}),
        ({"activation_width": 8}, {"activation_range": (-128, 127)}),
        ({"weight_width": 9}, {"weight_range": (-256, 255)}),
        ({"accumulator_width": 24}, {"accumulator_range": (-(1 << 23), (1 << 23) - 1)}),
    ],
    ids=str,
)
def test_what_follows_from_the_fields(fields: dict[str, int], expected: dict[str, Any]) -> None:
    config = dataclasses.replace(TINY, **fields)
    assert {name: getattr(config, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("accumulator_width", "multipliers", "unit", "width", "most"),
    [(32, True, 1, 6, 63), (32, False, 4, 5, 28), (33, False, 4, 6, 60), (48, False, 4, 6, 60), (24, False, 4, 5, 28)],
)
def test_shifts_of_layers_without_multipliers(
    accumulator_width: int, multipliers: bool, unit: int, width: int, most: int
) -> None:
    config = EieConfig(accumulator_width=accumulator_width, multipliers=multipliers)
    assert (config.shift_unit, config.plain_shift_width, config.max_plain_shift) == (unit, width, most)
    for shift in range(64):
        if shift % unit or shift > most:
            with pytest.raises(ValueError, match=f"shift must be 0 to {most} in steps of {unit}, not {shift}"):
                config.require_plain_shift(shift)
        else:
            config.require_plain_shift(shift)
