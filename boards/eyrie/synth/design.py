"""An engine as a design: its Verilog, the modules in it that repeat, and its configuration in a report."""

import json
from typing import Any

from eyrie.bench import emitted
from eyrie.bench.cache import Progress
from eyrie.bench.emitted import COMMAND_MODULE, PE_MODULE, ROWSTAT_REPEATED
from eyrie.common.emit import EmittedVerilog
from eyrie.eie.config import EieConfig
from eyrie.rowstat.config import RowstatConfig
from eyrie.synth.cells import WITH_SINGLE_PORT, WITHOUT_LUT_RAM, Target
from eyrie.synth.engines import EngineConfig


def emit_engine(config: EngineConfig, progress: Progress | None = None) -> EmittedVerilog:
    """Verilog of an engine, from the cache if the same configuration was emitted from the same sources before.

    Raises
    ------
    MissingToolError, YosysError
        If Yosys is not installed or fails.
    """
    if isinstance(config, RowstatConfig):
        return emitted.emit_rowstat_core(config, progress)
    return emitted.emit_core(config, progress)


def repeated_modules(config: EngineConfig) -> tuple[str, ...]:
    """Modules of which an engine has many instances, the processing element first: mapped once each."""
    if isinstance(config, RowstatConfig):
        return ROWSTAT_REPEATED if config.codebook_entries else ROWSTAT_REPEATED[:-1]
    return (PE_MODULE,)


def placed_modules(config: EngineConfig) -> tuple[str, ...]:
    """Modules that a netlist for placement maps once: those that repeat, and the EIE engine's registers of commands.

    Those repeat each other, one for each group of PEs; mapped with what is around them, they would become one register
    with the fan-out of the whole array.
    """
    repeated = repeated_modules(config)
    return repeated if isinstance(config, RowstatConfig) else (*repeated, COMMAND_MODULE)


def obstacle(config: EngineConfig, target: Target) -> str | None:
    """Why an engine cannot be made for a family, in a line; None if it can."""
    if isinstance(config, EieConfig) and target not in WITH_SINGLE_PORT:
        for name in ("entry_memory", "program_memory"):
            if getattr(config, name) == "single_port":
                return f"{target} has no memories with one port apart from its block RAMs; take {name} 'block'"
    if target not in WITHOUT_LUT_RAM:
        return None
    lack = f"{target} has no memories that are read without a clock"
    if isinstance(config, RowstatConfig):
        return f"{lack}, and the scratch pads of the row-stationary engine are such memories"
    return f"{lack}; take an engine with --lut-ram off" if config.lut_ram else None


def array_size(config: EngineConfig) -> str:
    """How many processing elements an engine has, for people."""
    if isinstance(config, RowstatConfig):
        return f"{config.rows} x {config.columns} PEs"
    return f"{config.n_pes} PEs"


def configuration_text(config: EngineConfig) -> str:
    """The file that a command reads as CONFIG.json."""
    return config.as_json() if isinstance(config, RowstatConfig) else f"{config.as_json()}\n"


def configuration_facts(config: EngineConfig) -> dict[str, Any]:
    """The configuration and its hash, as a report has them."""
    return {"config": json.loads(configuration_text(config)), "config_hash": f"{config.hash:016x}"}
