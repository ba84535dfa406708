"""How an engine is reached: clock, serial line and queues. Nothing here imports Amaranth."""

from dataclasses import dataclass

from eyrie.common.geometry import require_integers

_RANGES = {
    "clock": (1_000_000, 500_000_000),
    "baud": (300, 12_000_000),
    "link_timeout": (1, 1 << 30),
    "input_depth": (2, 1 << 15),
    "output_depth": (2, 1 << 15),
    "counter_width": (16, 32),
}

CRC_WIDTHS = (1, 2, 4, 8, 16, 32)
"""Bits a cycle that checksums can take."""

_MIN_DIVISOR = 8
_WORST_BAUD_ERROR = 0.01


@dataclass(frozen=True, kw_only=True)
class HostConfig:
    """The host's side of a system. It makes no difference to images.

    Parameters
    ----------
    clock : int
        Frequency in Hz of everything.
    baud : int
        Bits a second on the serial line: at least eight clock cycles each, and a whole number of them to 1 %.
    link_timeout : int
        Clock cycles of silence after which the serial link forgets a command that is not complete.
    input_depth, output_depth : int
        Activations that the queues hold, powers of two.
    crc_width : int
        Bits a cycle that the checksums of images and activations take: one of `CRC_WIDTHS`. Fewer are less logic. With
        32 a word a cycle may come; with fewer a word in ``1 + 32 / crc_width`` cycles, which a serial line never is
        faster than.
    counter_width : int
        Bits of the registers that count runs, activations, words of images and faults of the link, 16 to 32: after
        their highest number comes 0. An image of more words than that counts as not taken.
    stall_counters : bool
        There are counters of cycles that runs and stalls took: `run_cycles`, `input_stalls`, `output_stalls`. Without,
        these registers read 0.
    """

    clock: int = 50_000_000
    baud: int = 1_000_000
    link_timeout: int = 500_000
    input_depth: int = 1024
    output_depth: int = 1024
    crc_width: int = 32
    counter_width: int = 32
    stall_counters: bool = True

    def __post_init__(self) -> None:
        require_integers(self, _RANGES)
        for name in ("input_depth", "output_depth"):
            depth = getattr(self, name)
            if depth & (depth - 1):
                raise ValueError(f"{name} must be a power of two, not {depth}")
        if not isinstance(self.stall_counters, bool):
            raise ValueError(f"stall_counters must be true or false, not {self.stall_counters!r}")
        if self.crc_width not in CRC_WIDTHS:
            raise ValueError(f"crc_width must be one of {', '.join(map(str, CRC_WIDTHS))}, not {self.crc_width!r}")
        if self.divisor < _MIN_DIVISOR:
            raise ValueError(f"baud {self.baud} leaves {self.divisor} cycles of a {self.clock} Hz clock a bit, not 8")
        if abs(self.clock / self.divisor / self.baud - 1) > _WORST_BAUD_ERROR:
            raise ValueError(f"a {self.clock} Hz clock gives no baud within 1 % of {self.baud}")
        if self.link_timeout <= 2 * 10 * self.divisor:
            raise ValueError(
                f"link_timeout {self.link_timeout} is no longer than two bytes of {10 * self.divisor} cycles"
            )

    @property
    def divisor(self) -> int:
        """Clock cycles a bit."""
        return round(self.clock / self.baud)


FASTEST = HostConfig(clock=8_000_000, link_timeout=2_000)
"""Eight cycles a bit, for simulation."""
