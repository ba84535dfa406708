"""The configurations in a folder that `eyrie compile` wrote: one, or of a network with convolutions up to two."""

from pathlib import Path

import click

from eyrie.synth.engines import EngineName


def engine_files(source: Path | None, engine: EngineName | None) -> list[Path | None]:
    """What stands for a folder or file in ``eyrie.commands.engine.engine_from``: one for each engine that is meant.

    Parameters
    ----------
    source : Path or None
        Folder or file of the command line.
    engine : str or None
        The option ``--engine``; None means all engines of a folder.

    Raises
    ------
    click.UsageError
        If the folder's network does not run on the engine.
    InputError
        If its list of segments does not hold.
    """
    from eyrie.compile.network.folder import DENSE, ROWSTAT, is_segmented, read_manifest

    if source is None or not is_segmented(source):
        return [source]
    kinds = {entry.kind for entry in read_manifest(source).images}
    files = {"rowstat": ROWSTAT} if "convolutions" in kinds else {}
    files |= {"eie": DENSE} if "dense" in kinds else {}
    if engine is None:
        return [source / name for name in files.values()]
    if engine not in files:
        raise click.UsageError(f"nothing of the network in {source} runs on the engine {engine}")
    return [source / files[engine]]


def engine_file(source: Path | None, engine: EngineName | None) -> Path | None:
    """As `engine_files`, where only one engine can be meant.

    Raises
    ------
    click.UsageError
        If the network runs on two engines and none is selected, or not on the one that is.
    InputError
        If the folder's list of segments does not hold.
    """
    file, *others = engine_files(source, engine)
    if others:
        raise click.UsageError(f"the network in {source} runs on two engines: select one with --engine")
    return file
