# amaranth: UnusedElaboratable=no
"""A component with free inputs, what is assumed of them, and what is to be proven."""

import re
import sys
import warnings
from collections.abc import Set
from functools import cached_property
from types import FrameType
from typing import Any

from amaranth.asserts import AnyConst, AnySeq
from amaranth.back import rtlil
from amaranth.hdl import (
    Array,
    Assert,
    Assume,
    Elaboratable,
    Fragment,
    Module,
    Shape,
    ShapeLike,
    Signal,
    Value,
    ValueLike,
)
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In

from eyrie.errors import InputError

TOP = "top"
"""Name of the module that a harness becomes."""

_CHECK = re.compile(
    r"^  cell \$check \S+\n(?P<body>(?:    .*\n)*?    parameter \\FLAVOR \"(?P<flavor>\w+)\"\n(?:    .*\n)*?)  end\n",
    re.MULTILINE,
)
_FORMAT = re.compile(r"^    parameter \\FORMAT \"(.*)\"$", re.MULTILINE)


class Harness:
    """A component all of whose inputs take any value in any cycle, the reset included.

    Statements of its own go to `m`; registers there are reset with the component.

    Parameters
    ----------
    dut : wiring.Component
        What is examined; submodule ``dut`` of the module ``top``.
    driven : set of str
        Inputs, by name as in ``stream__payload``, that are not free: statements of the harness drive them.

    Attributes
    ----------
    m : Module
    """

    def __init__(self, dut: wiring.Component, *, driven: Set[str] = frozenset()) -> None:
        self.m = Module()
        self._dut, self._locals = dut, _Locals()
        self._fragment = self._locals.elaborate(dut)
        self.m.submodules.dut = _Elaborated(self._fragment)
        self._peeks: dict[str, Signal] = {}
        for path, member, value in dut.signature.flatten(dut):
            name = "__".join(map(str, path))
            if member.flow is In and name not in driven:
                self.m.d.comb += Value.cast(value).eq(AnySeq(len(Value.cast(value))))

    def any_value(self, shape: ShapeLike, *, name: str) -> Any:
        """A signal with any value in each cycle."""
        signal = Signal(shape, name=name)
        self.m.d.comb += Value.cast(signal).eq(AnySeq(len(Value.cast(signal))))
        return signal

    def constant(self, shape: ShapeLike, *, name: str) -> Any:
        """A signal with any value, the same in all cycles."""
        signal = Signal(shape, name=name)
        self.m.d.comb += Value.cast(signal).eq(AnyConst(len(Value.cast(signal))))
        return signal

    def inside(self, path: str) -> Any:
        """What ``elaborate`` of the component calls so, a signal mostly; ``memory.clash``: in that of a part of it.

        Raises
        ------
        InputError
            If it has no such name.
        """
        found: Any = self._dut
        for name in path.split("."):
            try:
                found = self._locals.of(found)[name]
            except KeyError as error:
                raise InputError(f"{type(found).__name__} has nothing called {name} ({path})") from error
        return found

    def state(self, machine: str, name: str) -> Any:
        """Whether the component's state machine ``machine`` is in this state."""
        found = self._fragment.find_generated(machine)
        if name not in found.encoding:
            raise InputError(f"state machine {machine} of {type(self._dut).__name__} has no state {name}")
        return found.ongoing(name)

    def words(self, path: str, shape: ShapeLike, depth: int) -> Array[Signal]:
        """The words of the memory at this path of submodules of the component."""
        for word in range(depth):
            name = f"dut.{path}[{word}]"
            if name not in self._peeks:
                self._peeks[name] = Signal(Shape.cast(shape), name=f"peek_{len(self._peeks)}")
        return Array(self._peeks[f"dut.{path}[{word}]"] for word in range(depth))

    def before(self, value: ValueLike, *, name: str, reset_less: bool = False) -> Signal:
        """The value of the cycle before; 0 in the first one, and after a reset unless ``reset_less``."""
        value = Value.cast(value)
        register = Signal(value.shape(), name=name, reset_less=reset_less)
        self.m.d.sync += register.eq(value)
        return register

    def assume(self, condition: ValueLike) -> None:
        """What the surroundings promise, in every cycle."""
        self.m.d.comb += Assume(condition)

    def prove(self, name: str, condition: ValueLike) -> None:
        """What holds in every cycle: a property if the proof lists its name, else only a step on the way."""
        self.m.d.comb += Assert(condition, name)

    def prove_kept(self, name: str, offered: stream.Interface) -> None:
        """What is offered and not taken is offered in the next cycle, with the same payload."""
        stalled = self.before(offered.valid & ~offered.ready, name=f"{name}_stalled")
        payload = self.before(offered.payload, name=f"{name}_payload")
        self.prove(name, ~stalled | (offered.valid & (Value.cast(offered.payload) == payload)))

    def assume_kept(self, name: str, offered: stream.Interface) -> None:
        """The surroundings keep to what `prove_kept` says."""
        stalled = self.before(offered.valid & ~offered.ready, name=f"{name}_stalled")
        payload = self.before(offered.payload, name=f"{name}_payload")
        self.assume(~stalled | (offered.valid & (Value.cast(offered.payload) == payload)))

    @property
    def peeks(self) -> dict[str, str]:
        """Inputs of the module ``top`` that stand for words of memories, and the paths of these."""
        return {signal.name: path for path, signal in self._peeks.items()}

    def rtlil(self, only: str | None = None) -> str:
        """The module ``top`` and all below it.

        Each assertion has as source its name, or the message of an assertion that the component itself makes, with an
        underscore for every space: that is how the model checker calls it.

        Parameters
        ----------
        only : str or None
            Leave this assertion and no other.
        """
        return _CHECK.sub(lambda check: _named(check, only), self._emitted)

    @cached_property
    def _emitted(self) -> str:
        """RTLIL as Amaranth writes it; what was elaborated before can be written only once."""
        ports = {signal.name: (signal, None) for signal in self._peeks.values()}
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            text: str = rtlil.convert(self.m, name=TOP, ports=ports, platform=None, emit_src=False)  # type: ignore[arg-type]
        return text


class _Locals:
    """What local variables ``elaborate`` of a component, and of those below it, ends with."""

    def __init__(self) -> None:
        self._found: dict[int, dict[str, Any]] = {}

    def elaborate(self, dut: wiring.Component) -> Fragment:
        before = sys.getprofile()
        sys.setprofile(self._event)
        try:
            return Fragment.get(dut, None)
        finally:
            sys.setprofile(before)

    def _event(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "return" and frame.f_code.co_name == "elaborate":
            self._found[id(frame.f_locals["self"])] = dict(frame.f_locals)

    def of(self, component: Any) -> dict[str, Any]:
        return self._found.get(id(component), {})


class _Elaborated(Elaboratable):
    """A component that is elaborated already."""

    def __init__(self, fragment: Fragment) -> None:
        self._fragment = fragment

    def elaborate(self, platform: Any) -> Fragment:
        return self._fragment


def _named(check: re.Match[str], only: str | None) -> str:
    message = _FORMAT.search(check["body"])
    name = message[1] if message else "an assertion without a message"
    if check["flavor"] == "assert" and only not in (None, name):
        return ""
    return f'  attribute \\src "{name.replace(" ", "_")}"\n{check[0]}'


def assertion_names(text: str) -> list[str]:
    """Names of all assertions in what `Harness.rtlil` gives."""
    found = []
    for check in _CHECK.finditer(text):
        message = _FORMAT.search(check["body"])
        if check["flavor"] == "assert" and message:
            found.append(message[1])
    return found
