"""Levels of a serial line over time: what a sender with a clock of its own, and what disturbs it, put on the wire."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

FRAME_BITS = 10


class SerialLine:
    """A line that is drawn from left to right, in cycles of the receiver's clock.

    Edges fall where the sender's clock puts them, rounded to a cycle, and never drift by rounding.

    Parameters
    ----------
    bit_time : float
        Cycles a bit.
    """

    def __init__(self, bit_time: float) -> None:
        self.bit_time = bit_time
        self._levels: list[int] = []
        self._ends: list[float] = []

    @property
    def end(self) -> float:
        """Time that is drawn so far."""
        return self._ends[-1] if self._ends else 0.0

    def level(self, level: int, cycles: float) -> "SerialLine":
        """Hold the line."""
        self._levels.append(level)
        self._ends.append(self.end + cycles)
        return self

    def idle(self, bits: float) -> "SerialLine":
        """Leave the line high for so many bits."""
        return self.level(1, bits * self.bit_time)

    def send(self, data: bytes, *, stop_level: int = 1, gap_bits: float = 0) -> "SerialLine":
        """Send bytes, each with a start and a stop bit and followed by a gap; with ``stop_level`` 0 none is framed."""
        for byte in data:
            for level in (0, *(byte >> place & 1 for place in range(8)), stop_level):
                self.level(level, self.bit_time)
            if gap_bits:
                self.idle(gap_bits)
        return self

    def invert(self, begin: float, cycles: float) -> "SerialLine":
        """Turn the level over from a time on, for a while: a glitch."""
        levels, ends = self._levels, self._ends
        self._levels, self._ends = [], []
        start = 0.0
        for level, end in zip(levels, ends, strict=True):
            cuts = [cut for cut in (begin, begin + cycles) if start < cut < end]
            for left, right in zip([start, *cuts], [*cuts, end], strict=True):
                inverted = begin <= (left + right) / 2 < begin + cycles
                self._levels.append(1 - level if inverted else level)
                self._ends.append(right)
            start = end
        return self

    def segments(self) -> npt.NDArray[np.uint32]:
        """Levels with whole numbers of cycles, uint32 (n, 2)."""
        ends = np.rint(np.array([0.0, *self._ends])).astype(np.int64)
        drawn = np.stack([np.array(self._levels, np.int64), np.diff(ends)], axis=1).reshape(-1, 2)
        return drawn[drawn[:, 1] > 0].astype(np.uint32)

    def __iter__(self) -> Iterator[int]:
        """Level after level, one a cycle."""
        for level, cycles in self.segments().tolist():
            yield from [level] * cycles


def received_bytes(levels: list[int], divisor: int) -> bytes:
    """What an ideal receiver finds on a line, given one level a cycle.

    Raises
    ------
    ValueError
        If a stop bit is low or the line ends within a byte.
    """
    data = bytearray()
    position = 0
    while 0 in levels[position:]:
        position = levels.index(0, position)
        samples = [levels[position + divisor // 2 + place * divisor :][:1] for place in range(FRAME_BITS)]
        if samples[-1] != [1]:
            raise ValueError(f"byte {len(data)} on the line, at cycle {position}, has no stop bit")
        data.append(sum(level[0] << place for place, level in enumerate(samples[1:9])))
        position += divisor // 2 + (FRAME_BITS - 1) * divisor
    return bytes(data)
