"""Framing of LiteX's uartbone: commands over a serial line that read and write words on a bus.

::

    command   length   address (4 bytes, in words)   for a write: length x data (4 bytes)

A read is answered by its words and by nothing else; a write is not answered. Numbers are big-endian. A length of 0
stands for 256. LiteX's ``litex_server --uart`` and its ``RemoteClient`` speak this.
"""

from enum import IntEnum

BUS_ERROR_WORD = 0xFFFFFFFF
"""What a read gives where the bus has no answer."""


class Command(IntEnum):
    """First byte of a command."""

    WRITE_INCREMENT = 1
    """Words go to consecutive addresses."""
    READ_INCREMENT = 2
    WRITE_FIXED = 3
    """All words go to one address."""
    READ_FIXED = 4
