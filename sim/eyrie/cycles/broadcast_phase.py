"""How long a broadcast takes: queues that fill, a broadcast that waits for the fullest of them.

Time is counted in clock cycles from the REWIND command on. What happens when is that of the hardware's registers:
see `eyrie.eie.array`, `eyrie.eie.pe` and the parts that they name.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eyrie.eie.config import EieConfig

IntArray = npt.NDArray[np.int64]

_TO_HEAD = 6
"""From a broadcast to its slice at the head of an empty queue: command register, table (2), pointers, queue (2)."""
_TO_WAIT = 5
"""From a broadcast to its slice in the queue."""
_TO_STOP = 2
"""From a queue that is full to a broadcast that stops: a register in the PE, and one for each group of PEs."""
_IDLE_AGE = 4
"""From a broadcast to the last cycle in which a PE that has no entries for it is busy."""
_TO_QUIET = 2
"""From the last busy cycle to the one in which the control goes on. A PE's is the one before its last entry's."""
_EMPTY_QUIET = 3
"""When the control goes on if there is nothing to broadcast."""


@dataclass(frozen=True, kw_only=True)
class BroadcastPhase:
    """Times of one broadcast phase.

    Parameters
    ----------
    first : int or None
        Cycle of the first broadcast; None if there is none.
    end : int
        Last cycle before the control goes on.
    queue_full : int
        Cycles between the first and the last broadcast in which none went out because a queue was full.
    work : int
        Cycles that PEs spent on entries or empty slices, over all PEs.
    empty : int
        Those of them spent on empty slices.
    """

    first: int | None
    end: int
    queue_full: int
    work: int
    empty: int


def tree_levels(n_pes: int) -> int:
    """Levels of four-to-one nodes above the PEs, at least one."""
    return max(1, -(-(n_pes - 1).bit_length() // 2))


def time_broadcast(config: EieConfig, counts: npt.NDArray[np.integer]) -> BroadcastPhase:
    """Times of the broadcast of these columns.

    Parameters
    ----------
    config : EieConfig
    counts : integers (broadcasts, n_pes)
        Entries of each broadcast column on each PE, in the order of the broadcast.
    """
    n_broadcasts, n_pes = counts.shape
    if not n_broadcasts:
        return BroadcastPhase(first=None, end=_EMPTY_QUIET, queue_full=0, work=0, empty=0)
    first = 5 + tree_levels(n_pes)
    pushes = np.ones(counts.shape, bool) if not config.skip_empty else counts > 0
    lengths = np.maximum(counts, 1).astype(np.int64)
    pushed = np.cumsum(pushes, axis=0)  # slices of each PE up to a broadcast

    # Slice i of PE k comes to the head of its queue at heads[k, i]; the slice at slot i - depth of a PE that has been
    # sent i slices is the one whose way to the head ends a stop. The first `depth` slots stand for no slice.
    depth = config.queue_depth
    heads = np.zeros((n_pes, int(pushed[-1].max()) + depth), np.int64)
    flat = heads.reshape(-1)
    bases = np.arange(n_pes, dtype=np.int64) * heads.shape[1]
    free = np.zeros(n_pes, np.int64)  # when a PE has worked off what it was sent
    sent = np.full(n_broadcasts, 0, np.int64)
    now = first
    seen = -1  # the last broadcast whose slices the queues' stops know of
    for number in range(n_broadcasts):
        if number:
            now = int(sent[number - 1])
            while True:
                while seen + 1 < number and sent[seen + 1] + _TO_WAIT + _TO_STOP <= now:
                    seen += 1
                if seen < 0:
                    break
                ends = int(flat[bases + pushed[seen]].max()) + _TO_STOP
                if ends <= now:
                    break
                # More slices may arrive while the broadcast stands still, and prolong it.
                known = int(sent[seen + 1]) + _TO_WAIT + _TO_STOP if seen + 1 < number else ends
                now = min(ends, known)
            now += 1
        sent[number] = now
        own = pushes[number]
        start = np.maximum(free, now + _TO_HEAD)
        np.copyto(free, start + lengths[number], where=own)
        slots = (bases + pushed[number] - 1 + depth)[own]
        flat[slots] = start[own]
    last_busy = max(int(sent[-1]) + _IDLE_AGE, int(free.max()) - 2)
    return BroadcastPhase(
        first=first,
        end=last_busy + _TO_QUIET,
        queue_full=int(sent[-1]) - first - (n_broadcasts - 1),
        work=int(lengths[pushes].sum()),
        empty=int(np.count_nonzero(pushes & (counts == 0))),
    )
