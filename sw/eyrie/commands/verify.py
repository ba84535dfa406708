"""``eyrie verify``: networks drawn at random on simulated hardware."""

from dataclasses import asdict

import click

from eyrie.commands.terminal import json_option, print_facts, print_json, progress


@click.command()
@click.option("--engines", type=click.IntRange(min=1), default=4, show_default=True, help="Engines drawn at random.")
@click.option("--networks", type=click.IntRange(min=1), default=10, show_default=True, help="Networks on each.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Of every random draw.")
@json_option
def verify(engines: int, networks: int, seed: int, as_json: bool) -> None:
    """Draw engines and networks, and compare simulated hardware, golden model and plain matrices bit for bit.

    Cycles are compared with the cycle model. Shapes, sparsity, widths, PEs, queue and memory depths, places of rows,
    inputs and stalls are all drawn. Exit status 1 if anything differs.
    """
    from importlib.metadata import version

    from eyrie.bench.campaign import run_campaign
    from eyrie.bench.tools import find_verilator

    outcomes = []
    with progress("building engines") as task:
        for outcome in run_campaign(seed=seed, n_engines=engines, n_networks=networks, building=task.say):
            outcomes.append(outcome)
            task(len(outcomes), engines * networks)
    bad = [outcome for outcome in outcomes if not outcome.agrees]
    facts = {
        "seed": seed,
        "engines": engines,
        "networks": len(outcomes),
        "samples": sum(outcome.samples for outcome in outcomes),
        "cycles": sum(outcome.cycles for outcome in outcomes),
        "disagreements": len(bad),
        "tools": {"verilator": find_verilator().version, "amaranth": version("amaranth")},
    }
    if as_json:
        print_json(facts | {"outcomes": [asdict(outcome) for outcome in outcomes]})
    else:
        names = {
            "engines": "engines",
            "networks": "networks",
            "samples": "samples",
            "cycles": "cycles, each as the cycle model says",
            "disagreements": "networks that differ in values or cycles",
        }
        print_facts(f"seed {seed}", [(text, facts[key]) for key, text in names.items()])
    if bad:
        first = bad[0]
        what = first.failure or (
            f"of {first.samples} samples {first.mismatches} differ in values, {first.cycle_mismatches} in cycles"
        )
        click.echo(f"eyrie: network {first.seed} on engine {first.engine} (seed {seed}): {what}", err=True)
        raise click.exceptions.Exit(1)
