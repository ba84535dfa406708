"""Every proof holds, and every property fails on its broken variant."""

from pathlib import Path

import pytest

from eyrie.errors import InputError
from eyrie.formal.catalogue import PROOFS, find_proofs
from eyrie.formal.proof import Proof
from eyrie.formal.run import run_proof
from eyrie.formal.solver import find_solver


@pytest.mark.parametrize("proof", PROOFS, ids=lambda proof: proof.name)
def test_proof(proof: Proof, tmp_path: Path) -> None:
    run = run_proof(proof, find_solver(), tmp_path, say=lambda line: None, broken=True)
    assert run.complaints == []
    assert len(run.broken) == len(proof.properties)


def test_properties() -> None:
    assert len({proof.name for proof in PROOFS}) == len(PROOFS)
    assert sum(len(proof.properties) for proof in PROOFS) >= 30
    for proof in PROOFS:
        assert len({listed.name for listed in proof.properties}) == len(proof.properties), proof.name


def test_proofs_by_name() -> None:
    assert [proof.name for proof in find_proofs(["uartbone", "stream-fifo", "uartbone"])] == ["uartbone", "stream-fifo"]
    assert find_proofs([]) == list(PROOFS)
    with pytest.raises(InputError, match="no proof 'fifo'; there are stream-fifo"):
        find_proofs(["fifo"])
