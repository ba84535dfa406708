"""A simulated design's serial pins as a pseudo-terminal, for programs that open a serial port."""

import errno
import fcntl
import os
import pty
import select
import struct
import termios
import tty
from collections.abc import Callable

from eyrie.bench.serial_line import FRAME_BITS, SerialLine
from eyrie.bench.serial_simulation import SerialSimulation

_PORTION = 64
"""Bytes that are simulated at a time, in either direction, so that answers and signals need not wait long."""

_QUIET_SECONDS = 0.02
"""Silence of the program after which the line is silent in simulated time too."""

_REST_SECONDS = 0.02
"""How long what a program sent may still be on its way when it asks for silence."""

_STOP_SECONDS = 0.2
"""How often an idle terminal looks whether it is to end."""

_MARGIN = 1.2
"""How much longer than the device's time-out a silence is."""

_FRAMES_TO_ANSWER = 4
"""Frames of silence after which a device that has no more to say will say no more."""


class SerialTerminal:
    """A pseudo-terminal whose other end is a design's ``rx`` and ``tx``.

    Time passes in the simulation as bytes go back and forth, back to back however slow the program or the simulation
    is, and stands still when there is none. Two things let the device's time-out pass at once: a program that is silent
    for 20 ms, and one that stops and starts output, as `eyrie.driver.serial_port.SerialPort` does to settle; what it
    sent until then still goes to the device, and what comes from there until the silence ends is dropped. Programs may
    come and go, one at a time.

    Parameters
    ----------
    simulation : SerialSimulation
    timeout : int
        The device's own, in clock cycles.

    Attributes
    ----------
    name : str
        The terminal's path.
    """

    def __init__(self, simulation: SerialSimulation, timeout: int) -> None:
        self._simulation, self._timeout = simulation, timeout
        self._master, self._slave = pty.openpty()  # the slave stays open here, so that a program may hang up
        tty.setraw(self._slave)
        fcntl.ioctl(self._master, termios.TIOCPKT, struct.pack("i", 1))
        os.set_blocking(self._master, False)
        self.name = os.ttyname(self._slave)

    def serve(self, is_over: Callable[[], bool]) -> None:
        """Pass bytes on until it is over, which is asked five times a second at least.

        Raises
        ------
        SimulationError
            If the design breaks its contract.
        """
        self._pass_silence()
        is_silent = True
        while not is_over():
            wait = _STOP_SECONDS if is_silent else _QUIET_SECONDS
            if not select.select([self._master], [], [], wait)[0]:
                if not is_silent:
                    self._send(self._pass_silence())
                is_silent = True
                continue
            asked, data = self._read()
            if asked:
                self._send_rest()
                self._pass_silence()
                is_silent = True
            elif data:
                is_silent = False
                self._send(self._simulation.send(data))
                self._answer()

    def close(self) -> None:
        """Take the terminal away: a program that has it open finds its port gone."""
        os.close(self._master)
        os.close(self._slave)

    def _answer(self) -> None:
        """Let the device send what it has to, as long as the program has nothing to say."""
        frame = FRAME_BITS * self._simulation.divisor
        while not select.select([self._master], [], [], 0)[0]:
            line = SerialLine(1).level(1, 1)
            data = self._simulation.put(line, wanted=_PORTION, patience=_FRAMES_TO_ANSWER * frame)
            self._send(data)
            if len(data) < _PORTION:
                return

    def _pass_silence(self) -> bytes:
        """Silence for longer than the device's time-out, and until nothing more comes: what came meanwhile."""
        silence = SerialLine(1).level(1, _MARGIN * self._timeout + FRAME_BITS * self._simulation.divisor)
        data = b""
        while more := self._simulation.put(silence):
            data += more
        return data

    def _read(self) -> tuple[bool, bytes]:
        """Whether the program asks for silence, or what it sent."""
        try:
            data = os.read(self._master, 1 + _PORTION)
        except BlockingIOError:
            return False, b""
        # In packet mode the first byte is 0 before data, and otherwise says what happened to the terminal.
        return bool(data[0] & termios.TIOCPKT_START), b"" if data[0] else data[1:]

    def _send_rest(self) -> None:
        """What the program has sent goes to the device; what comes of it is dropped."""
        while select.select([self._master], [], [], _REST_SECONDS)[0]:
            if data := self._read()[1]:
                self._simulation.send(data)

    def _send(self, data: bytes) -> None:
        """Bytes for the program; those that it leaves lying until the terminal is full are lost, as on a line."""
        try:
            while data:
                data = data[os.write(self._master, data) :]
        except BlockingIOError:
            pass
        except OSError as error:
            if error.errno != errno.EIO:
                raise
