"""Step: packing, unpacking, and what neither accepts."""

import dataclasses
import random
import re
from typing import Any

import pytest

from eyrie.eie.program import FIELDS, STEP_WORDS, Step

COUNTED = {"load": "count", "drain": "n_rows", "emit": "emit_count"}


def random_step(seed: int) -> Step:
    draw = random.Random(seed)
    values: dict[str, Any] = {}
    for field in dataclasses.fields(Step):
        width = FIELDS[field.name][2]
        values[field.name] = draw.choice([0, (1 << width) - 1, draw.getrandbits(width)])
        if width == 1:
            values[field.name] = bool(values[field.name])
    for flag, count in COUNTED.items():
        values[count] = max(1, values[count]) if values[flag] else 0
    values["open"] |= values["emit"] and values["local_base"] > 0
    return Step(**values)


def test_the_table_is_that_of_the_fields() -> None:
    assert set(FIELDS) == {field.name for field in dataclasses.fields(Step)}
    taken = [(word, bit) for word, low, width in FIELDS.values() for bit in range(low, low + width)]
    assert len(taken) == len(set(taken))
    assert {word for word, _ in taken} == set(range(STEP_WORDS))
    assert max(bit for _, bit in taken) < 32


@pytest.mark.parametrize("seed", range(20))
def test_there_and_back(seed: int) -> None:
    step = random_step(seed)
    words = step.pack()
    assert len(words) == STEP_WORDS
    assert all(0 <= word < 1 << 32 for word in words)
    assert Step.unpack(words) == Step.unpack(list(words)) == step
    assert [type(value) for value in vars(Step.unpack(words)).values()] == [
        type(value) for value in vars(step).values()
    ]


def test_words() -> None:
    step = Step(
        load=True, count=5, drain=True, n_rows=3, scale_base=2, local_base=1, codebook_base=7, codebook_count=16,
        emit=True, emit_count=9, open=True, column_base=77, shift=41, bias_base=11, bias_rows=6, last=True,
    )  # fmt: skip
    flags = 41 << 9 | 1 << 8 | 0b11111
    assert step.pack() == (16 << 16 | flags, 5, 77, 3 << 16 | 2, 7 << 16 | 1, 9, 6 << 16 | 11)


@pytest.mark.parametrize("name", FIELDS)
def test_refuses_values_that_do_not_fit(name: str) -> None:
    width = FIELDS[name][2]
    flags = {flag: True for flag, count in COUNTED.items() if count == name}
    for value in (-1, 1 << width):
        fields: dict[str, Any] = {**flags, name: value}
        with pytest.raises(ValueError, match=f"^step field {name} must fit {width} bits, not be {value}$"):
            Step(**fields)


@pytest.mark.parametrize(("flag", "count"), COUNTED.items())
def test_flag_and_count_go_together(flag: str, count: str) -> None:
    for fields in ({flag: True, count: 0}, {flag: False, count: 4}):
        message = f"step has {flag}={fields[flag]} with {count}={fields[count]}"
        with pytest.raises(ValueError, match=f"^{message}$"):
            Step(**fields)  # type: ignore[arg-type]


def test_every_bit_of_the_first_word_belongs_to_a_field() -> None:
    free = [
        (word, bit)
        for word in range(STEP_WORDS)
        for bit in range(32)
        if not any(word == at and low <= bit < low + width for at, low, width in FIELDS.values())
    ]
    assert free == []


def test_unpack_refuses_bits_of_no_field() -> None:
    for word in range(STEP_WORDS):
        words = list(Step().pack())
        words[word] |= 1 << 32
        with pytest.raises(ValueError, match=r"^a step has bits that belong to no field$"):
            Step.unpack(words)


@pytest.mark.parametrize("n_words", [0, STEP_WORDS - 1, STEP_WORDS + 1])
def test_unpack_refuses_another_number_of_words(n_words: int) -> None:
    with pytest.raises(ValueError, match=re.escape(f"a step has {STEP_WORDS} words, not {n_words}")):
        Step.unpack([0] * n_words)


def test_unpack_refuses_a_flag_without_its_count() -> None:
    with pytest.raises(ValueError, match=r"^step has load=True with count=0$"):
        Step.unpack([1, *[0] * (STEP_WORDS - 1)])


def test_an_emission_past_the_first_local_index_opens_the_bank() -> None:
    with pytest.raises(ValueError, match=r"^step emits from local_base=3 without open$"):
        Step(emit=True, emit_count=1, local_base=3)
    for fields in ({"open": True, "local_base": 3}, {"open": False, "local_base": 0}):
        Step(emit=True, emit_count=1, **fields)  # type: ignore[arg-type]
