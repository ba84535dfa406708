"""Descriptions of registers: one for the hardware, the driver and the documents.

Addresses count words of 32 bits, as the bus does; documents for people and the C header count bytes.
"""

import re
from dataclasses import dataclass
from enum import Enum

WORD_BYTES = 4

_NAME = re.compile(r"[a-z][a-z0-9_]*")


class Access(Enum):
    """What the host may do."""

    READ = "read"
    WRITE = "write"
    READ_WRITE = "read and write"

    @property
    def reads(self) -> bool:
        """Whether a read is answered."""
        return self is not Access.WRITE

    @property
    def writes(self) -> bool:
        """Whether a write has an effect."""
        return self is not Access.READ


@dataclass(frozen=True, kw_only=True)
class Field:
    """A part of a register.

    Parameters
    ----------
    name, text : str
    low, width : int
        Lowest bit and number of bits.
    """

    name: str
    low: int
    width: int = 1
    text: str

    def __post_init__(self) -> None:
        _require_name(self.name)
        if not (self.width >= 1 and self.low >= 0 and self.low + self.width <= 32):
            raise ValueError(f"field {self.name} has {self.width} bits from {self.low} up; a register has 32")

    @property
    def mask(self) -> int:
        """Its bits within the register."""
        return (1 << self.width) - 1 << self.low


@dataclass(frozen=True, kw_only=True)
class Register:
    """A word that the host reads or writes.

    Parameters
    ----------
    name, text : str
    address : int
        In words.
    access : Access
    fields : tuple of Field
        None if the register is a plain number.
    """

    name: str
    address: int
    access: Access = Access.READ
    text: str
    fields: tuple[Field, ...] = ()

    def __post_init__(self) -> None:
        _require_name(self.name)
        taken = 0
        for field in self.fields:
            if taken & field.mask:
                raise ValueError(f"field {field.name} of register {self.name} lies over another one")
            taken |= field.mask
        if len({field.name for field in self.fields}) != len(self.fields):
            raise ValueError(f"register {self.name} has two fields of one name")

    def field(self, name: str) -> Field:
        """One of its fields.

        Raises
        ------
        KeyError
            If there is none of that name.
        """
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(f"register {self.name} has no field {name}")

    def unpack(self, value: int) -> dict[str, int]:
        """The values of its fields in a word."""
        return {field.name: (value & field.mask) >> field.low for field in self.fields}


@dataclass(frozen=True, kw_only=True)
class Window:
    """A range of addresses that all stand for one stream, so that a burst may count its address up.

    Parameters
    ----------
    name, text : str
    address, words : int
        First address and number of addresses: a power of two, and the first one a multiple of it.
    access : Access
        READ takes from the stream, WRITE puts into it.
    """

    name: str
    address: int
    words: int
    access: Access
    text: str

    def __post_init__(self) -> None:
        _require_name(self.name)
        _require_aligned(self.name, self.address, self.words)
        if self.access is Access.READ_WRITE:
            raise ValueError(f"window {self.name} must either be read or written")


@dataclass(frozen=True, kw_only=True)
class RegisterMap:
    """All that a host sees of a device.

    Parameters
    ----------
    name, text : str
    version : int
        Changes whenever a host that knows an earlier one would go wrong.
    words : int
        Addresses from 0 up that belong to registers: a power of two.
    registers : tuple of Register
        By address.
    windows : tuple of Window
    """

    name: str
    version: int
    text: str
    words: int
    registers: tuple[Register, ...]
    windows: tuple[Window, ...] = ()

    def __post_init__(self) -> None:
        _require_name(self.name)
        _require_aligned(f"{self.name} registers", 0, self.words)
        names = [register.name for register in self.registers] + [window.name for window in self.windows]
        if len(set(names)) != len(names):
            raise ValueError(f"map {self.name} has two entries of one name")
        addresses = [register.address for register in self.registers]
        if addresses != sorted(set(addresses)) or not all(0 <= address < self.words for address in addresses):
            raise ValueError(f"registers of map {self.name} must ascend from 0 to {self.words - 1}, not {addresses}")
        end = self.words
        for window in sorted(self.windows, key=lambda window: window.address):
            if window.address < end:
                raise ValueError(f"window {window.name} begins at {window.address}, before {end}")
            end = window.address + window.words

    @property
    def address_width(self) -> int:
        """Bits of an address that lies in the map."""
        return (max([self.words, *(window.address + window.words for window in self.windows)]) - 1).bit_length()

    def register(self, name: str) -> Register:
        """A register.

        Raises
        ------
        KeyError
            If there is none of that name.
        """
        for register in self.registers:
            if register.name == name:
                return register
        raise KeyError(f"map {self.name} has no register {name}")

    def window(self, name: str) -> Window:
        """A window; errors as for `register`."""
        for window in self.windows:
            if window.name == name:
                return window
        raise KeyError(f"map {self.name} has no window {name}")


def _require_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ValueError(f"name must be of lower-case letters, digits and underscores, not {name!r}")


def _require_aligned(name: str, address: int, words: int) -> None:
    if words < 1 or words & (words - 1) or address < 0 or address % words:
        raise ValueError(f"{name} must begin at a multiple of their power of two of words, not {words} at {address}")
