"""ULX3S with an LFE5U-85F."""

from eyrie.eie.config import EieConfig
from eyrie.host.config import HostConfig
from eyrie.platforms.board import MHZ, Board, Pin

_LEVEL = {"IO_TYPE": "LVCMOS33"}

ULX3S_85F = Board(
    name="ulx3s-85f",
    title="ULX3S-85F",
    family="ecp5",
    part="LFE5U-85F",
    device="LFE5U-85F-6BG381C",
    options=("--85k", "--speed", "6", "--package", "CABGA381"),
    oscillator=25 * MHZ,
    host=HostConfig(clock=50 * MHZ, link_timeout=50 * MHZ // 100),
    engine=EieConfig(n_pes=32),
    placer="static",
    pins={
        "clock": Pin(place="G2", settings=_LEVEL),
        "reset": Pin(place="R1", settings={**_LEVEL, "PULLMODE": "DOWN"}),
        "rx": Pin(place="M1", settings={**_LEVEL, "PULLMODE": "UP"}),
        "tx": Pin(place="L4", settings=_LEVEL),
        "led": Pin(place="B2", settings={**_LEVEL, "DRIVE": "4"}),
    },
    loading="openFPGALoader -b ulx3s {}",
)
"""Thirty-two PEs with memories of default size; button fire 1 is the reset."""
