"""The engines' Verilog: one module for all PEs, elaborated only when something changed."""

from dataclasses import replace
from pathlib import Path

import pytest

from eyrie.bench import emitted
from eyrie.bench.emitted import PE_MODULE, PREFIX, ROWSTAT_REPEATED, ROWSTAT_TOP, TOP, emit_core, emit_rowstat_core
from eyrie.eie.config import TINY
from eyrie.rowstat.config import TINY as ROWSTAT_TINY


@pytest.mark.parametrize("n_pes", [1, 3, 18])
def test_a_pe_is_one_module(n_pes: int) -> None:
    core = emit_core(replace(TINY, n_pes=n_pes))
    assert core.modules[TOP] == 1
    inside = {name: count for name, count in core.modules.items() if name.startswith(PE_MODULE)}
    assert len(inside) > 10
    assert set(inside.values()) == {n_pes}
    assert all(name == TOP or name.startswith(f"{PREFIX}_") for name in core.modules)
    assert core.text.count(f"  {PE_MODULE} pe_") == n_pes
    assert "$stop" in core.text


@pytest.mark.parametrize(("rows", "columns", "filter_columns"), [(1, 1, 1), (2, 5, 1), (2, 6, 3)])
def test_pes_pads_rows_and_banks_are_one_module_each(rows: int, columns: int, filter_columns: int) -> None:
    core = emit_rowstat_core(replace(ROWSTAT_TINY, rows=rows, columns=columns, filter_columns=filter_columns))
    assert core.modules[ROWSTAT_TOP] == 1
    assert [core.modules[name] for name in ROWSTAT_REPEATED] == [
        rows * columns,
        rows * columns // filter_columns,
        rows,
        columns,
        2,
    ]


def test_the_ports_are_those_of_the_contract() -> None:
    config = replace(TINY, activation_width=11)
    ports = {port.name: (port.direction, port.width, port.signed) for port in emit_core(config).ports}
    assert ports == {
        "clk": ("input", 1, False),
        "rst": ("input", 1, False),
        "load__payload": ("input", 33, False),
        "load__valid": ("input", 1, False),
        "load__ready": ("output", 1, False),
        "i__payload": ("input", 11, True),
        "i__valid": ("input", 1, False),
        "i__ready": ("output", 1, False),
        "o__payload": ("output", 11, True),
        "o__valid": ("output", 1, False),
        "o__ready": ("input", 1, False),
        "start": ("input", 1, False),
        "busy": ("output", 1, False),
        "done": ("output", 1, False),
        "loaded": ("output", 1, False),
        "error": ("output", 4, False),
        "cycles": ("output", 32, False),
        "identification": ("output", 64, False),
    }


def test_it_is_elaborated_once_for_sources_and_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EYRIE_CACHE", str(tmp_path))
    said: list[str] = []
    first = emit_core(TINY, said.append)
    assert emit_core(TINY, said.append) == first
    assert said == ["emitting Verilog for 4 PEs"]
    emit_core(replace(TINY, queue_depth=5), said.append)
    assert len(said) == 2
    monkeypatch.setattr(emitted, "_sources_hash", lambda packages: "other sources")
    assert emit_core(TINY, said.append) == first
    assert len(said) == 3


@pytest.mark.parametrize("engine", ["eyrie.eie", "eyrie.rowstat"])
def test_the_hash_of_the_sources_sees_every_file(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    packages = (engine, "eyrie.common")
    before = emitted._sources_hash(packages)
    read = Path.read_bytes
    for changed in ("pe.py", "config.py", "fold.py"):
        monkeypatch.setattr(
            Path, "read_bytes", lambda self, changed=changed: read(self) + b"#" * (self.name == changed)
        )
        assert emitted._sources_hash(packages) != before, changed
    monkeypatch.setattr(Path, "read_bytes", read)
    assert emitted._sources_hash(packages) == before
