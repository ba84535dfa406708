# amaranth: UnusedElaboratable=no
"""Docstrings of components against what the components are."""

import dataclasses
import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator

import pytest
from amaranth.hdl import Shape, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Member, Out

import eyrie.common
import eyrie.eie
import eyrie.rowstat
from eyrie.common.fifo import StreamFifo
from eyrie.common.lut_memory import LutMemory
from eyrie.common.memory import SyncMemory
from eyrie.common.rounding_shift import RoundingShift
from eyrie.eie.broadcast import Broadcast
from eyrie.eie.config import TINY as ONE_GROUP
from eyrie.eie.control import Control
from eyrie.eie.leading_nonzero_detect import LeadingNonzeroNode
from eyrie.rowstat.config import TINY as ROWSTAT_TINY

TINY = dataclasses.replace(ONE_GROUP, column_groups=2)
"""Two groups of PEs, with which components have all of their members."""


def components() -> Iterator[type[wiring.Component]]:
    for package in (eyrie.common, eyrie.eie, eyrie.rowstat):
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            module = importlib.import_module(info.name)
            for _, member in inspect.getmembers(module, inspect.isclass):
                if issubclass(member, wiring.Component) and member.__module__ == module.__name__:
                    yield member


def engine(component: type[wiring.Component]) -> str:
    return component.__module__.split(".")[1]


COMPONENTS = {f"{engine(component)}.{component.__name__}": component for component in components()}

OTHER_PARAMETERS: dict[type, Callable[[], wiring.Component]] = {
    # components that take more than a configuration
    SyncMemory: lambda: SyncMemory(shape=signed(5), depth=6, collision="old"),
    LutMemory: lambda: LutMemory(shape=signed(5), depth=6),
    StreamFifo: lambda: StreamFifo(signed(5), depth=8),
    RoundingShift: lambda: RoundingShift(input_width=20, shift_width=4, output_width=9),
    Broadcast: lambda: Broadcast(TINY, levels=2),
    LeadingNonzeroNode: lambda: LeadingNonzeroNode(TINY, n_children=3, pe_width=2),
    Control: lambda: Control(TINY, emit_credits=5),
}


def build(component: type[wiring.Component]) -> wiring.Component:
    config = ROWSTAT_TINY if engine(component) == "rowstat" else TINY
    return OTHER_PARAMETERS.get(component, lambda: component(config))()  # type: ignore[call-arg]


def section(component: type[wiring.Component], title: str) -> list[tuple[str, str]]:
    """Names and types of a section of the docstring, as they are written; without a type where none is given."""
    text = inspect.cleandoc(component.__doc__ or "")
    match = re.search(rf"^{title}\n-+\n(.*?)(?=^\S[^\n]*\n---|\Z)", text, re.MULTILINE | re.DOTALL)
    assert match, f"{component.__name__} has no section {title}"
    entries = []
    for line in re.findall(r"^\S.*", match[1], re.MULTILINE):
        names, _, kind = line.partition(" : ")
        entries += [(name, kind) for name in names.split(", ")]
    return entries


def documented_member(kind: str, dut: wiring.Component) -> Member:
    """The member that a type such as ``In(range(config.entry_depth))`` describes."""
    match = re.fullmatch(r"``((?:In|Out)\(.*\))``", kind)
    assert match, f"{kind} is neither ``In(...)`` nor ``Out(...)``"
    module = importlib.import_module(type(dut).__module__)
    names = {"In": In, "Out": Out, "signed": signed, "stream": stream, **vars(module)}
    member = eval(match[1], names, {"n_pes": TINY.n_pes, **vars(dut)})
    assert isinstance(member, Member)
    return member


def assert_same(documented: Member, actual: Member, name: str) -> None:
    assert (documented.flow, documented.is_port) == (actual.flow, actual.is_port), name
    if actual.is_port:
        assert Shape.cast(documented.shape) == Shape.cast(actual.shape), name
        if hasattr(actual.shape, "as_shape"):
            assert documented.shape == actual.shape, name
    else:
        assert documented.signature == actual.signature, name


@pytest.mark.parametrize("name", COMPONENTS)
def test_members(name: str) -> None:
    dut = build(COMPONENTS[name])
    actual = dict(dut.signature.members.items())
    documented: dict[str, str] = {}
    for member, kind in section(COMPONENTS[name], "Members"):
        if "{" in member:
            numbered = re.sub(r"\{\w+\}", r"\\d+", member)
            documented |= {one: kind for one in actual if re.fullmatch(numbered, one)}
        elif kind.startswith("``"):
            documented[member] = kind
        else:
            # An attribute that belongs beside the ports; the text says so, and it is no port.
            assert member not in actual, f"{member} of {name} has no direction"
            assert isinstance(getattr(dut, member), int), member
    assert list(documented) == list(actual)
    for member, kind in documented.items():
        assert_same(documented_member(kind, dut), actual[member], f"{name}.{member}")


@pytest.mark.parametrize("name", COMPONENTS)
def test_parameters_are_attributes(name: str) -> None:
    component = COMPONENTS[name]
    dut = build(component)
    documented = [parameter for parameter, _ in section(component, "Parameters")]
    assert documented == list(inspect.signature(component.__init__).parameters)[1:]
    for parameter in documented:
        assert hasattr(dut, parameter), f"{name}.{parameter}"


def test_all_components_are_found() -> None:
    found = {"common.StreamFifo", "eie.EieCore", "eie.Accumulate", "eie.LeadingNonzeroNode", "rowstat.RowstatCore"}
    assert {*found, "eie.ProcessingElement", "rowstat.ProcessingElement"} <= set(COMPONENTS)
