"""The folder that `eyrie compile` writes: one image, the hardware it is for, and what compilation did."""

import json
from pathlib import Path

from eyrie.compile.compiled import CompiledNetwork
from eyrie.compile.compiler import CompileResult
from eyrie.compile.image import read_image, write_image
from eyrie.eie.config import EieConfig
from eyrie.errors import InputError
from eyrie.files import read_bytes, write_atomic

IMAGE = "network.eyrie"
CONFIGURATION = "config.json"
REPORT = "compile.json"
ACCURACY = "accuracy.json"
"""What ``eyrie evaluate --record`` writes beside them."""


def write_folder(folder: Path, result: CompileResult) -> None:
    """Write image, configuration and report; each file is whole or not there.

    Raises
    ------
    InputError
        If a file cannot be written.
    """
    write_image(folder / IMAGE, result.compiled)
    write_atomic(folder / CONFIGURATION, result.compiled.config.as_json() + "\n")
    write_atomic(folder / REPORT, json.dumps(result.report.as_dict(), indent=2) + "\n")


def read_configuration(path: Path) -> EieConfig:
    """A configuration from its JSON file, or from the folder that holds one.

    Raises
    ------
    InputError
        If it cannot be read or does not hold.
    """
    if path.is_dir():
        path = path / CONFIGURATION
    try:
        return EieConfig.from_json(read_bytes(path))
    except ValueError as error:
        raise InputError(f"{path}: {error}") from error


def read_folder(folder: Path) -> CompiledNetwork:
    """The compiled network in a folder, checked against the configuration beside it.

    Raises
    ------
    InputError
        If a file is missing, damaged, or image and configuration do not belong together.
    """
    return read_image(folder / IMAGE, expected=read_configuration(folder))
