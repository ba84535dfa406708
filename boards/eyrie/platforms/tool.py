"""Programs that come in a wheel, or from the system where its own is newer."""

import importlib.metadata
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass

from eyrie.errors import MissingToolError

_VERSION = re.compile(r"[Vv]ersion (?:nextpnr-)?v?(\d+(?:\.\d+)*)")


@dataclass(frozen=True, kw_only=True)
class FoundTool:
    """A program that is there.

    Parameters
    ----------
    name : str
        Package that it is from, or the program if it is the system's.
    version : str
    command : tuple of str
        How it is called.
    """

    name: str
    version: str
    command: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A program.

    Parameters
    ----------
    program : str
        Its name on a PATH.
    package : str
        The wheel that brings it.
    call : str
        Python that runs it with the arguments in ``argv`` and leaves its status in ``status``. Such a package may have
        no ``__main__``, and its entry point need not be on a PATH.
    """

    program: str
    package: str
    call: str

    def find(self) -> FoundTool:
        """The wheel's program, or the one on the PATH if it is newer or the only one.

        Raises
        ------
        MissingToolError
            If there is none.
        """
        try:
            version = importlib.metadata.version(self.package)
        except importlib.metadata.PackageNotFoundError:
            version = None
        own = _system_version(self.program)
        if own is not None and (version is None or _numbers(own) > _numbers(version)):
            return FoundTool(name=self.program, version=own, command=(self.program,))
        if version is None:
            raise MissingToolError(f"{self.program} is not installed: pip install 'eyrie[route]'")
        source = f"import sys; argv = sys.argv[1:]; {self.call}; sys.exit(status)"
        return FoundTool(name=self.package, version=version, command=(sys.executable, "-c", source))


def _system_version(program: str) -> str | None:
    """What the program on the PATH says of itself; None if there is none, or it does not say."""
    path = shutil.which(program)
    if path is None:
        return None
    run = subprocess.run(
        [path, "--version"], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace"
    )
    found = _VERSION.search(run.stdout + run.stderr)
    return None if found is None else found[1]


def _numbers(version: str) -> tuple[int, int, int]:
    """The first three numbers; a wheel counts its own builds in those behind them."""
    first, second, third, *_ = [*map(int, re.findall(r"\d+", version)), 0, 0, 0]
    return first, second, third
