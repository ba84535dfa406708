"""Arty A7-35T, with an XC7A35T."""

from eyrie.eie.config import EieConfig
from eyrie.host.config import HostConfig
from eyrie.platforms.board import MHZ, Board, Pin

_LEVEL = {"IOSTANDARD": "LVCMOS33"}

ARTY_A7 = Board(
    name="arty-a7",
    title="Arty A7-35T",
    family="xilinx",
    part="XC7A35T",
    device="XC7A35TICSG324-1L",
    options=("xc7a35ticsg324-1L",),
    oscillator=100 * MHZ,
    host=HostConfig(clock=50 * MHZ, link_timeout=50 * MHZ // 100),
    engine=EieConfig(n_pes=8),
    placer="",
    pins={
        "clock": Pin(place="E3", settings=_LEVEL),
        "reset": Pin(place="C2", settings=_LEVEL, active_low=True),
        "rx": Pin(place="A9", settings=_LEVEL),
        "tx": Pin(place="D10", settings=_LEVEL),
        "led": Pin(place="H5", settings=_LEVEL),
    },
    loading="openFPGALoader -b arty_a7_35t {}",
)
"""Eight PEs with memories of default size. Vivado places and routes it: no package brings an open tool that does."""
