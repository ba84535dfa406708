"""The interpreter of host schedules, against a device that is a script."""

import numpy as np
import pytest

from eyrie.compile.random_network import draw_case, draw_inputs
from eyrie.compile.schedule import HostSchedule, Receive, Send
from eyrie.driver.schedule import run_network, run_schedule
from eyrie.errors import InputError
from eyrie.golden.engine import EngineModel


def receive(tensor: int, *elements: int) -> Receive:
    return Receive(tensor=tensor, elements=np.array(elements, np.int64))


ROUND_TRIP = HostSchedule(
    sizes=(3, 4, 2),
    transfers=(
        Send(tensor=0, start=0, count=2),
        Send(tensor=0, start=2, count=1),
        receive(1, 3, -1, 0),
        receive(1, 1, 2),
        Send(tensor=1, start=1, count=3),
        receive(2, 1),
        Send(tensor=1, start=0, count=1),
        receive(2, 0),
    ),
)


class ScriptedDevice:
    """Expects what is sent and answers what is written down."""

    def __init__(self, *exchanges: tuple[list[int], list[int]]) -> None:
        self.exchanges = list(exchanges)

    def exchange(self, to_send: np.ndarray, n_receive: int) -> np.ndarray:
        expected, answer = self.exchanges.pop(0)
        assert to_send.tolist() == expected
        assert n_receive == len(answer)
        return np.array(answer)


def test_sends_and_receives_that_follow_each_other_are_one_exchange() -> None:
    device = ScriptedDevice(([10, 11, 12], [43, 99, 40, 41, 42]), ([41, 42, 43], [71]), ([40], [70]))
    assert run_schedule(ROUND_TRIP, np.array([10, 11, 12]), device.exchange).tolist() == [70, 71]
    assert not device.exchanges


def test_samples_side_by_side() -> None:
    def exchange(to_send: np.ndarray, n_receive: int) -> np.ndarray:
        return to_send.sum(axis=-1, keepdims=True) + np.arange(n_receive)

    x = np.arange(12).reshape(2, 2, 3)
    together = run_schedule(ROUND_TRIP, x, exchange)
    assert together.shape == (2, 2, 2)
    for index in np.ndindex(2, 2):
        assert np.array_equal(together[index], run_schedule(ROUND_TRIP, x[index], exchange))


@pytest.mark.parametrize("shape", [(2,), (4,), (3, 4), ()])
def test_refuses_another_number_of_inputs(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="inputs must have 3 elements"):
        run_schedule(ROUND_TRIP, np.zeros(shape, np.int64), ScriptedDevice().exchange)


def test_network_in_portions_equals_sample_by_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    case = draw_case(11)
    compiled = case.mapped().compiled
    x = draw_inputs(11, case.network, n_random=7)
    model = EngineModel(compiled.config, compiled.packets())
    one_by_one = np.concatenate([run_network(compiled, x[index : index + 1], model) for index in range(len(x))])
    monkeypatch.setattr("eyrie.driver.schedule._SAMPLES", 4)
    assert np.array_equal(run_network(compiled, x), one_by_one)


def test_network_without_samples() -> None:
    compiled = draw_case(11).mapped().compiled
    assert run_network(compiled, np.zeros((0, compiled.inputs), np.int64)).shape == (0, compiled.outputs)


def test_network_refuses_a_vector() -> None:
    compiled = draw_case(11).mapped().compiled
    with pytest.raises(InputError, match=r"inputs must be \(samples, "):
        run_network(compiled, np.zeros(compiled.inputs, np.int64))
