"""Folding of equal modules: how many are left, what they are called, and that they still do the same."""

import re
import subprocess
import sys
from typing import Any

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Assert, Cat, Const, Module, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from eyrie.common.emit import YosysError, run_yosys
from eyrie.common.fold import FoldedDesign, fold


class Bank(wiring.Component):
    """A memory whose address comes in pieces, with an assertion."""

    def __init__(self, init: list[int]) -> None:
        self.init = init
        super().__init__({"write": In(1), "address": In(3), "i": In(4), "o": Out(4)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.words = words = Memory(shape=4, depth=8, init=self.init)
        write, read = words.write_port(), words.read_port()
        m.d.comb += [write.en.eq(self.write), write.addr.eq(self.address), write.data.eq(self.i)]
        m.d.comb += [read.en.eq(~self.write), read.addr.eq(self.address), self.o.eq(read.data)]
        m.d.sync += Assert(self.write | ~self.address.all(), "an assertion")
        return m


class Element(wiring.Component):
    """Adds what a bank holds to what comes along; ``odd`` changes what it does."""

    def __init__(self, *, odd: bool = False, init: list[int] | None = None) -> None:
        self.odd, self.init = odd, init or []
        # The tag has no bits: RTLIL can express that, Verilog cannot.
        super().__init__({"i": In(4), "write": In(1), "key": In(data.StructLayout({"n": 2, "tag": 0})), "o": Out(4)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.bank_0 = bank = Bank(self.init)
        page = Signal()
        tag = Signal.like(self.key.as_value())
        m.d.sync += [page.eq(~page), tag.eq(self.key)]
        m.d.comb += [bank.write.eq(self.write), bank.address.eq(Cat(self.key.n, page)), bank.i.eq(self.i)]
        m.d.sync += self.o.eq(bank.o - self.i if self.odd else bank.o + self.i + tag)
        return m


class Chain(wiring.Component):
    """Elements that feed one another, so that no two have their input from the same kind of place."""

    def __init__(self, n: int, *, odd: tuple[int, ...] = (), init: list[int] | None = None) -> None:
        self.n, self.odd, self.init = n, odd, init
        super().__init__({"i": In(4), "write": In(1), "key": In(2), "o": Out(4)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.array = array = Module()
        value = Signal(4)
        m.d.comb += value.eq(self.i)
        for number in range(self.n):
            element = Element(odd=number in self.odd, init=self.init)
            array.submodules[f"pe_{number}"] = element
            m.d.comb += [element.i.eq(value), element.write.eq(self.write), element.key.n.eq(self.key)]
            value = element.o
        m.d.comb += self.o.eq(value)
        return m


def emit(chain: Chain) -> str:
    return rtlil.convert(chain, name="top", emit_src=False)


def names(design: FoldedDesign) -> list[str]:
    return re.findall(r"^module \\(\S+)$", design.text, re.MULTILINE)


def prove_equal(gold: str, gate: str) -> None:
    """Let Yosys prove that two designs do the same; raises YosysError if it cannot."""
    script = "".join(
        f"read_rtlil {name}.il\nhierarchy -top top\nproc\nmemory\nflatten\nopt_clean\nchformal -remove\n"
        f"rename top {name}\ndesign -stash {name}\n"
        for name in ("gold", "gate")
    )
    script += "design -copy-from gold gold\ndesign -copy-from gate gate\nequiv_make gold gate both\n"
    script += "hierarchy -top both\nequiv_simple\nequiv_induct\nequiv_status -assert\n"
    run_yosys(script, {"gold.il": gold, "gate.il": gate}, [])


@pytest.mark.parametrize("n", [1, 2, 7])
def test_equal_elements_become_one_module(n: int) -> None:
    design = fold(emit(Chain(n)), prefix="x")
    assert design.modules == {"top": 1, "x_array": 1, "x_pe": n, "x_pe_bank": n}
    assert names(design) == list(design.modules)
    assert design.text.count("cell \\x_pe \\pe_") == n


def test_different_elements_stay_different_and_are_numbered_in_order() -> None:
    design = fold(emit(Chain(5, odd=(0, 3))), prefix="x")
    assert design.modules == {"top": 1, "x_array": 1, "x_pe": 2, "x_pe_bank": 5, "x_pe_2": 3}


@pytest.mark.parametrize("odd", [(), (1,)])
def test_the_folded_design_does_the_same(odd: tuple[int, ...]) -> None:
    text = emit(Chain(3, odd=odd, init=[5, 3, 1]))
    prove_equal(text, fold(text, prefix="x").text)


def test_the_proof_of_that_can_fail() -> None:
    with pytest.raises(YosysError, match="unproven"):
        prove_equal(emit(Chain(3)), fold(emit(Chain(3, odd=(1,))), prefix="x").text)


def test_numbers_of_the_whole_design_are_gone() -> None:
    text = emit(Chain(3))
    design = fold(text, prefix="x")
    assert "port$" in text
    assert "port$" not in design.text
    assert "wire width 0" in text
    assert "wire width 0" not in design.text
    # Address bits that come from two places are named after the signal they are part of.
    bank = design.text[design.text.index("module \\x_pe_bank") :]
    assert re.findall(r"wire width (\d) input \d \\(address\S*)", bank) == [("2", "address_1_0"), ("1", "address_2")]


def test_ports_come_as_clock_reset_and_by_name() -> None:
    ports = fold(emit(Chain(2)), prefix="x").ports
    assert [(port.name, port.direction, port.width, port.signed) for port in ports] == [
        ("clk", "input", 1, False),
        ("rst", "input", 1, False),
        ("i", "input", 4, False),
        ("key", "input", 2, False),
        ("o", "output", 4, False),
        ("write", "input", 1, False),
    ]


def test_only_initial_values_that_are_all_zero_are_left_out() -> None:
    zero, other = emit(Chain(2)), emit(Chain(2, init=[0, 0, 1]))
    assert fold(zero, prefix="x").text.count("$meminit_v2") == 1
    assert fold(zero, prefix="x", drop_zero_init=True).text.count("$meminit_v2") == 0
    assert fold(other, prefix="x", drop_zero_init=True).text.count("$meminit_v2") == 1


def test_source_positions_make_no_difference() -> None:
    assert fold(rtlil.convert(Chain(3), name="top"), prefix="x").text == fold(emit(Chain(3)), prefix="x").text


class Kinds(wiring.Component):
    """Two equal banks in places of different names, one of which asks for a name that another gets as a number."""

    def __init__(self) -> None:
        super().__init__({"write": In(1), "address": In(3), "i": In(4), "o": Out(unsigned(16))})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        outputs = []
        for name, init in (("bank_0", []), ("bank_1", [1]), ("other", []), ("bank_2x", [2])):
            m.submodules[name] = bank = Bank(init)
            m.d.comb += [bank.write.eq(self.write), bank.address.eq(self.address), bank.i.eq(self.i ^ Const(1, 4))]
            outputs.append(bank.o)
        m.d.comb += self.o.eq(Cat(outputs))
        return m


def test_places_of_different_names_stay_apart() -> None:
    design = fold(rtlil.convert(Kinds(), name="top", emit_src=False), prefix="x")
    assert design.modules == {"top": 1, "x_bank": 1, "x_bank_2": 1, "x_other": 1, "x_bank_2x": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no module"),
        ("module \\top\n  cell \\top \\inner\n  end\nend\n", "contains itself"),
    ],
)
def test_what_is_no_design_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fold(text, prefix="x")


def test_a_module_of_somebody_else_keeps_its_name() -> None:
    text = "module \\top\n  cell \\x_pe \\one\n  end\n  cell \\top.pe_0 \\two\n  end\nend\nmodule \\top.pe_0\nend\n"
    design = fold(text, prefix="x")
    assert names(design) == ["top", "x_pe_2"]
    assert "cell \\x_pe \\one" in design.text


def test_instances_are_counted_all_the_way_down() -> None:
    text = "module \\top\n  cell \\a \\a_0\n  end\n  cell \\a \\a_1\n  end\n  cell \\top.b \\b\n  end\nend\n"
    text += "module \\a\n  cell \\top.b \\b_0\n  end\n  cell \\top.b \\b_1\n  end\nend\nmodule \\top.b\nend\n"
    assert fold(text, prefix="x").modules == {"top": 1, "x_a": 2, "x_b": 5}


def test_the_same_bytes_whatever_the_hash_seed() -> None:
    program = (
        "import hashlib, sys; sys.path.insert(0, {path!r}); import test_fold as t; "
        "print(hashlib.sha256(t.fold(t.emit(t.Chain(4, odd=(2,))), prefix='x').text.encode()).hexdigest())"
    ).format(path=__file__.rpartition("/")[0])
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "PYTHONDONTWRITEBYTECODE": "1"},
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed, folder in (("1", "/"), ("2", "/tmp"))
    }
    assert len(digests) == 1
