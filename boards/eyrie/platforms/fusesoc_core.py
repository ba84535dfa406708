"""A core description for FuseSoC: the system to simulate or build into something, the bus slave, the board."""

from eyrie.platforms.build_job import BuildJob
from eyrie.platforms.integration import WISHBONE_FILE, WISHBONE_TOP
from eyrie.synth.cells import Target

CORE_FILE = "eyrie_eie.core"
"""Name of the file."""

_CONSTRAINT_TYPES: dict[Target, str] = {"ecp5": "LPF", "ice40": "PCF", "gowin": "CST", "xilinx": "xdc"}

_FLOWS: dict[Target, str] = {"ecp5": "trellis", "ice40": "icestorm"}


def fusesoc_core(job: BuildJob, *, version: str) -> str:
    """A description with API CAPI=2; its files are those that `eyrie.platforms.sources.source_files` names.

    Parameters
    ----------
    job : BuildJob
        What was built.
    version : str
        Of Eyrie.
    """
    board, (top_file, _), (constraint_file, _) = job.board, job.top_file, job.constraint_file
    return f"""CAPI=2:

name: eyrie:eyrie:eie:{version}
description: EIE engine with {job.config.n_pes} PEs, configuration {job.config.hash:016x}

filesets:
  system:
    files:
      - {job.system.top}.v
    file_type: verilogSource
  wishbone:
    files:
      - {WISHBONE_FILE}
    file_type: verilogSource
  board:
    files:
      - {top_file}: {{file_type: verilogSource}}
      - {constraint_file}: {{file_type: {_CONSTRAINT_TYPES[board.family]}}}

targets:
  default:
    filesets: [system]
    toplevel: {job.system.top}
  wishbone:
    filesets: [wishbone]
    toplevel: {WISHBONE_TOP}
  {board.name}:
{_flow(job)}    filesets: [system, board]
    toplevel: {job.design.top}
"""


def _flow(job: BuildJob) -> str:
    """The flow of the board's target, where Edalize has one for its family."""
    options = ", ".join(f'"{option}"' for option in job.board.options)
    if job.board.family == "xilinx":
        flow, settings = "vivado", f"part: {job.board.options[0]}"
    elif job.board.family in _FLOWS:
        flow, settings = _FLOWS[job.board.family], f"nextpnr_options: [{options}]"
    else:
        return ""
    return f"    flow: {flow}\n    flow_options:\n      {settings}\n"
