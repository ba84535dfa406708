"""``eyrie synth``: what the hardware needs of an FPGA."""

from pathlib import Path

import click

from eyrie.commands.geometry import geometry_from, geometry_options
from eyrie.commands.terminal import json_option, print_json, print_table, progress


@click.command()
@click.argument("source", type=click.Path(path_type=Path), required=False, metavar="[DIR|CONFIG.json]")
@geometry_options
@click.option("--target", type=click.Choice(["ecp5", "ice40", "xilinx"]), default="ecp5", show_default=True)
@click.option("--flatten", is_flag=True, help="Optimise PEs together with what is around them; takes minutes.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="OUT", help="Folder for report and log.")
@json_option
def synth(source: Path | None, target: str, flatten: bool, output: Path | None, as_json: bool, **geometry: int) -> None:
    """Synthesise the engine for the network compiled into DIR, or for the given geometry, with Yosys.

    Counts cells of the whole and of each module, before placement.
    """
    import json

    from eyrie.bench.emitted import emit_core
    from eyrie.files import write_atomic
    from eyrie.synth.yosys import TARGETS, synthesise

    config = geometry_from(source, **geometry)
    with progress("emitting Verilog") as task:
        emitted = emit_core(config, task.say)
        report = synthesise(
            emitted,
            TARGETS[TARGETS.index(target)],  # type: ignore[arg-type]
            flatten=flatten,
            log=None if output is None else output / f"{target}.log",
            progress=task.say,
        )
    facts = report.as_dict() | {"config": json.loads(config.as_json()), "config_hash": f"{config.hash:016x}"}
    if output is not None:
        write_atomic(output / f"{target}.json", json.dumps(facts, indent=2) + "\n")
    if as_json:
        print_json(facts)
        return
    scopes = [("whole engine", report.whole)] + ([("one PE", report.per_pe)] if report.per_pe else [])
    print_table(
        f"{report.top}, {report.n_pes} PEs, {target}, Yosys {report.version} (not placed)",
        ["", "LUTs", "flip-flops", "LUTs as memory", "block RAMs", "multipliers"],
        [
            [name, part.luts, part.flip_flops, part.distributed_ram_luts, part.block_rams, part.multipliers]
            for name, part in scopes
        ],
    )
    kinds = sorted(report.cells, key=lambda kind: -report.cells[kind])
    names = list(report.modules)
    print_table(
        "cells by kind",
        ["cell", "whole", *names],
        [[kind, report.cells[kind], *(report.modules[name].get(kind, 0) for name in names)] for kind in kinds],
    )
