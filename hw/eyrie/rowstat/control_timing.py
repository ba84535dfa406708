"""Latencies of the control: with those of the array in `eyrie.rowstat.timing` and what the docstrings of the units say,
all that has to be known to count cycles. Nothing here imports Amaranth.

A unit of work of the array, (pass, step, slot), is *decided upon* in a cycle of the sequencer that is to do it; what
follows is counted from that cycle on.
"""

from typing import Final

from eyrie.rowstat.config import BUS_WORDS, PAIRS, RowstatConfig
from eyrie.rowstat.timing import IFMAP_BANK_READ_LATENCY, RESTORE_DISTANCE

QUEUE_LATENCY: Final = 2
"""Cycles from a word of the tape to the head of an empty queue, where it is from that cycle on."""
IDLE_LATENCY: Final = 1
"""Cycles from the first one in which no unit has anything to do to `done`, once an END was taken."""

TRANSFERS_AHEAD: Final = 4
"""FETCH commands that wait, their requests out or about to go out, behind the one that takes words and the one next."""
FETCH_CYCLES: Final = 3
"""Cycles from a FETCH's first word at the head of the queue to its first request: two for its words, and one in which
it is found that nothing need be waited for; for a CODED one more, for its third word."""
FETCHED_LATENCY: Final = 2
"""Cycles from a FETCH's last word to the counter's new value."""

VALUE_LATENCY: Final = 1 + IFMAP_BANK_READ_LATENCY
"""Cycles from the cycle of a value, in which its address is formed, to the value at the array."""
SHORTEST_DELIVERY: Final = 2
"""Cycles that a delivery of a unit takes at least, however few its values."""
SPACE_LATENCY: Final = 2
"""Cycles from a pulse that says that compute has finished a unit to the decision that there is space."""
DELIVER_PASS_CYCLES: Final = 4
"""Cycles from a DELIVER PASS's first word at the head of the queue until it is waiting for its turn."""
DELIVERED_LATENCY: Final = 2
"""Cycles from a pass's last value to the counter's new value."""
UNIT_DELIVERED_LATENCY: Final = 1
"""Cycles from a unit's last value to the pulse that says so to compute."""
VALUES_SETTLE: Final = VALUE_LATENCY
"""Cycles over the number of rows that lie between the cycle of a value and that in which a COLUMNS is taken."""

WEIGHT_LATENCY: Final = 2
"""Cycles from the cycle in which a word of weights is taken to the word at the array; in one of them codes become
weights, in the other nothing happens but that they leave the codebook's block RAM behind."""
BLOCK_LOADED_LATENCY: Final = WEIGHT_LATENCY
"""Cycles from a block's last word to the pulse that says so to compute."""
BLOCK_SPACE_LATENCY: Final = 1
"""Cycles from the last cycle at the array of the last unit that wants a block to the cycle in which a word of the block
that takes its place may be taken."""

COMMAND_LATENCY: Final = 2
"""Cycles from the decision on a unit to its first command at the array."""
READY_LATENCY: Final = 2
"""Cycles from a pulse that says that values or a block of weights were sent to the decision that waited for it."""
FINISH_AHEAD: Final = 2
"""Cycles from the pulse that says that compute has finished a unit to the last of the unit's cycles at the array."""
PSUM_HAZARD: Final = RESTORE_DISTANCE - 1
"""A unit takes at least so many cycles more than its window has words: it must not go on with a psum that the unit
before still has in the pipeline."""
COMPUTED_LATENCY: Final = 1
"""Cycles from the cycle in which a pass's last psum is written to the counter's new value."""

DRAIN_CYCLES: Final = 4
"""Cycles from a DRAIN's first word at the head of the queue to the cycle in which its first `requantise` word is taken:
three for its words, and one in which it is found that nothing need be waited for."""
REQUANTISE_LATENCY: Final = 7
"""Cycles from a psum to its activation."""
WORDS_UNDER_WAY: Final = 32
"""Words of activations whose first value has had its cycle and that have not left yet, at most."""
ROWS_UNDER_WAY: Final = 16
"""Rows of activations whose first value has had its cycle and whose last one is not with the map writer yet, at
most."""
CODED_WORD_LATENCY: Final = 2
"""Cycles by which a row's last word is later in a coded map than in a plain one."""
CODED_COLUMN_LATENCY: Final = 2
"""Cycles by which a command's last word is later in a coded map if it is that of a second column: as long as it may
have to wait for others."""


def word_values(*, coded: bool = False) -> int:
    """Values of a row that a word is for: those that it holds, or, in a coded map, the fewest that fill it."""
    return PAIRS if coded else BUS_WORDS


def drain_pause(steps: int, columns: int, *, coded: bool = False) -> int:
    """Cycles without a value in a row of ``steps`` values of each of ``columns`` columns that are drained together.

    They are in front of its last value, or, if a row is a single word, in front of that of the next row: words that are
    complete at the same time go on one after the other, and the next ones must not be complete before that.
    """
    return max(0, columns - ((steps - 1) % word_values(coded=coded) + 1))


def drain_cycles(config: RowstatConfig, steps: int, columns: int, *, coded: bool = False) -> int:
    """Cycles of DRAIN for a filter, from its first value to that of the next one: `drain_lanes` columns at a time, and
    those that are left."""
    groups, left = divmod(columns, config.drain_lanes)
    cycles = groups * (steps + drain_pause(steps, config.drain_lanes, coded=coded))
    return cycles + (steps + drain_pause(steps, left, coded=coded) if left else 0)
