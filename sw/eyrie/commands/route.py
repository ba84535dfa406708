"""``eyrie route``: which clock the hardware reaches on an FPGA."""

from pathlib import Path
from typing import Any

import click

from eyrie.commands.geometry import geometry_options
from eyrie.commands.preset import engine_from, option_name, preset_option
from eyrie.commands.terminal import json_option, print_json, progress
from eyrie.synth.part import DEVICES, SPEEDS, Device
from eyrie.synth.route_job import PLACERS, Placer

_STATIC_FROM = 32
"""PEs from which on nextpnr's static placer is taken."""


@click.command()
@click.argument("source", type=click.Path(path_type=Path), required=False, metavar="[DIR|CONFIG.json]")
@preset_option
@geometry_options
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
    preset: str | None,
    device: Device,
    speed: str,
    package: str,
    freq: int,
    seeds: tuple[int, ...],
    placer: Placer | None,
    out_of_context: bool,
    output: Path | None,
    as_json: bool,
    **geometry: Any,
) -> None:
    """Place and route the engine for the network compiled into DIR, or for the given geometry, with nextpnr on ECP5.

    A shell of registers with three pins stands around the engine. Every seed is kept when it is done: a run that was
    interrupted goes on where it was. Exit status 1 if the median is below the clock asked for.
    """
    import json

    from eyrie.bench.emitted import emit_core
    from eyrie.commands.route_table import print_route
    from eyrie.errors import InputError
    from eyrie.files import read_bytes, write_atomic
    from eyrie.synth.nextpnr import nextpnr_version
    from eyrie.synth.part import Part
    from eyrie.synth.route import route as route_seed
    from eyrie.synth.route_job import RouteJob
    from eyrie.synth.route_report import RouteReport

    if len(set(seeds)) != len(seeds):
        raise click.UsageError("each --seed may be given once")
    config = engine_from(source, preset, geometry)
    try:
        part = Part(device=device, speed=int(speed), package=package)
    except ValueError as error:
        raise InputError(str(error)) from error
    placer = placer or ("static" if config.n_pes >= _STATIC_FROM else "heap")
    nextpnr = nextpnr_version()  # it says so before minutes of synthesis if there is none
    runs = []
    with progress("emitting Verilog") as task:
        core = emit_core(config, task.say)
        job = RouteJob(core=core, part=part, constraint_mhz=freq, placer=placer, out_of_context=out_of_context)
        for seed in seeds:
            runs.append(route_seed(job, seed, progress=task.say))
            task(len(runs), len(seeds))
    report = RouteReport(job=job, runs=tuple(runs))
    again = (
        *("eyrie route", _engine_words(source, preset, geometry)),
        f"--device {part.device} --speed {part.speed} --package {part.package} --freq {freq}",
        f"--placer {placer}",
        *(f"--seed {seed}" for seed in seeds),
        *(["--out-of-context"] if out_of_context else []),
        "--json",
    )
    facts = report.as_json() | {
        "config": json.loads(config.as_json()),
        "config_hash": f"{config.hash:016x}",
        "command": " ".join(again),
    }
    if output is not None:
        write_atomic(output / "config.json", config.as_json() + "\n")
        write_atomic(output / "route.json", json.dumps(facts, indent=2) + "\n")
        for run in runs:
            write_atomic(output / f"seed-{run.seed}.log", read_bytes(run.log))
    if as_json:
        print_json(facts)
    else:
        print_route(report, f"{core.top}, {config.n_pes} PEs, on {part}; nextpnr {nextpnr}")
    if not report.passes:
        click.echo(f"eyrie: {report.median_mhz:.2f} MHz is below the clock asked for, {freq} MHz", err=True)
        raise click.exceptions.Exit(1)


def _engine_words(source: Path | None, preset: str | None, geometry: dict[str, Any]) -> str:
    """What selects the engine on the command line; CONFIG.json stands for a file with the configuration."""
    if preset is not None:
        return f"--preset {preset}"
    if source is not None:
        return "CONFIG.json"
    return " ".join(f"{option_name(name)} {value}" for name, value in geometry.items())
