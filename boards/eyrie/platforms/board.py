"""What a board is: its part, its pins, its clock, and the engine that stands on it unless another is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from eyrie.eie.config import EieConfig
from eyrie.errors import InputError
from eyrie.host.config import HostConfig
from eyrie.platforms.pll import Pll, make_pll
from eyrie.synth.cells import Target

MHZ = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Pin:
    """A pin of a package.

    Parameters
    ----------
    place : str
        Where it is, as the vendor calls it.
    settings : mapping of str to str
        Electrical settings, under the names of the family's constraint files.
    active_low : bool
        Whether what is connected there is on at 0.
    """

    place: str
    settings: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    active_low: bool = False


@dataclass(frozen=True, kw_only=True)
class Board:
    """A board. The tools make a bitstream from this, an engine's configuration and seeds, and nothing else.

    Parameters
    ----------
    name : str
        What the command line calls it.
    title : str
        What people call it.
    family : Target
        Family of the part.
    part : str
        The part, as `eyrie.synth.capacity` has it.
    device : str
        The part with package and speed grade, as its maker orders it.
    options : tuple of str
        How nextpnr, or Vivado, is told the part.
    oscillator : int
        Hz of the clock that comes from outside.
    host : HostConfig
        Clock of everything in the design, serial line and queues, unless asked for otherwise. A PLL makes the clock if
        it is not the oscillator's.
    engine : EieConfig
        What is built unless another is asked for.
    placer : str
        nextpnr's placer for it; empty where there is no choice.
    pins : mapping of str to Pin
        Under the names of `PINS`.
    loading : str
        The command that loads a bitstream, which stands for ``{}``.
    """

    name: str
    title: str
    family: Target
    part: str
    device: str
    options: tuple[str, ...]
    oscillator: int
    host: HostConfig
    engine: EieConfig
    placer: str
    pins: Mapping[str, Pin]
    loading: str

    def host_at(self, *, clock: int | None = None, baud: int | None = None) -> HostConfig:
        """The host's side with another clock in Hz, or other bits a second; what is None stays.

        Raises
        ------
        InputError
            If the two do not go together.
        """
        clock, baud = clock or self.host.clock, baud or self.host.baud
        # As long a silence as the board's own ends a command, and never less than three bytes.
        timeout = max(self.host.link_timeout * clock // self.host.clock, 30 * -(-clock // baud))
        try:
            return replace(self.host, clock=clock, baud=baud, link_timeout=timeout)
        except ValueError as error:
            raise InputError(f"{self.name}: {error}") from error

    def pll(self, clock: int) -> Pll | None:
        """What makes a clock of so many Hz from the oscillator; None if the oscillator is that clock.

        Raises
        ------
        InputError
            If it cannot be made exactly.
        """
        if clock == self.oscillator:
            return None
        pll = make_pll(self.family, self.oscillator, clock)
        if pll is None:
            raise InputError(
                f"{self.name}: its PLL makes no clock of exactly {clock / MHZ:g} MHz from {self.oscillator / MHZ:g} MHz"
            )
        return pll


PINS = ("clock", "reset", "rx", "tx", "led")
"""Ports of the design on a board: oscillator, reset button, serial line, a lamp that is lit while nothing is reset."""
