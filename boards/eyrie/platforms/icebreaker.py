"""iCEBreaker, with an iCE40UP5K."""

from eyrie.eie.config import EieConfig
from eyrie.host.config import HostConfig
from eyrie.platforms.board import MHZ, Board, Pin

ICEBREAKER = Board(
    name="icebreaker",
    title="iCEBreaker",
    family="ice40",
    part="iCE40UP5K",
    device="iCE40UP5K-SG48I",
    options=("--up5k", "--package", "sg48"),
    oscillator=12 * MHZ,
    host=HostConfig(
        clock=12 * MHZ,
        link_timeout=60_000,
        input_depth=64,
        output_depth=64,
        crc_width=1,
        counter_width=16,
        stall_counters=False,
    ),
    # The entries take two of the four single-port RAMs, the program the two others; the table takes ten of 30 block
    # RAMs. All of LeNet-300-100 fits, at 8 % and 9 % of its weights.
    engine=EieConfig(
        n_pes=1,
        queue_depth=4,
        activation_width=8,
        weight_width=8,
        accumulator_width=24,
        index_bits=6,
        count_bits=6,
        entry_depth=32768,
        table_depth=1024,
        activation_depth=256,
        accumulator_depth=256,
        program_depth=512,
        multipliers=False,
        lut_ram=False,
        entry_memory="single_port",
        program_memory="single_port",
    ),
    placer="heap",
    pins={
        "clock": Pin(place="35"),
        "reset": Pin(place="10", active_low=True),
        "rx": Pin(place="6", settings={"pullup": "yes"}),
        "tx": Pin(place="9"),
        "led": Pin(place="37", active_low=True),
    },
    loading="openFPGALoader -b ice40_generic {}",
)
