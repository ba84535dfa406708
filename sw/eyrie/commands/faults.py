"""Simulated hardware that breaks its contract ends a command with status 1 and one line."""

from collections.abc import Iterator
from contextlib import contextmanager

import click


@contextmanager
def hardware_faults() -> Iterator[None]:
    """Turn a `SimulationError` of the block into the end of the command.

    Raises
    ------
    click.exceptions.Exit
        With status 1, once the line is said.
    """
    from eyrie.bench.simulation import SimulationError

    try:
        yield
    except SimulationError as error:
        click.echo(f"eyrie: {error}", err=True)
        raise click.exceptions.Exit(1) from error
