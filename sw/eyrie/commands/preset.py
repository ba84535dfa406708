"""``--preset`` of commands that take the EIE engine alone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from eyrie.commands import engine
from eyrie.commands.geometry import option_name as option_name
from eyrie.eie.config import EieConfig
from eyrie.errors import InputError
from eyrie.synth.engines import ENGINES


def preset_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--preset`` to a command."""
    text = "An engine with a name; replaces the geometry."
    return click.option("--preset", type=click.Choice(list(ENGINES)), help=text)(command)


def engine_from(source: Path | None, preset: str | None, geometry: dict[str, Any]) -> EieConfig:
    """The configuration in a folder or file, of a preset, or the one that the options of geometry give.

    Raises
    ------
    click.UsageError
        If options are given that do not go together.
    InputError
        If the configuration cannot be read, is of the other engine, or an option is out of range.
    """
    config = engine.engine_from(source, engine=None, preset=preset, array=None, **geometry)
    if not isinstance(config, EieConfig):
        raise InputError(f"{source} is a row-stationary engine; this command takes the EIE engine")
    return config
