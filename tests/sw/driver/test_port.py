"""Serial ports that nobody, something else or a stuck device is behind, that go away, and hosts that were killed."""

import os
import pty
import subprocess
import sys
import threading
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import serial

from eyrie.compile.image import read_image
from eyrie.driver import port_device
from eyrie.driver.device import Device
from eyrie.driver.golden_device import GoldenDevice
from eyrie.driver.linked_engine import LinkedEngine
from eyrie.driver.serial_port import SerialPort
from eyrie.driver.uartbone_link import LinkError
from eyrie.errors import InputError
from eyrie.host.eie_map import EIE_MAP, MAGIC
from tests.hw.host.images import SMALL, draw_network


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(port_device, "_PSEUDO_SILENCES", (0.01, 0.02))


class Answering:
    """A pseudo-terminal on which every command is answered by a function of it."""

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self.master, self.slave = pty.openpty()
        tty.setraw(self.slave)
        self.port = f"pty:{os.ttyname(self.slave)}"
        self.answer, self.is_there = answer, True
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        try:
            while self.is_there:
                command = self._take(6)
                if command[0] in (1, 3):
                    command += self._take(4 * command[1])
                if self.is_there and (answer := self.answer(command)):
                    os.write(self.master, answer)
        except OSError:
            pass
        os.close(self.slave)
        os.close(self.master)

    def _take(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            data += os.read(self.master, count - len(data))
        return data

    def vanish(self) -> None:
        """After the next command, or at once if there is none to come."""
        self.is_there = False


@pytest.fixture
def answering() -> Iterator[Callable[[Callable[[bytes], bytes]], Answering]]:
    made: list[Answering] = []

    def make(answer: Callable[[bytes], bytes]) -> Answering:
        made.append(Answering(answer))
        return made[-1]

    yield make
    for one in made:
        if one.is_there:
            one.vanish()
            os.write(one.slave, b"ended.")  # the thread looks up


def about() -> list[int]:
    """The first registers of a device."""
    words = [0] * 32
    words[:7] = [MAGIC, EIE_MAP.version | 1 << 16, SMALL.hash >> 32, SMALL.hash & 0xFFFFFFFF, 1 << 20, 10**6, 10]
    return words


def words_of(command: bytes, registers: list[int]) -> bytes:
    """The answer to a read of registers, and none to a write."""
    kind, count, address = command[0], command[1], int.from_bytes(command[2:6], "big")
    if kind not in (2, 4):
        return b""
    return b"".join(word.to_bytes(4, "big") for word in registers[address : address + count])


@pytest.mark.parametrize("where", ["/dev/nothing-here", "pty:/dev/nothing-here"])
def test_no_such_port(where: str) -> None:
    with pytest.raises(InputError, match="cannot open the serial port /dev/nothing-here: No such file or directory"):
        Device.open(where)


def test_a_file_is_no_port(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match=r"cannot open the serial port .*file"):
        Device.open(str(tmp_path / "file"))


def test_nobody_answers(quick: None, answering: Callable[..., Answering]) -> None:
    port = answering(lambda command: b"").port
    with pytest.raises(LinkError, match=r"nobody answers at 115200 baud, not within 0\.05 s"):
        Device.open(port, baud=115200, timeout=0.05)


def test_something_else_answers(quick: None, answering: Callable[..., Answering]) -> None:
    port = answering(lambda command: b"login: " * 4).port
    with pytest.raises(LinkError, match="what answers is no Eyrie device: its first register is 0x6c6f6769"):
        Device.open(port, timeout=1)
    port = answering(lambda command: b"?").port
    with pytest.raises(LinkError, match="the device answered 1 of 28 bytes of a read at 0x0"):
        Device.open(port, timeout=0.05)


def test_a_device_of_another_version(quick: None, answering: Callable[..., Answering]) -> None:
    registers = about()
    registers[1] = 0x10099
    port = answering(lambda command: words_of(command, registers)).port
    with pytest.raises(LinkError, match=f"register map 153; this version of Eyrie knows {EIE_MAP.version}"):
        Device.open(port, timeout=1)


def test_a_line_that_is_never_silent(answering: Callable[..., Answering], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(port_device, "_PSEUDO_SILENCES", (0.001,))
    monkeypatch.setattr(serial.Serial, "in_waiting", property(lambda self: 1))
    with pytest.raises(LinkError, match="does not fall silent: something keeps sending"):
        Device.open(answering(lambda command: b"").port, timeout=1)


def test_a_stuck_device(quick: None, answering: Callable[..., Answering]) -> None:
    registers = about()
    registers[EIE_MAP.register("status").address] = EIE_MAP.register("status").field("busy").mask
    with Device.open(answering(lambda command: words_of(command, registers)).port, timeout=0.3) as device:
        with pytest.raises(LinkError, match=r"the device does not end its run; nothing moved for \d+\.\d s$"):
            device.load(draw_network(1, SMALL))


def test_a_port_that_vanishes(quick: None, answering: Callable[..., Answering]) -> None:
    registers = about()
    terminal = answering(lambda command: words_of(command, registers))
    with Device.open(terminal.port, timeout=1) as device:
        terminal.vanish()
        with pytest.raises(LinkError, match=rf"^{terminal.port}: the port is gone"):
            device.info()


def test_a_port_has_one_driver(port: str) -> None:
    with Device.open(port), pytest.raises(InputError, match="another program has it open"):
        Device.open(port)
    Device.open(port).close()


def test_a_read_ends_when_its_bytes_are_there(answering: Callable[..., Answering]) -> None:
    terminal = answering(lambda command: bytes(range(28)))
    line = SerialPort(terminal.port.removeprefix("pty:"), baud=1_000_000, timeout=3600, silence=0.01)
    for _ in range(5):  # an hour each if they waited
        line.send(b"\2\7\0\0\0\0")
        assert line.receive(28) == bytes(range(28))
    line.close()


def test_sections_have_names(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    load = LinkedEngine.load

    def damaged(self: LinkedEngine, image: bytes, *rest: object) -> None:
        load(self, image[:-3] + bytes([image[-3] ^ 16]) + image[-2:])

    with Device.open(port) as device:
        device.load(draw_network(2, SMALL))
        monkeypatch.setattr(LinkedEngine, "load", damaged)
        with pytest.raises(InputError, match=rf"^{port}: the device refuses the image: CRC in section \d \([A-Z]+\)$"):
            device.load(draw_network(2, SMALL))
        with pytest.raises(InputError, match="nothing is loaded"):
            device.run(np.zeros((1, 1), int))


_KILLED = """
import os, signal, sys
import numpy as np
from eyrie.driver.device import Device
from eyrie.driver.serial_port import SerialPort

port, folder, x, what, count = *sys.argv[1:5], int(sys.argv[5])
device = Device.open(port)
if what == "run":
    device.load(folder)
send = SerialPort.send

def last(self, data):
    global count
    count -= 1
    if count == 0:
        send(self, data[: len(data) // 2 + 1])
        os.kill(os.getpid(), signal.SIGKILL)
    send(self, data)

SerialPort.send = last
device.load(folder) if what == "load" else device.run(np.load(x))
"""


@pytest.mark.parametrize(("what", "count"), [("load", 6), ("run", 5), ("run", 9)])
def test_a_host_that_was_killed_in_mid_transfer(what: str, count: int, port: str, folder: Path, tmp_path: Path) -> None:
    network = read_image(folder / "network.eyrie")
    x = np.random.default_rng(count).integers(network.clip[0], network.clip[1] + 1, (3, network.inputs))
    np.save(tmp_path / "x.npy", x)
    arguments = [port, str(folder), str(tmp_path / "x.npy"), what, str(count)]
    ended = subprocess.run([sys.executable, "-c", _KILLED, *arguments], capture_output=True, text=True, timeout=120)
    assert ended.returncode == -9, ended.stderr
    with Device.open(port) as device:
        assert device.info().loaded == (what == "run")
        device.load(folder, keep=what == "run")
        golden = GoldenDevice()
        golden.load(network)
        assert np.array_equal(device.run(x).outputs, golden.run(x).outputs)
