"""Elaboration of a component that stands many times in a design, once for all its instances.

Elaborating a large component takes a good part of a second, and hundreds of equal ones only for all but one to be
folded away again. Where Verilog is emitted, each instance becomes a cell; in simulation nothing changes.
"""

import functools
from collections.abc import Callable
from typing import Any

from amaranth.hdl import ClockSignal, Instance, ResetSignal
from amaranth.lib import wiring

Elaborate = Callable[[Any, Any], Any]


class EmissionPlatform:
    """What components are elaborated for when Verilog is emitted.

    Parameters
    ----------
    top : str
        Name of the top module.

    Attributes
    ----------
    modules : dict of str to Component
        RTLIL module names and a component for each, still to be elaborated by itself.
    """

    def __init__(self, top: str) -> None:
        self.modules: dict[str, wiring.Component] = {}
        self._top = top
        self._names: dict[Any, str] = {}

    def instance(self, component: wiring.Component, kind: str) -> Instance:
        """A cell in place of a component, the same one for every component of this class and configuration.

        Its reset is the component's attribute ``reset`` if there is one, which may come later than that of the domain.
        """
        key = (type(component), component.config)
        if key not in self._names:
            self._names[key] = f"{self._top}.{kind}_{len(self._names)}"
            self.modules[self._names[key]] = component
        reset = getattr(component, "reset", None)
        connections: dict[str, Any] = {
            "i_clk": ClockSignal(),
            "i_rst": ResetSignal() if reset is None else reset,
        }
        for path, member, value in component.signature.flatten(component):
            direction = "i" if member.flow is wiring.In else "o"
            connections[f"{direction}_{'__'.join(map(str, path))}"] = value
        return Instance(self._names[key], **connections)


def emitted_once(kind: str) -> Callable[[Elaborate], Elaborate]:
    """Decorator for ``elaborate`` of a component in the ``sync`` domain.

    All that instances may differ in must be in their attribute ``config``.

    Parameters
    ----------
    kind : str
        What the module is called, see `eyrie.common.fold.fold`: ``"pe"`` gives ``eie_pe``.
    """

    def decorate(elaborate: Elaborate) -> Elaborate:
        @functools.wraps(elaborate)
        def either(self: Any, platform: Any) -> Any:
            if isinstance(platform, EmissionPlatform) and self not in platform.modules.values():
                return platform.instance(self, kind)
            return elaborate(self, platform)

        return either

    return decorate
