"""The list of a network's segments in JSON: how numbers enter and leave, and what each segment is."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final, Literal, NamedTuple

import numpy as np

from eyrie.compile.compiled import CompiledNetwork
from eyrie.compile.network.configurations import configurations
from eyrie.compile.network.fields import Fields
from eyrie.compile.network.integers import Interface
from eyrie.compile.network.pooling import MaximumPool, MeanPool
from eyrie.compile.network.segmented import ConvolutionSegment, DenseSegment, Segment, SegmentedNetwork
from eyrie.compile.rowstat.layer import MAX_EXTENT
from eyrie.errors import InputError
from eyrie.golden.requantise import MAX_MULTIPLIER, MAX_SHIFT
from eyrie.model.window import Window

VERSION: Final = 2

_WHAT = "the list of segments"
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

Image = ConvolutionSegment | CompiledNetwork
"""What the image of a segment holds."""


class ImageEntry(NamedTuple):
    """An image that the list names.

    Parameters
    ----------
    kind : "convolutions" or "dense"
    file : str
        Name of a file beside the list.
    sha256 : str
        Its digest, 64 hexadecimal digits.
    """

    kind: Literal["convolutions", "dense"]
    file: str
    sha256: str


def pack_manifest(network: SegmentedNetwork, images: Mapping[int, ImageEntry]) -> str:
    """The list as JSON text, which depends on nothing but the network.

    Parameters
    ----------
    network : SegmentedNetwork
    images : mapping of int to ImageEntry
        Of every segment that runs on an engine, by its number.
    """
    fields = {
        "version": VERSION,
        "interface": asdict(network.interface),
        "segments": [
            {"name": segment.name, **(images[n]._asdict() if n in images else _describe(segment))}
            for n, segment in enumerate(network.segments)
        ],
    }
    return json.dumps(fields, indent=2, allow_nan=False) + "\n"


class Manifest:
    """A list of segments that was read, field by field.

    Parameters
    ----------
    text : bytes

    Attributes
    ----------
    interface : Interface
    images : tuple of ImageEntry
        In the order of their segments.

    Raises
    ------
    InputError
        If it is not such JSON, or a field is missing or out of its range.
    """

    def __init__(self, text: bytes) -> None:
        top = Fields.parse(text, _WHAT)
        version = top.integer("version", 0, 1 << 31)
        if version != VERSION:
            raise InputError(f"{_WHAT} has version {version}, not {VERSION}; compile the network again")
        self.interface = _interface(top.inner("interface"))
        self._segments = [Fields(segment, f"segment {n}") for n, segment in enumerate(top.items("segments"))]
        self.images = tuple(entry for fields in self._segments if (entry := _image_entry(fields)) is not None)

    def network(self, images: Mapping[str, Image]) -> SegmentedNetwork:
        """The whole network.

        Parameters
        ----------
        images : mapping of str to ConvolutionSegment or CompiledNetwork
            What the files hold, by their names.

        Raises
        ------
        InputError
            If an image is of another segment, widths differ, or segments do not fit each other.
        """
        width = self.interface.activation_width
        segments = tuple(self._segment(fields, images) for fields in self._segments)
        network = SegmentedNetwork(interface=self.interface, segments=segments)
        widths = {width} | {config.activation_width for config in configurations(network)}
        if widths != {width}:
            raise InputError(f"{_WHAT} and its engines differ: activations of {sorted(widths)} bits")
        return network

    def _segment(self, fields: Fields, images: Mapping[str, Image]) -> Segment:
        name, entry = fields.text("name"), _image_entry(fields)
        if entry is None:
            return _pooling(fields, name, self.interface.activation_width)
        image = images[entry.file]
        if isinstance(image, CompiledNetwork):
            image_name = ", ".join(layer.name for layer in image.layers)
            segment: Segment = DenseSegment(name=name, compiled=image)
        else:
            image_name, segment = image.name, image
        if image_name != name:
            raise InputError(f"{fields.what} is {name!r}, but {entry.file} holds {image_name!r}")
        return segment


def _image_entry(fields: Fields) -> ImageEntry | None:
    """The image of a segment, None for the host's."""
    kind = fields.text("kind")
    if kind in ("maximum", "mean"):
        return None
    if kind not in ("convolutions", "dense"):
        raise InputError(f"{fields.what} is {kind!r}, which no engine runs")
    file, digest = fields.text("file"), fields.text("sha256")
    if not _FILE_NAME.fullmatch(file):
        raise InputError(f"{fields.what}: file must be the name of a file beside the list, not {file!r}")
    return ImageEntry("convolutions" if kind == "convolutions" else "dense", file, digest)


def _describe(segment: Segment) -> dict[str, Any]:
    """A segment of the host's."""
    if isinstance(segment, MaximumPool):
        return {"kind": "maximum", "window": asdict(segment.window)}
    if isinstance(segment, MeanPool):
        scales = {"multiplier": segment.multiplier.tolist(), "shift": segment.shift.tolist()}
        return {"kind": "mean", "window": asdict(segment.window), **scales}
    raise ValueError(f"segment {segment.name} has no image")


def _interface(fields: Fields) -> Interface:
    width = fields.integer("activation_width", 8, 16)
    limit = 1 << width - 1
    clip = fields.integers("clip", -limit, limit - 1)
    if len(clip) != 2 or not clip[0] <= 0 <= clip[1]:
        raise InputError(f"interface: clip must be a range around 0, not {clip}")
    return Interface(
        name=fields.text("name"),
        input_shape=fields.integers("input_shape", 1, MAX_EXTENT),
        output_shape=fields.integers("output_shape", 1, MAX_EXTENT),
        activation_width=width,
        input_scale=fields.scale("input_scale"),
        output_scale=fields.scale("output_scale"),
        clip=(clip[0], clip[1]),
        host_operators=tuple(str(operator) for operator in fields.items("host_operators")),
    )


def _pooling(fields: Fields, name: str, activation_width: int) -> MaximumPool | MeanPool:
    own = fields.inner("window", f"{fields.what}: window")
    kernel, stride = own.integers("kernel", 1, MAX_EXTENT), own.integers("stride", 1, MAX_EXTENT)
    padding = own.integers("padding", 0, MAX_EXTENT)
    if (len(kernel), len(stride), len(padding)) != (2, 2, 4):
        raise InputError(f"{own.what} must have two sizes, two strides and four paddings")
    window = Window(
        kernel=(kernel[0], kernel[1]),
        stride=(stride[0], stride[1]),
        padding=(padding[0], padding[1], padding[2], padding[3]),
    )
    if fields.text("kind") == "maximum":
        return MaximumPool(name=name, window=window)
    multiplier, shift = (
        np.array(fields.rows(field, low, high), np.int64)
        for field, low, high in (("multiplier", 1, MAX_MULTIPLIER), ("shift", 0, MAX_SHIFT))
    )
    return MeanPool(name=name, window=window, multiplier=multiplier, shift=shift, activation_width=activation_width)
