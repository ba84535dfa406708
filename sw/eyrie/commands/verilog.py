"""``eyrie verilog``: hardware to take away."""

from pathlib import Path
from typing import Any

import click

from eyrie.commands.engine import engine_from, engine_options
from eyrie.commands.terminal import json_option, print_json, print_table, progress


@click.command()
@click.argument("source", type=click.Path(path_type=Path), required=False, metavar="[DIR|CONFIG.json]")
@engine_options
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, metavar="OUT", help="Folder to write.")
@json_option
def verilog(source: Path | None, output: Path, as_json: bool, **engine: Any) -> None:
    """Write the engine for the network compiled into DIR, for a configuration, or for the given options.

    OUT then holds eie_core.v or rowstat_core.v, and beside it the same name with .json: configuration and ports.
    """
    import dataclasses

    from eyrie.common.emit import write_verilog_files
    from eyrie.synth.design import array_size, emit_engine

    config = engine_from(source, **engine)
    with progress("emitting Verilog") as task:
        emitted = emit_engine(config, task.say)
        verilog_path, json_path = write_verilog_files(
            output, emitted, configuration=dataclasses.asdict(config), configuration_hash=config.hash
        )
    facts: dict[str, Any] = {
        "verilog": str(verilog_path),
        "description": str(json_path),
        "top": emitted.top,
        "bytes": len(emitted.text.encode()),
        "modules": emitted.modules,
    }
    if as_json:
        print_json(facts)
        return
    print_table(f"{emitted.top}, {array_size(config)}", ["module", "instances"], list(emitted.modules.items()))
    click.echo(f"Written to {verilog_path} ({facts['bytes']:,} bytes) and {json_path}")
