"""Opens what is behind a serial port, also if it was left in the middle of something."""

from eyrie.driver.linked_device import LinkedDevice
from eyrie.driver.linked_engine import LinkedEngine
from eyrie.driver.serial_port import DEFAULT_BAUD, SerialPort
from eyrie.driver.uartbone_link import LinkError, NoAnswerError, UartboneLink
from eyrie.eie.config import EieConfig
from eyrie.errors import InputError

PORT_TIMEOUT = 1.0
"""Seconds for an answer on a serial port."""

PSEUDO_TIMEOUT = 60.0
"""Seconds for an answer on a pseudo-terminal: a simulation behind it is slower than a line."""

_SILENCES = (0.05, 0.2, 1.0)
"""Seconds of silence before each attempt to get an answer, as long as the device's own time-out is not known."""

_PSEUDO_SILENCES = (0.25, 1.0, 4.0)
"""The same on a pseudo-terminal, where a busy machine is silent now and then."""

_FIRST_TIMEOUT = 10.0
"""Seconds for the answer to all but the last attempt."""

_LOOKS = 10
"""Looks at a device in vain before it can be stuck, however long the host was busy with other things."""

_ADAPTER_LATENCY = 0.03
"""Seconds for which a USB adapter keeps what it received."""


class PortDevice(LinkedDevice):
    """A device behind a serial port."""

    def __init__(self, where: str, port: SerialPort, engine: LinkedEngine, config: EieConfig | None) -> None:
        self._port = port
        super().__init__(where, engine, config, baud=port.baud)

    def close(self) -> None:
        """Let go of the port; see `Device`."""
        super().close()
        self._port.close()


def open_port(
    where: str, path: str, *, is_pseudo: bool, config: EieConfig | None, baud: int | None, timeout: float | None
) -> PortDevice:
    """A device behind a port.

    A host may have been killed in the middle of a command: the line is kept silent until the device has forgotten it,
    longer with every attempt, since the device tells its time-out only when it answers.

    Parameters
    ----------
    where, path : str
        What was asked for, and the port in it.
    is_pseudo : bool
        It is a pseudo-terminal.
    config, baud, timeout
        As `eyrie.driver.device.Device.open` has them.

    Raises
    ------
    InputError
        As `eyrie.driver.device.Device.open`.
    """
    baud = DEFAULT_BAUD if baud is None else baud
    timeout = (PSEUDO_TIMEOUT if is_pseudo else PORT_TIMEOUT) if timeout is None else timeout
    if baud < 1 or not timeout > 0:
        raise InputError(f"baud and timeout must be above 0, not {baud} and {timeout}")
    silences = _PSEUDO_SILENCES if is_pseudo else _SILENCES
    port = SerialPort(path, baud=baud, timeout=timeout, silence=silences[0], is_pseudo=is_pseudo)
    try:
        engine = _answering_engine(where, port, silences, timeout)
        about = engine.info()
        if not is_pseudo:
            port.silence = 1.2 * about.link_timeout / about.clock + _ADAPTER_LATENCY
        return PortDevice(where, port, engine, config)
    except BaseException:
        port.close()
        raise


def _answering_engine(where: str, port: SerialPort, silences: tuple[float, ...], timeout: float) -> LinkedEngine:
    problem: LinkError | None = None
    for silence in silences:
        port.silence = silence
        port.timeout = timeout if silence == silences[-1] else min(timeout, _FIRST_TIMEOUT)
        try:
            engine = LinkedEngine(UartboneLink(port), patience=_LOOKS, seconds=timeout)
        except LinkError as error:
            problem = error
        else:
            port.timeout, port.silence = timeout, silences[0]
            return engine
    if isinstance(problem, NoAnswerError):
        raise LinkError(
            f"{where}: nobody answers at {port.baud} baud, not within {timeout:g} s: is the board on, configured, and "
            "of this baud?"
        ) from problem
    raise LinkError(f"{where}: {problem}") from problem
