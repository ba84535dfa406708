"""``eyrie info``: what is at the other end of a serial port."""

from dataclasses import asdict
from typing import Any

import click

from eyrie.commands.terminal import json_option, print_facts, print_json


@click.command()
@click.option("--port", required=True, metavar="PORT", help="Serial port, as in /dev/ttyUSB0, or pty:PATH.")
@click.option("--baud", type=click.IntRange(min=1), help="Bits a second.  [default: 1000000]")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="How long the board may take to answer.  [default: 1, or 60 on a pseudo-terminal]",
)
@json_option
def info(port: str, baud: int | None, timeout: float | None, as_json: bool) -> None:
    """Say which engine a board holds, and whether a network is loaded."""
    from eyrie.driver.device import Device

    if port in ("golden", "rtl", "uart"):
        raise click.UsageError(f"{port} is no port")
    with Device.open(port, baud=baud, timeout=timeout) as device:
        about = device.info()
    known = {name: value for name, value in asdict(about).items() if value is not None}
    known["config_hash"] = f"{about.config_hash:016x}"
    if as_json:
        print_json(known)
        return
    words: list[tuple[str, Any]] = [
        (name.replace("_", " "), ("yes" if value else "no") if isinstance(value, bool) else value)
        for name, value in known.items()
        if name != "where"
    ]
    print_facts(about.where, words)
