"""A serial line on which now and then something goes wrong."""

import random
from typing import Literal, get_args

from eyrie.bench.serial_line import FRAME_BITS, SerialLine
from eyrie.bench.serial_simulation import SerialSimulation
from eyrie.bench.simulated_line import SimulatedLine

Damage = Literal["drop", "double", "flip", "insert", "framing", "glitch", "break", "gap", "noise"]
"""A byte is lost, comes twice, has a wrong bit, or is one too many; its stop bit is low; the line is inverted for less
than a bit, held low for two bytes, silent within a command for longer than the time-out, or inverted many times."""

DAMAGES: tuple[Damage, ...] = get_args(Damage)

WORST_OFFSET = 0.02
"""How far the clocks of host and device are apart at most."""


class DamagedLine:
    """`eyrie.driver.uartbone_link.Line` whose sender has a clock of its own, and which damages what it is told to.

    Parameters
    ----------
    simulation : SerialSimulation
    timeout : int
        The device's, in clock cycles.
    draw : random.Random
        Where, how, and how far off the clock is: as far as may be in two of three lines.

    Attributes
    ----------
    done : list of Damage
        Since it was begun.
    """

    def __init__(self, simulation: SerialSimulation, timeout: int, draw: random.Random) -> None:
        self.simulation, self.timeout = simulation, timeout
        self.begin(draw)

    def begin(self, draw: random.Random) -> None:
        """Draw everything anew; what came and was not received is gone, and nothing is to be damaged."""
        self.draw = draw
        offset = draw.choice([-WORST_OFFSET, WORST_OFFSET, draw.uniform(-WORST_OFFSET, WORST_OFFSET)])
        self.bit_time = self.simulation.divisor * (1 + offset)
        self._line = SimulatedLine(self.simulation, self.timeout)
        self.done: list[Damage] = []
        self._armed: dict[int, Damage] = {}
        self._sends = 0

    def arm(self, after: int, damage: Damage) -> None:
        """Damage what is sent after so many sends."""
        self._armed[self._sends + after] = damage

    def send(self, data: bytes) -> None:
        """Bytes go onto the line back to back, damaged if it is their turn."""
        damage = self._armed.pop(self._sends, None)
        self._sends += 1
        if damage is not None:
            self.done.append(damage)
        self._line.put(SerialLine(self.bit_time).send(data) if damage is None else self._damaged(data, damage))

    def receive(self, count: int) -> bytes:
        """As the line below."""
        return self._line.receive(count)

    def settle(self) -> None:
        """As the line below."""
        self._line.settle()

    def _damaged(self, data: bytes, damage: Damage) -> SerialLine:
        draw, line = self.draw, SerialLine(self.bit_time)
        at = draw.randrange(len(data))
        before, byte, after = data[:at], data[at : at + 1], data[at + 1 :]
        if damage == "drop":
            return line.send(before + after)
        if damage == "double":
            return line.send(before + byte + byte + after)
        if damage == "flip":
            return line.send(before + bytes([byte[0] ^ 1 << draw.randrange(8)]) + after)
        if damage == "insert":
            return line.send(before + draw.randbytes(1) + byte + after)
        if damage == "framing":
            return line.send(before).send(byte, stop_level=0).idle(draw.choice([1, 3])).send(after)
        if damage == "break":
            return line.send(before).level(0, 2 * FRAME_BITS * self.bit_time).idle(1).send(byte + after)
        if damage == "gap":
            return line.send(before).level(1, draw.uniform(0.9, 1.5) * self.timeout).send(byte + after)
        line.send(data)
        for _ in range(draw.randint(5, 20) if damage == "noise" else 1):
            line.invert(draw.uniform(0, line.end), draw.uniform(1, self.bit_time))
        return line
