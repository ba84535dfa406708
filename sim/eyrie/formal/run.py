"""Proofs carried out: by induction for a component as it is, by a search for a failure for its broken variants."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eyrie.bench.tools import ToolError
from eyrie.errors import InputError
from eyrie.formal.harness import assertion_names
from eyrie.formal.model import write_model
from eyrie.formal.proof import Proof, Property
from eyrie.formal.solver import Solver, induct, search

BASE_CYCLES = 12
"""Cycles from the beginning that are looked at, at least; induction may not need more."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why a proof does not hold.

    Parameters
    ----------
    what : str
        One clause.
    trace : Path or None
        Waveform of all signals.
    """

    what: str
    trace: Path | None = None

    def __str__(self) -> str:
        return self.what if self.trace is None else f"{self.what}; trace in {self.trace}"


@dataclass(frozen=True, kw_only=True)
class BrokenRun:
    """A broken variant of a component, looked at for one property.

    Parameters
    ----------
    property : Property
    cycle : int or None
        The first in which it fails; None if it does not.
    seconds : float
    """

    property: Property
    cycle: int | None
    seconds: float


@dataclass(frozen=True, kw_only=True)
class ProofRun:
    """What came out of a proof.

    Parameters
    ----------
    proof : Proof
    base : int
        Cycles from the beginning in which nothing fails.
    induction : int
        Cycles without a failure after which there is none in the next.
    steps : int
        Assertions proven besides the properties, those of the component among them.
    seconds : float
        Without the broken variants.
    failure : Failure or None
        Why it does not hold.
    broken : tuple of BrokenRun
        None if the proof does not hold.
    """

    proof: Proof
    base: int
    induction: int
    steps: int
    seconds: float
    failure: Failure | None
    broken: tuple[BrokenRun, ...] = ()

    @property
    def total_seconds(self) -> float:
        """Of the proof and of its broken variants."""
        return self.seconds + sum(run.seconds for run in self.broken)

    def as_json(self) -> dict[str, Any]:
        """What the command prints, as JSON."""
        variants: dict[str, BrokenRun] = {run.property.name: run for run in self.broken}
        properties: list[dict[str, Any]] = []
        for listed in self.proof.properties:
            facts: dict[str, Any] = {"name": listed.name, "says": listed.says}
            if run := variants.get(listed.name):
                change = {"old": listed.broken.old, "new": listed.broken.new}
                facts["broken"] = change | {"fails_in_cycle": run.cycle, "seconds": round(run.seconds, 1)}
            properties.append(facts)
        return {
            "name": self.proof.name,
            "component": f"{self.proof.module}.{self.proof.component}",
            "configuration": self.proof.configuration,
            "holds": self.failure is None,
            "failure": None if self.failure is None else str(self.failure),
            "base_cycles": self.base,
            "induction_depth": self.induction,
            "other_assertions": self.steps,
            "seconds": round(self.seconds, 1),
            "properties": properties,
        }

    @property
    def complaints(self) -> list[str]:
        """What does not hold, a line each."""
        lines = [f"{self.proof.name}: {self.failure}"] if self.failure else []
        for run in self.broken:
            if run.cycle is None:
                lines.append(
                    f"{self.proof.name}: {run.property.name!r} still holds in {run.property.cycles} cycles "
                    f"where {run.property.broken}"
                )
        return lines


def run_proof(proof: Proof, solver: Solver, traces: Path, *, say: Callable[[str], None], broken: bool) -> ProofRun:
    """Prove all properties of a component, and then see each of them fail on its broken variant.

    Parameters
    ----------
    proof : Proof
    solver : Solver
    traces : Path
        Folder for the waveform of a failure.
    say : callable
        Takes a line that says what is being done.
    broken : bool
        Look at the broken variants too.

    Raises
    ------
    InputError
        If the proof lists a property that its harness does not have, or a tool fails.
    """
    say(f"{proof.name}: proof")
    start = time.monotonic()
    harness = proof.harness()
    names = assertion_names(harness.rtlil())
    for listed in proof.properties:
        if names.count(listed.name) != 1:
            raise InputError(f"{proof.name}: {names.count(listed.name)} assertions are called {listed.name!r}")
    with tempfile.TemporaryDirectory(prefix="eyrie-prove-") as temporary:
        folder = Path(temporary)
        write_model(harness, folder)
        traces.mkdir(parents=True, exist_ok=True)
        trace = traces / f"{proof.name}.vcd"
        trace.unlink(missing_ok=True)
        failure, induction = None, 0
        try:
            base = search(solver, folder, max(BASE_CYCLES, proof.cycles + 1), trace)
            if base.holds:
                step = induct(solver, folder, proof.cycles, trace)
                induction = step.step
                if not step.holds:
                    what = f"no induction over {proof.cycles} cycles for {_quoted(step.failed)}"
                    failure = Failure(what=f"{what}: the trace begins where no reset may lead to", trace=trace)
            else:
                failure = Failure(what=f"{_quoted(base.failed)} fails in cycle {base.step}", trace=trace)
        except ToolError as error:
            raise ToolError(f"{proof.name}: {error}") from error
    run = ProofRun(
        proof=proof,
        base=base.step + 1 if base.holds else base.step,
        induction=induction,
        steps=len(names) - len(proof.properties),
        seconds=time.monotonic() - start,
        failure=failure,
    )
    if failure or not broken:
        return run
    variants = []
    for number, listed in enumerate(proof.properties, start=1):
        say(f"{proof.name}: broken variant {number} of {len(proof.properties)}")
        variants.append(_run_broken(proof, listed, solver))
    return replace(run, broken=tuple(variants))


def _run_broken(proof: Proof, listed: Property, solver: Solver) -> BrokenRun:
    """Look at one property alone: what else fails first says nothing of it."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="eyrie-prove-") as temporary:
        folder = Path(temporary)
        try:
            write_model(proof.harness(listed.broken), folder, listed.name)
            answer = search(solver, folder, listed.cycles)
        except InputError as error:
            raise InputError(f"{proof.name}, {listed.name!r} broken: {error}") from error
    return BrokenRun(property=listed, cycle=None if answer.holds else answer.step, seconds=time.monotonic() - start)


def _quoted(names: tuple[str, ...]) -> str:
    return ", ".join(map(repr, names)) or "an assertion"
