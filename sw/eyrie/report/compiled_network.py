"""What a folder of a compiled network holds: sizes, weights, mappings, cycles and recorded accuracy."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eyrie.compile.compiled import CompiledNetwork
from eyrie.compile.folder import ACCURACY, IMAGE, REPORT, read_folder
from eyrie.compile.network.configurations import configurations, segment_config
from eyrie.compile.network.fields import Fields
from eyrie.compile.network.folder import image_digest, is_segmented, read_manifest, read_segments
from eyrie.compile.network.integers import Interface
from eyrie.compile.network.segmented import ConvolutionSegment, DenseSegment, Segment, SegmentedNetwork
from eyrie.driver.segments import GoldenSegments, SegmentRun
from eyrie.errors import InputError
from eyrie.files import read_bytes
from eyrie.report.layers import convolution_rows, dense_rows
from eyrie.rowstat.config import RowstatConfig

SEED = 1
"""Of inputs that are drawn."""


def report_compiled(folder: Path, inputs: np.ndarray | None = None, *, samples: int) -> dict[str, Any]:
    """Figures of a folder that ``eyrie compile`` wrote, as JSON can hold them; cycles are counted on the cycle models.

    Parameters
    ----------
    folder : Path
    inputs : real numbers (samples, *input shape) or None
        The first ``samples`` of them run. None draws activations over the whole range to which the host clips, which
        are not real ones: the cycles of fully connected layers depend on the zeros among theirs.
    samples : int
        Of all batches together; drawn inputs fill up the last batch.

    Raises
    ------
    InputError
        If the folder does not hold, ``compile.json`` is of another network, or inputs do not fit.
    """
    network, files = _read(folder)
    compiled = _compile_report(folder, network)
    convolutions = convolution_rows(compiled) if is_segmented(folder) else []
    dense = compiled.get("dense") if is_segmented(folder) else compiled.value
    layers = [] if dense is None else dense_rows(Fields(dense, "dense"))
    x, source = _inputs(network, inputs, samples)
    runs = GoldenSegments(network).run(x, timed=True).segments
    segments = [
        _describe(segment, run, len(x), None if file is None else folder / file)
        for segment, run, file in zip(network.segments, runs, files, strict=True)
    ]
    weights, kept, dense_bytes = (
        sum(row[figure] for row in (*convolutions, *layers)) for figure in ("weights", "nonzeros", "dense_bytes")
    )
    return {
        "name": network.interface.name,
        "input_shape": list(network.interface.input_shape),
        "output_shape": list(network.interface.output_shape),
        "host_operators": list(network.interface.host_operators),
        "weights": {"all": weights, "kept": kept, "density": kept / weights if weights else 0.0},
        "bytes": {"dense_float": dense_bytes, "images": sum(segment["bytes"] for segment in segments)},
        "inputs": source,
        "cycles": sum(segment["cycles"] or 0 for segment in segments),
        "segments": segments,
        "convolutions": convolutions,
        "layers": layers,
        "accuracy": _accuracy(folder),
        "configurations": [asdict(config) for config in configurations(network)],
    }


def _read(folder: Path) -> tuple[SegmentedNetwork, list[str | None]]:
    """The network, and the image of each segment."""
    if not is_segmented(folder):
        return _as_segment(read_folder(folder)), [IMAGE]
    network = read_segments(folder)
    images = iter(read_manifest(folder).images)
    return network, [None if segment_config(segment) is None else next(images).file for segment in network.segments]


def _as_segment(compiled: CompiledNetwork) -> SegmentedNetwork:
    interface = Interface(
        name=compiled.name,
        input_shape=(compiled.inputs,),
        output_shape=(compiled.outputs,),
        activation_width=compiled.config.activation_width,
        input_scale=compiled.input_scale,
        output_scale=compiled.output_scale,
        clip=compiled.clip,
        host_operators=compiled.host_operators,
    )
    name = ", ".join(layer.name for layer in compiled.layers)
    return SegmentedNetwork(interface=interface, segments=(DenseSegment(name=name, compiled=compiled),))


def _compile_report(folder: Path, network: SegmentedNetwork) -> Fields:
    path = folder / REPORT
    report = Fields.parse(read_bytes(path), str(path))
    if is_segmented(folder):
        found: list[Any] = report.items("segments")
        expected = [segment.name for segment in network.segments]
    else:
        found = [Fields(layer, "layer").text("name") for layer in report.items("layers")]
        (segment,) = network.segments
        expected = segment.name.split(", ")
    if report.text("name") != network.interface.name or found != expected:
        raise InputError(f"{path} is of another network than the images beside it; compile again")
    return report


def _inputs(
    network: SegmentedNetwork, inputs: np.ndarray | None, samples: int
) -> tuple[npt.NDArray[np.int64], dict[str, Any]]:
    interface = network.interface
    if inputs is not None:
        x = interface.quantise_input(inputs)[:samples]
        return x, {"samples": len(x), "source": "given"}
    batch = max((segment.batch for segment in network.segments if isinstance(segment, ConvolutionSegment)), default=1)
    n = -(-samples // batch) * batch
    low, high = interface.clip
    x = np.random.default_rng(SEED).integers(low, high, (n, *interface.input_shape), endpoint=True)
    return x, {"samples": n, "source": f"drawn over the whole input range, seed {SEED}"}


def _describe(segment: Segment, run: SegmentRun, samples: int, image: Path | None) -> dict[str, Any]:
    config = segment_config(segment)
    hardware = "" if config is None else f"{config.n_pes} PEs"
    if isinstance(config, RowstatConfig):
        hardware = f"{config.rows} x {config.columns} PEs"
    return {
        "name": segment.name,
        "place": run.place,
        "hardware": hardware,
        "hash": None if config is None else f"{config.hash:016x}",
        "batch": segment.batch if isinstance(segment, ConvolutionSegment) else 1,
        "image": None if image is None else image.name,
        "bytes": 0 if image is None else image.stat().st_size,
        "cycles": None if run.cycles is None else run.cycles / samples,
    }


def _accuracy(folder: Path) -> dict[str, Any] | None:
    """What ``eyrie evaluate --record`` left there."""
    path = folder / ACCURACY
    if not path.is_file():
        return None
    fields = Fields.parse(read_bytes(path), str(path))
    samples = fields.integer("samples", 1, 1 << 48)
    right = fields.integer("right", 0, samples)
    return {
        "samples": samples,
        "right": right,
        "fraction": right / samples,
        "on": fields.text("on"),
        "data": fields.text("data"),
        "same_image": fields.text("image_sha256") == image_digest(folder),
    }
