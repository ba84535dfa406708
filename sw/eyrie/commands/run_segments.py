"""``eyrie run`` and ``eyrie evaluate`` for networks with convolutions: both engines' golden models."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eyrie.commands.terminal import Task, print_facts, print_json
from eyrie.compile.network.folder import read_segments
from eyrie.compile.network.integers import Interface
from eyrie.driver.segments import GoldenSegments, SegmentedRun
from eyrie.errors import InputError

_SAMPLES = 16
"""Samples between two signs of progress."""

_MOST_NESTED = 16
"""Samples up to which the JSON object holds all outputs."""


def open_segments(folder: Path, on: str) -> GoldenSegments:
    """The network in a folder, ready to run.

    Raises
    ------
    InputError
        If the folder does not hold, or it should run elsewhere than on the golden models.
    """
    if on != "golden":
        raise InputError(f"{folder}: a network with convolutions runs on the golden models only, not on {on}")
    return GoldenSegments(read_segments(folder))


def class_outputs(golden: GoldenSegments, x: npt.NDArray[np.int64], task: Task) -> npt.NDArray[np.int64]:
    """Outputs as one row a sample, int64 (samples, outputs), for int64 (samples, *input shape)."""
    outputs = []
    for begin in range(0, len(x), _SAMPLES):
        y = golden.run(x[begin : begin + _SAMPLES]).outputs
        outputs.append(y.reshape(len(y), -1))
        task(begin + len(y), len(x))
    return np.concatenate(outputs)


def print_run(interface: Interface, run: SegmentedRun, *, as_json: bool) -> None:
    """Say what a timed run took."""
    n = len(run.outputs)
    if as_json:
        facts: dict[str, Any] = {"samples": n, "on": "golden"}
        if n <= _MOST_NESTED:
            facts["outputs_integer"] = run.outputs.tolist()
        print_json(facts | {"segments": [segment._asdict() for segment in run.segments]})
        return
    rows: list[tuple[str, Any]] = [("samples", n), ("on", "golden")]
    for segment in run.segments:
        cycles = "host" if segment.cycles is None else f"{segment.place}, {segment.cycles / n:,.1f} cycles a sample"
        rows.append((segment.name, cycles))
    print_facts(interface.name, rows)
