"""``eyrie evaluate``: how often a compiled classifier is right."""

import json
import math
from pathlib import Path
from typing import Any

import click
import numpy as np

from eyrie.commands.devices import open_place, place_options, require_engines
from eyrie.commands.faults import hardware_faults
from eyrie.commands.terminal import json_option, percent, print_json, print_table, progress
from eyrie.errors import InputError


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option("--data", type=click.Path(path_type=Path), metavar="DIR", help="Fashion-MNIST: its test set is used.")
@click.option("--input", "inputs", type=click.Path(path_type=Path), metavar="X.npy", help="Or inputs of your own ...")
@click.option("--labels", type=click.Path(path_type=Path), metavar="L.npy", help="... and their classes, (samples,).")
@place_options
@click.option("--limit", type=click.IntRange(min=1), metavar="K", help="Use the first K samples only.")
@click.option("--record", is_flag=True, help="Keep the result in DIR, where eyrie report finds it.")
@json_option
def evaluate(
    folder: Path,
    data: Path | None,
    inputs: Path | None,
    labels: Path | None,
    on: str,
    limit: int | None,
    record: bool,
    as_json: bool,
    **place: Any,
) -> None:
    """Count the samples whose largest output is the one of their class."""
    from eyrie.commands.arrays import read_array
    from eyrie.commands.run_segments import class_outputs, open_segments
    from eyrie.compile.folder import ACCURACY, read_folder
    from eyrie.compile.network.folder import image_digest, is_segmented
    from eyrie.compile.scaling import quantise_input
    from eyrie.files import write_atomic
    from eyrie.train.data import read_fashion_mnist

    if data is not None and inputs is None and labels is None:
        test = read_fashion_mnist(data).test
        x, classes = test.inputs, test.labels
    elif data is None and inputs is not None and labels is not None:
        x, classes = read_array(inputs), read_array(labels)
    else:
        raise click.UsageError("give either --data, or --input and --labels")
    facts: dict[str, Any]
    if is_segmented(folder):
        require_engines(on)
        with progress("loading") as task, hardware_faults():
            engines = open_segments(folder, on, task.say)
            interface = engines.network.interface
            shape = interface.input_shape
            name, facts = interface.name, {}
            # The data set's images are rows of pixels.
            maps = x.reshape(-1, *shape) if data is not None and x[0].size == math.prod(shape) else x
            activations = interface.quantise_input(maps)
            _require_labels(classes, len(x))
            task.say("running")
            outputs = class_outputs(engines, activations[:limit], task)
    else:
        compiled = read_folder(folder)
        name, facts = compiled.name, {"pes": compiled.config.n_pes}
        activations = quantise_input(compiled, x)
        _require_labels(classes, len(x))
        with progress("running") as task, hardware_faults():
            with open_place(compiled.config, task.say, on=on, **place) as device:
                device.load(compiled)
                outputs = device.run(activations[:limit], timed=False, progress=task).outputs
    samples = len(outputs)
    right = int(np.count_nonzero(outputs.argmax(axis=1) == classes[:limit]))
    facts = {
        "samples": samples,
        "right": right,
        "accuracy": right / samples,
        "on": on,
        **facts,
        "image_sha256": image_digest(folder),
    }
    if record:
        data_name = "Fashion-MNIST's test set" if inputs is None else inputs.name
        write_atomic(folder / ACCURACY, json.dumps(facts | {"data": data_name}, indent=2) + "\n")
    if as_json:
        print_json(facts)
    else:
        print_table(name, ["samples", "right", "accuracy"], [[str(samples), right, percent(right / samples)]])


def _require_labels(classes: np.ndarray, samples: int) -> None:
    if classes.shape != (samples,):
        raise InputError(f"labels must have shape ({samples},), one a sample, not {classes.shape}")
