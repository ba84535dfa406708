"""The recorded plan: which memories and multipliers the repeated modules of an engine are to become, family by family.

A change of the hardware that turns a block RAM into flip-flops, or one multiplier into two, fails a test against it,
and `eyrie synth` ends with exit status 1.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any

from eyrie.eie.config import EieConfig
from eyrie.errors import InputError
from eyrie.rowstat.config import RowstatConfig
from eyrie.synth.cells import Target
from eyrie.synth.engines import PRESETS, EngineConfig
from eyrie.synth.yosys import SynthesisReport

# What PEs, row controllers, psum banks and codebooks of a row-stationary engine depend on.
_OF_REPEATED = (
    "activation_width",
    "weight_width",
    "accumulator_width",
    "ifmap_depth",
    "ifmap_ahead",
    "filter_depth",
    "psum_depth",
    "psum_bank_words",
    "max_slots",
    "codebook_entries",
)


@dataclass(frozen=True, kw_only=True)
class ModulePlan:
    """What one instance of a module becomes.

    Parameters
    ----------
    block_rams, distributed_rams, multipliers : dict of str to int
        Cells by kind.
    flip_flops : int
        At most so many; a memory in flip-flops takes more.
    """

    block_rams: dict[str, int]
    distributed_rams: dict[str, int]
    multipliers: dict[str, int]
    flip_flops: int


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What the repeated modules of a configuration become.

    Parameters
    ----------
    name : str
        Name of the plan.
    config : EngineConfig
        Geometry, of which some makes no difference, see `covers`.
    modules : dict of str to ModulePlan
        One for each module.
    """

    name: str
    config: EngineConfig
    modules: dict[str, ModulePlan]

    def covers(self, config: EngineConfig) -> bool:
        """Whether the repeated modules of a configuration are those of the plan.

        The size of the array makes no difference, nor, on a row-stationary engine, what lies around the array.
        """
        plan = self.config
        if isinstance(config, EieConfig) and isinstance(plan, EieConfig):
            return replace(config, n_pes=plan.n_pes) == plan
        if isinstance(config, RowstatConfig) and isinstance(plan, RowstatConfig):
            return all(getattr(config, name) == getattr(plan, name) for name in _OF_REPEATED)
        return False


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
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise InputError(f"plans/{target}.json is not a plan: {error}") from error


def plan_for(config: EngineConfig, target: Target) -> Plan | None:
    """The recorded plan that covers a configuration, if there is one.

    Raises
    ------
    InputError
        If the recorded file is damaged.
    """
    return next((plan for plan in read_plans(target) if plan.covers(config)), None)


def _plan(name: str, fields: Mapping[str, Any]) -> Plan:
    config = replace(PRESETS[fields["engine"]][fields["preset"]], **fields.get("configuration", {}))
    modules = {module: ModulePlan(**planned) for module, planned in fields["modules"].items()}
    return Plan(name=name, config=config, modules=modules)


def departures(plan: Plan, report: SynthesisReport) -> list[str]:
    """Where a report departs from a plan, a line each; none if it does as planned.

    Raises
    ------
    ValueError
        If the report lacks one of the modules.
    """
    lines = []
    for module, planned in plan.modules.items():
        if module not in report.modules:
            raise ValueError(f"the report has no module {module}: it was made with flatten=True")
        cells = report.modules[module]
        for what in ("block_rams", "distributed_rams", "multipliers"):
            wanted, found = getattr(planned, what), getattr(cells, what)
            if wanted != found:
                lines.append(f"{report.target}, {plan.name}: {what} of {module} are {found}, planned {wanted}")
        if cells.flip_flops > planned.flip_flops:
            lines.append(
                f"{report.target}, {plan.name}: flip-flops of {module} are {cells.flip_flops}, planned at most "
                f"{planned.flip_flops}"
            )
    return lines
