"""Host schedules that cannot work are refused."""

import numpy as np
import pytest

from eyrie.compile.schedule import MAX_SIZE, HostSchedule, Receive, Send
from eyrie.errors import InputError


def send(tensor: int, start: int, count: int) -> Send:
    return Send(tensor=tensor, start=start, count=count)


def receive(tensor: int, *elements: int) -> Receive:
    return Receive(tensor=tensor, elements=np.array(elements, np.int64))


def test_totals_and_round_trips() -> None:
    schedule = HostSchedule(
        sizes=(3, 2, 1),
        transfers=(send(0, 0, 3), receive(1, 1, -1, 0), send(1, 0, 2), send(1, 0, 2), receive(2, 0)),
    )
    assert (schedule.n_sent, schedule.n_received, schedule.n_round_trips) == (7, 4, 1)


@pytest.mark.parametrize(
    ("sizes", "transfers", "message"),
    [
        ((3,), (), "two tensors or more"),
        ((3, 0), (), "two tensors or more"),
        ((3, MAX_SIZE + 1), (), "two tensors or more"),
        ((3, 1), (send(0, 1, 3), receive(1, 0)), "transfer 0 .* sends elements 1 to 3 of 3"),
        ((3, 1), (send(0, -1, 3), receive(1, 0)), "transfer 0 .* sends elements -1 to 1 of 3"),
        ((3, 1), (send(2, 0, 1), receive(1, 0)), "transfer 0 .* of tensor 2"),
        ((3, 1), (send(0, 0, 0), receive(1, 0)), "transfer 0 .* has 0 elements"),
        ((3, 1), (receive(1),), "transfer 0 .* has 0 elements"),
        ((3, 2), (receive(1, 0, 2),), "transfer 0 .* receives elements 0 to 2 of 2"),
        ((3, 2), (receive(1, -2, 0),), "transfer 0 .* receives elements -2 to 0 of 2"),
        ((3, 2), (receive(1, 0, 0),), "transfer 0 .* an element of tensor 1 twice"),
        ((3, 2), (receive(1, 0, 1), receive(1, 1)), "transfer 1 .* already there"),
        ((3, 2), (receive(0, 1), receive(1, 0, 1)), "transfer 0 .* already there"),
        ((3, 2), (send(0, 0, 3), receive(1, 0)), "does not receive every output"),
        ((3, 2), (send(0, 0, 3),), "does not receive every output"),
        ((3, 2, 1), (send(1, 0, 2), receive(1, 0, 1), receive(2, 0)), "transfer 0 .* that were not received"),
        ((3, 2, 1), (receive(1, 0), send(1, 0, 2), receive(2, 0)), "transfer 1 .* that were not received"),
    ],
)
def test_refuses(sizes: tuple[int, ...], transfers: tuple[Send | Receive, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        HostSchedule(sizes=sizes, transfers=transfers)
