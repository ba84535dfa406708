"""``eyrie verilog``: hardware to take away."""

from pathlib import Path
from typing import Any

import click

from eyrie.commands.engine import engine_from, engine_options
from eyrie.commands.engine_files import engine_files
from eyrie.commands.terminal import Task, json_option, print_json, print_table, progress
from eyrie.synth.engines import EngineConfig


@click.command()
@click.argument("source", type=click.Path(path_type=Path), required=False, metavar="[DIR|CONFIG.json]")
@engine_options
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, metavar="OUT", help="Folder to write.")
@json_option
def verilog(source: Path | None, output: Path, as_json: bool, **engine: Any) -> None:
    """Write the engine for the network compiled into DIR, for a configuration, or for the given options.

    OUT then holds eie_core.v or rowstat_core.v, and beside it the same name with .json: configuration and ports. A
    network with convolutions has both, unless --engine selects one.
    """
    written = []
    with progress("emitting Verilog") as task:
        for file in engine_files(source, engine["engine"]):
            written.append(_write(engine_from(file, **engine), output, task))
    if as_json:
        engines = [facts for facts, _ in written]
        print_json(engines[0] if len(engines) == 1 else {"engines": engines})
        return
    for facts, title in written:
        print_table(title, ["module", "instances"], list(facts["modules"].items()))
        click.echo(f"Written to {facts['verilog']} ({facts['bytes']:,} bytes) and {facts['description']}")


def _write(config: EngineConfig, output: Path, task: Task) -> tuple[dict[str, Any], str]:
    """Emit one engine: the facts of the JSON object, and the title of the table."""
    import dataclasses

    from eyrie.common.emit import write_verilog_files
    from eyrie.synth.design import array_size, emit_engine

    emitted = emit_engine(config, task.say)
    verilog_path, json_path = write_verilog_files(
        output, emitted, configuration=dataclasses.asdict(config), configuration_hash=config.hash
    )
    facts = {
        "verilog": str(verilog_path),
        "description": str(json_path),
        "top": emitted.top,
        "bytes": len(emitted.text.encode()),
        "modules": emitted.modules,
    }
    return facts, f"{emitted.top}, {array_size(config)}"
