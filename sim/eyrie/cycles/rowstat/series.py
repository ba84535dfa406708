"""Times that one unit makes known and others wait for.

Units are generators. Each works out the times of its own events in order, makes them known, and yields where it needs
a time that is not known yet; nothing depends on who goes on first. Time is counted in cycles from that of `start`.
"""

from collections.abc import Generator, Sequence
from typing import TypeVar

from eyrie.rowstat.control_timing import QUEUE_LATENCY

Value = TypeVar("Value")
Waiting = Generator[None, None, Value]
"""A part of a unit that waits and then has a value."""


def known(values: Sequence[Value], number: int) -> Waiting[Value]:
    """Value ``number`` of a series, once it is there."""
    while len(values) <= number:
        yield
    return values[number]


def reached(times: Sequence[int], count: int) -> Waiting[int]:
    """The first cycle in which a counter is at ``count``, from the times at which its steps are seen; 0 for 0."""
    if not count:
        return 0
    return (yield from known(times, count - 1))


class CommandQueue:
    """The queue in front of a unit, in a memory of ``depth`` words and an output register.

    Parameters
    ----------
    depth : int

    Attributes
    ----------
    pushed : list of int
        Cycles in which its words come from the front end.
    taken : list of int
        Cycles in which the unit takes them.
    """

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self.pushed: list[int] = []
        self.taken: list[int] = []

    def room(self) -> Waiting[int]:
        """First cycle in which the next word may come: the word ``depth`` before it is in the output register then."""
        place = len(self.pushed) - self._depth
        if place < 0:
            return 0
        if not place:
            return self.pushed[0] + QUEUE_LATENCY
        before = yield from known(self.taken, place - 1)
        return max(self.pushed[place] + QUEUE_LATENCY, before + 1)

    def take(self, earliest: int) -> Waiting[int]:
        """The cycle in which the unit takes the next word if it wants it from ``earliest`` on."""
        number = len(self.taken)
        pushed = yield from known(self.pushed, number)
        time = max(pushed + QUEUE_LATENCY, earliest)
        if number:
            time = max(time, self.taken[-1] + 1)
        self.taken.append(time)
        return time

    def take_slowly(self, earliest: int, count: int, per_word: int) -> Waiting[int]:
        """The cycle in which the last of ``count`` numbers is used, one a cycle, ``per_word`` of them in a word."""
        time = earliest - 1
        for first in range(0, count, per_word):
            pushed = yield from known(self.pushed, len(self.taken))
            time = max(time + 1, pushed + QUEUE_LATENCY, self.taken[-1] + 1) + min(per_word, count - first) - 1
            self.taken.append(time)
        return time
