"""The broadcast phase against a plain simulation of queues and registers, cycle by cycle."""

import numpy as np
import pytest

from eyrie.cycles.broadcast_phase import BroadcastPhase, time_broadcast, tree_levels
from eyrie.eie.config import EieConfig


def reference(config: EieConfig, counts: np.ndarray) -> BroadcastPhase:
    """Every register between the root of the tree and the sparse-matrix read, one cycle after the other."""
    n_broadcasts, n_pes = counts.shape
    first = 5 + tree_levels(n_pes)
    pipeline: list[int | None] = [None] * 5  # root, command register, table, table, pointers
    queues: list[list[int]] = [[] for _ in range(n_pes)]
    heads: list[int | None] = [None] * n_pes
    full, stopped = [False] * n_pes, False  # a register in every PE, then one for all
    next_one, cycle, queue_full, work, empty, last_busy = 0, first, 0, 0, 0, 0
    pipeline[0], next_one = (0, 1) if n_broadcasts else (None, 0)
    while (
        next_one < n_broadcasts
        or any(item is not None for item in pipeline)
        or any(queues)
        or any(head is not None for head in heads)
    ):
        for head in heads:
            work += head is not None
            empty += head == 0
        more = next_one < n_broadcasts or any(item is not None for item in pipeline)
        if more or any(queues) or any((head or 0) > 1 for head in heads):
            last_busy = cycle
        now_full = [len(queue) >= config.queue_depth for queue in queues]
        for pe in range(n_pes):
            if heads[pe] is None or heads[pe] in (0, 1):
                heads[pe] = queues[pe].pop(0) if queues[pe] else None
            else:
                heads[pe] -= 1
        if pipeline[4] is not None:
            for pe in range(n_pes):
                if counts[pipeline[4], pe] or not config.skip_empty:
                    queues[pe].append(int(counts[pipeline[4], pe]))
        sends = next_one < n_broadcasts and not stopped
        queue_full += next_one < n_broadcasts and stopped
        pipeline = [next_one if sends else None, *pipeline[:4]]
        next_one += sends
        stopped, full = any(full), now_full
        cycle += 1
    return BroadcastPhase(
        first=first if n_broadcasts else None,
        end=last_busy + 2 if n_broadcasts else 3,
        queue_full=queue_full,
        work=work,
        empty=empty,
    )


@pytest.mark.parametrize("skip_empty", [True, False])
@pytest.mark.parametrize("queue_depth", [1, 2, 3, 8, 20])
@pytest.mark.parametrize("n_pes", [1, 2, 5, 17])
def test_equals_the_plain_simulation(n_pes: int, queue_depth: int, skip_empty: bool) -> None:
    config = EieConfig(n_pes=n_pes, queue_depth=queue_depth, skip_empty=skip_empty)
    rng = np.random.default_rng([n_pes, queue_depth, skip_empty])
    for density in (0.0, 0.1, 0.5, 2.0, 6.0):
        for n_broadcasts in (0, 1, 2, 40):
            counts = rng.poisson(density * rng.random(n_pes), (n_broadcasts, n_pes))
            # Now and then a long slice, behind which everything waits.
            counts[rng.random(counts.shape) < 0.02] = 60
            assert time_broadcast(config, counts) == reference(config, counts), (density, n_broadcasts)


def test_one_pe_with_all_the_work() -> None:
    counts = np.zeros((50, 4), np.int64)
    counts[:, 2] = 30
    phase = time_broadcast(EieConfig(n_pes=4, queue_depth=2), counts)
    assert phase == reference(EieConfig(n_pes=4, queue_depth=2), counts)
    assert phase.work == 1500
    assert phase.queue_full > 1000


def test_without_a_broadcast() -> None:
    assert time_broadcast(EieConfig(), np.zeros((0, 16), np.int64)) == BroadcastPhase(
        first=None, end=3, queue_full=0, work=0, empty=0
    )


@pytest.mark.parametrize(("n_pes", "levels"), [(1, 1), (4, 1), (5, 2), (16, 2), (17, 3), (64, 3), (65, 4), (256, 4)])
def test_levels_of_the_tree(n_pes: int, levels: int) -> None:
    assert tree_levels(n_pes) == levels
