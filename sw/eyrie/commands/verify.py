"""``eyrie verify``: networks drawn at random on simulated hardware."""

from dataclasses import asdict
from typing import Any, Literal

import click

from eyrie.commands.terminal import json_option, print_facts, print_json, progress


@click.command()
@click.option(
    "--engine",
    type=click.Choice(["eie", "rowstat"]),
    default="eie",
    show_default=True,
    help="Sparse matrix times vector, or row-stationary convolution.",
)
@click.option("--engines", type=click.IntRange(min=1), default=4, show_default=True, help="Engines drawn at random.")
@click.option("--networks", type=click.IntRange(min=1), default=10, show_default=True, help="Networks on each.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Of every random draw.")
@json_option
def verify(engine: Literal["eie", "rowstat"], engines: int, networks: int, seed: int, as_json: bool) -> None:
    """Draw engines and networks, and compare simulated hardware, golden model and plain arithmetic bit for bit.

    Cycles are compared with the cycle model. Shapes, sparsity, widths, PEs, depths of memories, mappings, inputs and
    stalls are all drawn. Exit status 1 if anything differs.
    """
    from importlib.metadata import version

    from eyrie.bench.campaign import run_campaign
    from eyrie.bench.rowstat_campaign import run_convolutions
    from eyrie.bench.tools import find_verilator

    outcomes: list[Any] = []
    run: Any = run_campaign if engine == "eie" else run_convolutions
    with progress("building engines") as task:
        for outcome in run(seed=seed, n_engines=engines, n_networks=networks, building=task.say):
            outcomes.append(outcome)
            task(len(outcomes), engines * networks)
    bad = [outcome for outcome in outcomes if not outcome.agrees]
    counts = {"engines": engines, "networks": len(outcomes)}
    if engine == "eie":
        counts["samples"] = sum(outcome.samples for outcome in outcomes)
    counts |= {"cycles": sum(outcome.cycles for outcome in outcomes), "disagreements": len(bad)}
    tools = {"verilator": find_verilator().version, "amaranth": version("amaranth")}
    if as_json:
        facts = {"engine": engine, "seed": seed, **counts, "tools": tools}
        print_json(facts | {"outcomes": [asdict(outcome) for outcome in outcomes]})
    else:
        names = {
            "cycles": "cycles, each as the cycle model says",
            "disagreements": "networks that differ in values or cycles",
        }
        print_facts(f"{engine}, seed {seed}", [(names.get(key, key), value) for key, value in counts.items()])
    if bad:
        first = bad[0]
        click.echo(f"eyrie: network {first.seed} on engine {first.engine} (seed {seed}): {first.difference}", err=True)
        raise click.exceptions.Exit(1)
