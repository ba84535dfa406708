"""Latencies of the array and of the global buffer, and the distances that the control must keep.

All that has to be known of the datapath's timing. Nothing here imports Amaranth, so that a cycle model counts with the
same numbers.
"""

from typing import Final

from eyrie.rowstat.config import RowstatConfig

NEXT_LATENCY: Final = 1
"""Cycles from a bus at a row controller to that of the next row."""
X_LATENCY: Final = 2
"""Cycles from a bus at a row controller to the X-bus of its row."""
LINK_LATENCY: Final = 6
"""Cycles from a command on the X-bus to its psum on the PE's link."""
PSUM_LATENCY: Final = 2
"""Cycles from an update of a psum bank to the cycle in which its psum comes and is written."""
BANK_DRAIN_LATENCY: Final = 2
"""Cycles from a drain's read of a psum bank to the psum."""

COMMAND_AFTER_VALUE: Final = 1
"""Cycles after a value at which a command that reads it may enter the array."""
VALUE_AFTER_COMMAND: Final = 0
"""Cycles after a command at which a value that overwrites what it reads may enter."""
COMMAND_AFTER_WEIGHT: Final = 0
"""Cycles after a weight at which a command that reads it may enter."""
WEIGHT_AFTER_COMMAND: Final = 2
"""Cycles after a command at which a weight that overwrites what it reads may enter."""
RESTORE_DISTANCE: Final = 3
"""Cycles from a command that keeps a psum in the scratch pads to the command that goes on with it, at least; and from a
psum for an address of the banks to the next one for it."""
DRAIN_READ_LATENCY: Final = 2 + BANK_DRAIN_LATENCY
"""Cycles from a drain's read at the array to the psum."""
IFMAP_BANK_READ_LATENCY: Final = 2
"""Cycles from a read of the ifmap bank to its word."""


def written_latency(config: RowstatConfig) -> int:
    """Cycles from the last command of a pass at the array to the cycle in which its psum is written to the banks."""
    return (config.rows - 1) * NEXT_LATENCY + X_LATENCY + LINK_LATENCY
