"""``--on`` and ``--port``: where a fully connected network runs."""

from collections.abc import Callable
from typing import Any

import click

from eyrie.driver.device import Device
from eyrie.eie.config import EieConfig

PLACES = ("golden", "rtl", "uart", "board")

_OPTIONS = (
    click.option(
        "--on",
        type=click.Choice(PLACES),
        default="golden",
        show_default=True,
        help="Golden model; emitted Verilog of the engine; of the whole system at its serial pins; a board.",
    ),
    click.option("--port", metavar="PORT", help="Serial port of the board, as in /dev/ttyUSB0, or pty:PATH."),
    click.option("--baud", type=click.IntRange(min=1), help="Bits a second of the port.  [default: 1000000]"),
    click.option(
        "--timeout",
        type=click.FloatRange(min=0, min_open=True),
        metavar="SECONDS",
        help="How long the board may take to answer, or be stuck.  [default: 1, or 60 on a pseudo-terminal]",
    ),
)


def place_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say where to run to a command; together they are what `open_place` takes."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def require_engines(on: str) -> None:
    """Networks with convolutions need both engines.

    Raises
    ------
    click.UsageError
        If there is no such place with both.
    """
    if on not in ("golden", "rtl"):
        raise click.UsageError(
            f"a network with convolutions runs on golden or rtl, not on {on}: boards have the EIE engine only"
        )


def open_place(
    config: EieConfig,
    building: Callable[[str], None] | None = None,
    *,
    on: str,
    port: str | None,
    baud: int | None,
    timeout: float | None,
) -> Device:
    """The device that the options mean.

    Parameters
    ----------
    config : EieConfig
        The engine that it must be.
    building : callable, optional
        Told what is being done while a simulation is built.
    on, port, baud, timeout
        The options that `place_options` adds.

    Raises
    ------
    click.UsageError
        If they do not go together.
    InputError
        As `eyrie.driver.device.Device.open`.
    """
    if on != "board":
        if given := [name for name, value in (("--port", port), ("--baud", baud), ("--timeout", timeout)) if value]:
            raise click.UsageError(f"{given[0]} goes with --on board, not with --on {on}")
        return Device.open(on, config=config, building=building)
    if port is None:
        raise click.UsageError("--on board needs --port")
    return Device.open(port, config=config, baud=baud, timeout=timeout, building=building)
