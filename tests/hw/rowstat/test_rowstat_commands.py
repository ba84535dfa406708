"""Commands as words: what is packed comes back, and nothing that does not fit is packed."""

import random

import pytest

from eyrie.rowstat.commands import FIELDS, pack, unpack

SEED = 1


def _limits(width: int) -> tuple[int, int]:
    return (0, (1 << width) - 1) if width > 0 else (-(1 << -width - 1), (1 << -width - 1) - 1)


@pytest.mark.parametrize("command", FIELDS)
def test_unpack_gives_what_was_packed(command: str) -> None:
    draw = random.Random(f"{SEED} {command}")
    fields = {name: _limits(width) for word in FIELDS[command] for name, width in word}
    for values in (
        {name: low for name, (low, _) in fields.items()},
        {name: high for name, (_, high) in fields.items()},
        *({name: draw.randint(*limits) for name, limits in fields.items()} for _ in range(50)),
    ):
        words = pack(command, **values)
        assert len(words) == len(FIELDS[command])
        assert all(0 <= word < 1 << 64 for word in words)
        assert unpack(command, words) == values


@pytest.mark.parametrize("command", FIELDS)
def test_words_have_room_for_their_fields(command: str) -> None:
    for word in FIELDS[command]:
        assert sum(abs(width) for _, width in word) <= (16 if command == "row_id" else 64)


@pytest.mark.parametrize("value", [-1, 256])
def test_a_value_that_does_not_fit_is_refused(value: int) -> None:
    with pytest.raises(ValueError, match=f"command 'header': count must be from 0 to 255, not {value}"):
        pack("header", unit=1, count=value)


def test_missing_and_unknown_fields_are_refused() -> None:
    with pytest.raises(ValueError, match="field 'count' is missing or unknown"):
        pack("header", unit=1)
    with pytest.raises(ValueError, match="field 'colour' is missing or unknown"):
        pack("header", unit=1, count=0, colour=2)


def test_too_few_words_are_refused() -> None:
    with pytest.raises(ValueError, match="command 'drain' has 3 words, here are 2"):
        unpack("drain", [0, 0])
