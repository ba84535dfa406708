"""``eyrie prove``: the table, the JSON, and what it does when a proof does not hold."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eyrie.formal import catalogue
from eyrie.formal.proof import Proof


def wait_proof(monkeypatch: pytest.MonkeyPatch, change: Callable[[Proof], Proof]) -> None:
    """Leaves one proof, changed."""
    (proof,) = catalogue.find_proofs(["waits"])
    monkeypatch.setattr(catalogue, "PROOFS", (change(proof),))


def test_table(eyrie: Callable[..., Any], tmp_path: Path) -> None:
    ended = eyrie("prove", "waits", "-o", tmp_path)
    assert (ended.status, ended.err) == (0, "")
    assert "2 properties of 1 components" in ended.out
    assert "goes on" in ended.out
    assert list(tmp_path.iterdir()) == []


def test_json(eyrie: Callable[..., Any], tmp_path: Path) -> None:
    found = eyrie("prove", "waits", "-o", tmp_path, "--json").json
    assert (found["proven"], found["complaints"]) == (2, [])
    (proof,) = found["proofs"]
    assert (proof["component"], proof["holds"], proof["induction_depth"]) == ("eyrie.rowstat.waits.reached", True, 0)
    assert [listed["broken"]["fails_in_cycle"] for listed in proof["properties"]] == [0, 0]
    without = eyrie("prove", "waits", "-o", tmp_path, "--json", "--no-broken").json
    assert ["broken" in listed for listed in without["proofs"][0]["properties"]] == [False, False]


def test_a_proof_that_fails(eyrie: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(proof: Proof) -> Proof:
        broken = proof.properties[0].broken
        return replace(proof, build=lambda module: proof.harness(broken))

    wait_proof(monkeypatch, fail)
    ended = eyrie("prove", "-o", tmp_path)
    trace = tmp_path / "waits.vcd"
    assert ended.status == 1
    assert ended.err == f"eyrie: waits: 'goes on' fails in cycle 0; trace in {trace}\n"
    assert "fails" in ended.out
    assert trace.exists()


def test_a_broken_variant_that_holds(
    eyrie: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def repair(proof: Proof) -> Proof:
        first, *others = proof.properties
        same = replace(first, broken=replace(first.broken, new=first.broken.old))
        return replace(proof, properties=(same, *others))

    wait_proof(monkeypatch, repair)
    ended = eyrie("prove", "-o", tmp_path)
    assert ended.status == 1
    assert "'goes on' still holds" in ended.err
    assert "never" in ended.out


def test_an_unknown_name(eyrie: Callable[..., Any]) -> None:
    ended = eyrie("prove", "no-such")
    assert ended.status == 2
    assert ended.err.startswith("eyrie: there is no proof 'no-such'; there are stream-fifo, ")
