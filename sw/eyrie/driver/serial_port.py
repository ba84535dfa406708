"""A serial port, or a pseudo-terminal, as the driver's line."""

import errno
import os
import time
from typing import Any

from eyrie.driver.uartbone_link import LinkError
from eyrie.errors import InputError, MissingToolError

DEFAULT_BAUD = 1_000_000

FRAME_BITS = 10
"""Start bit, eight bits, stop bit."""

_MOST_SILENCES = 100
"""Times that a line may break the silence before it is said to babble."""


class SerialPort:
    """What `eyrie.driver.uartbone_link.Line` asks for, through pyserial. No other program can open it meanwhile.

    Parameters
    ----------
    path : str
        The port.
    baud : int
    timeout : float
        Seconds for an answer, beside what the bytes before it and its own take on the line.
    silence : float
        Seconds of silence after which the device has forgotten what came before.
    is_pseudo : bool
        A pseudo-terminal: silence is asked for, by stopping and starting output, of a program behind it that knows of
        this, as `eyrie.bench.serial_terminal.SerialTerminal` does.

    Attributes
    ----------
    timeout, silence : float
        As above; they may be set.

    Raises
    ------
    InputError
        If there is no such port, it cannot be opened, or another program has it.
    MissingToolError
        If pyserial is not installed.
    """

    def __init__(self, path: str, *, baud: int, timeout: float, silence: float, is_pseudo: bool = False) -> None:
        self.path, self.baud, self.timeout, self.silence = path, baud, timeout, silence
        self._is_pseudo = is_pseudo
        self._under_way = 0  # bytes sent since the last answer
        try:
            import serial
        except ImportError as error:
            raise MissingToolError("serial ports need the package pyserial: pip install pyserial") from error
        self._errors: tuple[type[Exception], ...] = (serial.SerialException, OSError)
        self._too_slow: type[Exception] = serial.SerialTimeoutException
        try:
            self._port: Any = serial.Serial(path, baud, timeout=timeout, write_timeout=timeout, exclusive=True)
        except (*self._errors, ValueError) as error:
            raise InputError(f"cannot open the serial port {path}: {_reason(error)}") from error

    def send(self, data: bytes) -> None:
        """Hand bytes to the port.

        Raises
        ------
        LinkError
            If it does not take them, or is gone.
        """
        self._under_way += len(data)
        try:
            self._port.write_timeout = self.timeout + self._line_time(self._under_way)
            self._port.write(data)
        except self._too_slow as error:
            raise LinkError(f"the port took no more bytes for {self._port.write_timeout:.1f} s") from error
        except self._errors as error:
            raise self._gone(error) from error

    def receive(self, count: int) -> bytes:
        """As many bytes, as soon as they are there; fewer if they do not come in time.

        Raises
        ------
        LinkError
            If the port is gone.
        """
        try:
            self._port.timeout = self.timeout + self._line_time(self._under_way + count)
            data: bytes = self._port.read(count)
        except self._errors as error:
            raise self._gone(error) from error
        self._under_way = 0
        return data

    def settle(self) -> None:
        """Be silent, once all that was sent is on its way, until nothing more comes; what came is dropped.

        Raises
        ------
        LinkError
            If something keeps sending, or the port is gone.
        """
        try:
            if self._is_pseudo:
                self._port.set_output_flow_control(False)  # a simulation's time passes when it is told to
                self._port.set_output_flow_control(True)
            else:
                time.sleep(self._line_time(self._under_way))
            for _ in range(_MOST_SILENCES):
                self._port.reset_input_buffer()
                time.sleep(self.silence)
                if not self._port.in_waiting:
                    self._under_way = 0
                    return
        except self._errors as error:
            raise self._gone(error) from error
        raise LinkError(f"the line does not fall silent: something keeps sending for {_MOST_SILENCES} silences")

    def close(self) -> None:
        """Let go of the port."""
        self._port.close()

    def _line_time(self, count: int) -> float:
        return count * FRAME_BITS / self.baud

    def _gone(self, error: Exception) -> LinkError:
        return LinkError(f"the port is gone: {_reason(error)}")


def _reason(error: Exception) -> str:
    number = getattr(error, "errno", None)
    if number in (errno.EAGAIN, errno.EWOULDBLOCK):
        return "another program has it open"
    return os.strerror(number) if isinstance(number, int) else str(error)
