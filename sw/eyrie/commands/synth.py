"""``eyrie synth``: what the hardware needs of an FPGA."""

from pathlib import Path
from typing import Any

import click

from eyrie.commands.engine import engine_from, engine_options, engine_words
from eyrie.commands.engine_files import engine_file
from eyrie.commands.terminal import json_option, print_json, print_table, progress


@click.command()
@click.argument("source", type=click.Path(path_type=Path), required=False, metavar="[DIR|CONFIG.json]")
@engine_options
@click.option("--target", type=click.Choice(["ecp5", "ice40", "gowin", "xilinx"]), default="ecp5", show_default=True)
@click.option("--flatten", is_flag=True, help="Optimise PEs together with what is around them; takes minutes.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="OUT", help="Folder for report and log.")
@json_option
def synth(
    source: Path | None,
    target: str,
    flatten: bool,
    output: Path | None,
    as_json: bool,
    **engine: Any,
) -> None:
    """Synthesise the engine for the network compiled into DIR, or for the given options, with Yosys.

    A network with convolutions has two engines, of which --engine selects one.
    Counts cells of the whole and of each module, before placement; says which parts can hold as many. Exit status 1 if
    a processing element does not become the memories and multipliers that are planned for it.
    """
    import json

    from eyrie.errors import InputError
    from eyrie.files import read_bytes, write_atomic
    from eyrie.synth.capacity import fit_facts
    from eyrie.synth.cells import TARGETS
    from eyrie.synth.design import array_size, configuration_facts, emit_engine, obstacle, repeated_modules
    from eyrie.synth.plan import departures, plan_for
    from eyrie.synth.table import COLUMNS, FIT_COLUMNS, fit_rows, report_rows
    from eyrie.synth.yosys import synthesise

    config = engine_from(engine_file(source, engine["engine"]), **engine)
    family = TARGETS[TARGETS.index(target)]  # type: ignore[arg-type]
    if (why_not := obstacle(config, family)) is not None:
        raise InputError(why_not)
    plan = None if flatten else plan_for(config, family)
    with progress("emitting Verilog") as task:
        emitted = emit_engine(config, task.say)
        report = synthesise(
            emitted.text,
            emitted.top,
            family,
            keep=repeated_modules(config),
            flatten=flatten,
            progress=task.say,
        )
    lines = [] if plan is None else departures(plan, report)
    again = ["eyrie synth", engine_words(source, **engine), f"--target {target}", *(["--flatten"] if flatten else [])]
    facts = report.as_json() | {
        "plan": None if plan is None else {"name": plan.name, "holds": not lines, "departures": lines},
        "parts": fit_facts(report.whole),
        **configuration_facts(config),
        "command": " ".join([*again, "--json"]),
    }
    if output is not None:
        write_atomic(output / f"{target}.json", json.dumps(facts, indent=2) + "\n")
        write_atomic(output / f"{target}.log", read_bytes(report.log))
    if as_json:
        print_json(facts)
    else:
        title = f"{report.top}, {array_size(config)}, {target}, Yosys {report.yosys} (not placed)"
        print_table(title, COLUMNS, report_rows(report))
        print_table("cells against parts, by count alone", FIT_COLUMNS, fit_rows(report.whole), left=(0, 5))
        if plan is not None and not lines:
            click.echo(f"As planned ({plan.name}): {', '.join(plan.modules)}")
        elif plan is None and not flatten:
            click.echo("No plan is recorded for a processing element of this size")
    if lines:
        click.echo(f"eyrie: not as planned: {'; '.join(lines)}", err=True)
        raise click.exceptions.Exit(1)
