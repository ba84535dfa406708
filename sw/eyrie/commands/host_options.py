"""``--board``, ``--clock``, ``--baud`` and ``--link-timeout``: the host's side of a simulated board."""

from collections.abc import Callable
from typing import Any

import click

from eyrie.commands.geometry import given_geometry
from eyrie.errors import InputError
from eyrie.host.config import FASTEST, HostConfig
from eyrie.platforms.boards import BOARDS

_OPTIONS = (
    ("--clock", FASTEST.clock, "HZ", "Frequency that the board is to have; the fewer cycles a bit, the faster."),
    ("--baud", FASTEST.baud, "BAUD", "Bits a second of its serial line."),
    ("--link-timeout", FASTEST.link_timeout, "CYCLES", "Silence after which it forgets a command."),
)


def host_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command; together they are what `host_from` takes."""
    for name, default, metavar, text in reversed(_OPTIONS):
        option = click.option(name, type=int, default=default, show_default=True, metavar=metavar, help=text)
        command = option(command)
    board = click.option("--board", type=click.Choice(list(BOARDS)), help="Instead: clock and line of a board of ours.")
    return board(command)


def host_from(*, board: str | None, clock: int, baud: int, link_timeout: int) -> HostConfig:
    """The configuration that the options give.

    Raises
    ------
    click.UsageError
        If a board is given, and clock or line too.
    InputError
        If it cannot work.
    """
    if board is not None:
        if given := given_geometry({"clock": clock, "baud": baud, "link_timeout": link_timeout}):
            raise click.UsageError(f"--board {board} has a clock and a line: {given[0]} cannot be given with it")
        return BOARDS[board].host
    try:
        return HostConfig(clock=clock, baud=baud, link_timeout=link_timeout)
    except ValueError as error:
        raise InputError(str(error)) from error
