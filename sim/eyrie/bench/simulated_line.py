"""The driver's serial line to a simulated device."""

from eyrie.bench.serial_line import SerialLine
from eyrie.bench.serial_simulation import SerialSimulation

_BYTE_BITS = 10


class SimulatedLine:
    """What `eyrie.driver.uartbone_link.Line` asks for, at the pins of a simulated design.

    Parameters
    ----------
    simulation : SerialSimulation
    timeout : int
        The device's own, in clock cycles.
    """

    def __init__(self, simulation: SerialSimulation, timeout: int) -> None:
        self.simulation, self.timeout = simulation, timeout
        self._received = b""

    def send(self, data: bytes) -> None:
        """Bytes go onto the line back to back."""
        self._received += self.simulation.send(data)

    def put(self, line: SerialLine) -> None:
        """Any levels go onto the line."""
        self._received += self.simulation.put(line)

    def receive(self, count: int) -> bytes:
        """Bytes that came, with as much patience for each as the device has."""
        missing = count - len(self._received)
        if missing > 0:
            self._received += self.simulation.put(SerialLine(1), wanted=missing, patience=self.timeout)
        data, self._received = self._received[:count], self._received[count:]
        return data

    def settle(self) -> None:
        """Silence for a fifth more than the device's timeout, and until nothing more comes."""
        silence = SerialLine(1).level(1, 1.2 * self.timeout + _BYTE_BITS * self.simulation.divisor)
        while self.simulation.put(silence):
            pass
        self._received = b""
