"""The folder of a compiled network with convolutions: the list of segments, and the files that it names."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from eyrie.compile.image import pack_image, unpack_image
from eyrie.compile.network.compiler import SegmentedResult
from eyrie.compile.network.manifest import Manifest, pack_manifest
from eyrie.compile.network.segmented import ConvolutionSegment, DenseSegment, SegmentedNetwork
from eyrie.eie.config import EieConfig
from eyrie.errors import InputError
from eyrie.files import read_bytes, write_atomic
from eyrie.rowstat.config import RowstatConfig

SEGMENTS = "segments.json"
ROWSTAT = "rowstat.json"
DENSE = "dense.eyrie"
DENSE_CONFIGURATION = "dense.json"
REPORT = "compile.json"


def write_segments(folder: Path, result: SegmentedResult) -> None:
    """Write everything that a run needs, and the report.

    Each file is whole or not there, and the list of segments comes last, with the digest of every other: a folder that
    was not finished, or whose files do not belong together, is refused when it is read.

    Raises
    ------
    InputError
        If a file cannot be written.
    """
    files: dict[str, bytes] = {}
    convolutions = [segment for segment in result.compiled.segments if isinstance(segment, ConvolutionSegment)]
    if convolutions:
        files[ROWSTAT] = convolutions[0].config.as_json().encode()
    for number, segment in enumerate(convolutions):
        tape, filters = stream_names(number)
        files[tape] = segment.tape.astype("<u8").tobytes()
        files[filters] = segment.filters.astype("<u8").tobytes()
    for dense in result.compiled.segments:
        if isinstance(dense, DenseSegment):
            files[DENSE] = pack_image(dense.compiled)
            files[DENSE_CONFIGURATION] = (dense.compiled.config.as_json() + "\n").encode()
    for name, data in files.items():
        write_atomic(folder / name, data)
    write_atomic(folder / REPORT, json.dumps(report_segments(result), indent=2) + "\n")
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    write_atomic(folder / SEGMENTS, pack_manifest(result.compiled, digests))


def read_segments(folder: Path) -> SegmentedNetwork:
    """The network in a folder.

    Raises
    ------
    InputError
        If a file is missing, damaged or another than the list of segments says, or the segments do not fit each other.
    """
    manifest = Manifest(read_bytes(folder / SEGMENTS))

    def read(name: str) -> bytes:
        data = read_bytes(folder / name)
        if hashlib.sha256(data).hexdigest() != manifest.digests.get(name):
            raise InputError(f"{folder / name} is not the file that {SEGMENTS} was written for; compile again")
        return data

    config = dense = None
    streams = []
    try:
        if manifest.n_convolutions:
            config = RowstatConfig.from_json(read(ROWSTAT).decode())
        for number in range(manifest.n_convolutions):
            tape, filters = stream_names(number)
            streams.append((read(tape), read(filters)))
        if manifest.has_dense:
            dense = unpack_image(read(DENSE), expected=EieConfig.from_json(read(DENSE_CONFIGURATION)))
        return manifest.network(config, streams, dense)
    except ValueError as error:
        raise InputError(f"{folder}: {error}") from error


def is_segmented(folder: Path) -> bool:
    """Whether a folder holds a list of segments, rather than one image for the EIE engine."""
    return (folder / SEGMENTS).is_file()


def stream_names(number: int) -> tuple[str, str]:
    """Files of tape and filters of a segment of convolutions."""
    return f"convolutions-{number}.tape", f"convolutions-{number}.filters"


def report_segments(result: SegmentedResult) -> dict[str, Any]:
    """What compilation did, for `json.dumps`."""
    interface = result.compiled.interface
    mappings = [mapping for program in result.programs for mapping in program.mappings]
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
            "mapping": asdict(mapping),
        }
        for quantised, mapping in zip(result.quantisation.convolutions, mappings, strict=True)
    ]
    return {
        "name": interface.name,
        "segments": [segment.name for segment in result.compiled.segments],
        "convolutions": convolutions,
        "dense": None if result.dense_report is None else result.dense_report.as_dict(),
    }
