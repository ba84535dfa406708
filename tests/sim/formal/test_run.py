"""What the prover says of components that are not as they should be."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from amaranth.hdl import Signal, Value

from eyrie.bench.tools import ToolError
from eyrie.common.emit import YosysError
from eyrie.errors import InputError, MissingToolError
from eyrie.formal import solver
from eyrie.formal.harness import Harness
from eyrie.formal.proof import Broken, Proof, Property
from eyrie.formal.run import ProofRun, run_proof

COUNTER = '''
from typing import Any

from amaranth.hdl import Assert, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out


class Counter(wiring.Component):
    """Counts to 5 and begins anew."""

    def __init__(self) -> None:
        super().__init__({"go": In(1), "o": Out(3), "word": Out(2)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        wraps = Signal()
        m.submodules.words = words = Memory(shape=2, depth=4, init=[])
        write, read = words.write_port(), words.read_port(domain="comb")
        m.d.comb += [read.addr.eq(self.o), self.word.eq(read.data)]
        m.d.comb += [wraps.eq(self.o == 5), write.addr.eq(self.o), write.data.eq(3), write.en.eq(self.go)]
        with m.FSM(name="counting"):
            with m.State("LOW"):
                with m.If(self.go & (self.o == 2)):
                    m.next = "HIGH"
            with m.State("HIGH"):
                with m.If(self.go & wraps):
                    m.next = "LOW"
        with m.If(self.go):
            m.d.sync += self.o.eq(self.o + 1)
            with m.If(wraps):
                m.d.sync += self.o.eq(0)
        m.d.sync += Assert(self.o != 7, "too far")
        return m
'''

Prove = Callable[..., ProofRun]
WRAPS = Broken(old="self.o == 5", new="self.o == 6")
BELOW_6 = Property(name="below 6", says="It stays below 6.", broken=WRAPS)


@pytest.fixture
def prove(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Prove:
    """Carries out a proof of the counter above."""
    (tmp_path / "counter_under_proof.py").write_text(COUNTER)
    monkeypatch.syspath_prepend(tmp_path)

    def carry_out(watch: Callable[[Harness, Any], None], **changes: Any) -> ProofRun:
        def build(module: Any) -> Harness:
            dut = module.Counter()
            h = Harness(dut)
            watch(h, dut)
            return h

        proof = Proof(
            name="counter",
            module="counter_under_proof",
            component="Counter",
            configuration="as it is",
            build=build,
            properties=(BELOW_6,),
        )
        whole = replace(proof, **changes)
        return run_proof(whole, solver.find_solver(), tmp_path / "traces", say=lambda line: None, broken=True)

    return carry_out


def below_6(h: Harness, dut: Any) -> None:
    h.prove("below 6", dut.o < 6)


def test_what_holds(prove: Prove) -> None:
    def watch(h: Harness, dut: Any) -> None:
        below_6(h, dut)
        h.prove("low", h.state("counting", "LOW") == (dut.o < 3))
        written = Signal(name="written")
        with h.m.If(dut.go & (dut.o == 1)):
            h.m.d.sync += written.eq(1)
        h.prove("word", ~written | (h.words("words", 2, 4)[1] == 3))
        h.prove("one step", (dut.o == 0) | ~h.inside("wraps") | (dut.o == 5))

    run = prove(watch)
    assert run.complaints == []
    assert (run.induction, run.steps) == (1, 4)  # with the component's own assertion
    assert run.broken[0].cycle == 6


def test_own_assertions_are_properties(prove: Prove) -> None:
    own = Property(name="too far", says="Never.", broken=Broken(old="wraps.eq(self.o == 5)", new="wraps.eq(0)"))
    run = prove(below_6, properties=(BELOW_6, own))
    assert run.complaints == []
    assert run.broken[1].cycle == 8  # an assertion of a clock's edge is seen in the cycle after it


def test_a_failure_has_a_trace(prove: Prove, tmp_path: Path) -> None:
    def watch(h: Harness, dut: Any) -> None:
        h.prove("below 6", dut.o < 4)

    run = prove(watch)
    trace = tmp_path / "traces" / "counter.vcd"
    assert run.complaints == [f"counter: 'below 6' fails in cycle 4; trace in {trace}"]
    assert "$enddefinitions" in trace.read_text()
    assert run.broken == ()


def test_what_holds_without_an_induction(prove: Prove, tmp_path: Path) -> None:
    def watch(h: Harness, dut: Any) -> None:
        h.prove("below 6", dut.o != 7)

    run = prove(watch, properties=(replace(BELOW_6, cycles=6),))
    assert run.failure is not None
    assert "no induction over 4 cycles for 'below 6'" in str(run.failure)
    assert run.failure.trace == tmp_path / "traces" / "counter.vcd"


def test_a_broken_variant_that_nobody_notices(prove: Prove) -> None:
    run = prove(below_6, properties=(replace(BELOW_6, cycles=6),))
    assert run.complaints == [
        "counter: 'below 6' still holds in 6 cycles where 'self.o == 5' becomes 'self.o == 6'",
    ]


def test_a_place_to_break_that_is_not_there(prove: Prove) -> None:
    gone = replace(BELOW_6, broken=Broken(old="self.o == 55", new=""))
    with pytest.raises(
        InputError, match=r"counter, 'below 6' broken: .* has 0 places to break that read 'self.o == 55'"
    ):
        prove(below_6, properties=(gone,))
    twice = replace(BELOW_6, broken=Broken(old="with m.State", new=""))
    with pytest.raises(InputError, match="has 2 places to break"):
        prove(below_6, properties=(twice,))


def test_a_property_that_is_not_there(prove: Prove) -> None:
    with pytest.raises(InputError, match="counter: 0 assertions are called 'below 7'"):
        prove(below_6, properties=(replace(BELOW_6, name="below 7"),))


def test_assumptions_that_contradict_each_other(prove: Prove) -> None:
    def watch(h: Harness, dut: Any) -> None:
        below_6(h, dut)
        h.assume(dut.go)
        h.assume(~dut.go)

    with pytest.raises(ToolError, match="counter: what is assumed contradicts itself"):
        prove(watch)


@pytest.mark.parametrize(
    ("look", "message"),
    [
        (lambda h: h.inside("wrap"), "Counter has nothing called wrap"),
        (lambda h: h.inside("words.depth"), "Memory has nothing called depth"),
        (lambda h: h.state("counting", "MIDDLE"), "state machine counting of Counter has no state MIDDLE"),
    ],
)
def test_insides_that_are_not_there(prove: Prove, look: Callable[[Harness], Value], message: str) -> None:
    with pytest.raises(InputError, match=message):
        prove(lambda h, dut: h.prove("below 6", look(h)))


def test_words_of_no_memory(prove: Prove) -> None:
    with pytest.raises(YosysError):
        prove(lambda h, dut: h.prove("below 6", h.words("phrases", 2, 4)[0] == 0))


def test_a_missing_solver(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: str) -> Any:
        raise solver.importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(solver.importlib.metadata, "distribution", nothing)
    with pytest.raises(MissingToolError, match=r"Z3 is not installed: pip install 'eyrie\[prove\]'"):
        solver.find_solver()
