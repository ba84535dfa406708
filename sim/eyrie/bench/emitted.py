"""The engine's Verilog for a configuration, kept in the cache until the hardware's sources change."""

import dataclasses
import json
from importlib import metadata, resources
from pathlib import Path

from eyrie.bench.cache import Progress, cached, content_key
from eyrie.common.emit import EmittedVerilog, emit_verilog, yosys_version
from eyrie.common.fold import Port
from eyrie.eie.config import EieConfig

TOP = "eie_core"
"""Name of the engine's top module."""

PREFIX = "eie"
"""First part of the names of its other modules."""

PE_MODULE = "eie_pe"
"""Name of the one module that all processing elements are."""

_SOURCES = ("eyrie.eie", "eyrie.common")


def emit_core(config: EieConfig, progress: Progress | None = None) -> EmittedVerilog:
    """Verilog of the engine, from the cache if the same configuration was emitted from the same sources before.

    Raises
    ------
    MissingToolError, YosysError
        If Yosys is not installed or fails.
    """
    key = content_key(config.as_json(), _sources_hash(), metadata.version("amaranth"), yosys_version())

    def make(folder: Path) -> None:
        if progress is not None:
            progress(f"emitting Verilog for {config.n_pes} PEs")
        from eyrie.eie.core import EieCore  # elaboration is not needed when the cache has it

        emitted = emit_verilog(EieCore(config), name=TOP, prefix=PREFIX)
        (folder / "emitted.json").write_text(json.dumps(dataclasses.asdict(emitted)))

    fields = json.loads((cached("emitted", key, make) / "emitted.json").read_text())
    return EmittedVerilog(**{**fields, "ports": tuple(Port(**port) for port in fields["ports"])})


def _sources_hash() -> str:
    parts: list[str | bytes] = []
    for package in _SOURCES:
        files = (file for file in resources.files(package).iterdir() if file.name.endswith(".py"))
        for file in sorted(files, key=lambda file: file.name):
            parts += [package, file.name, file.read_bytes()]
    return content_key(*parts)
