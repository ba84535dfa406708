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
    "accumulator_width": (24, 48),
    "entry_depth": (2, 1 << 20),
    "pointer_depth": (2, 1 << 16),
    "activation_depth": (1, 1 << 12),
    "accumulator_depth": (1, 1 << 12),
    "row_depth": (1, 1 << 14),
    "program_depth": (16, 1 << 14),
}


def test_every_field_has_a_range() -> None:
    assert [field.name for field in dataclasses.fields(EieConfig)] == list(RANGES)


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
        ("{}", "configuration has format None, expected 1"),
        (changed(format=2), "configuration has format 2, expected 1"),
        (changed(format="1"), "configuration has format '1', expected 1"),
        (changed(engine="rowstat"), "configuration is of engine 'rowstat', expected 'eie'"),
        (changed(speed=5), "configuration has unknown or missing fields: speed"),
        (changed(b=1, a=1), "configuration has unknown or missing fields: a, b"),
        (without("n_pes"), "configuration has unknown or missing fields: n_pes"),
        (changed(n_pes=0), "n_pes must be an integer from 1 to 256, not 0"),
        (changed(n_pes=4.0), "n_pes must be an integer from 1 to 256, not 4.0"),
        (changed(n_pes="4"), "n_pes must be an integer from 1 to 256, not '4'"),
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
    assert len(hashes) == 1 + len(RANGES)
    assert all(0 <= number < 1 << 64 for number in hashes)


def test_hash_is_the_same_on_every_machine() -> None:
    # SHA-256 of the canonical JSON, which this text is; a change of either is a change of the format.
    text = (
        '{"accumulator_depth": 16, "accumulator_width": 32, "activation_depth": 16, "activation_width": 16, '
        '"codebook_bits": 4, "engine": "eie", "entry_depth": 512, "format": 1, "index_bits": 4, "n_pes": 4, '
        '"pointer_depth": 256, "program_depth": 128, "queue_depth": 4, "row_depth": 64, "weight_width": 16}'
    )
    assert FORMAT_VERSION == 1
    assert TINY.as_json() == text
    assert TINY.hash == 0x913DEAC71F412F3F


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"codebook_bits": 3, "index_bits": 5}, {"entry_width": 8, "codebook_size": 8, "max_run": 31}),
        ({"entry_depth": 512}, {"pointer_width": 10}),
        ({"entry_depth": 511}, {"pointer_width": 9}),
        ({"pointer_depth": 256}, {"column_width": 8}),
        ({"pointer_depth": 257}, {"column_width": 9}),
        ({"activation_depth": 1}, {"local_width": 1}),
        ({"activation_depth": 17}, {"local_width": 5}),
        ({"n_pes": 1}, {"pe_width": 0}),
        ({"n_pes": 5}, {"pe_width": 3}),
        ({"n_pes": 256}, {"pe_width": 8}),
        ({"accumulator_depth": 1, "row_depth": 2}, {"row_width": 1, "table_width": 1}),
        ({"weight_width": 8}, {"multiplier_width": 7, "max_multiplier": 127, "scale_width": 13}),
        ({}, {"shift_width": 6, "max_shift": 63}),
        ({"activation_width": 16, "accumulator_width": 32}, {"chunk_width": 15, "n_chunks": 3}),
        ({"activation_width": 16, "accumulator_width": 29}, {"n_chunks": 2}),
        ({"activation_width": 16, "accumulator_width": 30}, {"n_chunks": 3}),
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
