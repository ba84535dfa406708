"""Tang Nano 9K, with a GW1NR-9C."""

from eyrie.eie.config import EieConfig
from eyrie.host.config import HostConfig
from eyrie.platforms.board import MHZ, Board, Pin

_LEVEL = {"IO_TYPE": "LVCMOS33"}
_PULLED_UP = {**_LEVEL, "PULL_MODE": "UP"}

TANG_NANO_9K = Board(
    name="tang-nano-9k",
    title="Tang Nano 9K",
    family="gowin",
    part="GW1NR-9C",
    device="GW1NR-LV9QN88PC6/I5",
    options=("--device", "GW1NR-LV9QN88PC6/I5", "--vopt", "family=GW1N-9C"),
    oscillator=27 * MHZ,
    host=HostConfig(clock=27 * MHZ, link_timeout=27 * MHZ // 100, input_depth=64, output_depth=64, crc_width=8),
    engine=EieConfig(
        n_pes=1,
        entry_depth=4096,
        table_depth=512,
        activation_depth=16,
        accumulator_depth=32,
        program_depth=128,
        multipliers=False,
    ),
    placer="heap",
    pins={
        "clock": Pin(place="52", settings=_LEVEL),
        "reset": Pin(place="4", settings=_PULLED_UP, active_low=True),
        "rx": Pin(place="18", settings=_PULLED_UP),
        "tx": Pin(place="17", settings=_PULLED_UP),
        "led": Pin(place="10", settings=_LEVEL, active_low=True),
    },
    loading="openFPGALoader -b tangnano9k {}",
)
"""One PE; button S1 is the reset. For four nextpnr finds no place for the memories made of LUTs."""
