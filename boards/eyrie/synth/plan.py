"""The recorded plan: which memories and multipliers a processing element is to become, family by family.

A change of the hardware that turns a block RAM into flip-flops, or one multiplier into two, fails a test against it.
"""

import dataclasses
import json
from dataclasses import dataclass
from importlib import resources
from typing import Any

from eyrie.eie.config import EieConfig
from eyrie.errors import InputError
from eyrie.synth.cells import Target
from eyrie.synth.yosys import SynthesisReport


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What one processing element of a configuration becomes.

    Parameters
    ----------
    name : str
        Name of the plan.
    config : EieConfig
        Geometry; the number of PEs makes no difference.
    block_rams, distributed_rams, multipliers : dict of str to int
        Cells by kind.
    flip_flops : int
        At most so many; a memory in flip-flops takes more.
    """

    name: str
    config: EieConfig
    block_rams: dict[str, int]
    distributed_rams: dict[str, int]
    multipliers: dict[str, int]
    flip_flops: int


def read_plans(target: Target) -> tuple[Plan, ...]:
    """All plans for a family.

    Raises
    ------
    InputError
        If the recorded file is damaged.
    """
    text = resources.files("eyrie.synth").joinpath("plans", f"{target}.json").read_text()
    try:
        return tuple(_plan(name, fields) for name, fields in json.loads(text).items())
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(f"plans/{target}.json is not a plan: {error}") from error


def _plan(name: str, fields: dict[str, Any]) -> Plan:
    values = dict(fields)
    return Plan(name=name, config=dataclasses.replace(EieConfig(), **values.pop("configuration")), **values)


def departures(plan: Plan, report: SynthesisReport, module: str = "eie_pe") -> list[str]:
    """Where a report departs from a plan, a line each; none if it does as planned.

    Raises
    ------
    ValueError
        If the report does not have the processing element as a module.
    """
    if module not in report.modules:
        raise ValueError(f"the report has no module {module}: it was made with flatten=True")
    cells = report.modules[module]
    lines = []
    for what in ("block_rams", "distributed_rams", "multipliers"):
        planned, found = getattr(plan, what), getattr(cells, what)
        if planned != found:
            lines.append(f"{report.target}, {plan.name}: {what} of {module} are {found}, planned {planned}")
    if cells.flip_flops > plan.flip_flops:
        lines.append(
            f"{report.target}, {plan.name}: flip-flops of {module} are {cells.flip_flops}, planned at most "
            f"{plan.flip_flops}"
        )
    return lines
