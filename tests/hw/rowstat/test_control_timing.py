"""The latencies of the control keep the distances that the array asks for."""

from eyrie.rowstat.control_timing import (
    BLOCK_LOADED_LATENCY,
    BLOCK_SPACE_LATENCY,
    COMMAND_LATENCY,
    FINISH_AHEAD,
    PSUM_HAZARD,
    READY_LATENCY,
    SPACE_LATENCY,
    UNIT_DELIVERED_LATENCY,
    VALUE_LATENCY,
    VALUES_SETTLE,
    WEIGHT_LATENCY,
)
from eyrie.rowstat.timing import (
    COMMAND_AFTER_VALUE,
    COMMAND_AFTER_WEIGHT,
    RESTORE_DISTANCE,
    VALUE_AFTER_COMMAND,
    WEIGHT_AFTER_COMMAND,
)

AT_ONCE = COMMAND_LATENCY + READY_LATENCY
"""Cycles from a pulse to the first command that it allows."""


def test_commands_come_after_what_they_read() -> None:
    assert UNIT_DELIVERED_LATENCY + AT_ONCE >= VALUE_LATENCY + COMMAND_AFTER_VALUE
    assert BLOCK_LOADED_LATENCY + AT_ONCE >= WEIGHT_LATENCY + COMMAND_AFTER_WEIGHT


def test_nothing_is_overwritten_before_it_is_read() -> None:
    assert SPACE_LATENCY + 1 + VALUE_LATENCY >= FINISH_AHEAD + VALUE_AFTER_COMMAND
    assert BLOCK_SPACE_LATENCY + WEIGHT_LATENCY >= WEIGHT_AFTER_COMMAND


def test_psums_are_back_when_the_next_slot_wants_them() -> None:
    # From the last word of a filter's window in a unit to the first word of that filter in the next one.
    for window in range(1, 8):
        for filters in range(1, 8):
            unit_cycles = max(filters * window, window + PSUM_HAZARD)
            assert unit_cycles - (window - 1) >= RESTORE_DISTANCE


def test_new_ids_meet_no_old_values() -> None:
    # Of the array: what entered ``rows + 1`` cycles ago or earlier meets the old ids. The first id comes in the cycle
    # after that in which COLUMNS is taken.
    assert VALUES_SETTLE + 1 >= VALUE_LATENCY + 1
    # Weights find their columns where they enter, at the latest in the cycle of the first new number: two cycles after
    # the last word is taken, since COLUMNS is taken between them.
    assert WEIGHT_LATENCY <= 2
