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
from eyrie.driver.stuck_watch import StuckWatch
from eyrie.driver.uartbone_link import MAX_WORDS, WORD_BYTES, LinkError, UartboneLink
from eyrie.errors import InputError
from eyrie.host.eie_map import EIE_MAP, MAGIC, DeviceError
from eyrie.host.image_format import Section

IntArray = npt.NDArray[np.int64]
Progress = Callable[[int, int], None]
"""Takes what is done and what there is to do."""

DEFAULT_PATIENCE = 1000

_COUNTED = 0xFFFF
"""Bits that a device's counters have at least, and which alone are compared: checksums cover the rest."""


@dataclass(frozen=True, kw_only=True)
class LinkedInfo:
    """What a device says of itself.

    Parameters
    ----------
    config_hash : int
        Hash of the engine's configuration.
    map_version : int
        Version of its registers.
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
    map_version: int
    format_version: int
    clock: int
    link_timeout: int
    input_depth: int
    output_depth: int
    loaded: bool


def _error_of(word: int) -> tuple[DeviceError, int]:
    fields = EIE_MAP.register("error").unpack(word)
    try:
        return DeviceError(fields["code"]), fields["section"]
    except ValueError as error:
        raise LinkError(f"the device has an error {fields['code']} that nobody knows") from error


class LinkedEngine:
    """A device behind `eyrie.host.eie_map.EIE_MAP`.

    Parameters
    ----------
    link : UartboneLink
    patience : int
        Looks at the device in a row between which nothing moves, before it is said to be stuck.
    seconds : float
        Time that must have passed as well.

    Raises
    ------
    LinkError
        If nobody answers, or what answers is no such device.
    """

    def __init__(self, link: UartboneLink, *, patience: int = DEFAULT_PATIENCE, seconds: float = 0.0) -> None:
        self.link, self.patience, self.seconds = link, patience, seconds
        link.line.settle()
        info = self._read_block("magic", "link_timeout")
        if info["magic"] != MAGIC:
            raise LinkError(f"what answers is no Eyrie device: its first register is {info['magic']:#010x}")
        version = EIE_MAP.register("version").unpack(info["version"])
        if version["map"] != EIE_MAP.version:
            raise LinkError(
                f"the device has register map {version['map']}; this version of Eyrie knows {EIE_MAP.version}"
            )
        self._about, self._version = info, version
        self._in_order = True  # nothing of an earlier command is under way on the line

    def info(self) -> LinkedInfo:
        """What it is, and whether a network is loaded."""
        queues = EIE_MAP.register("queues").unpack(self._about["queues"])
        return LinkedInfo(
            config_hash=self._about["hash_high"] << 32 | self._about["hash_low"],
            map_version=self._version["map"],
            format_version=self._version["format"],
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
        return _error_of(self.read("error"))

    def read(self, register: str) -> int:
        """The value of a register."""
        return self.link.read(EIE_MAP.register(register).address)[0]

    def control(self, *wanted: str) -> None:
        """Ask for things by the names of the control register's fields."""
        register = EIE_MAP.register("control")
        self.link.write(register.address, [sum(register.field(name).mask for name in wanted)])

    def has(self, image: bytes) -> bool:
        """Whether a network is loaded, of as many words as an image: the device does not tell more of it."""
        return self._has_words(self._fresh("status", "load_words"), len(image) // WORD_BYTES)

    def load(self, image: bytes, progress: Progress | None = None) -> None:
        """Load an image, see `eyrie.driver.link_image`.

        Parameters
        ----------
        image : bytes
        progress : callable, optional
            Told how many of its bytes are on their way.

        Raises
        ------
        InputError
            If the device refuses it, with the name of its `DeviceError`.
        LinkError
            If it did not come as it was sent.
        """
        self.quiesce()
        self._in_order = False
        words = [int(word) for word in np.frombuffer(image, "<u4")]
        self.control("load")
        begun = self._fresh("status", "load_words")
        if not EIE_MAP.register("status").unpack(begun["status"])["loading"] or begun["load_words"]:
            raise LinkError("the device has not heard that an image follows")
        for begin in range(0, len(words), MAX_WORDS):
            self.link.write(EIE_MAP.window("load").address, words[begin : begin + MAX_WORDS], fixed=True)
            if progress is not None:
                progress(min(begin + MAX_WORDS, len(words)) * WORD_BYTES, len(image))
        self._wait(lambda: self.status()["loading"] == 0, self._no_verdict(len(words)))
        ended = self._fresh("status", "load_words")
        error, section = _error_of(ended["error"])
        if error is not DeviceError.NONE:
            where = f" in section {section}{_section_name(section)}" if section else ""
            self._in_order = True
            raise InputError(f"the device refuses the image: {error.name}{where}")
        if not self._has_words(ended, len(words)):
            raise LinkError("the device says nothing against the image, but has not loaded it")
        self._in_order = True

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
            self._in_order = False
            self.control("start")
            sent: list[IntArray] = []
            received: list[IntArray] = []

            def exchange(to_send: IntArray, n_receive: int) -> IntArray:
                outputs = self._exchange(to_send, n_receive)
                sent.append(to_send)
                received.append(outputs)
                return outputs

            outputs = run_schedule(schedule, x, exchange)
            self._wait(lambda: self.status()["busy"] == 0, lambda: "does not end its run")
            cycles = self._vouched(np.concatenate(sent), np.concatenate(received))
        except LinkError:
            self.quiesce()
            raise
        self._in_order = True
        return outputs, cycles

    def quiesce(self) -> None:
        """Bring the device to rest, whatever it was doing: no run, empty queues, no error.

        Raises
        ------
        LinkError
            If it does not come to rest.
        """
        if not self._in_order:
            self.link.line.settle()
        self.control("abort")
        self._wait(lambda: self.status()["busy"] == 0, lambda: "does not end its run")
        self.control("clear")
        self._wait(lambda: self.status()["busy"] == 0, lambda: "does not empty its queues")
        self._in_order = True

    def _exchange(self, to_send: IntArray, n_receive: int) -> IntArray:
        outputs: list[int] = []
        sent = 0
        watch = StuckWatch(self.patience, self.seconds)
        while sent < to_send.size or len(outputs) < n_receive:
            levels = self._read_block("input_free", "output_waiting")
            n_in = min(levels["input_free"], to_send.size - sent)
            n_out = min(levels["output_waiting"], n_receive - len(outputs))
            if n_in:
                words = [int(value) & 0xFFFFFFFF for value in to_send[sent : sent + n_in]]
                self.link.write(EIE_MAP.window("input").address, words, fixed=True)
                sent += n_in
            if n_out:
                outputs += self.link.read(EIE_MAP.window("output").address, n_out, fixed=True)
            if watch.is_stuck(moved=bool(n_in or n_out)):
                self._require_no_error()
                raise LinkError(
                    f"the device took {sent} of {to_send.size} inputs and gave {len(outputs)} of {n_receive}"
                    f"{watch.since}"
                )
        return np.array(outputs, np.uint32).view(np.int32).astype(np.int64)

    def _vouched(self, sent: IntArray, received: IntArray) -> int:
        """Cycles of the run, if the device's account of it is ours."""
        self._require_no_error()
        account = self._read_block("runs", "output_crc")
        for name in ("input_count", "output_count"):
            account[name] &= _COUNTED
        expected = {
            "runs": 1,
            "input_count": sent.size & _COUNTED,
            "input_crc": zlib.crc32(sent.astype("<i2").tobytes()),
            "output_count": received.size & _COUNTED,
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

    def _no_verdict(self, n_words: int) -> Callable[[], str]:
        return lambda: f"took {self.read('load_words')} of the image's {n_words} words and came to no verdict on it"

    def _fresh(self, first: str, last: str) -> dict[str, int]:
        """The same, once answers to what was damaged before have come and gone."""
        self.link.line.settle()
        return self._read_block(first, last)

    @staticmethod
    def _has_words(registers: dict[str, int], n_words: int) -> bool:
        loaded = EIE_MAP.register("status").unpack(registers["status"])["loaded"]
        return bool(loaded) and (registers["load_words"] ^ n_words) & _COUNTED == 0

    def _wait(self, condition: Callable[[], bool], failure: Callable[[], str]) -> None:
        watch = StuckWatch(self.patience, self.seconds)
        while not condition():
            if watch.is_stuck():
                raise LinkError(f"the device {failure()}{watch.since}")


def _section_name(section: int) -> str:
    names = {int(kind): kind.name for kind in Section}
    return f" ({names[section]})" if section in names else ""
