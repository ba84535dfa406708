"""What is proven of a component, and how the component is broken to see that each property can fail."""

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from eyrie.errors import InputError
from eyrie.formal.harness import Harness


@dataclass(frozen=True, kw_only=True)
class Broken:
    """A change of the component's source that makes a property fail.

    Parameters
    ----------
    old : str
        What stands there, exactly once.
    new : str
        What stands there instead.
    """

    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.old!r} becomes {self.new!r}"


@dataclass(frozen=True, kw_only=True)
class Property:
    """Something that holds in every cycle.

    Parameters
    ----------
    name : str
        As in `Harness.prove`, or the message of an assertion of the component's own.
    says : str
        One sentence.
    broken : Broken
        A variant of the component in which it does not hold.
    cycles : int
        In so many from the beginning it fails there.
    """

    name: str
    says: str
    broken: Broken
    cycles: int = 24


@dataclass(frozen=True, kw_only=True)
class Proof:
    """Properties of one component that are proven together.

    Parameters
    ----------
    name : str
        On the command line.
    module : str
        Where the component is defined.
    component : str
        Its name there.
    configuration : str
        What the component is proven with, in words.
    build : callable
        From the module, as it is or broken, to the harness.
    properties : tuple of Property
    cycles : int
        Induction takes at most so many.
    constants : mapping of str to int
        Names of the module and other values for them, which make the component small.
    broken_constants : mapping of str to int
        The same for its broken variants, if these would take too many cycles to fail.
    """

    name: str
    module: str
    component: str
    configuration: str
    build: Callable[[Any], Harness]
    properties: tuple[Property, ...]
    cycles: int = 4
    constants: Mapping[str, int] = field(default_factory=dict)
    broken_constants: Mapping[str, int] = field(default_factory=dict)

    def harness(self, broken: Broken | None = None) -> Harness:
        """The component in its surroundings, as it is or broken.

        Raises
        ------
        InputError
            If the source has not exactly one place to break.
        """
        module = _copy(importlib.import_module(self.module), broken)
        vars(module).update({**self.constants, **self.broken_constants} if broken else self.constants)
        return self.build(module)


def _copy(original: ModuleType, broken: Broken | None) -> ModuleType:
    """The module once more, with its source changed; whoever imported the original keeps that."""
    source, place = inspect.getsource(original), str(original.__file__)
    if broken is not None:
        if source.count(broken.old) != 1:
            count = source.count(broken.old)
            raise InputError(f"{original.__name__} has {count} places to break that read {broken.old!r}")
        source, place = source.replace(broken.old, broken.new), f"{place} (broken)"
    module = ModuleType(original.__name__)
    module.__file__ = original.__file__
    exec(compile(source, place, "exec"), vars(module))
    return module
