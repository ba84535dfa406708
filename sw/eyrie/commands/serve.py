"""``eyrie serve``: the simulated board behind a pseudo-terminal."""

import signal
import threading
from pathlib import Path
from typing import Any

import click

from eyrie.commands.build_engine import build_engine
from eyrie.commands.engine import engine_from, engine_options
from eyrie.commands.engine_files import engine_file
from eyrie.commands.faults import hardware_faults
from eyrie.commands.host_options import host_from, host_options
from eyrie.commands.terminal import json_option, print_facts, print_json, progress
from eyrie.platforms.boards import BOARDS
from eyrie.synth.engines import EngineConfig


@click.command()
@click.argument("source", type=click.Path(path_type=Path), required=False, metavar="[DIR|CONFIG.json]")
@engine_options
@host_options
@json_option
def serve(
    source: Path | None, board: str | None, clock: int, baud: int, link_timeout: int, as_json: bool, **engine: Any
) -> None:
    """Simulate the board design for the network in DIR, for a configuration, or for the given options.

    With --board, and neither DIR nor options, it is the engine that eyrie build puts on this board by itself. The
    emitted Verilog of the whole design runs behind its serial pins, which are a pseudo-terminal: its name is printed,
    and eyrie run --on board --port pty:NAME finds a board there, until the command is interrupted.
    """
    from eyrie.bench.host_system import simulate_system
    from eyrie.bench.serial_terminal import SerialTerminal
    from eyrie.bench.tools import find_verilator
    from eyrie.eie.config import EieConfig

    config = _engine(source, board, engine)
    if not isinstance(config, EieConfig):
        raise click.UsageError("there is no board design for the row-stationary engine")
    host = host_from(board=board, clock=clock, baud=baud, link_timeout=link_timeout)
    with progress("building") as task:
        simulation = simulate_system(config, host, progress=task.say)
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    terminal = SerialTerminal(simulation, host.link_timeout)
    facts = {
        "port": f"pty:{terminal.name}",
        "pes": config.n_pes,
        "hash": f"{config.hash:016x}",
        "clock": host.clock,
        "baud": host.baud,
        "simulator": f"Verilator {find_verilator().version}",
    }
    if as_json:
        print_json(facts)
    else:
        print_facts("Simulated board", list(facts.items()))
    try:
        with hardware_faults():
            terminal.serve(over.is_set)
    finally:
        terminal.close()


def _engine(source: Path | None, board: str | None, engine: dict[str, Any]) -> EngineConfig:
    """What the options of `engine_options` mean, or on a board what they mean to ``eyrie build``."""
    if board is None or engine["engine"] == "rowstat" or engine["array"] is not None:
        return engine_from(engine_file(source, engine["engine"]), **engine)
    geometry = {name: value for name, value in engine.items() if name not in ("engine", "preset", "array")}
    return build_engine(BOARDS[board], source, engine["preset"], geometry)
