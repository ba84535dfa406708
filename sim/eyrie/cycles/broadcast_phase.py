"""How long a broadcast takes: PEs that send in turn, queues that fill, a broadcast that waits for the fullest of them.

Time is counted in clock cycles from the REWIND command on. What happens when is that of the hardware's registers:
see `eyrie.eie.array`, `eyrie.eie.pe` and the parts that they name.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from eyrie.eie.config import EieConfig

IntArray = npt.NDArray[np.int64]

_FIRST_TURN = 5
"""When PE 0 has the turn: three registers of commands, then it is given the turn."""
_TO_COUNT = 2
"""From a PE that sends to a root that counts the activation, besides the tree: the PE's output, the root's memory."""
_TO_HOLD = 4
"""From a root that fills up to PEs that send no more: a register there, two of commands, one in the PE."""
_DEPTH = 32
"""Activations that have a place at the root, behind its head."""
_TO_HEAD = 6
"""From a broadcast to its slice at the head of an empty queue: command register, table (2), pointers, queue (2)."""
_TO_WAIT = 5
"""From a broadcast to its slice in the queue."""
_TO_STOP = 3
"""From a queue that is full to a broadcast that stops: registers for each 4 PEs, for each 16, for all."""
_IDLE_AGE = 4
"""From a broadcast to the last cycle in which a PE that has no entries for it is busy."""
_TO_QUIET = 5
"""From the last busy cycle to the one in which the control goes on: registers in the PE and for each 4, 16 and all."""
_SHORT = 5
"""Entries of a slice that no longer makes a PE busy once it is at the head. With more, it is until the last but one."""


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
        Cycles in which the root had an activation and did not send it because a queue was full.
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

    @classmethod
    def side_by_side(cls, phases: Sequence[Self]) -> Self:
        """What groups of PEs do at the same time, each with a broadcast of its own."""
        return cls(
            first=min((phase.first for phase in phases if phase.first is not None), default=None),
            end=max(phase.end for phase in phases),
            queue_full=sum(phase.queue_full for phase in phases),
            work=sum(phase.work for phase in phases),
            empty=sum(phase.empty for phase in phases),
        )


def tree_levels(n_pes: int) -> int:
    """Levels of four-to-one nodes above the PEs, at least one."""
    return max(1, -(-(n_pes - 1).bit_length() // 2))


def levels_to_root(config: EieConfig) -> int:
    """Levels of the tree over a group, and where there are several groups, the crossing to the roots."""
    return tree_levels(config.group_pes) + (config.column_groups > 1)


class _Turns:
    """When PEs send: one after the other, and not while the root is full.

    Parameters
    ----------
    lists : integers (n_pes,)
        Activations that each PE sends.
    levels : int
        See `levels_to_root`.
    """

    def __init__(self, lists: IntArray, levels: int) -> None:
        self.last = _FIRST_TURN - 1
        """Last cycle in which a PE sent, or handed on the turn."""
        self.left = 0
        """When the activation before left the head of the root; to be set by whoever asks for the next."""
        self._lists = lists.tolist()
        self._to_count = levels + _TO_COUNT
        # When the root counts what was sent, and when it no longer does, for all so far.
        self._counted_at: list[int] = []
        self._fetched_at: list[int] = []
        self._counted = self._fetched = 0

    def at_head(self) -> Iterator[int]:
        """For each activation in turn, when it comes to the head of the root; at the end nobody has the turn."""
        for n_own in self._lists:
            for place in range(max(n_own, 1)):
                self.last += 1
                while self._full(self.last - _TO_HOLD):
                    self.last += 1
                if place < n_own:
                    self._counted_at.append(self.last + self._to_count)
                    self._fetched_at.append(max(self._counted_at[-1], self.left))
                    yield self._fetched_at[-1] + 1

    def _full(self, now: int) -> bool:
        """Whether the root then has no place for more than what may be under way."""
        while self._counted < len(self._counted_at) and self._counted_at[self._counted] <= now:
            self._counted += 1
        while self._fetched < len(self._fetched_at) and self._fetched_at[self._fetched] < now:
            self._fetched += 1
        return self._counted - self._fetched > _DEPTH - self._to_count - _TO_HOLD


def time_broadcast(config: EieConfig, lists: IntArray, counts: npt.NDArray[np.integer]) -> BroadcastPhase:
    """Times of the broadcast of these columns.

    Parameters
    ----------
    config : EieConfig
    lists : integers (n_pes,)
        Activations that each PE sends: each of all, or of a group that works apart.
    counts : integers (broadcasts, n_pes)
        Entries of each broadcast column on each PE, in the order of the broadcast: all that PE 0 sends, all that PE 1
        sends ...
    """
    n_broadcasts, n_pes = counts.shape
    pushes = np.ones(counts.shape, bool) if not config.skip_empty else counts > 0
    lengths = np.maximum(counts, 1).astype(np.int64)
    pushed = np.cumsum(pushes, axis=0)  # slices of each PE up to a broadcast

    # Slice i of PE k comes to the head of its queue at heads[k, i]; the slice at slot i - depth of a PE that has been
    # sent i slices is the one whose way to the head ends a stop. The first `depth` slots stand for no slice.
    depth = config.queue_depth
    heads = np.zeros((n_pes, int(pushed.max(initial=0)) + depth), np.int64)
    flat = heads.reshape(-1)
    bases = np.arange(n_pes, dtype=np.int64) * heads.shape[1]
    free = np.zeros(n_pes, np.int64)  # when a PE has worked off what it was sent
    last_busy_own = np.zeros(n_pes, np.int64)
    sent = np.full(n_broadcasts, 0, np.int64)
    queue_full = 0
    seen = -1  # the last broadcast whose slices the queues' stops know of
    turns = _Turns(lists, levels_to_root(config))
    for number, at_head in enumerate(turns.at_head()):
        now = at_head
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
        queue_full += now - at_head
        turns.left = now
        sent[number] = now + 1
        own = pushes[number]
        start = np.maximum(free, now + 1 + _TO_HEAD)
        np.copyto(free, start + lengths[number], where=own)
        np.copyto(last_busy_own, np.where(lengths[number] > _SHORT, free - 2, start - 1), where=own)
        slots = (bases + pushed[number] - 1 + depth)[own]
        flat[slots] = start[own]
    # The turns last until what the last PE sends comes to the root.
    last_busy = turns.last + levels_to_root(config) + 1
    if n_broadcasts:
        last_busy = max(last_busy, int(sent[-1]) + _IDLE_AGE, int(last_busy_own.max()))
    return BroadcastPhase(
        first=int(sent[0]) if n_broadcasts else None,
        end=last_busy + _TO_QUIET,
        queue_full=queue_full,
        work=int(lengths[pushes].sum()),
        empty=int(np.count_nonzero(pushes & (counts == 0))),
    )
