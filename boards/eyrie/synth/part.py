"""The ECP5 parts that nextpnr places designs on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

Device = Literal["25k", "45k", "85k"]
"""Thousands of look-up tables, as nextpnr and the boards call the devices."""

DEVICES: tuple[Device, ...] = get_args(Device)

SPEEDS = (6, 7, 8)
"""Speed grades; 8 is the fastest."""

# The largest of each device comes first.
_PACKAGES: Mapping[Device, tuple[str, ...]] = {
    "25k": ("CABGA381", "CABGA256", "CSFBGA285", "TQFP144"),
    "45k": ("CABGA554", "CABGA381", "CABGA256", "CSFBGA285", "TQFP144"),
    "85k": ("CABGA756", "CABGA554", "CABGA381", "CSFBGA285"),
}


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of the family LFE5U.

    Parameters
    ----------
    device : Device
        The die.
    speed : int
        Speed grade, 6 to 8.
    package : str
        Package as nextpnr calls it; the largest of the device if left empty.
    """

    device: Device = "85k"
    speed: int = 8
    package: str = ""

    def __post_init__(self) -> None:
        if self.device not in _PACKAGES:
            raise ValueError(f"device must be one of {', '.join(DEVICES)}, not {self.device!r}")
        if self.speed not in SPEEDS:
            raise ValueError(f"speed must be one of {', '.join(map(str, SPEEDS))}, not {self.speed!r}")
        packages = _PACKAGES[self.device]
        if not self.package:
            object.__setattr__(self, "package", packages[0])
        if self.package not in packages:
            raise ValueError(f"{self.name} comes in {', '.join(packages)}, not in {self.package!r}")

    @property
    def name(self) -> str:
        """What Lattice calls the device."""
        return f"LFE5U-{self.device.removesuffix('k')}F"

    @property
    def options(self) -> tuple[str, ...]:
        """Options of nextpnr that select the part."""
        return f"--{self.device}", "--speed", str(self.speed), "--package", self.package

    def __str__(self) -> str:
        return f"{self.name}, speed {self.speed}, {self.package}"
