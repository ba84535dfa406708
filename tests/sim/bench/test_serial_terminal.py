"""A pseudo-terminal in front of a simulation: silence in simulated time, rest when nothing is to be done, failures."""

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from eyrie.bench import serial_terminal
from eyrie.bench.host_system import simulate_system
from eyrie.bench.rehearsal import draw_second, served
from eyrie.bench.serial_line import SerialLine
from eyrie.bench.simulation import SimulationError
from eyrie.driver import port_device
from eyrie.driver.device import Device
from eyrie.driver.serial_port import SerialPort
from eyrie.eie.config import TINY
from eyrie.errors import InputError
from eyrie.host.config import FASTEST
from eyrie.host.eie_map import MAGIC
from tests.hw.host.images import SMALL

READ_MAGIC = bytes([2, 1, 0, 0, 0, 0])

NO_ROOM = replace(TINY, entry_depth=2, table_depth=2, program_depth=16)
"""An engine that nothing fits into."""


class Counting:
    """A simulation that counts what it is asked for, and answers nothing."""

    divisor = FASTEST.divisor

    def __init__(self, seconds: float = 0) -> None:
        self.silences, self.is_silent = 0, False
        self.seconds = seconds  # that it takes for what is sent at a time
        self.sent = b""

    def put(self, line: SerialLine, *, wanted: int = 0, patience: int = 0) -> bytes:
        self.is_silent |= line.end > FASTEST.link_timeout
        self.silences += line.end > FASTEST.link_timeout
        return b""

    def send(self, data: bytes) -> bytes:
        time.sleep(self.seconds)
        self.sent += data
        self.is_silent = False
        if b"!" in data:
            raise SimulationError("an assertion in the hardware failed")
        return b""


def until(condition: Callable[[], bool], seconds: float = 60) -> bool:
    """Wait for something, so long at most."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def test_a_program_that_falls_silent_lets_the_time_out_pass_once() -> None:
    simulation = Counting()
    with served(simulation, FASTEST) as port:
        assert until(lambda: simulation.silences == 1)  # before anything else
        line = SerialPort(port.removeprefix("pty:"), baud=1_000_000, timeout=1, silence=0.01, is_pseudo=True)
        before = simulation.silences
        line.send(READ_MAGIC)
        assert until(lambda: simulation.sent == READ_MAGIC and simulation.silences > before)
        time.sleep(0.3)
        after = simulation.silences
        time.sleep(0.3)
        assert simulation.silences == after
        line.close()


def test_a_program_that_asks_for_silence_gets_it_after_what_it_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serial_terminal, "_QUIET_SECONDS", 100)  # so that it must ask
    simulation = Counting(seconds=0.01)
    with served(simulation, FASTEST) as port:
        line = SerialPort(port.removeprefix("pty:"), baud=1_000_000, timeout=1, silence=0.01, is_pseudo=True)
        assert until(lambda: simulation.silences == 1)
        line.send(bytes(1000))
        line.settle()
        assert until(lambda: simulation.sent == bytes(1000) and simulation.is_silent, seconds=20)
        assert simulation.silences == 2
        line.close()


def break_contract() -> None:
    with served(Counting(), FASTEST) as port:
        line = SerialPort(port.removeprefix("pty:"), baud=1_000_000, timeout=3600, silence=0.01)
        line.send(b"!")
        line.receive(1)


def test_a_design_that_breaks_its_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(port_device, "_PSEUDO_SILENCES", (0.01,))
    with pytest.raises(SimulationError, match="an assertion in the hardware failed"):
        break_contract()
    with pytest.raises(InputError, match="nobody answers"), served(Counting(), FASTEST) as port:
        Device.open(port, timeout=0.01)


def test_a_program_that_knows_nothing_of_it() -> None:
    with served(simulate_system(SMALL, FASTEST), FASTEST) as port:
        line = SerialPort(port.removeprefix("pty:"), baud=1_000_000, timeout=1, silence=0.01, is_pseudo=True)
        answer = b""
        for silence in (0.1, 0.5, 2.5):  # seconds, the first of which is enough on a machine that is not busy
            line.send(READ_MAGIC[:3])
            time.sleep(silence)
            line.send(READ_MAGIC)
            if answer := line.receive(4):
                break
        assert answer == MAGIC.to_bytes(4, "big")
        line.close()


def test_the_second_network_is_as_large_as_fits() -> None:
    compiled, drawn = draw_second(TINY, 1)
    assert compiled.config == TINY
    assert drawn.inputs == compiled.inputs
    with pytest.raises(InputError):
        draw_second(NO_ROOM, 1)
