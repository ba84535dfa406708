"""``eyrie report``: what a compiled network is, on a page and as JSON."""

from pathlib import Path

import click

from eyrie.commands.terminal import json_option, percent, print_facts, print_json, print_table, progress


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="OUT", help="Folder to write.  [default: DIR]")
@click.option(
    "--input",
    "inputs",
    type=click.Path(path_type=Path),
    metavar="X.npy",
    help="Inputs to count cycles on. Without them they are drawn over the whole input range.",
)
@click.option(
    "--samples",
    type=click.IntRange(min=1),
    default=8,
    show_default=True,
    metavar="K",
    help="Samples to count cycles on, the first of the inputs.",
)
@json_option
def report(folder: Path, output: Path | None, inputs: Path | None, samples: int, as_json: bool) -> None:
    """Write report.html and report.json on the network compiled into DIR.

    For every segment and layer: size, weights kept, mapping and why, cycles on the cycle models; and the accuracy that
    `eyrie evaluate --record` left in DIR.
    """
    import json
    from importlib import metadata

    from eyrie.commands.arrays import read_array
    from eyrie.files import write_atomic
    from eyrie.report.compiled_network import report_compiled
    from eyrie.report.page import render_network

    with progress("counting cycles"):
        facts = report_compiled(folder, None if inputs is None else read_array(inputs), samples=samples)
    given = [] if inputs is None else [f"--input {inputs.name}"]
    facts |= {
        "command": " ".join(["eyrie report DIR", *given, f"--samples {samples}"]),
        "eyrie": metadata.version("eyrie"),
    }
    output = output or folder
    write_atomic(output / "report.json", json.dumps(facts, indent=2) + "\n")
    write_atomic(output / "report.html", render_network(facts))
    if as_json:
        print_json(facts)
        return
    accuracy, weights = facts["accuracy"], facts["weights"]
    rows = [
        ("weights kept", f"{weights['kept']:,} of {weights['all']:,}, {percent(weights['density'])}"),
        ("bytes of images", facts["bytes"]["images"]),
        ("bytes of weights as floats", facts["bytes"]["dense_float"]),
        ("cycles a sample", f"{facts['cycles']:,.1f}"),
        ("accuracy", "not recorded" if accuracy is None else _accuracy_words(accuracy)),
    ]
    print_facts(facts["name"], rows)
    columns = ["segment", "runs on", "hardware", "bytes", "cycles a sample"]
    table = [
        [it["name"], it["place"], it["hardware"], it["bytes"], "" if it["cycles"] is None else f"{it['cycles']:,.1f}"]
        for it in facts["segments"]
    ]
    print_table("segments", columns, table, left=(0, 1, 2))
    click.echo(f"Report: {output / 'report.html'}")


def _accuracy_words(accuracy: dict[str, object]) -> str:
    other = "" if accuracy["same_image"] else ", of another image"
    return f"{accuracy['right']:,} of {accuracy['samples']:,}, {accuracy['data']}{other}"
