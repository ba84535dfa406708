"""``eyrie evaluate``: how often a compiled classifier is right."""

import hashlib
from pathlib import Path

import click
import numpy as np

from eyrie.commands.terminal import json_option, percent, print_json, print_table, progress


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option("--data", type=click.Path(path_type=Path), metavar="DIR", help="Fashion-MNIST: its test set is used.")
@click.option("--input", "inputs", type=click.Path(path_type=Path), metavar="X.npy", help="Or inputs of your own ...")
@click.option("--labels", type=click.Path(path_type=Path), metavar="L.npy", help="... and their classes, (samples,).")
@click.option("--on", type=click.Choice(["golden", "rtl"]), default="golden", show_default=True, help="Where to run.")
@json_option
def evaluate(folder: Path, data: Path | None, inputs: Path | None, labels: Path | None, on: str, as_json: bool) -> None:
    """Count the samples whose largest output is the one of their class."""
    from eyrie.commands.arrays import read_array
    from eyrie.compile.folder import IMAGE, read_folder
    from eyrie.compile.scaling import quantise_input
    from eyrie.driver.device import open_device
    from eyrie.errors import InputError
    from eyrie.files import read_bytes
    from eyrie.train.data import read_fashion_mnist

    if data is not None and inputs is None and labels is None:
        test = read_fashion_mnist(data).test
        x, classes = test.inputs, test.labels
    elif data is None and inputs is not None and labels is not None:
        x, classes = read_array(inputs), read_array(labels)
    else:
        raise click.UsageError("give either --data, or --input and --labels")
    compiled = read_folder(folder)
    activations = quantise_input(compiled, x)
    if classes.shape != (len(x),):
        raise InputError(f"labels must have shape ({len(x)},), one a sample, not {classes.shape}")
    with progress("running") as task:
        device = open_device(compiled, "rtl" if on == "rtl" else "golden", task.say)
        outputs = device.run(activations, task).outputs
    right = int(np.count_nonzero(outputs.argmax(axis=1) == classes))
    if as_json:
        image = hashlib.sha256(read_bytes(folder / IMAGE)).hexdigest()
        facts = {"samples": len(x), "right": right, "accuracy": right / len(x), "on": on}
        print_json(facts | {"pes": compiled.config.n_pes, "image_sha256": image})
    else:
        print_table(compiled.name, ["samples", "right", "accuracy"], [[str(len(x)), right, percent(right / len(x))]])
