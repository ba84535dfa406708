"""Options that say how large an EIE engine is, and the configuration they give."""

from collections.abc import Callable
from typing import Any, get_args

import click
from click.core import ParameterSource

from eyrie.compile.index_width import IndexAim
from eyrie.eie.config import EieConfig
from eyrie.errors import InputError

_OPTIONS = (
    ("--pes", 16, "Processing elements, 1 to 256."),
    ("--codebook-bits", 4, "Bits of a code; the codebook holds 2^B weights, zero among them."),
    ("--index-bits", 4, "Bits of the zero run in front of an entry: wide ones save cycles, narrow ones memory."),
    ("--queue-depth", 8, "Slices that wait in a PE's queue when it stops the broadcast."),
    ("--activation-bits", 16, "Bits of a signed activation, 8 to 16."),
    ("--column-groups", 1, "Groups of PEs with a broadcast each, 1, 2 or 4; layers may split their columns over them."),
)

SWITCH = click.Choice(["on", "off"])

_SWITCHES = (
    ("--multipliers", "Layers can be requantised with any multiplier and shift, or only with shifts by 0, 4, 8 ..."),
    ("--lut-ram", "Accumulators lie in memories made of LUTs, or in block RAM, for targets without such memories."),
)


class IndexBits(click.ParamType):
    """Bits of a zero run, or what the compiler chooses them for."""

    name = "integer, cycles or bits"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        """An integer of any size, ``"cycles"`` or ``"bits"``."""
        if value in get_args(IndexAim):
            return value
        try:
            return int(value)
        except ValueError:
            self.fail(f"{value!r} is neither an integer nor cycles nor bits", parameter, context)


def geometry_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of geometry to a command."""
    return _with_options(command, {})


def compiler_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of geometry to a command that lays out a network: some may be left to the compiler."""
    return _with_options(command, {"--index-bits": {"type": IndexBits(), "metavar": "N|cycles|bits"}})


def _with_options(command: Callable[..., Any], special: dict[str, dict[str, Any]]) -> Callable[..., Any]:
    for name, text in reversed(_SWITCHES):
        command = click.option(name, type=SWITCH, default="on", show_default=True, help=text)(command)
    for name, default, text in reversed(_OPTIONS):
        settings: dict[str, Any] = {"type": int, **special.get(name, {})}
        command = click.option(name, default=default, show_default=True, help=text, **settings)(command)
    return command


def geometry_from(**geometry: Any) -> EieConfig:
    """The configuration that the options give, with memories of default size.

    Parameters
    ----------
    geometry : int or str
        The options that `geometry_options` adds, by name; switches are ``"on"`` or ``"off"``.

    Raises
    ------
    InputError
        If an option is out of range.
    """
    try:
        return EieConfig(
            n_pes=geometry["pes"],
            codebook_bits=geometry["codebook_bits"],
            index_bits=geometry["index_bits"],
            queue_depth=geometry["queue_depth"],
            activation_width=geometry["activation_bits"],
            multipliers=geometry["multipliers"] == "on",
            lut_ram=geometry["lut_ram"] == "on",
            column_groups=geometry["column_groups"],
        )
    except ValueError as error:
        raise InputError(str(error)) from error


def given_geometry(geometry: dict[str, Any]) -> list[str]:
    """Those of the options that stand on the command line, as they are written there."""
    context = click.get_current_context()
    return [option_name(name) for name in geometry if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]


def option_name(parameter: str) -> str:
    """A parameter as it is written on the command line."""
    return f"--{parameter.replace('_', '-')}"
