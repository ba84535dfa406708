"""``--preset``: an engine that is sized for a part, in place of options of geometry."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from eyrie.commands.geometry import geometry_from
from eyrie.eie.config import EieConfig
from eyrie.synth.engines import ENGINES


def preset_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--preset`` to a command."""
    text = "An engine sized for a part; replaces the geometry."
    return click.option("--preset", type=click.Choice(list(ENGINES)), help=text)(command)


def engine_from(source: Path | None, preset: str | None, geometry: dict[str, Any]) -> EieConfig:
    """The configuration in a folder or file, of a preset, or the one that the options of geometry give.

    Raises
    ------
    click.UsageError
        If a preset is given together with one of the others.
    InputError
        If the configuration cannot be read or an option is out of range.
    """
    if preset is None:
        return geometry_from(source, **geometry)
    context = click.get_current_context()
    given = [
        option_name(name) for name in geometry if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    ]
    if source is not None or given:
        other = given[0] if given else source
        raise click.UsageError(f"--preset is a whole configuration: it cannot be given with {other}")
    return ENGINES[preset]


def option_name(parameter: str) -> str:
    """A parameter as it is written on the command line."""
    return f"--{parameter.replace('_', '-')}"
