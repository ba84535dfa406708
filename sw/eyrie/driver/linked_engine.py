"""An EIE engine at the other end of a link: load an image, run it, and believe nothing that came over the line.

Words on a serial line can be damaged unnoticed. So an image carries CRCs that the device checks, the device counts and
checks what came and went of every run, and a result is given away only if all of that is as it must be.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eyrie.compile.schedule import HostSchedule
from eyrie.driver.schedule import run_schedule
from eyrie.driver.uartbone_link import LinkError, UartboneLink
from eyrie.errors import InputError
from eyrie.host.eie_map import EIE_MAP, MAGIC, DeviceError

IntArray = npt.NDArray[np.int64]

_BURST = 128
"""Activations in one command."""

DEFAULT_PATIENCE = 1000


@dataclass(frozen=True, kw_only=True)
class LinkedInfo:
    """What a device says of itself.

    Parameters
    ----------
    config_hash : int
        Hash of the engine's configuration.
    format_version : int
        Version of the images that it takes.
    clock : int
        Frequency in Hz.
    link_timeout : int
        Clock cycles after which it forgets an incomplete command.
    input_depth, output_depth : int
        Activations that its queues hold.
    loaded : bool
        A network is there.
    """

    config_hash: int
    format_version: int
    clock: int
    link_timeout: int
    input_depth: int
    output_depth: int
    loaded: bool


class LinkedEngine:
    """A device behind `eyrie.host.eie_map.EIE_MAP`.

    Parameters
    ----------
    link : UartboneLink
    patience : int
        Looks at the device in a row between which nothing moves, before it is said to be stuck.

    Raises
    ------
    LinkError
        If nobody answers, or what answers is no such device.
    """

    def __init__(self, link: UartboneLink, *, patience: int = DEFAULT_PATIENCE) -> None:
        self.link, self.patience = link, patience
        link.line.settle()
        info = self._read_block("magic", "link_timeout")
        if info["magic"] != MAGIC:
            raise LinkError(f"what answers is no Eyrie device: its first register is {info['magic']:#010x}")
        version = EIE_MAP.register("version").unpack(info["version"])
        if version["map"] != EIE_MAP.version:
            raise LinkError(
                f"the device has register map {version['map']}; this version of Eyrie knows {EIE_MAP.version}"
            )
        self._about, self._format_version = info, version["format"]

    def info(self) -> LinkedInfo:
        """What it is, and whether a network is loaded."""
        queues = EIE_MAP.register("queues").unpack(self._about["queues"])
        return LinkedInfo(
            config_hash=self._about["hash_high"] << 32 | self._about["hash_low"],
            format_version=self._format_version,
            clock=self._about["clock"],
            link_timeout=self._about["link_timeout"],
            input_depth=queues["input"],
            output_depth=queues["output"],
            loaded=bool(self.status()["loaded"]),
        )

    def status(self) -> dict[str, int]:
        """Fields of the status register."""
        return EIE_MAP.register("status").unpack(self.read("status"))

    def error(self) -> tuple[DeviceError, int]:
        """The device's error and the image's section that it concerns.

        Raises
        ------
        LinkError
            If it is none that is known.
        """
        fields = EIE_MAP.register("error").unpack(self.read("error"))
        try:
            return DeviceError(fields["code"]), fields["section"]
        except ValueError as error:
            raise LinkError(f"the device has an error {fields['code']} that nobody knows") from error

    def read(self, register: str) -> int:
        """The value of a register."""
        return self.link.read(EIE_MAP.register(register).address)[0]

    def control(self, *wanted: str) -> None:
        """Ask for things by the names of the control register's fields."""
        register = EIE_MAP.register("control")
        self.link.write(register.address, [sum(register.field(name).mask for name in wanted)])

    def load(self, image: bytes) -> None:
        """Load an image, see `eyrie.driver.link_image`.

        Raises
        ------
        InputError
            If the device refuses it, with the name of its `DeviceError`.
        LinkError
            If it did not come as it was sent.
        """
        self.quiesce()
        words = [int(word) for word in np.frombuffer(image, "<u4")]
        self.control("load")
        self.link.write(EIE_MAP.window("load").address, words, fixed=True)
        self._wait(lambda: self.status()["loading"] == 0, "did not come to a verdict on the image")
        error, section = self.error()
        if error is not DeviceError.NONE:
            where = f" in section {section}" if section else ""
            raise InputError(f"the device refuses the image: {error.name}{where}")
        if self.status()["loaded"] != 1:
            raise LinkError("the device says nothing against the image, but has not loaded it")

    def run(self, schedule: HostSchedule, x: IntArray) -> tuple[IntArray, int]:
        """Run the network on int64 (inputs,): int64 (outputs,), and the cycles that it took.

        Raises
        ------
        InputError
            If the device refuses to start.
        LinkError
            If anything went wrong on the way; there is no result then, and the device is idle again.
        """
        try:
            self.quiesce()
            self.control("start")
            sent: list[IntArray] = []
            received: list[IntArray] = []

            def exchange(to_send: IntArray, n_receive: int) -> IntArray:
                outputs = self._exchange(to_send, n_receive)
                sent.append(to_send)
                received.append(outputs)
                return outputs

            outputs = run_schedule(schedule, x, exchange)
            self._wait(lambda: self.status()["busy"] == 0, "does not end its run")
            cycles = self._vouched(np.concatenate(sent), np.concatenate(received))
        except LinkError:
            self.quiesce()
            raise
        return outputs, cycles

    def quiesce(self) -> None:
        """Bring the device to rest, whatever it was doing: no run, empty queues, no error.

        Raises
        ------
        LinkError
            If it does not come to rest.
        """
        self.link.line.settle()
        self.control("abort")
        self._wait(lambda: self.status()["busy"] == 0, "does not end its run")
        self.control("clear")
        self._wait(lambda: self.status()["busy"] == 0, "does not empty its queues")

    def _exchange(self, to_send: IntArray, n_receive: int) -> IntArray:
        outputs: list[int] = []
        sent = turns = 0
        while sent < to_send.size or len(outputs) < n_receive:
            levels = self._read_block("input_free", "output_waiting")
            n_in = min(levels["input_free"], to_send.size - sent, _BURST)
            n_out = min(levels["output_waiting"], n_receive - len(outputs), _BURST)
            if n_in:
                words = [int(value) & 0xFFFFFFFF for value in to_send[sent : sent + n_in]]
                self.link.write(EIE_MAP.window("input").address, words, fixed=True)
                sent += n_in
            if n_out:
                outputs += self.link.read(EIE_MAP.window("output").address, n_out, fixed=True)
            turns = 0 if n_in or n_out else turns + 1
            if turns == self.patience:
                self._require_no_error()
                raise LinkError(
                    f"the device took {sent} of {to_send.size} inputs and gave {len(outputs)} of {n_receive}"
                )
        return np.array(outputs, np.uint32).view(np.int32).astype(np.int64)

    def _vouched(self, sent: IntArray, received: IntArray) -> int:
        """Cycles of the run, if the device's account of it is ours."""
        self._require_no_error()
        account = self._read_block("runs", "output_crc")
        expected = {
            "runs": 1,
            "input_count": sent.size,
            "input_crc": zlib.crc32(sent.astype("<i2").tobytes()),
            "output_count": received.size,
            "output_crc": zlib.crc32(received.astype("<i2").tobytes()),
        }
        for name, value in expected.items():
            if account[name] != value:
                raise LinkError(f"the run was damaged on the way: the device's {name} is {account[name]}, not {value}")
        return account["cycles"]

    def _require_no_error(self) -> None:
        error, _ = self.error()
        if error is DeviceError.NOT_LOADED:
            raise InputError("the device has no network; load an image")
        if error is not DeviceError.NONE:
            raise LinkError(f"the device has the error {error.name}")

    def _read_block(self, first: str, last: str) -> dict[str, int]:
        """Consecutive registers in one command."""
        begin, end = EIE_MAP.register(first).address, EIE_MAP.register(last).address
        words = self.link.read(begin, end - begin + 1)
        return {one.name: words[one.address - begin] for one in EIE_MAP.registers if begin <= one.address <= end}

    def _wait(self, condition: Callable[[], bool], failure: str) -> None:
        for _ in range(self.patience):
            if condition():
                return
        raise LinkError(f"the device {failure}")
