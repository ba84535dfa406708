"""An engine's Verilog for a configuration, kept in the cache until the hardware's sources change."""

import dataclasses
import json
from collections.abc import Callable, Sequence
from importlib import metadata, resources
from pathlib import Path

from eyrie.bench.cache import Progress, cached, content_key
from eyrie.common.emit import EmittedVerilog, emit_verilog, yosys_version
from eyrie.common.fold import Port
from eyrie.eie.config import EieConfig
from eyrie.rowstat.config import RowstatConfig

TOP = "eie_core"
"""Name of the EIE engine's top module."""

PREFIX = "eie"
"""First part of the names of its other modules."""

PE_MODULE = "eie_pe"
"""Name of the one module that all its processing elements are."""

COMMAND_MODULE = "eie_command"
"""Name of the one module that all registers between its control and its processing elements are."""

ROWSTAT_TOP = "rowstat_core"
"""Name of the row-stationary engine's top module."""

ROWSTAT_PREFIX = "rowstat"
"""First part of the names of its other modules."""

ROWSTAT_REPEATED = ("rowstat_pe", "rowstat_filter_pad", "rowstat_row", "rowstat_psum_bank", "rowstat_codebook")
"""Names of its modules with many instances; the last is not there without a codebook."""


def emit_core(config: EieConfig, progress: Progress | None = None) -> EmittedVerilog:
    """Verilog of the EIE engine, from the cache if the same configuration was emitted from the same sources before.

    Raises
    ------
    MissingToolError, YosysError
        If Yosys is not installed or fails.
    """

    def emit() -> EmittedVerilog:
        from eyrie.eie.core import EieCore  # elaboration is not needed when the cache has it

        return emit_verilog(EieCore(config), name=TOP, prefix=PREFIX)

    return cached_emission(config.as_json(), ("eyrie.eie",), emit, f"emitting Verilog for {config.n_pes} PEs", progress)


def emit_rowstat_core(config: RowstatConfig, progress: Progress | None = None) -> EmittedVerilog:
    """Verilog of the row-stationary engine, from the cache likewise.

    Raises
    ------
    MissingToolError, YosysError
        If Yosys is not installed or fails.
    """

    def emit() -> EmittedVerilog:
        from eyrie.rowstat.core import RowstatCore  # as above

        return emit_verilog(RowstatCore(config), name=ROWSTAT_TOP, prefix=ROWSTAT_PREFIX)

    text = f"emitting Verilog for {config.rows} x {config.columns} PEs"
    return cached_emission(config.as_json(), ("eyrie.rowstat",), emit, text, progress)


def cached_emission(
    config: str, packages: Sequence[str], emit: Callable[[], EmittedVerilog], text: str, progress: Progress | None
) -> EmittedVerilog:
    """What ``emit`` makes, from the cache if it was called for the same configuration and sources before.

    Parameters
    ----------
    config : str
        All that the Verilog depends on beside the sources.
    packages : sequence of str
        Packages that hold the sources, `eyrie.common` apart.
    emit : callable
    text : str
        What ``progress`` is told when it is called.
    progress : callable, optional
    """
    sources = _sources_hash((*packages, "eyrie.common"))
    key = content_key(config, sources, metadata.version("amaranth"), yosys_version())

    def make(folder: Path) -> None:
        if progress is not None:
            progress(text)
        (folder / "emitted.json").write_text(json.dumps(dataclasses.asdict(emit())))

    fields = json.loads((cached("emitted", key, make) / "emitted.json").read_text())
    return EmittedVerilog(**{**fields, "ports": tuple(Port(**port) for port in fields["ports"])})


def _sources_hash(packages: Sequence[str]) -> str:
    parts: list[str | bytes] = []
    for package in packages:
        files = (file for file in resources.files(package).iterdir() if file.name.endswith(".py"))
        for file in sorted(files, key=lambda file: file.name):
            parts += [package, file.name, file.read_bytes()]
    return content_key(*parts)
