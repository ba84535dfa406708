"""Words over a serial line: the host's end of uartbone (`eyrie.host.uartbone`)."""

from collections.abc import Sequence
from typing import Protocol

from eyrie.errors import InputError
from eyrie.host.uartbone_format import Command

WORD_BYTES = 4
MAX_WORDS = 255
"""Most words of one command."""


COMMAND_BYTES = 6
"""Bytes of a command before its words: what it is, how many words, address."""


def written_bytes(n_words: int) -> int:
    """Bytes on the line for so many words that are written to one address."""
    return WORD_BYTES * n_words + COMMAND_BYTES * -(-n_words // MAX_WORDS)


class LinkError(InputError):
    """The device did not answer, or not as it must. The next command may well work."""


class NoAnswerError(LinkError):
    """Not a byte came from the device."""


class Line(Protocol):
    """A serial line."""

    def send(self, data: bytes) -> None:
        """Send bytes."""

    def receive(self, count: int) -> bytes:
        """Bytes that came: ``count`` of them, or fewer if the line was silent for too long."""

    def settle(self) -> None:
        """Be silent until the device has forgotten whatever came before, and forget what came from it."""


class UartboneLink:
    """Reads and writes words of a device.

    Parameters
    ----------
    line : Line
    """

    def __init__(self, line: Line) -> None:
        self.line = line

    def read(self, address: int, count: int = 1, *, fixed: bool = False) -> list[int]:
        """Read words from consecutive addresses, or from one address if it is ``fixed``.

        Parameters
        ----------
        address : int
            Of the first one; it counts words.
        count : int
        fixed : bool

        Raises
        ------
        LinkError
            If fewer words come. The line has settled then.
        NoAnswerError
            If nothing comes.
        """
        kind = Command.READ_FIXED if fixed else Command.READ_INCREMENT
        words: list[int] = []
        while len(words) < count:
            begin = address if fixed else address + len(words)
            n = min(count - len(words), MAX_WORDS)
            self.line.send(bytes([kind, n]) + begin.to_bytes(WORD_BYTES, "big"))
            data = self.line.receive(n * WORD_BYTES)
            if len(data) != n * WORD_BYTES:
                self.line.settle()
                kind_of_error = LinkError if data else NoAnswerError
                raise kind_of_error(
                    f"the device answered {len(data)} of {n * WORD_BYTES} bytes of a read at {begin:#x}"
                )
            words += [int.from_bytes(data[at : at + WORD_BYTES], "big") for at in range(0, len(data), WORD_BYTES)]
        return words

    def write(self, address: int, words: Sequence[int], *, fixed: bool = False) -> None:
        """Write words to consecutive addresses, or to one address if it is ``fixed``. Nothing is answered."""
        kind = Command.WRITE_FIXED if fixed else Command.WRITE_INCREMENT
        for at in range(0, len(words), MAX_WORDS):
            part = words[at : at + MAX_WORDS]
            begin = address if fixed else address + at
            data = b"".join(word.to_bytes(WORD_BYTES, "big") for word in part)
            self.line.send(bytes([kind, len(part)]) + begin.to_bytes(WORD_BYTES, "big") + data)
