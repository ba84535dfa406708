"""The broadcast phase against a plain simulation of queues and registers, cycle by cycle."""

import numpy as np
import pytest

from eyrie.cycles.broadcast_phase import BroadcastPhase, time_broadcast, tree_levels
from eyrie.eie.config import EieConfig


def reference(config: EieConfig, lists: np.ndarray, counts: np.ndarray) -> BroadcastPhase:
    """Every register between the PEs' lists and the sparse-matrix read, one cycle after the other."""
    n_broadcasts, n_pes = counts.shape
    levels = tree_levels(n_pes)
    left = lists.tolist()  # activations that each PE still has
    turn, next_one = 0, 0
    tree: list[int | None] = [None] * (1 + levels)  # the PE's output, and a register a level
    root: list[int] = []
    at_head: int | None = None
    holds = [False] * 4  # a register at the root, the two of commands, one in the PE
    long = [False] * n_pes  # the slice at the head keeps its PE busy
    pipeline: list[int | None] = [None] * 5  # broadcast, command register, table, table, pointers
    queues: list[list[int]] = [[] for _ in range(n_pes)]
    heads: list[int | None] = [None] * n_pes
    stops = [False] * 3  # registers for each 4 PEs, for each 16, for all
    cycle, first, queue_full, work, empty, last_busy, last_turn = 5, None, 0, 0, 0, 0, 5
    while True:
        for head in heads:
            work += head is not None
            empty += head == 0
        if turn < n_pes:
            last_turn = cycle
        under_way = any(item is not None for item in [at_head, *root, *pipeline])
        at_work = any((head or 0) > 1 and keeps for head, keeps in zip(heads, long, strict=True))
        if cycle <= last_turn + 1 + levels or under_way or any(queues) or at_work:
            last_busy = cycle
        elif all(head is None for head in heads):
            break
        if pipeline[0] is not None and first is None:
            first = cycle

        now_full = any(len(queue) >= config.queue_depth for queue in queues)
        for pe in range(n_pes):
            if heads[pe] is None or heads[pe] in (0, 1):
                heads[pe] = queues[pe].pop(0) if queues[pe] else None
                long[pe] = (heads[pe] or 0) > 5
            else:
                heads[pe] -= 1
        if pipeline[4] is not None:
            for pe in range(n_pes):
                if counts[pipeline[4], pe] or not config.skip_empty:
                    queues[pe].append(int(counts[pipeline[4], pe]))

        leaves = at_head is not None and not stops[2]
        queue_full += at_head is not None and stops[2]
        pipeline = [at_head if leaves else None, *pipeline[:4]]
        n_waiting = len(root)
        if at_head is None or leaves:
            at_head = root.pop(0) if root else None
        if tree[-1] is not None:
            root.append(tree[-1])
            assert len(root) <= 32
        sends = None
        if turn < n_pes and not holds[3]:
            if left[turn]:
                sends, next_one = next_one, next_one + 1
                left[turn] -= 1
            turn += not left[turn]
        tree = [sends, *tree[:-1]]
        holds = [n_waiting >= 27 - levels, *holds[:3]]
        stops = [now_full, *stops[:2]]
        cycle += 1
    assert next_one == n_broadcasts
    return BroadcastPhase(
        first=first,
        end=last_busy + 5,
        queue_full=queue_full,
        work=work,
        empty=empty,
    )


def lists_of(n_broadcasts: int, n_pes: int, rng: np.random.Generator) -> np.ndarray:
    """What each PE sends of so many activations: evenly drawn, or most of them by a few PEs, and nothing by others."""
    weights = rng.random(n_pes) ** rng.choice([0, 1, 8])
    return rng.multinomial(n_broadcasts, weights / weights.sum())


@pytest.mark.parametrize("skip_empty", [True, False])
@pytest.mark.parametrize("queue_depth", [1, 2, 3, 8, 20])
@pytest.mark.parametrize("n_pes", [1, 2, 5, 17, 70])
def test_equals_the_plain_simulation(n_pes: int, queue_depth: int, skip_empty: bool) -> None:
    config = EieConfig(n_pes=n_pes, queue_depth=queue_depth, skip_empty=skip_empty)
    rng = np.random.default_rng([n_pes, queue_depth, skip_empty])
    for density in (0.0, 0.1, 0.5, 2.0, 6.0):
        for n_broadcasts in (0, 1, 2, 70):
            lists = lists_of(n_broadcasts, n_pes, rng)
            counts = rng.poisson(density * rng.random(n_pes), (n_broadcasts, n_pes))
            # Now and then a long slice, behind which everything waits.
            counts[rng.random(counts.shape) < 0.02] = 60
            phase = time_broadcast(config, lists, counts)
            assert phase == reference(config, lists, counts), (density, n_broadcasts)


def test_one_pe_with_all_the_work() -> None:
    counts = np.zeros((50, 4), np.int64)
    counts[:, 2] = 30
    config, lists = EieConfig(n_pes=4, queue_depth=2), np.array([0, 30, 0, 20])
    phase = time_broadcast(config, lists, counts)
    assert phase == reference(config, lists, counts)
    assert phase.work == 1500
    assert phase.queue_full > 1000


def test_without_a_broadcast_a_pe_takes_a_cycle() -> None:
    assert time_broadcast(EieConfig(), np.zeros(16, np.int64), np.zeros((0, 16), np.int64)) == BroadcastPhase(
        first=None, end=5 + 16 + 2 + 5, queue_full=0, work=0, empty=0
    )


def test_pes_that_send_nothing_delay_those_behind_them_a_cycle_each() -> None:
    config = EieConfig(n_pes=16)
    lists = np.array([1, *[0] * 14, 1])
    phase = time_broadcast(config, lists, np.zeros((2, 16), np.int64))
    assert phase == reference(config, lists, np.zeros((2, 16), np.int64))
    assert phase.first is not None
    assert (phase.end - phase.first, phase.queue_full) == (15 + 4 + 5, 0)


@pytest.mark.parametrize(("n_pes", "levels"), [(1, 1), (4, 1), (5, 2), (16, 2), (17, 3), (64, 3), (65, 4), (256, 4)])
def test_levels_of_the_tree(n_pes: int, levels: int) -> None:
    assert tree_levels(n_pes) == levels
