"""``eyrie route``: which clock the hardware reaches on an FPGA."""

from pathlib import Path
from typing import Any

import click

from eyrie.commands.engine import engine_from, engine_options, engine_words
from eyrie.commands.engine_files import engine_file
from eyrie.commands.terminal import json_option, print_json, progress
from eyrie.synth.part import DEVICES, SPEEDS, Device
from eyrie.synth.route_job import PLACERS, Placer

_STATIC_FROM = 32
"""PEs from which on nextpnr's static placer is taken."""


@click.command()
@click.argument("source", type=click.Path(path_type=Path), required=False, metavar="[DIR|CONFIG.json]")
@engine_options
@click.option("--device", type=click.Choice(DEVICES), default="85k", show_default=True, help="LFE5U with so many LUTs.")
@click.option("--speed", type=click.Choice([str(speed) for speed in SPEEDS]), default="8", show_default=True)
@click.option("--package", default="", metavar="NAME", help="As nextpnr calls it.  [default: the device's largest]")
@click.option("--freq", type=click.IntRange(1, 1000), default=100, show_default=True, help="MHz to work towards.")
@click.option(
    "--seed",
    "seeds",
    type=click.IntRange(0, (1 << 31) - 1),
    multiple=True,
    default=(1,),
    show_default=True,
    help="Of placement; give several for a median.",
)
@click.option(
    "--placer",
    type=click.Choice(PLACERS),
    help=f"nextpnr's.  [default: static from {_STATIC_FROM} PEs up, heap below]",
)
@click.option("--out-of-context", is_flag=True, help="The engine alone: clock, reset and inputs are not routed.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="OUT", help="Folder for report and logs.")
@json_option
def route(
    source: Path | None,
    device: Device,
    speed: str,
    package: str,
    freq: int,
    seeds: tuple[int, ...],
    placer: Placer | None,
    out_of_context: bool,
    output: Path | None,
    as_json: bool,
    **engine: Any,
) -> None:
    """Place and route the engine for the network compiled into DIR, or for the given options, with nextpnr on ECP5.

    A network with convolutions has two engines, of which --engine selects one. A shell of registers with three pins
    stands around the engine. Every seed is kept when it is done: a run that was interrupted goes on where it was. Exit
    status 1 if the median is below the clock asked for.
    """
    import json

    from eyrie.commands.route_table import print_route
    from eyrie.errors import InputError
    from eyrie.files import read_bytes, write_atomic
    from eyrie.synth.design import array_size, configuration_facts, configuration_text, emit_engine, placed_modules
    from eyrie.synth.nextpnr import nextpnr_version
    from eyrie.synth.part import Part
    from eyrie.synth.route import route as route_seed
    from eyrie.synth.route_job import RouteJob
    from eyrie.synth.route_report import RouteReport

    if len(set(seeds)) != len(seeds):
        raise click.UsageError("each --seed may be given once")
    config = engine_from(engine_file(source, engine["engine"]), **engine)
    try:
        part = Part(device=device, speed=int(speed), package=package)
    except ValueError as error:
        raise InputError(str(error)) from error
    placer = placer or ("static" if config.n_pes >= _STATIC_FROM else "heap")
    nextpnr = nextpnr_version()  # it says so before minutes of synthesis if there is none
    runs = []
    with progress("emitting Verilog") as task:
        core = emit_engine(config, task.say)
        job = RouteJob(
            core=core,
            part=part,
            constraint_mhz=freq,
            placer=placer,
            out_of_context=out_of_context,
            keep=placed_modules(config),
        )
        for seed in seeds:
            runs.append(route_seed(job, seed, progress=task.say))
            task(len(runs), len(seeds))
    report = RouteReport(job=job, runs=tuple(runs))
    again = (
        *("eyrie route", engine_words(source, **engine)),
        f"--device {part.device} --speed {part.speed} --package {part.package} --freq {freq}",
        f"--placer {placer}",
        *(f"--seed {seed}" for seed in seeds),
        *(["--out-of-context"] if out_of_context else []),
        "--json",
    )
    facts = report.as_json() | configuration_facts(config) | {"command": " ".join(again)}
    if output is not None:
        write_atomic(output / "config.json", configuration_text(config))
        write_atomic(output / "route.json", json.dumps(facts, indent=2) + "\n")
        for run in runs:
            write_atomic(output / f"seed-{run.seed}.log", read_bytes(run.log))
    if as_json:
        print_json(facts)
    else:
        print_route(report, f"{core.top}, {array_size(config)}, on {part}; nextpnr {nextpnr}")
    if not report.passes:
        click.echo(f"eyrie: {report.median_mhz:.2f} MHz is below the clock asked for, {freq} MHz", err=True)
        raise click.exceptions.Exit(1)
