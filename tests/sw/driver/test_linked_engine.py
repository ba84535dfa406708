"""The driver's end of a run against a device that is a few registers, counters of 16 bits among them."""

import zlib

import numpy as np
import pytest

from eyrie.compile.schedule import HostSchedule, Receive, Send
from eyrie.driver.linked_engine import LinkedEngine
from eyrie.driver.uartbone_link import LinkError, UartboneLink, written_bytes
from eyrie.host.eie_map import EIE_MAP, MAGIC

IDENTITY = {"magic": MAGIC, "version": EIE_MAP.version, "clock": 10**6, "link_timeout": 100, "input_free": 1 << 15}


class Registers:
    """A line with a device at its end: takes whatever comes in, and gives one output, which is 7."""

    def __init__(self, **wrong: int) -> None:
        self.wrong = wrong
        self.inputs: list[int] = []
        self.settled, self.bytes, self.waiting, self.answer = 0, 0, 0, b""

    def send(self, data: bytes) -> None:
        kind, count, address = data[0], data[1], int.from_bytes(data[2:6], "big")
        words = [int.from_bytes(data[at : at + 4], "big") for at in range(6, len(data), 4)]
        self.bytes += len(data)
        control = EIE_MAP.register("control")
        if kind in (1, 3) and address == control.address and words[0] & control.field("clear").mask:
            self.inputs, self.waiting = [], 1
        elif kind in (1, 3) and address == EIE_MAP.window("input").address:
            self.inputs += words
        elif kind in (2, 4):
            self.answer = b"".join(self.value(address + at).to_bytes(4, "big") for at in range(count))

    def value(self, address: int) -> int:
        if address == EIE_MAP.window("output").address:
            self.waiting = 0
            return 7
        values = IDENTITY | {
            "output_waiting": self.waiting,
            "runs": 1,
            "cycles": 99,
            "input_count": len(self.inputs) & 0xFFFF,
            "input_crc": zlib.crc32(np.array(self.inputs, np.uint32).astype("<u2").tobytes()),
            "output_count": 1,
            "output_crc": zlib.crc32(b"\7\0"),
        }
        names = [register.name for register in EIE_MAP.registers if register.address == address]
        return (values | self.wrong).get(names[0], 0)

    def receive(self, count: int) -> bytes:
        data, self.answer = self.answer[:count], self.answer[count:]
        return data

    def settle(self) -> None:
        self.settled += 1


def schedule(inputs: int) -> HostSchedule:
    one = Receive(tensor=1, elements=np.array([0]))
    return HostSchedule(sizes=(inputs, 1), transfers=(Send(tensor=0, start=0, count=inputs), one))


def test_more_activations_than_a_counter_counts() -> None:
    line = Registers()
    engine = LinkedEngine(UartboneLink(line), patience=3)
    x = np.arange(70_000) % 1000 - 500
    outputs, cycles = engine.run(schedule(x.size), x)
    assert (outputs.tolist(), cycles) == ([7], 99)


@pytest.mark.parametrize("name", ["runs", "input_count", "input_crc", "output_count", "output_crc"])
def test_an_account_that_is_another(name: str) -> None:
    line = Registers(**{name: 2})
    engine = LinkedEngine(UartboneLink(line), patience=3)
    with pytest.raises(LinkError, match=f"the run was damaged on the way: the device's {name} is 2, not"):
        engine.run(schedule(5), np.arange(5))


def test_the_line_settles_after_what_went_wrong_and_not_otherwise() -> None:
    line = Registers()
    engine = LinkedEngine(UartboneLink(line), patience=3)
    assert line.settled == 1
    for _ in range(3):
        engine.run(schedule(5), np.arange(5))
    assert line.settled == 1
    line.wrong = {"runs": 0}
    with pytest.raises(LinkError):
        engine.run(schedule(5), np.arange(5))
    assert line.settled == 2
    line.wrong = {}
    engine.run(schedule(5), np.arange(5))
    assert line.settled == 2


def test_bytes_on_the_line() -> None:
    for count in (1, 255, 256, 1000):
        line = Registers()
        UartboneLink(line).write(0x100, [0] * count, fixed=True)
        assert line.bytes == written_bytes(count)
