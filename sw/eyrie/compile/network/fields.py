"""JSON that was read: its fields are checked as they are taken."""

import json
import math
from typing import Any, Self

from eyrie.errors import InputError


class Fields:
    """A JSON object.

    Parameters
    ----------
    value : anything
        What `json.loads` gave.
    what : str
        What it is, for messages.

    Raises
    ------
    InputError
        If it is no object; and from every method, if the field is missing, of another kind, or out of its range.
    """

    def __init__(self, value: Any, what: str) -> None:
        if not isinstance(value, dict):
            raise InputError(f"{what} must be a JSON object")
        self.value, self.what = value, what

    @classmethod
    def parse(cls, text: bytes, what: str) -> Self:
        """The object that a text holds."""
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{what} is not JSON: {error}") from error
        return cls(value, what)

    def get(self, name: str) -> Any:
        """Any field."""
        if name not in self.value:
            raise InputError(f"{self.what} has no {name}")
        return self.value[name]

    def inner(self, name: str, what: str | None = None) -> "Fields":
        """A field that is an object itself; ``what`` replaces its name in messages."""
        return Fields(self.get(name), what or name)

    def items(self, name: str) -> list[Any]:
        """A list."""
        return _list(self.get(name), f"{self.what}: {name}")

    def integer(self, name: str, low: int, high: int) -> int:
        """An integer from ``low`` to ``high``."""
        return _integer(self.get(name), f"{self.what}: {name}", low, high)

    def integers(self, name: str, low: int, high: int) -> tuple[int, ...]:
        """A list of such integers."""
        return _integers(self.get(name), f"{self.what}: {name}", low, high)

    def rows(self, name: str, low: int, high: int) -> list[tuple[int, ...]]:
        """A list of lists of such integers."""
        return [_integers(row, name, low, high) for row in self.items(name)]

    def truth(self, name: str) -> bool:
        """True or false."""
        value = self.get(name)
        if not isinstance(value, bool):
            raise InputError(f"{self.what}: {name} must be true or false, not {value!r}")
        return value

    def text(self, name: str) -> str:
        """Text."""
        value = self.get(name)
        if not isinstance(value, str):
            raise InputError(f"{self.what}: {name} must be text, not {value!r}")
        return value

    def scale(self, name: str) -> float:
        """A positive number."""
        value = self.get(name)
        if not isinstance(value, float) or not math.isfinite(value) or value <= 0:
            raise InputError(f"{self.what}: {name} must be a positive number, not {value!r}")
        return value


def _list(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise InputError(f"{what} must be a list, not {value!r}")
    return value


def _integers(value: Any, what: str, low: int, high: int) -> tuple[int, ...]:
    return tuple(_integer(item, what, low, high) for item in _list(value, what))


def _integer(value: Any, what: str, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InputError(f"{what} must be an integer from {low} to {high}, not {value!r}")
    return value
