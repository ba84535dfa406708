"""``eyrie build``: an engine on a board, as a bitstream."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from eyrie.commands.geometry import geometry_options
from eyrie.commands.terminal import json_option, print_json, progress


class BoardName(click.ParamType):
    """A board by its name; a wrong one is answered by those that there are."""

    name = "NAME"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        """The board."""
        from eyrie.platforms.boards import BOARDS

        if not isinstance(value, str):
            return value
        if value not in BOARDS:
            self.fail(f"{value!r} is none of {', '.join(BOARDS)}", parameter, context)
        return BOARDS[value]


def _engine_options(command: Callable[..., Any]) -> Callable[..., Any]:
    command = geometry_options(command)
    return click.option("--preset", metavar="NAME", help="An EIE engine with a name instead of the board's.")(command)


@click.command()
@click.argument("source", type=click.Path(path_type=Path), required=False, metavar="[DIR|CONFIG.json]")
@click.option("--board", type=BoardName(), required=True, help="ulx3s-85f, icebreaker, tang-nano-9k or arty-a7.")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, metavar="OUT", help="Folder to write.")
@_engine_options
@click.option("--freq", type=click.IntRange(1, 500), metavar="MHZ", help="Clock.  [default: the board's]")
@click.option("--baud", type=click.IntRange(300, 12_000_000), help="Of the serial line.  [default: the board's]")
@click.option(
    "--seed",
    "seeds",
    type=click.IntRange(0, (1 << 31) - 1),
    multiple=True,
    default=(1,),
    show_default=True,
    help="Of placement; of several the best is packed.",
)
@click.option("--placer", type=click.Choice(["heap", "static"]), help="nextpnr's.  [default: the board's]")
@json_option
def build(
    source: Path | None,
    board: Any,
    output: Path,
    preset: str | None,
    freq: int | None,
    baud: int | None,
    seeds: tuple[int, ...],
    placer: str | None,
    as_json: bool,
    **geometry: Any,
) -> None:
    """Build a bitstream for a board: the engine for the network compiled into DIR, or that of the board.

    Options of geometry that are given change the board's engine, whatever their defaults. OUT then holds the
    bitstream, build.json and report.html, and all that it was made from; for DIR also its image as it goes over a link.
    Every seed is kept when it is done: a build that was interrupted goes on where it was. Exit status 1, and no
    bitstream, if the best seed misses a clock.
    """
    import json
    from importlib import metadata

    from eyrie.bench.host_system import emit_system
    from eyrie.commands.build_engine import build_engine, build_words, link_image
    from eyrie.commands.build_table import print_build
    from eyrie.errors import InputError
    from eyrie.files import read_bytes, write_atomic
    from eyrie.platforms.board import MHZ
    from eyrie.platforms.build_job import BuildJob
    from eyrie.platforms.build_report import BuildReport
    from eyrie.platforms.integration import emit_wishbone
    from eyrie.platforms.placed import best, map_cells, place
    from eyrie.platforms.sources import bitstream_file, write_sources
    from eyrie.report.build_page import render_build
    from eyrie.synth.design import obstacle

    if len(set(seeds)) != len(seeds):
        raise click.UsageError("each --seed may be given once")
    config = build_engine(board, source, preset, geometry)
    if (why_not := obstacle(config, board.family)) is not None:
        raise InputError(f"{board.name}: {why_not}")
    host = board.host_at(clock=None if freq is None else freq * MHZ, baud=baud)
    board.pll(host.clock)  # it says so before anything else if the clock cannot be made
    network = None if source is None else link_image(source, config)
    version = metadata.version("eyrie")
    placed = []
    with progress("emitting Verilog") as task:
        job = BuildJob(
            board=board,
            config=config,
            host=host,
            system=emit_system(config, host, task.say),
            placer=placer or board.placer,
        )
        if job.toolchain is not None:
            for tool in (job.toolchain.nextpnr, job.toolchain.packer):
                tool.find()  # likewise if one is missing
        files = write_sources(output, job, emit_wishbone(config, host), version=version)
        if network is not None:
            files.append(network.file)
            write_atomic(output / network.file, network.data)
        # What stands there from before is not of these sources.
        (output / bitstream_file(job)).unlink(missing_ok=True)
        cells = map_cells(job, progress=task.say)
        if job.toolchain is not None:
            for seed in seeds:
                placed.append(place(job, seed, progress=task.say))
                task(len(placed), len(seeds))
                files.append(f"seed-{seed}.log")
                write_atomic(output / files[-1], read_bytes(placed[-1].run.log))
        bitstream = None
        if job.toolchain is not None and best(placed).passes:
            task.say("packing")
            bitstream = job.toolchain.pack(best(placed).design)
            files.append(bitstream_file(job))
            write_atomic(output / files[-1], bitstream)
    report = BuildReport(job=job, cells=cells, placed=tuple(placed), bitstream=bitstream)
    again = ["eyrie build", *build_words(source, preset, geometry), f"--board {board.name}", f"--freq {job.clock_mhz}"]
    again += [f"--baud {host.baud}", *([f"--placer {job.placer}"] if job.placer else [])]
    again += [*(f"--seed {seed}" for seed in seeds), "-o OUT", "--json"]
    facts = report.as_json() | {
        "network": None if network is None else network.facts,
        "files": sorted([*files, "build.json", "report.html"]),
        "command": " ".join(again),
        "eyrie": version,
    }
    write_atomic(output / "build.json", json.dumps(facts, indent=2) + "\n")
    write_atomic(output / "report.html", render_build(facts))
    if as_json:
        print_json(facts)
    else:
        print_build(report, output)
    if placed and bitstream is None:
        reached = best(placed).run.fmax_mhz
        click.echo(
            f"eyrie: {reached:.2f} MHz is below the clock asked for, {job.clock_mhz} MHz: no bitstream", err=True
        )
        raise click.exceptions.Exit(1)
