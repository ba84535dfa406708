"""``eyrie run``: inputs through the golden model, the simulated hardware or a board."""

import time
from pathlib import Path
from typing import Any

import click

from eyrie.commands.devices import open_place, place_options, require_engines
from eyrie.commands.faults import hardware_faults
from eyrie.commands.terminal import json_option, print_facts, print_json, progress
from eyrie.driver.comparison import n_different

_MOST_NESTED = 16
"""Samples up to which the JSON object holds all outputs."""


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option(
    "--input",
    "inputs",
    type=click.Path(path_type=Path),
    required=True,
    metavar="X.npy",
    help="(samples, inputs), or (samples, channels, rows, columns).",
)
@click.option(
    "--output", type=click.Path(path_type=Path), metavar="Y.npy", help="Write the outputs, (samples, outputs) floats."
)
@place_options
@click.option("--keep", is_flag=True, help="Do not load a board that has a network of this size: it was loaded before.")
@click.option("--limit", type=click.IntRange(min=1), metavar="K", help="Run the first K samples only.")
@json_option
def run(
    folder: Path,
    inputs: Path,
    output: Path | None,
    on: str,
    keep: bool,
    limit: int | None,
    as_json: bool,
    **place: Any,
) -> None:
    """Run the compiled network in DIR on inputs as the model takes them.

    On anything but golden every output is compared with the golden model, and of a network with convolutions the
    cycles of every segment with the cycle model; exit status 1 if one differs.
    """
    from eyrie.commands.arrays import read_array, write_array
    from eyrie.commands.run_segments import run_segments
    from eyrie.compile.folder import read_folder
    from eyrie.compile.network.folder import is_segmented
    from eyrie.compile.scaling import dequantise_output, quantise_input
    from eyrie.driver.device import Device

    if keep and on != "board":
        raise click.UsageError(f"--keep goes with --on board, not with --on {on}")
    if is_segmented(folder):
        require_engines(on)
        run_segments(folder, read_array(inputs), output, on=on, limit=limit, as_json=as_json)
        return
    compiled = read_folder(folder)
    x = quantise_input(compiled, read_array(inputs))[:limit]
    with progress("opening") as task, hardware_faults():
        with open_place(compiled.config, task.say, on=on, **place) as device:
            task.say("loading")
            begun = time.monotonic()
            device.load(compiled, keep=keep, progress=task)
            loaded = time.monotonic()
            task.say("running")
            result = device.run(x, timed=False, progress=task)
            ended = time.monotonic()
            info = device.info()
        golden = result
        if on != "golden":
            with Device.open("golden") as model:
                model.load(compiled)
                golden = model.run(x, timed=False)
    mismatches = n_different(result.outputs, golden.outputs)
    if output is not None:
        write_array(output, dequantise_output(compiled, result.outputs))

    facts: dict[str, Any] = {"samples": len(x), "on": on}
    rows: list[tuple[str, Any]] = [("samples", len(x)), ("on", on)]
    if len(x) <= _MOST_NESTED:
        facts["outputs_integer"] = result.outputs.tolist()
    if result.cycles is not None:
        facts |= {"cycles": result.cycles.tolist(), "mismatches": mismatches, "simulator": info.simulator}
        low, high = int(result.cycles.min()), int(result.cycles.max())
        rows += [
            *([("simulator", info.simulator)] if info.simulator else []),
            ("cycles a sample", f"{low:,} to {high:,}, {result.cycles.mean():,.1f} on average"),
            ("samples that differ from golden", mismatches),
        ]
    if on == "board":
        facts |= {"clock": info.clock, "baud": info.baud, "hash": f"{info.config_hash:016x}"}
        facts |= {"load_seconds": loaded - begun, "run_seconds": ended - loaded}
        rate = len(x) / (ended - loaded)
        rows += [("loaded in", f"{loaded - begun:.2f} s"), ("over the link", f"{rate:,.1f} samples/s")]
    if as_json:
        print_json(facts)
    else:
        print_facts(compiled.name, rows)
    if mismatches:
        click.echo(f"eyrie: {mismatches} of {len(x)} samples differ between {on} and golden model", err=True)
        raise click.exceptions.Exit(1)
