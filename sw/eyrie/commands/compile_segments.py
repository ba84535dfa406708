"""``eyrie compile`` for networks with convolutions: programs for both engines."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np

from eyrie.commands.geometry import geometry_from
from eyrie.commands.terminal import print_json, print_table
from eyrie.compile.folder import read_configuration
from eyrie.compile.index_width import IndexAim
from eyrie.compile.network.compiler import SegmentedResult, compile_segments
from eyrie.compile.network.folder import SEGMENTS, report_segments, write_segments
from eyrie.compile.network.segmented import ConvolutionSegment, DenseSegment
from eyrie.eie.config import EieConfig
from eyrie.errors import InputError
from eyrie.files import read_bytes
from eyrie.model.network import Network
from eyrie.rowstat.config import DEFAULT, RowstatConfig


def compile_with_convolutions(
    network: Network,
    output: Path,
    *,
    calibration: np.ndarray | None,
    requantise: str,
    balance: str,
    config_path: Path | None,
    rowstat_path: Path | None,
    batch: int,
    index_bits: int | IndexAim,
    **geometry: Any,
) -> SegmentedResult:
    """Compile and write the folder; the options are those of the command.

    Raises
    ------
    InputError
        If an option does not fit such networks, or as `compile_segments` and `write_segments`.
    """
    if requantise != "shift":
        raise InputError(f"--requantise {requantise} is for networks of fully connected layers alone")
    index_aim: IndexAim | None = None
    if config_path is not None:
        eie = read_configuration(config_path)
    elif isinstance(index_bits, int):
        eie = geometry_from(index_bits=index_bits, **geometry)
    else:
        eie, index_aim = geometry_from(index_bits=EieConfig.index_bits, **geometry), index_bits
    if rowstat_path is not None:
        rowstat = _read_rowstat(rowstat_path)
    else:
        rowstat = replace(DEFAULT, activation_width=eie.activation_width)
    result = compile_segments(
        network,
        calibration=calibration,
        rowstat=rowstat,
        eie=eie,
        sized=config_path is None,
        index_aim=index_aim,
        balance=balance == "on",
        batch=batch,
    )
    write_segments(output, result)
    return result


def print_segments(result: SegmentedResult, output: Path, *, as_json: bool) -> None:
    """Say what compilation did."""
    report = report_segments(result)
    if as_json:
        print_json(report)
        return
    name = result.compiled.interface.name
    places = {ConvolutionSegment: "row-stationary", DenseSegment: "EIE"}
    rows = [[segment.name, places.get(type(segment), "host")] for segment in result.compiled.segments]
    print_table(f"{name}: segments", ["layers", "runs on"], rows, left=(0, 1))
    rows = [
        [
            layer["name"],
            layer["macs"],
            layer["weight_bits"],
            layer["weight_bits_given_up"],
            f"{layer['psum_bits']} of {layer['accumulator_width']}",
        ]
        for layer in report["convolutions"]
    ]
    print_table(f"{name}: convolutions", ["layer", "MACs", "weight bits", "given up for psums", "psum bits"], rows)
    click.echo(f"Written to {output / SEGMENTS} and the files that it names")


def _read_rowstat(path: Path) -> RowstatConfig:
    try:
        return RowstatConfig.from_json(read_bytes(path).decode())
    except ValueError as error:
        raise InputError(f"{path}: {error}") from error
