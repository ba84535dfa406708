"""What the tests of benches share: geometries, and a word about a simulator that is not there."""

from dataclasses import replace

import pytest

from eyrie.bench.cocotb_run import available_simulators
from eyrie.eie.config import TINY, EieConfig

GEOMETRIES: dict[str, EieConfig] = {
    "1 PE": replace(TINY, n_pes=1, multipliers=False),
    "4 PEs": TINY,
    "5 PEs, odd widths": replace(
        TINY,
        n_pes=5,
        queue_depth=1,
        activation_width=9,
        weight_width=11,
        codebook_bits=3,
        index_bits=2,
        count_bits=3,
        accumulator_width=29,
        activation_depth=9,
        accumulator_depth=7,
        skip_empty=False,
        lut_ram=False,
    ),
}


@pytest.fixture(params=GEOMETRIES)
def geometry(request: pytest.FixtureRequest) -> EieConfig:
    """Each of the geometries."""
    config: EieConfig = GEOMETRIES[request.param]
    return config


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if "icarus" not in available_simulators():
        terminalreporter.write_line(
            "Icarus Verilog is not installed: cocotb benches ran on Verilator alone (on Debian `apt install iverilog`)"
        )
