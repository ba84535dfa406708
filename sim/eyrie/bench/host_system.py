"""The system of an EIE engine and its serial link: Verilog, and a device in compiled simulation."""

import dataclasses
import json

from eyrie.bench.cache import Progress
from eyrie.bench.emitted import PE_MODULE, cached_emission
from eyrie.bench.serial_simulation import SerialSimulation, build_serial_library
from eyrie.common.emit import EmittedVerilog, emit_verilog
from eyrie.eie.config import EieConfig
from eyrie.host.config import HostConfig

SYSTEM_TOP = "eie_system"
"""Name of the system's top module."""


def emit_system(config: EieConfig, host: HostConfig, progress: Progress | None = None) -> EmittedVerilog:
    """Verilog of the whole system, with the ports ``clk``, ``rst``, ``rx`` and ``tx``.

    From the cache if the same configuration was emitted from the same sources before.

    Raises
    ------
    MissingToolError, YosysError
        If Yosys is not installed or fails.
    """

    def emit() -> EmittedVerilog:
        from eyrie.host.eie_system import EieSystem  # elaboration is not needed when the cache has it

        return emit_verilog(EieSystem(config, host), name=SYSTEM_TOP, prefix="eie")

    both = json.dumps([SYSTEM_TOP, config.as_json(), dataclasses.asdict(host)])
    text = f"emitting Verilog for {config.n_pes} PEs and their link"
    return cached_emission(both, ("eyrie.host", "eyrie.eie"), emit, text, progress)


def simulate_system(
    config: EieConfig, host: HostConfig, *, seed: int = 1, progress: Progress | None = None
) -> SerialSimulation:
    """The system from its emitted Verilog; building takes up to a minute the first time.

    Raises
    ------
    MissingToolError
        If a tool is missing.
    """
    emitted = emit_system(config, host, progress)
    modules = [name for name, count in emitted.modules.items() if count > 1 and name.endswith(PE_MODULE)]
    library = build_serial_library(emitted, not_inlined=tuple(modules), progress=progress)
    return SerialSimulation(library, divisor=host.divisor, seed=seed)
