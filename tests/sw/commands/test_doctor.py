"""``eyrie doctor``: it knows what is there, and says what is not."""

from collections.abc import Callable

import pytest

from eyrie.bench import tools


def test_everything_needed_is_here(eyrie: Callable) -> None:
    ended = eyrie("doctor", "--json")
    assert ended.status == 0
    found = {tool["tool"]: tool for tool in ended.json["tools"]}
    assert found["Verilator"]["version"] == tools.find_verilator().version
    assert not any(tool["missing"] for tool in found.values())


def test_a_missing_compiler_is_said(eyrie: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    ended = eyrie("doctor", "--json")
    assert ended.status == 1
    assert [tool["tool"] for tool in ended.json["tools"] if tool["missing"]] == ["C++ compiler"]
    assert "no-such-compiler" in eyrie("doctor").out
