"""``eyrie synth``: what the hardware needs of an FPGA."""

from pathlib import Path
from typing import Any

import click

from eyrie.commands.geometry import geometry_options
from eyrie.commands.preset import engine_from, preset_option
from eyrie.commands.terminal import json_option, print_json, print_table, progress


@click.command()
@click.argument("source", type=click.Path(path_type=Path), required=False, metavar="[DIR|CONFIG.json]")
@preset_option
@geometry_options
@click.option("--target", type=click.Choice(["ecp5", "ice40", "xilinx"]), default="ecp5", show_default=True)
@click.option("--flatten", is_flag=True, help="Optimise PEs together with what is around them; takes minutes.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="OUT", help="Folder for report and log.")
@json_option
def synth(
    source: Path | None,
    preset: str | None,
    target: str,
    flatten: bool,
    output: Path | None,
    as_json: bool,
    **geometry: Any,
) -> None:
    """Synthesise the engine for the network compiled into DIR, or for the given geometry, with Yosys.

    Counts cells of the whole and of each module, before placement.
    """
    import json

    from eyrie.bench.emitted import emit_core
    from eyrie.errors import InputError
    from eyrie.files import read_bytes, write_atomic
    from eyrie.synth.cells import TARGETS, WITHOUT_LUT_RAM
    from eyrie.synth.table import COLUMNS, report_rows
    from eyrie.synth.yosys import synthesise

    config = engine_from(source, preset, geometry)
    if target in WITHOUT_LUT_RAM and config.lut_ram:
        raise InputError(f"{target} has no memories that are read without a clock; take an engine with --lut-ram off")
    with progress("emitting Verilog") as task:
        emitted = emit_core(config, task.say)
        family = TARGETS[TARGETS.index(target)]  # type: ignore[arg-type]
        report = synthesise(emitted.text, emitted.top, family, flatten=flatten, progress=task.say)
    facts = report.as_json() | {"config": json.loads(config.as_json()), "config_hash": f"{config.hash:016x}"}
    if output is not None:
        write_atomic(output / f"{target}.json", json.dumps(facts, indent=2) + "\n")
        write_atomic(output / f"{target}.log", read_bytes(report.log))
    if as_json:
        print_json(facts)
    else:
        title = f"{report.top}, {config.n_pes} PEs, {target}, Yosys {report.yosys} (not placed)"
        print_table(title, COLUMNS, report_rows(report))
