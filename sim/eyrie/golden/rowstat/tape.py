"""The tape as the front end and the units take it apart: commands with their fields, unit by unit."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from eyrie.errors import InputError
from eyrie.rowstat.commands import FIELDS, Opcode, Unit, unpack
from eyrie.rowstat.config import BUS_WORDS, RowstatConfig

IntArray = npt.NDArray[np.int64]

COMMANDS: Final[dict[Unit, dict[Opcode, str]]] = {
    Unit.FETCH: {Opcode.WORK: "fetch", Opcode.CODED: "coded_fetch"},
    Unit.DELIVER: {
        Opcode.LAYER: "deliver_layer",
        Opcode.IDS: "deliver_ids",
        Opcode.COLUMNS: "deliver_columns",
        Opcode.WORK: "deliver_pass",
    },
    Unit.LOAD: {Opcode.LAYER: "load_layer", Opcode.COLUMNS: "deliver_columns", Opcode.CODEBOOK: "load_codebook"},
    Unit.COMPUTE: {Opcode.LAYER: "compute_layer", Opcode.WORK: "compute_pass"},
    Unit.DRAIN: {Opcode.WORK: "drain", Opcode.POOL: "pool"},
}
"""What an opcode means to a unit, as a key of `FIELDS`."""

_WIDTHS = {name: [sum(abs(width) for _, width in word) for word in words] for name, words in FIELDS.items()}
_OPCODES = frozenset(Opcode)


@dataclass(frozen=True, kw_only=True, eq=False)
class Command:
    """One command.

    Parameters
    ----------
    unit : Unit
    name : str
        A key of `FIELDS`.
    fields : dict of str to int
    rest : tuple of int
        The words that follow it: row ids, column numbers, requantisations.
    first, last : int
        Numbers of its first and its last word on the tape.
    """

    unit: Unit
    name: str
    fields: dict[str, int]
    rest: tuple[int, ...]
    first: int
    last: int

    def __getitem__(self, field: str) -> int:
        return self.fields[field]

    def __str__(self) -> str:
        return f"{self.name} of {self.unit.name} at word {self.first} of the tape"

    @property
    def quarters(self) -> IntArray:
        """The words that follow it as 16-bit numbers, lowest first, int64 (4 * words,)."""
        return np.array(self.rest, "<u8").view("<u2").astype(np.int64)


@dataclass(frozen=True, kw_only=True, eq=False)
class Tape:
    """A tape from its first word to the END.

    Parameters
    ----------
    commands : dict of Unit to tuple of Command
        What each unit takes, in order.
    packets : tuple of (Unit, int)
        Unit and number of words of every packet, the END not counted.
    """

    commands: dict[Unit, tuple[Command, ...]]
    packets: tuple[tuple[Unit, int], ...]

    @property
    def n_words(self) -> int:
        """Words of the tape, headers and the END included."""
        return 1 + sum(1 + count for _, count in self.packets)

    def named(self, name: str) -> tuple[Command, ...]:
        """All commands of this name, in order."""
        return tuple(c for commands in self.commands.values() for c in commands if c.name == name)

    @classmethod
    def parse(cls, config: RowstatConfig, words: npt.NDArray[np.uint64]) -> Self:
        """Take a tape apart.

        Parameters
        ----------
        config : RowstatConfig
        words : uint64 (words,)

        Raises
        ------
        InputError
            If the tape is cut, goes on after its END, or has an unknown unit or opcode or a reserved bit set.
        """
        places: dict[Unit, list[int]] = {unit: [] for unit in COMMANDS}
        packets = []
        at = 0
        while True:
            if at >= len(words):
                raise InputError(f"the tape ends after {len(words)} words without an END")
            fields = _unpack("header", [int(words[at])], f"the header at word {at} of the tape")
            number, count = fields["unit"], fields["count"]
            if number == Unit.END:
                break
            if number not in places:
                raise InputError(f"the header at word {at} of the tape names unit {number}, which is not there")
            if at + 1 + count > len(words):
                raise InputError(
                    f"the tape is cut: the packet at word {at} has {count} words, {len(words) - at - 1} follow"
                )
            places[Unit(number)].extend(range(at + 1, at + 1 + count))
            packets.append((Unit(number), count))
            at += 1 + count
        if at + 1 != len(words):
            raise InputError(f"the tape has {len(words) - at - 1} words after its END at word {at}")
        commands = {unit: tuple(_commands(config, unit, own, words)) for unit, own in places.items()}
        return cls(commands=commands, packets=tuple(packets))


def n_following(config: RowstatConfig, name: str, fields: dict[str, int]) -> int:
    """Words that follow a command of this name."""
    if name == "deliver_ids":
        return config.row_groups
    if name == "deliver_columns":
        return -(-config.columns // BUS_WORDS)
    if name == "load_codebook":
        return -(-fields["entries"] // BUS_WORDS)
    return fields["filters"] if name == "drain" else fields["scales"] if name == "pool" else 0


def _commands(config: RowstatConfig, unit: Unit, places: list[int], words: npt.NDArray[np.uint64]) -> Iterator[Command]:
    own = [int(word) for word in words[np.array(places, np.int64)]]
    at = 0
    while at < len(own):
        where = f"word {places[at]} of the tape, for {unit.name},"
        opcode = own[at] & 15
        name = COMMANDS[unit].get(Opcode(opcode)) if opcode in _OPCODES else None
        if name is None:
            raise InputError(f"{where} has opcode {opcode}, which that unit does not know")
        n_words = len(FIELDS[name])
        if at + n_words > len(own):
            raise InputError(f"{where} begins a {name} of {n_words} words, of which {len(own) - at} are there")
        fields = _unpack(name, own[at : at + n_words], where)
        end = at + n_words + n_following(config, name, fields)
        if end > len(own):
            raise InputError(f"{where} begins a {name} of {end - at} words, of which {len(own) - at} are there")
        yield Command(
            unit=unit,
            name=name,
            fields=fields,
            rest=tuple(own[at + n_words : end]),
            first=places[at],
            last=places[end - 1],
        )
        at = end


def _unpack(name: str, words: list[int], where: str) -> dict[str, int]:
    for word, width in zip(words, _WIDTHS[name], strict=True):
        if word >> width:
            raise InputError(f"{where} has reserved bits set: {word:#018x}")
    return unpack(name, words)
