"""What a build leaves beside the bitstream: everything that it is made from, and what others need to use it."""

import dataclasses
import json
from pathlib import Path

from eyrie.common.emit import EmittedVerilog, write_verilog_files
from eyrie.driver.register_documents import as_json, c_header, markdown
from eyrie.files import write_atomic
from eyrie.host.eie_map import EIE_MAP
from eyrie.platforms.build_job import BuildJob
from eyrie.platforms.fusesoc_core import CORE_FILE, fusesoc_core
from eyrie.platforms.integration import LITEX_FILE, WISHBONE_FILE, litex_module
from eyrie.platforms.vivado_script import VIVADO_FILE, vivado_script

README = "README.txt"
"""Says how to load the bitstream."""

CONFIGURATION = "config.json"
"""The engine's configuration, for which ``eyrie compile --config`` compiles."""


def bitstream_file(job: BuildJob) -> str:
    """Name of the bitstream that the board takes."""
    return f"{job.board.name}.{'bit' if job.toolchain is None else job.toolchain.suffix}"


def write_sources(out: Path, job: BuildJob, wishbone: EmittedVerilog, *, version: str) -> list[str]:
    """Write Verilog, constraints, register map, core description, LiteX module; each file whole or not at all.

    Parameters
    ----------
    out : Path
        Folder.
    job : BuildJob
        What is built.
    wishbone : EmittedVerilog
        The engine behind a bus.
    version : str
        Of Eyrie.

    Returns
    -------
    list of str
        Names of the files in the folder.

    Raises
    ------
    InputError
        If one cannot be written.
    """
    configuration = {"engine": dataclasses.asdict(job.config), "host": dataclasses.asdict(job.host)}
    written = write_verilog_files(out, job.system, configuration=configuration, configuration_hash=job.config.hash)
    texts = dict([job.top_file, job.constraint_file])
    texts |= {
        CONFIGURATION: job.config.as_json() + "\n",
        f"{EIE_MAP.name}.h": c_header(EIE_MAP),
        f"{EIE_MAP.name}-registers.json": as_json(EIE_MAP),
        f"{EIE_MAP.name}-registers.md": markdown(EIE_MAP),
        CORE_FILE: fusesoc_core(job, version=version),
        WISHBONE_FILE: wishbone.text,
        LITEX_FILE: litex_module(job.config, job.host),
        README: _readme(job),
    }
    if job.board.family == "xilinx":
        texts[VIVADO_FILE] = vivado_script(job)
    for name, text in texts.items():
        write_atomic(out / name, text)
    return [*(path.name for path in written), *texts]


def description(job: BuildJob) -> dict[str, object]:
    """The board, the clock and the engine, as JSON values."""
    board, pll = job.board, job.board.pll(job.host.clock)
    return {
        "board": board.name,
        "title": board.title,
        "family": board.family,
        "part": board.part,
        "device": board.device,
        "clock": job.host.clock,
        "baud": job.host.baud,
        "oscillator": board.oscillator,
        "pll": None if pll is None else {**pll.settings, "vco": pll.oscillator_hz},
        "pins": {name: pin.place for name, pin in board.pins.items()},
        "host": dataclasses.asdict(job.host),
        "config": json.loads(job.config.as_json()),
        "config_hash": f"{job.config.hash:016x}",
    }


def _readme(job: BuildJob) -> str:
    loading = job.board.loading.format(bitstream_file(job))
    first = (
        ""
        if job.toolchain is not None
        else f"Make the bitstream with Vivado: vivado -mode batch -source {VIVADO_FILE}\n"
    )
    return (
        f"{first}Load it into the {job.board.title}: {loading}\n"
        f"Serial line: {job.host.baud} baud, 8 bits, no parity, one stop bit.\n"
        f"It runs networks that are compiled for it: eyrie compile MODEL.onnx --config {CONFIGURATION} -o DIR\n"
    )
