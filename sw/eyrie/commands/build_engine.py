"""Which engine ``eyrie build`` puts on a board, and which network goes with it."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from eyrie.commands.engine import read_engine
from eyrie.commands.engine_files import engine_file
from eyrie.commands.geometry import given_geometry, option_name
from eyrie.compile.compiled import CompiledNetwork
from eyrie.compile.folder import IMAGE, read_folder
from eyrie.compile.network.folder import is_segmented, read_segments
from eyrie.compile.network.segmented import DenseSegment
from eyrie.driver.link_image import pack_link_image
from eyrie.eie.config import EieConfig
from eyrie.errors import InputError
from eyrie.platforms.board import Board
from eyrie.synth.engines import ENGINES

_FIELDS = {
    "pes": "n_pes",
    "codebook_bits": "codebook_bits",
    "index_bits": "index_bits",
    "queue_depth": "queue_depth",
    "activation_bits": "activation_width",
    "column_groups": "column_groups",
    "multipliers": "multipliers",
    "lut_ram": "lut_ram",
}


@dataclass(frozen=True, kw_only=True)
class LinkedNetwork:
    """A compiled network in the form that goes over a link.

    Parameters
    ----------
    name : str
    data : bytes
    """

    name: str
    data: bytes
    file = "network.link"

    @property
    def facts(self) -> dict[str, Any]:
        """What a report says of it."""
        return {
            "name": self.name,
            "file": self.file,
            "bytes": len(self.data),
            "sha256": hashlib.sha256(self.data).hexdigest(),
        }


def build_engine(board: Board, source: Path | None, preset: str | None, geometry: dict[str, Any]) -> EieConfig:
    """The configuration in a folder or file, of a preset, or the board's own with what the options change.

    Raises
    ------
    click.UsageError
        If options are given that do not go together.
    InputError
        If the configuration cannot be read, is of the other engine, or an option is out of range.
    """
    given = given_geometry(geometry)
    if source is not None:
        if own := [*(["--preset"] if preset else []), *given]:
            raise click.UsageError(f"{source} is a whole configuration: {own[0]} cannot be given with it")
        path = engine_file(source, "eie")
        assert path is not None
        config = read_engine(path)
        if not isinstance(config, EieConfig):
            raise InputError(f"{path} is of the row-stationary engine; boards take the EIE engine")
        return config
    if preset is not None:
        if given:
            raise click.UsageError(f"--preset is a whole configuration: {given[0]} cannot be given with it")
        if preset not in ENGINES:
            raise click.UsageError(f"--preset {preset} is none of {', '.join(ENGINES)}")
        return ENGINES[preset]
    changed = {
        _FIELDS[name]: value == "on" if value in ("on", "off") else value
        for name, value in geometry.items()
        if option_name(name) in given
    }
    try:
        return replace(board.engine, **changed)
    except ValueError as error:
        raise InputError(str(error)) from error


def build_words(source: Path | None, preset: str | None, geometry: dict[str, Any]) -> list[str]:
    """What selects the engine on the command line; CONFIG.json stands for a file with the configuration."""
    if source is not None:
        return ["CONFIG.json"]
    given = given_geometry(geometry)
    words = [f"{option_name(name)} {value}" for name, value in geometry.items() if option_name(name) in given]
    return [*([f"--preset {preset}"] if preset else []), *words]


def link_image(source: Path, config: EieConfig) -> LinkedNetwork | None:
    """The fully connected layers of the network in a folder; None if there is no network.

    Raises
    ------
    InputError
        If an image is damaged, is for another configuration, or does not go over a link.
    """
    compiled = _compiled(source)
    if compiled is None:
        return None
    if compiled.config.hash != config.hash:
        raise InputError(f"{source}: its image is for another engine than its configuration; compile again")
    return LinkedNetwork(name=compiled.name, data=pack_link_image(compiled))


def _compiled(source: Path) -> CompiledNetwork | None:
    if is_segmented(source):
        segments = read_segments(source).segments
        return next((segment.compiled for segment in segments if isinstance(segment, DenseSegment)), None)
    return read_folder(source) if (source / IMAGE).is_file() else None
