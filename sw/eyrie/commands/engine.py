"""``--engine``, ``--preset`` and ``--array``: which engine, and in which size."""

import json
import re
from collections.abc import Callable
from dataclasses import fields, replace
from math import gcd
from pathlib import Path
from typing import Any

import click

from eyrie.commands.geometry import geometry_from, geometry_options, given_geometry, option_name
from eyrie.compile.folder import CONFIGURATION
from eyrie.eie.config import EieConfig
from eyrie.errors import InputError
from eyrie.files import read_bytes
from eyrie.rowstat.config import RowstatConfig
from eyrie.synth.engines import ARRAYS, ENGINE_NAMES, ENGINES, PRESETS, EngineConfig, EngineName, engine_name

_ROWSTAT_FIELDS = {field.name for field in fields(RowstatConfig)} - {field.name for field in fields(EieConfig)}


class ArraySize(click.ParamType):
    """Rows and columns of an array, as in 12x14."""

    name = "RxC"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> tuple[int, int]:
        """Two integers."""
        if isinstance(value, tuple):
            return value
        found = re.fullmatch(r"([0-9]{1,9})x([0-9]{1,9})", value)
        if found is None:
            self.fail(f"{value!r} is no size of an array, such as 12x14", parameter, context)
        return int(found[1]), int(found[2])


def engine_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that select an engine to a command; together they are what `engine_from` takes."""
    presets = "; ".join(f"{engine}: {', '.join(named)}" for engine, named in PRESETS.items())
    options = (
        click.option(
            "--engine",
            type=click.Choice(ENGINE_NAMES),
            help="Sparse matrix times vector, or row-stationary convolution.  [default: eie, or what a file says]",
        ),
        click.option(
            "--preset",
            type=click.Choice(list(dict.fromkeys([*ENGINES, *ARRAYS]))),
            metavar="NAME",
            help=f"An engine with a name; replaces the geometry.  [{presets}]",
        ),
        click.option("--array", type=ArraySize(), metavar="RxC", help="Rows and columns of a rowstat engine."),
        geometry_options,
    )
    for option in reversed(options):
        command = option(command)
    return command


def engine_from(
    source: Path | None,
    *,
    engine: EngineName | None,
    preset: str | None,
    array: tuple[int, int] | None,
    **geometry: Any,
) -> EngineConfig:
    """The configuration in a folder or file, of a preset, or the one that the options of geometry give.

    Parameters
    ----------
    source : Path or None
        Folder or file; None counts the options.
    engine, preset, array, geometry
        The options that `engine_options` adds.

    Raises
    ------
    click.UsageError
        If options are given that do not go together.
    InputError
        If the configuration cannot be read or an option is out of range.
    """
    given = given_geometry(geometry)
    if source is not None:
        own = [*(["--preset"] if preset else []), *(["--array"] if array else []), *given]
        if own:
            raise click.UsageError(f"{source} is a whole configuration: {own[0]} cannot be given with it")
        config = read_engine(source)
        if engine not in (None, engine_name(config)):
            raise click.UsageError(f"{source} is of the engine {engine_name(config)}, not {engine}")
        return config
    engine = engine or "eie"
    if preset is not None and preset not in PRESETS[engine]:
        known = ", ".join(PRESETS[engine])
        raise click.UsageError(f"--preset {preset} is of the other engine; --engine {engine} has {known}")
    if engine == "rowstat":
        if given:
            raise click.UsageError(f"{given[0]} is for --engine eie; the size of a rowstat engine is --array RxC")
        return with_array(ARRAYS[preset or "default"], array)
    if array is not None:
        raise click.UsageError("--array is for --engine rowstat; the size of an EIE engine is --pes")
    if preset is None:
        return geometry_from(**geometry)
    if given:
        raise click.UsageError(f"--preset is a whole configuration: {given[0]} cannot be given with it")
    return ENGINES[preset]


def with_array(config: RowstatConfig, array: tuple[int, int] | None) -> RowstatConfig:
    """The same memories with another array of PEs, if one is given; as many columns share a filter scratch pad as the
    new number can be divided into.

    Raises
    ------
    InputError
        If it is out of range.
    """
    rows, columns = array or (config.rows, config.columns)
    try:
        return replace(config, rows=rows, columns=columns, filter_columns=gcd(config.filter_columns, columns))
    except ValueError as error:
        raise InputError(f"--array: {error}") from error


def read_engine(path: Path) -> EngineConfig:
    """A configuration of either engine from its JSON file, or from the folder that holds one; its fields tell which.

    Raises
    ------
    InputError
        If it cannot be read or does not hold.
    """
    if path.is_dir():
        path = path / CONFIGURATION
    text = read_bytes(path)
    try:
        return RowstatConfig.from_json(text.decode()) if _is_rowstat(text) else EieConfig.from_json(text)
    except ValueError as error:
        raise InputError(f"{path}: {error}") from error


def _is_rowstat(text: bytes) -> bool:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and not _ROWSTAT_FIELDS.isdisjoint(found)


def engine_words(
    source: Path | None,
    *,
    engine: EngineName | None,
    preset: str | None,
    array: tuple[int, int] | None,
    **geometry: Any,
) -> str:
    """What selects the engine on the command line; CONFIG.json stands for a file with the configuration."""
    if source is not None:
        return "CONFIG.json"
    words = [f"--engine {engine}"] if engine is not None else []
    if preset is not None:
        words.append(f"--preset {preset}")
    if array is not None:
        words.append(f"--array {array[0]}x{array[1]}")
    if preset is None and engine != "rowstat":
        words += [f"{option_name(name)} {value}" for name, value in geometry.items()]
    return " ".join(words)
