"""Options that say how large an engine is, and the configuration they give."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from eyrie.compile.folder import read_configuration
from eyrie.eie.config import EieConfig
from eyrie.errors import InputError

_OPTIONS = (
    ("--pes", 16, "Processing elements, 1 to 256."),
    ("--codebook-bits", 4, "Bits of a code; the codebook holds 2^B weights, zero among them."),
    ("--index-bits", 4, "Bits of the zero run in front of an entry."),
    ("--queue-depth", 8, "Activations that a PE's queue holds."),
    ("--activation-bits", 16, "Bits of a signed activation, 8 to 16."),
)


def geometry_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of geometry to a command."""
    for name, default, text in reversed(_OPTIONS):
        command = click.option(name, type=int, default=default, show_default=True, help=text)(command)
    return command


def geometry_from(
    source: Path | None, *, pes: int, codebook_bits: int, index_bits: int, queue_depth: int, activation_bits: int
) -> EieConfig:
    """The configuration in a folder or file, or the one that the options give with memories of default size.

    Raises
    ------
    InputError
        If the configuration cannot be read or an option is out of range.
    """
    if source is not None:
        return read_configuration(source)
    try:
        return EieConfig(
            n_pes=pes,
            codebook_bits=codebook_bits,
            index_bits=index_bits,
            queue_depth=queue_depth,
            activation_width=activation_bits,
        )
    except ValueError as error:
        raise InputError(str(error)) from error
