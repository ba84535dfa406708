"""The folder of a compiled network with convolutions: the list of segments, and the files that it names."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np

from eyrie.compile.folder import IMAGE
from eyrie.compile.image import pack_image, unpack_image
from eyrie.compile.network.compiler import SegmentedResult
from eyrie.compile.network.convolution_image import pack_convolutions, unpack_convolutions
from eyrie.compile.network.manifest import Image, ImageEntry, Manifest, pack_manifest
from eyrie.compile.network.segmented import ConvolutionSegment, DenseSegment, SegmentedNetwork
from eyrie.eie.config import EieConfig
from eyrie.errors import InputError
from eyrie.files import read_bytes, write_atomic
from eyrie.rowstat.config import RowstatConfig

SEGMENTS = "segments.json"
ROWSTAT = "rowstat.json"
DENSE = "dense.json"
REPORT = "compile.json"
IMAGE_SUFFIX = ".eyrie"

AnyConfig = TypeVar("AnyConfig")


def write_segments(folder: Path, result: SegmentedResult) -> None:
    """Write everything that a run needs, and the report.

    Each file is whole or not there, and the list of segments comes last, with the digest of every image: a folder that
    was not finished, or whose files do not belong together, is refused when it is read.

    Raises
    ------
    InputError
        If a file cannot be written.
    """
    files: dict[str, bytes] = {}
    images: dict[int, ImageEntry] = {}
    n_convolutions = count()
    for number, segment in enumerate(result.compiled.segments):
        if isinstance(segment, ConvolutionSegment):
            name, data = f"convolutions-{next(n_convolutions)}", pack_convolutions(segment)
            files[ROWSTAT] = segment.config.as_json().encode()
            images[number] = _add_image(files, "convolutions", name, data)
        elif isinstance(segment, DenseSegment):
            files[DENSE] = (segment.compiled.config.as_json() + "\n").encode()
            images[number] = _add_image(files, "dense", "dense", pack_image(segment.compiled))
    for name, data in files.items():
        write_atomic(folder / name, data)
    write_atomic(folder / REPORT, json.dumps(report_segments(result), indent=2) + "\n")
    write_atomic(folder / SEGMENTS, pack_manifest(result.compiled, images))


def _add_image(files: dict[str, bytes], kind: Literal["convolutions", "dense"], name: str, data: bytes) -> ImageEntry:
    file = f"{name}{IMAGE_SUFFIX}"
    files[file] = data
    return ImageEntry(kind, file, hashlib.sha256(data).hexdigest())


def read_segments(folder: Path) -> SegmentedNetwork:
    """The network in a folder, checked against the configurations beside it.

    Raises
    ------
    InputError
        If a file is missing, damaged or another than the list of segments says, images and configurations do not
        belong together, or the segments do not fit each other.
    """
    manifest = read_manifest(folder)
    kinds = {entry.kind for entry in manifest.images}
    rowstat = _read_config(folder / ROWSTAT, RowstatConfig.from_json) if "convolutions" in kinds else None
    eie = _read_config(folder / DENSE, EieConfig.from_json) if "dense" in kinds else None
    images: dict[str, Image] = {}
    for entry in manifest.images:
        path = folder / entry.file
        data = read_bytes(path)
        if hashlib.sha256(data).hexdigest() != entry.sha256:
            raise InputError(f"{path} is not the file that {SEGMENTS} was written for; compile again")
        try:
            if entry.kind == "convolutions":
                images[entry.file] = unpack_convolutions(data, rowstat)
            else:
                images[entry.file] = unpack_image(data, eie)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
    try:
        return manifest.network(images)
    except (InputError, ValueError) as error:
        raise InputError(f"{folder}: {error}") from error


def read_manifest(folder: Path) -> Manifest:
    """The list of segments in a folder.

    Raises
    ------
    InputError
        If it is missing or not one.
    """
    data = read_bytes(folder / SEGMENTS)
    try:
        return Manifest(data)
    except InputError as error:
        raise InputError(f"{folder / SEGMENTS}: {error}") from error


def _read_config(path: Path, parse: Callable[[str], AnyConfig]) -> AnyConfig:
    try:
        return parse(read_bytes(path).decode())
    except ValueError as error:
        raise InputError(f"{path}: {error}") from error


def is_segmented(folder: Path) -> bool:
    """Whether a folder holds a list of segments, rather than one image for the EIE engine."""
    return (folder / SEGMENTS).is_file()


def image_digest(folder: Path) -> str:
    """SHA-256 of what a folder runs: of the image, or of the list of segments, which has the digests of its images."""
    return hashlib.sha256(read_bytes(folder / (SEGMENTS if is_segmented(folder) else IMAGE))).hexdigest()


def report_segments(result: SegmentedResult) -> dict[str, Any]:
    """What compilation did, for `json.dumps`."""
    interface = result.compiled.interface
    mappings = [pair for program in result.programs for pair in zip(program.mappings, program.reasons, strict=True)]
    convolutions = [
        {
            "name": quantised.layer.name,
            "weight_bits": quantised.weight_bits,
            "weight_bits_given_up": quantised.bits_given_up,
            "psum_bits": quantised.certificate.bits,
            "accumulator_width": quantised.certificate.accumulator_width,
            "input_scale": quantised.input_scale,
            "weight_scale": quantised.weight_scale,
            "output_scale": quantised.output_scale,
            "macs": quantised.layer.shape.macs // quantised.layer.shape.batch,
            "shape": list(quantised.layer.weight.shape),
            "weights": quantised.layer.weight.size,
            "nonzeros": int(np.count_nonzero(quantised.layer.weight)),
            "distinct": len(np.unique(quantised.layer.weight)),
            "mapping": asdict(mapping),
            "coded": quantised.layer.codebook is not None,
            "reason": reason,
        }
        for quantised, (mapping, reason) in zip(result.quantisation.convolutions, mappings, strict=True)
    ]
    return {
        "name": interface.name,
        "segments": [segment.name for segment in result.compiled.segments],
        "convolutions": convolutions,
        "dense": None if result.dense_report is None else result.dense_report.as_dict(),
    }
