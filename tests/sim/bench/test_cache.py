"""The cache: whole results or none, whoever makes them and however often."""

from pathlib import Path

import pytest

from eyrie.bench.cache import cache_folder, cached, content_key
from eyrie.errors import InputError


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EYRIE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_result_is_made_once() -> None:
    made = []

    def make(folder: Path) -> None:
        made.append(folder)
        (folder / "result").write_text(str(len(made)))

    first, second = (cached("kind", "key", make) for _ in range(2))
    assert first == second == cache_folder() / "kind" / "key"
    assert len(made) == 1
    assert (first / "result").read_text() == "1"
    assert cached("kind", "other key", make) != first
    assert cached("other kind", "key", make) != first
    assert len(made) == 3


def test_nothing_is_left_of_a_result_that_fails() -> None:
    def make(folder: Path) -> None:
        (folder / "half").write_text("")
        raise ArithmeticError

    for _ in range(2):
        with pytest.raises(ArithmeticError):
            cached("kind", "key", make)
    assert list((cache_folder() / "kind").iterdir()) == []


def test_two_that_make_the_same_result_share_one() -> None:
    def make_slowly(folder: Path) -> None:
        (folder / "result").write_text("slow")
        cached("kind", "key", lambda other: (other / "result").write_text("fast") and None)

    assert (cached("kind", "key", make_slowly) / "result").read_text() == "fast"
    assert [path.name for path in (cache_folder() / "kind").iterdir()] == ["key"]


def test_a_cache_that_cannot_be_written_is_said(own_cache: Path) -> None:
    own_cache.write_text("a file, not a folder")
    with pytest.raises(InputError, match=r"cannot write the cache folder .*set EYRIE_CACHE"):
        cached("kind", "key", lambda folder: None)


def test_the_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EYRIE_CACHE")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", "/elsewhere")
    assert cache_folder() == Path("/elsewhere/eyrie")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "eyrie"


def test_keys_know_where_a_part_ends() -> None:
    keys = [content_key(*parts) for parts in (("ab", "c"), ("a", "bc"), ("abc",), ("ab", "c", ""), (b"ab", "c"))]
    assert len(set(keys)) == 4
    assert keys[0] == keys[4]
