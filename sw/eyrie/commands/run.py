"""``eyrie run``: inputs through the golden model or the simulated hardware."""

from pathlib import Path
from typing import Any

import click
import numpy as np

from eyrie.commands.faults import hardware_faults
from eyrie.commands.terminal import json_option, print_facts, print_json, progress

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
@click.option("--on", type=click.Choice(["golden", "rtl"]), default="golden", show_default=True, help="Where to run.")
@click.option("--limit", type=click.IntRange(min=1), metavar="K", help="Run the first K samples only.")
@json_option
def run(folder: Path, inputs: Path, output: Path | None, on: str, limit: int | None, as_json: bool) -> None:
    """Run the compiled network in DIR on inputs as the model takes them.

    On rtl every output is compared with the golden model, and of a network with convolutions the cycles of every
    segment with the cycle model; exit status 1 if one differs.
    """
    from eyrie.commands.arrays import read_array, write_array
    from eyrie.commands.run_segments import run_segments
    from eyrie.compile.folder import read_folder
    from eyrie.compile.network.folder import is_segmented
    from eyrie.compile.scaling import dequantise_output, quantise_input
    from eyrie.driver.device import open_device

    if is_segmented(folder):
        run_segments(folder, read_array(inputs), output, on=on, limit=limit, as_json=as_json)
        return
    compiled = read_folder(folder)
    x = quantise_input(compiled, read_array(inputs))[:limit]
    with progress("loading") as task, hardware_faults():
        device = open_device(compiled, "rtl" if on == "rtl" else "golden", task.say)
        task.say("running")
        result = device.run(x, task)
        golden = open_device(compiled, "golden").run(x) if on == "rtl" else result
    mismatches = int(np.count_nonzero((result.outputs != golden.outputs).any(axis=1)))
    if output is not None:
        write_array(output, dequantise_output(compiled, result.outputs))

    facts: dict[str, Any] = {"samples": len(x), "on": on}
    if len(x) <= _MOST_NESTED:
        facts["outputs_integer"] = result.outputs.tolist()
    if result.cycles is not None:
        facts |= {"cycles": result.cycles.tolist(), "mismatches": mismatches, "simulator": device.simulator}
    if as_json:
        print_json(facts)
    else:
        rows: list[tuple[str, Any]] = [("samples", len(x)), ("on", on)]
        if result.cycles is not None:
            low, high = int(result.cycles.min()), int(result.cycles.max())
            rows += [
                ("simulator", device.simulator),
                ("cycles a sample", f"{low:,} to {high:,}, {result.cycles.mean():,.1f} on average"),
                ("samples that differ from golden", mismatches),
            ]
        print_facts(compiled.name, rows)
    if mismatches:
        click.echo(f"eyrie: {mismatches} of {len(x)} samples differ between {on} and golden model", err=True)
        raise click.exceptions.Exit(1)
